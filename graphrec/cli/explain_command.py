"""`graphrec explain`."""

from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from graphdb import open_snapshot, open_store
from graphrec.bundle import open_bundle
from graphrec.cli.node_names import parse_node
from graphrec.cli.output import JsonOption, console, print_json, print_text
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.cli.text import escape, escape_lines
from graphrec.explain import EdgeSource, Explainer, Explanation
from graphrec.explain.explainer import LONGEST_HOPS
from graphrec.query.limits import MOST_K
from graphrec.query.paths import Paths


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(explain)


def explain(
    bundle: BundleArgument,
    seed: Annotated[
        str, typer.Argument(metavar="SEED", help="Who or what it was recommended to, as TYPE:ID.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="What was recommended, as TYPE:ID.")
    ],
    snapshot: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="A snapshot that tells how often, last when, for how much."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The same from a store: a file or neo4j://HOST:PORT."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Also draw it: a .png or an .html file."
        ),
    ] = None,
    cypher: Annotated[
        bool, typer.Option("--cypher", help="Print the query for Neo4j Browser instead of text.")
    ] = False,
    top: Annotated[
        int, typer.Option("--top", "-k", min=1, max=MOST_K, help="How many kinds of paths to show.")
    ] = 3,
    examples: Annotated[int, typer.Option(min=1, help="How many paths to show of each.")] = 3,
    max_hops: Annotated[
        int, typer.Option(min=1, max=LONGEST_HOPS, help="The longest paths, in edges.")
    ] = 4,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Explain a recommendation by the strongest paths in the graph.

    [bold]Examples[/bold]

    graphrec explain BUNDLE User:42 Product:7

    graphrec explain BUNDLE User:42 Product:7 --snapshot SNAPSHOT --output why.png

    graphrec explain BUNDLE Brand:109 User:42 --cypher
    """
    opened = open_bundle(bundle, verify=verify)
    ends = [parse_node(opened.schema, text) for text in (seed, target)]
    with _evidence(snapshot, store, verify) as evidence:
        explanation = Explainer(opened, Paths(opened)).explain(
            ends[0], ends[1], k=top, examples=examples, max_hops=max_hops, evidence=evidence
        )
    drawing = str(explanation.draw(output)) if output else None
    _show(explanation, drawing, cypher=cypher, as_json=as_json)


def _evidence(
    snapshot: str | None, store: str | None, verify: bool
) -> AbstractContextManager[EdgeSource | None]:
    if snapshot and store:
        raise typer.BadParameter("evidence comes from --snapshot or from --store, not from both")
    if store:
        return open_store(store, read_only=True)
    return nullcontext(open_snapshot(snapshot, verify=verify) if snapshot else None)


def _show(explanation: Explanation, drawing: str | None, *, cypher: bool, as_json: bool) -> None:
    if as_json:
        query = explanation.to_cypher()
        print_json({**explanation.to_dict(), "cypher": query, "drawing": drawing})
        return
    if cypher:
        print_text(explanation.to_cypher())
        return
    screen = console()
    screen.print(escape_lines(explanation.to_text()), soft_wrap=True, highlight=False, end="")
    if drawing:
        screen.print(f"\ndrawing: {escape(drawing)}", soft_wrap=True, highlight=False)
