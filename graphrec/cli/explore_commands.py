"""Defines the commands `graphrec explain`, `graphrec explore` and `graphrec explore-files`.

`explain` shows the paths behind a recommendation; the other two prepare Neo4j Browser for exploring
the graph.
"""

import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from graphdb import SCHEMA, Schema, open_snapshot, open_store
from graphdb.errors import UnknownIdError, nearest
from graphdb.explore import (
    NEIGHBORS,
    SavedQuery,
    ask,
    browser_address,
    browser_link,
    queries_for,
    write_browser_files,
)
from graphrec.bundle import open_bundle
from graphrec.cli.options import LanguageOption, parse_node
from graphrec.cli.output import (
    JsonOption,
    console,
    escape,
    escape_lines,
    print_json,
    print_text,
    show_answer,
    warn,
    warn_of_fonts,
)
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.explain import EdgeSource, Explainer, Explanation
from graphrec.explain.explainer import LONGEST_HOPS
from graphrec.query.limits import MOST_K
from graphrec.query.metapaths import Paths


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(explain)
    app.command("explore")(explore)
    app.command("explore-files")(explore_files)


def explain(
    bundle: BundleArgument,
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="The node it was recommended to, as TYPE:ID.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="The node that was recommended, as TYPE:ID.")
    ],
    snapshot: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="A snapshot with details: how often, when last, for how much."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A store with the same details: a file or neo4j://HOST:PORT."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Also draw the paths, into a .png or an .html file.",
        ),
    ] = None,
    cypher: Annotated[
        bool, typer.Option("--cypher", help="Print a query for Neo4j Browser instead of text.")
    ] = False,
    top: Annotated[
        int,
        typer.Option(
            "--top-k", "-k", min=1, max=MOST_K, help="How many sequences of node types to show."
        ),
    ] = 3,
    examples: Annotated[int, typer.Option(min=1, help="How many paths to show for each.")] = 3,
    max_hops: Annotated[
        int, typer.Option(min=1, max=LONGEST_HOPS, help="The longest paths to look for, in edges.")
    ] = 4,
    language: LanguageOption = "en",
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Explain a recommendation with the strongest paths in the graph.

    [bold]Examples[/bold]

    graphrec explain BUNDLE User:42 Product:7

    graphrec explain BUNDLE User:42 Product:7 --snapshot SNAPSHOT --output why.png

    graphrec explain BUNDLE Brand:109 User:42 --cypher
    """
    opened = open_bundle(bundle, verify=verify)
    ends = [parse_node(opened.schema, text) for text in (query, target)]
    with _evidence(snapshot, store, verify) as evidence:
        explanation = Explainer(opened, Paths(opened)).explain(
            ends[0],
            ends[1],
            k=top,
            examples=examples,
            max_hops=max_hops,
            evidence=evidence,
            language=language,
        )
    drawing = str(explanation.draw(output)) if output else None
    if drawing and drawing.endswith(".png"):
        from graphrec.explain.render.layout import lay_out
        from graphrec.explain.render.png import without_font, words_of

        warn_of_fonts(without_font(words_of(lay_out(explanation))))
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


_HOW_TO_LOAD = "drop them onto Neo4j Browser's window, one after the other"


def explore(
    node: Annotated[
        str, typer.Argument(metavar="NODE", help="The node to show, as TYPE:ID, such as User:42.")
    ],
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            "-q",
            help="A saved query, such as taste, why or audience. Each type has a default.",
        ),
    ] = None,
    other: Annotated[
        list[str],
        typer.Option("--with", metavar="NODE", help="The second node that `--query why` needs."),
    ] = [],  # noqa: B006 - Typer's way to say a repeatable option
    run: Annotated[
        bool,
        typer.Option("--run", help="Run the query and print rows, instead of a link."),
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the link in your web browser.")
    ] = False,
    top: Annotated[
        int, typer.Option("--top-k", "-k", min=1, max=MOST_K, help="How many rows `--run` shows.")
    ] = 50,
    store: Annotated[
        str, typer.Option(envvar="NEO4J_URI", help="The Neo4j server.")
    ] = "neo4j://127.0.0.1:7687",
    database: Annotated[
        str | None,
        typer.Option(envvar="NEO4J_DATABASE", help="The database, if it is not the default one."),
    ] = None,
    browser: Annotated[
        str | None,
        typer.Option(
            envvar="NEO4J_BROWSER_URL",
            help="The address of Neo4j Browser; by default the server's, on port 7474.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a link that opens Neo4j Browser with a saved query about a node.

    [bold]Examples[/bold]

    graphrec explore User:543

    graphrec explore Brand:12 --query lookalikes --open

    graphrec explore User:543 --query why --with Product:907652

    graphrec explore Creator:7 --run
    """
    nodes = [parse_node(SCHEMA, text) for text in (node, *other)]
    chosen = _chosen(SCHEMA, nodes[0][0], query)
    values = _values(SCHEMA, chosen, nodes)
    if run:
        answer = ask(store, chosen.text, values, limit=top, database=database)
        if not answer.rows:
            _check_nodes(store, database, nodes)
        show_answer(answer, chosen, as_json=as_json)
        return
    address = browser or browser_address(store)
    link = browser_link(address, store, chosen.filled(values), database=database)
    _print_link(link, chosen, list(queries_for(SCHEMA, nodes[0][0])), as_json=as_json)
    if open_browser and not webbrowser.open(link):
        warn("no web browser could be started; open the link manually")


