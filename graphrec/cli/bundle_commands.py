"""Defines the commands `graphrec index` and `graphrec publish`.

`index` builds the indexes of a bundle, `publish` writes its vectors into the graph store.
"""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from graphdb.checked_schema import Schema
from graphdb.stores import PublishReport
from graphrec.cli.options import parse_node, parse_target, read_lines
from graphrec.cli.output import JsonOption, console, escape, print_json
from graphrec.cli.progress import PublishProgress
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.publishing import QueryNode, publish
from graphrec.query import Recommender
from graphrec.query.index import Built, IndexConfig, build_index
from graphrec.query.limits import MOST_K


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("index")(index_command)
    app.command("publish")(publish_command)


class Kind(StrEnum):
    """See `IndexConfig.kind`."""

    AUTO = "auto"
    BOUNDS = "bounds"
    IVF = "ivf"


def index_command(
    bundle: BundleArgument,
    kind: Annotated[
        Kind,
        typer.Option(
            help="'bounds' is exact, 'ivf' (FAISS) is approximate, 'auto' takes the faster one."
        ),
    ] = Kind.AUTO,
    min_targets: Annotated[
        int, typer.Option(min=1, help="Node types with fewer nodes get no index.")
    ] = IndexConfig().min_targets,
    min_recall: Annotated[
        float, typer.Option(min=0, max=1, help="The recall that an approximate index must reach.")
    ] = IndexConfig().min_recall,
    as_json: JsonOption = False,
) -> None:
    """Build indexes into a bundle, for faster search among many nodes.

    Each index is measured first: its recall, and how much it reads.

    [bold]Examples[/bold]

    graphrec index runs/demo/bundle
    """
    config = IndexConfig(kind=kind.value, min_targets=min_targets, min_recall=min_recall)
    built = build_index(bundle, config)
    if as_json:
        print_json({"indexes": [_facts(one) for one in built]})
    elif built:
        _show_index(built)
    else:
        console().print(f"no node type has {min_targets:,} nodes with vectors: no index is needed")


def _facts(built: Built) -> dict[str, Any]:
    entry = None if built.entry is None else built.entry.model_dump(mode="json")
    return {**asdict(built), "entry": entry}


def _show_index(built: list[Built]) -> None:
    table = Table(header_style="bold")
    for heading in ("index", "kind", "rows", "least recall", "seconds", "why"):
        table.add_column(heading)
    for one in built:
        kind, rows, recall = "none", "", ""
        if one.entry is not None:
            kind, rows = one.entry.kind, f"{one.entry.num_rows:,}"
            recall = f"{min(measured.recall for measured in one.entry.measured):.4f}"
        table.add_row(one.name, kind, rows, recall, f"{one.seconds:.1f}", escape(one.reason))
    console().print(table)


def publish_command(
    bundle: BundleArgument,
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="The URL of a Neo4j server that holds the graph.")
    ],
    recommend: Annotated[
        list[str],
        typer.Option(
            "--recommend",
            metavar="QUERY",
            help="Also write recommendations for this node, as TYPE:ID. Repeatable; "
            "those that this release has for other nodes stay.",
        ),
    ] = [],  # noqa: B006 - Typer's way to say a repeatable option
    queries: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A file with such nodes, one TYPE:ID per line."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="The node type to recommend. By default products for a user, users for the rest.",
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option("--top-k", "-k", min=1, max=MOST_K, help="How many recommendations per node."),
    ] = 10,
    redraw: Annotated[
        bool,
        typer.Option(
            "--redraw/--no-redraw",
            help="Write recommendations of this release for the nodes of the previous one, too.",
        ),
    ] = True,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Write the vectors of a bundle to the nodes in Neo4j, with indexes to search them.

    The previous release stays in use until this one is complete, and is then removed. After an
    interruption, publish again. docs/neo4j.md shows queries for Neo4j Browser.

    [bold]Examples[/bold]

    graphrec publish BUNDLE neo4j://localhost:7687

    graphrec publish BUNDLE neo4j://localhost:7687 --recommend User:543 --recommend User:99 -k 5

    graphrec publish BUNDLE neo4j://localhost:7687 --queries brands.txt --target users --json
    """
    recommender = Recommender.open(bundle, verify=verify)
    schema = recommender.bundle.schema
    wanted = [*recommend, *(read_lines(queries) if queries else [])]
    with PublishProgress() as progress:
        report = publish(
            recommender,
            store,
            queries=[_query(schema, text, target) for text in wanted],
            k=top,
            redraw=redraw,
            on_progress=progress.advance,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _show_published(report)


def _query(schema: Schema, text: str, target: str | None) -> QueryNode:
    query_type, query_id = parse_node(schema, text)
    return QueryNode(query_type, query_id, parse_target(schema, target, query_type))


def _show_published(report: PublishReport) -> None:
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
        left_out = f"; {missing:,} lead to nodes that are not in the store" if missing else ""
        screen.print(f"{report.recommended:,} RECOMMENDED relationships created{left_out}.")
    if report.redrawn:
        screen.print(
            f"{report.redrawn:,} nodes that the earlier release recommended to are among them.",
            soft_wrap=True,
        )
    if report.recommended_removed:
        removed = f"{report.recommended_removed:,} RECOMMENDED relationships"
        screen.print(f"{removed} of earlier releases removed.")
