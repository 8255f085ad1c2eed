"""Defines the commands `graphrec ingest`, `graphrec rejects` and `graphrec snapshot`.

They write tables into a graph store, and a store's graph into a snapshot. `ingest --bulk` loads a
complete new Neo4j database, or writes the files for one.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from graphdb import SCHEMA, open_store, write_snapshot
from graphdb.atomic import write_file
from graphdb.checked_schema import Schema
from graphdb.errors import DataError, MappingError, StoreError, nearest
from graphdb.stores.opening import NEO4J_SCHEMES, is_in_memory, neo4j_driver_wanted
from graphdb.stores.protocol import is_consequence
from graphrec.cli.output import JsonOption, console, escape, print_json, warn
from graphrec.cli.progress import IngestProgress, SnapshotProgress
from graphrec.query.limits import MOST_K

MAPPING_NAME = "mapping.toml"

if TYPE_CHECKING:
    from graphdb.ingestion import IngestReport, SourceTable


def show_report(report: "IngestReport", store: str) -> None:
    """Prints the counts of each table's rows."""
    table = Table(header_style="bold")
    table.add_column("table")
    for name in ("read", "added", "updated", "unchanged", "rejected", "passed over"):
        table.add_column(name, justify="right")
    for entry in report.tables:
        added, updated, unchanged, superseded, forgotten = entry.counts
        passed_over = entry.merged + entry.skipped + superseded + forgotten
        numbers = (entry.read, added, updated, unchanged, entry.rejected, passed_over)
        table.add_row(escape(entry.name), *(f"{number:,}" for number in numbers))
    console().print(table)
    if report.counts.superseded:
        console().print(
            f"{report.counts.superseded:,} rows superseded by newer rows in the store",
            soft_wrap=True,
        )
    if report.counts.forgotten:
        console().print(
            f"{report.counts.forgotten:,} rows name forgotten nodes and were not written",
            soft_wrap=True,
        )
    show_warnings(report)
    if report.rejected:
        codes = ", ".join(f"{code} {number:,}" for code, number in report.reject_codes.items())
        console().print(
            f"{report.rejected:,} rows rejected ({codes}); see them with "
            f"[bold]graphrec rejects {escape(shlex.quote(store))}[/bold]",
            soft_wrap=True,
        )


def show_warnings(report: "IngestReport") -> None:
    """Prints what is unusual, and the tables that lost every row, on stderr."""
    for warning in report.warnings:
        warn(str(warning))
    for table in report.lost_tables:
        codes = ", ".join(f"{code} {number:,}" for code, number in table.reject_codes.items())
        warn(f"{table.name} lost all its {table.rejected:,} rows ({codes})")


@dataclass(frozen=True, slots=True)
class BulkWay:
    """The target of a bulk load.

    Args:
        files: Write the import files into this folder and load nothing.
    """

    store: str
    overwrite: bool
    files: Path | None


def chosen_way(store: str, *, bulk: bool, overwrite: bool, files: Path | None) -> BulkWay | None:
    """Returns the bulk load of the options; None for an ordinary ingest.

    Raises:
        StoreError: The store is not a Neo4j server.
        BadParameter: The options exclude each other.
    """
    if files is not None and (bulk or overwrite):
        raise typer.BadParameter("--bulk-files loads nothing: remove --bulk and --overwrite")
    if overwrite and not bulk:
        raise typer.BadParameter("--overwrite needs --bulk; an ingest never deletes")
    if not bulk and files is None:
        return None
    scheme, separator, _ = store.partition("://")
    if not separator or scheme not in NEO4J_SCHEMES:
        kind = f"'{scheme}'" if separator else "a file"
        raise StoreError(
            f"bulk load is for Neo4j, and {kind} is not",
            expected="the URL of its server, such as neo4j://127.0.0.1:7687",
            next_step="remove the bulk options: the embedded store does not need them",
            value=scheme if separator else None,
        )
    return BulkWay(store, overwrite, files)


def bulk_load(
    tables: "list[SourceTable]", way: BulkWay, schema: Schema | None, *, strict: bool
) -> "tuple[IngestReport, dict[str, Any]]":
    """Loads the tables, or writes their files; returns the ingest report and the result."""
    with neo4j_driver_wanted():
        from graphdb.stores.neo4j import bulk
        from graphdb.stores.neo4j.settings import database_name, refuse_secrets

    refuse_secrets(way.store)
    with IngestProgress(tables) as progress:
        options: dict[str, Any] = {
            "schema": schema,
            "strict": strict,
            "on_progress": progress.advance,
            "on_step": progress.step,
        }
        if way.files is not None:
            report, done, files = bulk.write_bulk_files(tables, way.files, **options)
            command = shlex.join(["neo4j-admin", *files.command, database_name()])
            return report, {**done.to_dict(), "folder": str(way.files), "command": command}
        bulk.refuse_running_server(way.store)
        tool = bulk.AdminTool.find()
        report, done = bulk.bulk_ingest(
            tables, tool, database=database_name(), overwrite=way.overwrite, **options
        )
        return report, done.to_dict()