def explore_files(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder to write into.")],
    as_json: JsonOption = False,
) -> None:
    """Write files for Neo4j Browser: colours and captions, and the saved queries.

    [bold]Examples[/bold]

    graphrec explore-files browser
    """
    written = write_browser_files(folder)
    if as_json:
        print_json({"style": str(written.style), "queries": str(written.queries)})
        return
    screen = console()
    screen.print(escape(f"{written.style}: colours, sizes and captions"), soft_wrap=True)
    screen.print(escape(f"{written.queries}: saved queries, for its favourites"), soft_wrap=True)
    screen.print(_HOW_TO_LOAD)


def _chosen(schema: Schema, node_type: str, name: str | None) -> SavedQuery:
    known = queries_for(schema, node_type)
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        hint = nearest(name, list(known)) or f"there are {', '.join(known)}"
        raise typer.BadParameter(f"'{name}' is not a query about a {node_type}; {hint}")
    return known[name]


def _values(
    schema: Schema, query: SavedQuery, nodes: Sequence[tuple[str, str]]
) -> Mapping[str, str]:
    """Returns the value of each parameter: ids of the nodes, matched by type."""
    wanted = query.asks_about(schema)
    given = [node_type for node_type, _ in nodes]
    if sorted(wanted) != sorted(given):
        missing = [name for name in wanted if name not in given]
        advice = f"add --with {missing[0]}:ID" if missing else "remove the extra nodes"
        raise typer.BadParameter(
            f"'{query.name}' needs {' and '.join(wanted)}, not {' and '.join(given)}; {advice}"
        )
    return {schema.node_type(node_type).key: node_id for node_type, node_id in nodes}


def _check_nodes(store: str, database: str | None, nodes: Sequence[tuple[str, str]]) -> None:
    """Raises UnknownIdError for a missing node, to distinguish it from an empty result."""
    for node_type, node_id in nodes:
        look = queries_for(SCHEMA, node_type)[NEIGHBORS]
        values = {SCHEMA.node_type(node_type).key: node_id}
        if not ask(store, look.text, values, limit=1, database=database).rows:
            raise UnknownIdError(
                f"{store} has no {node_type} '{node_id}'",
                next_step="ids are those of the ingested tables; `graphrec info STORE` counts them",
                value=node_id,
            )


def _print_link(link: str, query: SavedQuery, others: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"query": query.name, "title": query.title, "url": link})
        return
    screen = console()
    screen.print(f"[bold]{escape(query.title)}[/bold]", soft_wrap=True)
    print_text(f"{link}\n")  # plain text, easy to copy
    more = ", ".join(name for name in others if name != query.name)
    screen.print(f"[dim]More with --query: {more}[/dim]", soft_wrap=True)
    screen.print("[dim]Colours and saved queries: graphrec explore-files FOLDER[/dim]")
