"""`graphrec publish`: a bundle's vectors back into the graph store."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from graphdb.schema_types import Schema
from graphdb.stores import PublishReport
from graphrec.cli.node_names import parse_node, parse_target, read_lines
from graphrec.cli.output import JsonOption, console, print_json
from graphrec.cli.progress import PublishProgress
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.cli.text import escape
from graphrec.publishing import Seed, publish
from graphrec.query import Recommender
from graphrec.query.limits import MOST_K


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("publish")(publish_command)


def publish_command(
    bundle: BundleArgument,
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="The URL of a Neo4j server that has the graph.")
    ],
    recommend: Annotated[
        list[str],
        typer.Option(
            "--recommend",
            metavar="SEED",
            help="Also draw what is recommended for this node, as TYPE:ID. Repeatable; what this"
            " release has drawn for others stays.",
        ),
    ] = [],  # noqa: B006 - Typer's way to say a repeatable option
    seeds: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A file with such nodes, one TYPE:ID in a line."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="What to recommend to them. By default products for a user, users for all else.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", "-k", min=1, max=MOST_K, help="How many each.")] = 10,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Write a bundle's vectors onto the nodes in Neo4j, with an index to search in them.

    The release that was there before stays in use until this one is complete, then goes. After
    an interruption, publish again. docs/neo4j.md says how to ask in the Browser.

    [bold]Examples[/bold]

    graphrec publish BUNDLE neo4j://localhost:7687

    graphrec publish BUNDLE neo4j://localhost:7687 --recommend User:543 --recommend User:99 -k 5

    graphrec publish BUNDLE neo4j://localhost:7687 --seeds brands.txt --target users --json
    """
    recommender = Recommender.open(bundle, verify=verify)
    schema = recommender.bundle.schema
    wanted = [*recommend, *(read_lines(seeds) if seeds else [])]
    with PublishProgress() as progress:
        report = publish(
            recommender,
            store,
            seeds=[_seed(schema, text, target) for text in wanted],
            k=top,
            on_progress=progress.advance,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _show(report)


def _seed(schema: Schema, text: str, target: str | None) -> Seed:
    seed_type, seed_id = parse_node(schema, text)
    return Seed(seed_type, seed_id, parse_target(schema, target, seed_type))


def _show(report: PublishReport) -> None:
    screen = console()
    instead = f" in place of {escape(report.replaced)}" if report.replaced else ""
    screen.print(f"Release [bold]{escape(report.release_id)}[/bold] is served{instead}.")
    table = Table(header_style="bold")
    table.add_column("type")
    names = ("with vector", "of these new", "nothing known", "not in store", "not in bundle")
    for name in names:
        table.add_column(name, justify="right")
    for node_type, done in report.types.items():
        numbers = (done.written + done.kept, done.written, done.zero, done.unknown, done.uncovered)
        table.add_row(escape(node_type), *(f"{number:,}" for number in numbers))
    screen.print(table)
    if report.recommended or report.recommended_unknown:
        missing = report.recommended_unknown
        left_out = f"; {missing:,} lead to nodes that the store does not have" if missing else ""
        screen.print(f"{report.recommended:,} RECOMMENDED relationships drawn{left_out}.")
    if report.recommended_removed:
        removed = f"{report.recommended_removed:,} RECOMMENDED relationships"
        screen.print(f"{removed} of earlier releases removed.")
