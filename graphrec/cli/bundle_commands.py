"""Defines the commands `graphrec info`, `graphrec index` and `graphrec publish`.

`info` describes a bundle, snapshot or store, `index` builds the indexes of a bundle, and `publish`
writes a bundle's vectors into the graph store.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from graphdb import EdgeType, open_store
from graphdb.checked_schema import Schema
from graphdb.documents import read_json
from graphdb.errors import DataError
from graphdb.snapshot import open_snapshot
from graphdb.snapshot.manifest import FORMAT as SNAPSHOT_FORMAT
from graphdb.stores import PublishReport
from graphrec.bundle import open_bundle
from graphrec.bundle.manifest import FORMAT as BUNDLE_FORMAT
from graphrec.bundle.manifest import MANIFEST_NAME
from graphrec.cli.options import parse_node, parse_target, read_lines
from graphrec.cli.output import JsonOption, console, escape, print_json
from graphrec.cli.progress import PublishProgress
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.nested import flat
from graphrec.publishing import QueryNode, publish
from graphrec.query import Recommender
from graphrec.query.index import Built, IndexConfig, build_index
from graphrec.query.limits import MOST_K
from graphrec.registry.address import split_address


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(info)
    app.command("index")(index_command)
    app.command("publish")(publish_command)


@dataclass(frozen=True, slots=True)
class Description:
    """The description of a bundle, snapshot or store.

    Args:
        kind: 'bundle', 'snapshot' or 'store'.
        facts: Further facts, in the order to show them.
        nodes: Number of nodes per type.
        edges: Number of edges per edge type, written 'User-PURCHASED-Product'.
    """

    kind: str
    path: str
    facts: Mapping[str, Any]
    nodes: Mapping[str, int]
    edges: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


Describer = Callable[[str, bool], Description | None]
"""Called with a path and whether to verify contents; returns None for other kinds of paths."""


def describe(path: str, *, verify: bool = True) -> Description:
    """Describes what is at a path.

    Raises:
        DataError: The path is none of the known kinds.
        GraphRecError: The path is of a known kind but cannot be opened.
    """
    for describer in DESCRIBERS:
        description = describer(path, verify)
        if description is not None:
            return description
    raise DataError(
        f"'{path}' is not a bundle, a snapshot or a store",
        expected="a bundle, a snapshot or a store",
        value=path,
    )


def describe_bundle(path: str, verify: bool) -> Description | None:
    if split_address(path) is None and _format_at(path) != BUNDLE_FORMAT:
        return None
    bundle = open_bundle(path, verify=verify)
    manifest = bundle.manifest
    facts = {
        "created": manifest.created_at,
        "cutoff": manifest.cutoff,
        "snapshot_id": manifest.snapshot_id,
        "dim": manifest.dim,
        "similarity": manifest.similarity,
        "embedded": [name for name in bundle.node_types if bundle.has_vectors(name)],
        "config": manifest.config,
        "metrics": manifest.metrics,
    }
    return Description("bundle", path, facts, manifest.num_nodes, manifest.num_edges)


def describe_snapshot(path: str, verify: bool) -> Description | None:
    if _format_at(path) != SNAPSHOT_FORMAT:
        return None
    manifest = open_snapshot(path, verify=verify).manifest
    facts = {
        "created": manifest.created_at,
        "cutoff": manifest.cutoff,
        "snapshot_id": manifest.snapshot_id,
    }
    return Description(
        "snapshot",
        path,
        facts,
        {name: entry.rows for name, entry in manifest.nodes.items()},
        {name: entry.rows for name, entry in manifest.edges.items()},
    )


def describe_store(path: str, _verify: bool) -> Description | None:
    if "://" not in path and not path.startswith("duckdb:") and not Path(path).is_file():
        return None
    with open_store(path, read_only=True) as store:
        counts = store.counts()
        facts = {"url": store.url, "rejects": store.read_rejects().num_rows}
    return Description(
        "store",
        path,
        facts,
        {of: count for of, count in counts.items() if not isinstance(of, EdgeType)},
        {str(of): count for of, count in counts.items() if isinstance(of, EdgeType)},
    )


DESCRIBERS: tuple[Describer, ...] = (describe_bundle, describe_snapshot, describe_store)
"""Tried one after the other, until one knows the path."""


def _format_at(path: str) -> str | None:
    """Returns the format in a folder's manifest, or None without a readable manifest."""
    manifest = Path(path) / MANIFEST_NAME
    if not manifest.is_file():
        return None
    try:
        content = read_json(manifest.read_bytes())
    except ValueError as error:
        raise DataError(f"'{manifest}' is not valid JSON: {error}", value=path) from error
    return content.get("format") if isinstance(content, dict) else None


def info(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A bundle, REGISTRY@NAME, a snapshot or a store.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Check file hashes as well.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Describe a bundle, snapshot or store: counts, dimensions, cut-off, metrics.

    [bold]Examples[/bold]

    graphrec info runs/demo/bundle

    graphrec info runs/demo/snapshot --json
    """
    description = describe(path, verify=verify)
    if as_json:
        print_json(description.to_dict())
    else:
        _show(description)


def _show(description: Description) -> None:
    screen = console()
    screen.print(f"[bold]{description.kind}[/bold] {escape(description.path)}", soft_wrap=True)
    facts = Table.grid(padding=(0, 2))
    for name, value in flat(description.facts):
        facts.add_row(f"[dim]{escape(name)}[/dim]", escape(_text(value)))
    screen.print(facts)
    counts = Table(header_style="bold")
    counts.add_column("nodes and edges")
    counts.add_column("count", justify="right")
    for group in (description.nodes, description.edges):
        for name, count in group.items():
            counts.add_row(escape(name), f"{count:,}")
        counts.add_section()
    screen.print(counts)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S %Z")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
    if report.recommended_removed:
        removed = f"{report.recommended_removed:,} RECOMMENDED relationships"
        screen.print(f"{removed} of earlier releases removed.")
