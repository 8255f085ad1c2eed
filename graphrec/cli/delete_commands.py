"""Defines the commands `graphrec delete`, `delete-edge`, `forget` and `holders`.

They remove nodes and edges from a store, and find the folders that still hold a removed node.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.table import Table

from graphdb import SCHEMA, EdgeType, GraphStore, Schema, open_snapshot, open_store
from graphdb.errors import GraphRecError, UnknownIdError
from graphdb.schema_types import EVENT_ID, OCCURRED_AT, SOURCE_ID, TARGET_ID
from graphdb.snapshot.manifest import FORMAT as SNAPSHOT_FORMAT
from graphdb.snapshot.manifest import MANIFEST_NAME
from graphdb.stores.deletion import DeleteReport
from graphrec.bundle import open_bundle
from graphrec.bundle.manifest import FORMAT as BUNDLE_FORMAT
from graphrec.cli.info_command import format_at
from graphrec.cli.options import parse_moment, parse_node, read_lines
from graphrec.cli.output import JsonOption, console, escape, print_json, warn
from graphrec.cli.store_commands import StoreArgument


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(delete)
    app.command("delete-edge")(delete_edge)
    app.command()(forget)
    app.command()(holders)


NodesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="NODE...", help="Nodes, as TYPE:ID, such as User:42.")
]
NodesOption = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="A file with nodes, one TYPE:ID per line."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only count what would go; change nothing.")
]


def delete(
    store: StoreArgument,
    node: NodesArgument = None,
    nodes: NodesOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete nodes from a store, with all their edges, and count what went.

    A later ingest of a table that names them brings them back; `graphrec forget` prevents that.

    [bold]Examples[/bold]

    graphrec delete shop.duckdb Product:907652 --dry-run

    graphrec delete neo4j://127.0.0.1 --nodes nodes.txt
    """
    words = _words(node, nodes)
    with open_store(store, create=False, read_only=dry_run) as opened:
        by_type = _by_type(opened.schema, words)
        report = _delete(opened, by_type, forget=False, dry_run=dry_run)
    if not report.num_rows:
        _refuse_all_unknown(store, by_type)
    _show(report, dry_run=dry_run, as_json=as_json)