def show_outcome(way: BulkWay, outcome: Mapping[str, Any]) -> None:
    """Prints the result and the next step."""
    what = f"{outcome['num_nodes']:,} nodes and {outcome['num_edges']:,} edges"
    if way.files is None:
        said = (
            f"{what} are the database '{outcome['database']}' now. Start the server; the first"
            " command that opens the store makes its indexes, once"
        )
    else:
        said = (
            f"{what} are in {way.files}, to be imported where the server is. There, with the"
            f" server stopped, in that folder: {outcome['command']}"
        )
    console().print(escape(said), soft_wrap=True)


StoreArgument = Annotated[
    str, typer.Argument(metavar="STORE", help="A file for the embedded store, or a store's URL.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("init")(init_command)
    app.command("ingest")(ingest_command)
    app.command("rejects")(rejects_command)
    app.command("snapshot")(snapshot_command)


def init_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of your tables.")],
    mapping: Annotated[
        Path | None,
        typer.Option(help="The mapping file to write; by default mapping.toml in the folder."),
    ] = None,
    schema: Annotated[str | None, typer.Option(help="A TOML file that extends the schema.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing mapping file.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at a folder of tables and propose a mapping file for `graphrec ingest`.

    It guesses from names of files and columns (English and Chinese) and from values. Comments in
    the file say what it guessed and why, and what it could not guess: correct the file and ingest.

    [bold]Examples[/bold]

    graphrec init tables/

    graphrec init tables/ --mapping tables/other.toml --overwrite
    """
    from graphdb.io.proposal import propose_mapping
    from graphdb.schema import extend_schema

    path = mapping or folder / MAPPING_NAME
    if path.exists() and not overwrite:
        raise MappingError(
            f"'{path}' exists already",
            next_step="read it with graphrec ingest, or replace it with --overwrite",
            value=str(path),
        )
    proposal = propose_mapping(folder, extend_schema(schema) if schema else SCHEMA)
    write_file(path, proposal.text, MappingError)
    if as_json:
        content = {"mapping": str(path), "tables": proposal.num_tables}
        print_json({**content, "questions": list(proposal.questions)})
        return
    said = f"{path}: {proposal.num_tables} tables; read its comments, then graphrec ingest"
    console().print(escape(f"{said} {shlex.quote(str(folder))} STORE"), soft_wrap=True)
    for question in proposal.questions:
        warn(question)


def ingest_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of tables, 'complete-journey', or 'synthetic:EDGES' with an optional "
            "':SEED'.",
        ),
    ],
    store: StoreArgument,
    mapping: Annotated[
        str | None,
        typer.Option(help="The mapping file of the folder; by default its mapping.toml."),
    ] = None,
    schema: Annotated[str | None, typer.Option(help="A TOML file that extends the schema.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first table with a bad row.")
    ] = False,
    bulk: Annotated[
        bool,
        typer.Option(
            "--bulk", help="Load a new Neo4j database at once; the server must be stopped."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --bulk: delete the existing database.")
    ] = False,
    bulk_files: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Only write the files of a bulk load into this folder, for another machine.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read tables, check every row, and write them into a graph store.

    Bad rows are set aside with file, row and reason; see them with `graphrec rejects`. The exit
    code is 4 if a table loses every row. Ingesting the same tables again changes nothing.

    [bold]Examples[/bold]

    graphrec ingest complete-journey shop.duckdb

    graphrec ingest tables/ shop.duckdb --mapping mapping.toml --strict

    graphrec ingest synthetic:100000 world.duckdb

    graphrec ingest synthetic:5000000 neo4j://127.0.0.1 --bulk
    """
    # Imported here: they load DuckDB, which serving a bundle does not need.
    from graphdb.ingestion import ingest
    from graphdb.schema import extend_schema
    from graphdb.sources import open_source

    wanted = extend_schema(schema) if schema else None
    way = chosen_way(store, bulk=bulk, overwrite=overwrite, files=bulk_files)
    if is_in_memory(store):
        raise StoreError(
            f"'{store}' is in memory and lost when the command ends",
            expected="the file or the URL of a store",
            value=store,
        )
    tables = open_source(source, wanted or SCHEMA, mapping)
    if way:
        report, outcome = bulk_load(tables, way, wanted, strict=strict)
        if as_json:
            print_json({**report.to_dict(), "bulk": outcome})
        else:
            show_report(report, store)
            show_outcome(way, outcome)
    else:
        with open_store(store, schema=wanted) as opened, IngestProgress(tables) as progress:
            report = ingest(tables, opened, strict=strict, on_progress=progress.advance)
        if as_json:
            print_json(report.to_dict())
        else:
            show_report(report, store)
    if report.lost_tables:
        raise typer.Exit(DataError.exit_code)


def rejects_command(
    store: StoreArgument,
    table: Annotated[
        str | None, typer.Option(help="Only tables with this text in their name, such as RATED.")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="Only this kind of reason, such as not_a_number.")
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(help="Only values of this optional property; their rows were kept."),
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="Only files with this text in their name.")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Show each row, not groups.")] = False,
    top: Annotated[
        int, typer.Option("--top-k", "-k", min=1, max=MOST_K, help="How many lines to show.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show what ingest rejected and why, in groups with an example. Root causes come first.

    A bad value of an optional property loses the value; anything else loses the row. Edges that
    only miss a rejected node come last: correct the node's row, and they are accepted.

    [bold]Examples[/bold]

    graphrec rejects shop.duckdb

    graphrec rejects shop.duckdb --table PURCHASED --code unknown_target --rows

    graphrec rejects shop.duckdb --column price --rows --json
    """
    with open_store(store, read_only=True) as opened:
        found = opened.read_rejects().to_pylist()
    chosen = _chosen_rejects(found, table=table, code=code, column=column, file=file)
    chosen.sort(key=lambda row: is_consequence(row["code"]))
    groups = _reject_groups(chosen)
    if as_json:
        print_json(chosen if rows else groups)
        return
    num_values = sum(row["column"] is not None for row in chosen)
    title = f"{len(chosen) - num_values:,} rejected rows, {num_values:,} rejected values"
    shown = Table(title=title, header_style="bold")
    names = ("file", "row", "table", "reason") if rows else ("number", "lost", "table", "reason")
    for name in (*names, *(() if rows else ("such as",))):
        shown.add_column(name, justify="right" if name in ("row", "number") else "left")
    for row in (chosen if rows else groups)[:top]:
        shown.add_row(*map(escape, _reject_cells(row, is_group=not rows)))
    console().print(shown)
    left = len(chosen if rows else groups) - top
    if left > 0:
        console().print(f"{left:,} more lines; show more with --top-k", soft_wrap=True)


def _chosen_rejects(found: list[dict[str, Any]], **wanted: str | None) -> list[dict[str, Any]]:
    """Returns the rejects of a table, code, column and file.

    Raises:
        BadParameter: There are rejects, but none like this.
    """
    for option, text in wanted.items():
        name = "table_name" if option == "table" else option
        if text is None or not found:
            continue
        known = sorted({row[name] for row in found if row[name] is not None})
        is_part = option in ("table", "file")
        found = [
            row
            for row in found
            if row[name] == text or (is_part and text.casefold() in row[name].casefold())
        ]
        if not found:
            hint = nearest(text, known) or f"there are {', '.join(known) or 'none'}"
            raise typer.BadParameter(f"no reject has the {option} '{text}'; {hint}")
    return found


def _reject_groups(rejects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rejects with the same table, code and column as one; root causes and many first."""
    groups: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for row in rejects:
        key = row["table_name"], row["code"], row["column"]
        first = {name: row[name] for name in ("file", "row", "reason")}
        group = {"table_name": key[0], "code": key[1], "column": key[2], "number": 0}
        groups.setdefault(key, {**group, "example": first})["number"] += 1
    return sorted(
        groups.values(), key=lambda group: (is_consequence(group["code"]), -group["number"])
    )


def _reject_cells(row: dict[str, Any], *, is_group: bool) -> tuple[str, ...]:
    if not is_group:
        return row["file"], str(row["row"]), row["table_name"], row["reason"]
    first = row["example"]
    example = f"{first['file']}, row {first['row']}: {first['reason']}"
    lost = "row" if row["column"] is None else f"only '{row['column']}'"
    return f"{row['number']:,}", lost, row["table_name"], row["code"], example


def snapshot_command(
    store: StoreArgument,
    folder: Annotated[
        str, typer.Argument(metavar="SNAPSHOT", help="The folder to write; it must not exist.")
    ],
    cutoff: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Exclude everything that happened at or after this time (UTC).",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a store's graph into an immutable folder of Parquet files.

    [bold]Examples[/bold]

    graphrec snapshot shop.duckdb snapshots/today

    graphrec snapshot shop.duckdb snapshots/past --cutoff 2017-12-04
    """
    moment = cutoff.replace(tzinfo=UTC) if cutoff else None
    with open_store(store, read_only=True) as opened:
        total = sum(opened.counts().values())
        with SnapshotProgress(total) as progress:
            snapshot = write_snapshot(opened, folder, cutoff=moment, on_progress=progress.advance)
    nodes = sum(entry.rows for entry in snapshot.manifest.nodes.values())
    edges = sum(entry.rows for entry in snapshot.manifest.edges.values())
    if as_json:
        content = {"folder": folder, "snapshot_id": snapshot.snapshot_id}
        print_json({**content, "cutoff": moment, "nodes": nodes, "edges": edges})
    else:
        console().print(
            f"{escape(folder)}: {nodes:,} nodes, {edges:,} edges, id {snapshot.snapshot_id[:12]}",
            soft_wrap=True,
        )