def delete_edge(
    store: StoreArgument,
    relation: Annotated[str, typer.Argument(metavar="RELATION", help="Such as PURCHASED.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Where it begins, as TYPE:ID.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Where it ends, as TYPE:ID.")],
    at: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_moment,
            metavar="TIME",
            help="Of repeated events: only those of this time (UTC if it has no timezone).",
        ),
    ] = None,
    event_id: Annotated[
        str | None, typer.Option(help="Of repeated events: only those with this event_id.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete the edges of one relation between two nodes, and count them.

    [bold]Examples[/bold]

    graphrec delete-edge shop.duckdb PURCHASED User:42 Product:7

    graphrec delete-edge shop.duckdb PURCHASED User:42 Product:7 --at 2026-11-01T18:30:00
    """
    with open_store(store, create=False, read_only=dry_run) as opened:
        ends = [parse_node(opened.schema, text) for text in (source, target)]
        edge_type = opened.schema.edge_type(relation, ends[0][0], ends[1][0])
        given = {SOURCE_ID: ends[0][1], TARGET_ID: ends[1][1], OCCURRED_AT: at, EVENT_ID: event_id}
        row = {name: value for name, value in given.items() if value is not None}
        _refuse_other_keys(opened.schema, edge_type, row)
        declared = opened.schema.arrow_schema(edge_type)
        edges = pa.Table.from_pylist([row], pa.schema([declared.field(name) for name in row]))
        report = opened.delete_edges(edge_type, edges, dry_run=dry_run)
    if report.unknown:
        raise UnknownIdError(
            f"{store} has no such edge: {source} {relation} {target}",
            next_step="ids, and times to the microsecond, are those of the ingested tables",
            value=row,
        )
    _show(report, dry_run=dry_run, as_json=as_json)


def forget(
    store: StoreArgument,
    node: NodesArgument = None,
    nodes: NodesOption = None,
    lift: Annotated[
        bool,
        typer.Option("--lift", help="Delete nothing: let later ingests bring these nodes back."),
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete people, or other nodes, for good: a later ingest does not bring them back.

    The store keeps a hash of each id, and ignores rows of tables that name it. Rejected rows that
    name a node go, too. The file of an embedded store is written anew, so that no bytes of them
    are left in it. The next snapshot and the bundle trained on it are without the node; find older
    ones that hold it with `graphrec holders`.

    [bold]Examples[/bold]

    graphrec forget shop.duckdb User:42

    graphrec forget neo4j://127.0.0.1 --nodes nodes.txt --dry-run

    graphrec forget shop.duckdb User:42 --lift
    """
    words = _words(node, nodes)
    if lift and dry_run:
        raise typer.BadParameter("--lift deletes nothing: remove --dry-run")
    with open_store(store, create=False, read_only=dry_run) as opened:
        by_type = _by_type(opened.schema, words)
        report, lifted = None, 0
        if lift:
            lifted = sum(opened.lift_forgotten(name, ids) for name, ids in by_type.items())
        else:
            report = _delete(opened, by_type, forget=True, dry_run=dry_run)
    if report and not dry_run and opened.url.startswith("duckdb:"):
        from graphdb.stores.duckdb_store import rewrite_store

        rewrite_store(opened.url.removeprefix("duckdb:"))
    if report:
        _show(report, dry_run=dry_run, as_json=as_json)
    elif as_json:
        print_json({"lifted": lifted})
    else:
        console().print(
            f"{lifted:,} of {sum(map(len, by_type.values())):,} nodes were forgotten;"
            " later ingests may bring them back",
            soft_wrap=True,
        )


_KINDS = {SNAPSHOT_FORMAT: "snapshot", BUNDLE_FORMAT: "bundle"}


class Holder(NamedTuple):
    """A folder that holds a node, or that cannot be read.

    Args:
        kind: 'snapshot' or 'bundle'; 'folder' if its manifest cannot be read.
        problem: Why it cannot be read; None if it holds the node.
    """

    kind: str
    folder: str
    problem: str | None


def holders(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node to look for, as TYPE:ID.")],
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            exists=True,
            file_okay=False,
            help="Folders to look through, such as those of snapshots, runs and registries.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """List the snapshots and bundles that hold a node, in folders and all folders in them.

    [bold]Example[/bold]

    graphrec holders User:42 snapshots runs
    """
    found = _holders(node, folders)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    for one in found:
        if one.problem is not None:
            warn(f"{one.kind} {one.folder} cannot be read, so it may hold {node}: {one.problem}")
    holding = [one for one in found if one.problem is None]
    for one in holding:
        console().print(escape(f"{one.kind}: {one.folder}"), soft_wrap=True)
    said = f"{len(holding):,} folder{' holds' if len(holding) == 1 else 's hold'} {node}"
    advice = "; delete them, releases of a registry with `graphrec prune`"
    console().print(escape(said + (advice if holding else "")), soft_wrap=True)


def _words(node: Sequence[str] | None, nodes: Path | None) -> list[str]:
    words = [*(node or ()), *(read_lines(nodes) if nodes else ())]
    if not words:
        raise typer.BadParameter("give nodes as TYPE:ID, or a file of them with --nodes")
    return words


def _by_type(schema: Schema, words: Sequence[str]) -> dict[str, list[str]]:
    """Returns the ids by node type, each once."""
    by_type: dict[str, list[str]] = {}
    for node_type, node_id in dict.fromkeys(parse_node(schema, word) for word in words):
        by_type.setdefault(node_type, []).append(node_id)
    return by_type


def _delete(
    store: GraphStore, by_type: dict[str, list[str]], *, forget: bool, dry_run: bool
) -> DeleteReport:
    done = DeleteReport()
    for node_type, ids in by_type.items():
        done += store.delete_nodes(node_type, ids, forget=forget, dry_run=dry_run)
    return done


def _refuse_all_unknown(url: str, by_type: dict[str, list[str]]) -> NoReturn:
    first = next(iter(by_type))
    others = ", nor any other of the given nodes" if sum(map(len, by_type.values())) > 1 else ""
    raise UnknownIdError(
        f"{url} has no {first} '{by_type[first][0]}'{others}",
        next_step="ids are those of the ingested tables; to keep an id out, use `forget`",
        value=by_type[first][0],
    )


def _refuse_other_keys(schema: Schema, edge_type: EdgeType, row: Mapping[str, object]) -> None:
    others = row.keys() - {SOURCE_ID, TARGET_ID, *schema.key(edge_type)}
    if others:
        raise typer.BadParameter(
            f"{edge_type.relation} has one edge per pair: remove --at and --event-id"
        )


def _show(report: DeleteReport, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({**report.to_dict(), "dry_run": dry_run})
        return
    table = Table(header_style="bold")
    table.add_column("type")
    table.add_column("would go" if dry_run else "deleted", justify="right")
    for of, number in sorted(report.rows.items(), key=lambda row: isinstance(row[0], EdgeType)):
        table.add_row(escape(str(of)), f"{number:,}")
    screen = console()
    screen.print(table)
    done = "would be" if dry_run else "are"
    others = (
        (report.unknown, "of the given were not in the store"),
        (report.recommended, f"RECOMMENDED relationships {done} deleted with them"),
        (report.rejects, f"rejected rows that name them {done} deleted"),
        (report.forgotten, f"nodes {done} marked as forgotten; ingests ignore rows that name them"),
    )
    for number, what in others:
        if number:
            screen.print(f"{number:,} {what}", soft_wrap=True)


def _holders(node: str, folders: Sequence[Path]) -> list[Holder]:
    """Returns the folders that hold a node and those that cannot be read, in order.

    Raises:
        BadParameter: It is not a node, or no schema has its type.
    """
    found, is_known_type = [], False
    for folder in _data_folders(folders):
        kind = "folder"
        try:
            kind = _KINDS.get(format_at(str(folder)) or "", "")
            opened = {"snapshot": _snapshot_ids, "bundle": _bundle_ids}.get(kind)
            ids = opened(folder, node) if opened else None
        except GraphRecError as error:
            found.append(Holder(kind, str(folder), str(error)))
            continue
        if ids is not None:
            is_known_type = True
            if pc.is_in(pa.scalar(node.partition(":")[2]), value_set=ids).as_py():
                found.append(Holder(kind, str(folder), None))
    if not is_known_type:
        parse_node(SCHEMA, node)
    return found


def _data_folders(folders: Sequence[Path]) -> Iterator[Path]:
    """Yields all folders with a manifest, in order; links are not followed."""
    for folder in folders:
        for where, inside, files in os.walk(folder):
            inside.sort()
            if MANIFEST_NAME in files:
                yield Path(where)


def _snapshot_ids(folder: Path, node: str) -> pa.Array | None:
    snapshot = open_snapshot(folder, verify=False)
    node_type = _type_in(snapshot.schema, node)
    return None if node_type is None else snapshot.node_ids(node_type)


def _bundle_ids(folder: Path, node: str) -> pa.Array | None:
    bundle = open_bundle(folder, verify=False)
    node_type = _type_in(bundle.schema, node)
    return None if node_type not in bundle.node_types else bundle.ids(node_type)


def _type_in(schema: Schema, node: str) -> str | None:
    name = node.partition(":")[0].casefold()
    return next((one for one in schema.node_types if one.casefold() == name), None)
