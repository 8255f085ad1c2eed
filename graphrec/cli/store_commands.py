"""`graphrec ingest`, `graphrec rejects` and `graphrec snapshot`: into the store and out of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from graphdb import SCHEMA, open_store, write_snapshot
from graphdb.errors import StoreError
from graphdb.stores.opening import is_in_memory
from graphrec.cli.bulk_load import bulk_load, chosen_way, show_outcome
from graphrec.cli.ingest_report import show_report
from graphrec.cli.output import JsonOption, console, print_json
from graphrec.cli.progress import IngestProgress, SnapshotProgress
from graphrec.cli.text import escape
from graphrec.query.limits import MOST_K

StoreArgument = Annotated[
    str, typer.Argument(metavar="STORE", help="A file for the embedded store, or a store's URL.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("ingest")(ingest_command)
    app.command("rejects")(rejects_command)
    app.command("snapshot")(snapshot_command)


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
        typer.Option(help="What the folder's files are; by default its mapping.toml."),
    ] = None,
    schema: Annotated[str | None, typer.Option(help="A TOML file that extends the schema.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first table with a bad row.")
    ] = False,
    bulk: Annotated[
        bool,
        typer.Option("--bulk", help="Load a whole new Neo4j database; its server must be stopped."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --bulk: delete the database that is there.")
    ] = False,
    bulk_files: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Only write the files of a bulk load there, for a server on another machine.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read tables, check every row, and write them into a graph store.

    Bad rows are set aside with file, row and reason; see them with `graphrec rejects`. Ingesting
    the same tables again changes nothing.

    [bold]Examples[/bold]

    graphrec ingest complete-journey shop.duckdb

    graphrec ingest tables/ shop.duckdb --mapping mapping.toml --strict

    graphrec ingest synthetic:100000 world.duckdb

    graphrec ingest synthetic:5000000 neo4j://127.0.0.1 --bulk
    """
    # Imported here: they load a database, and answering from a bundle needs none.
    from graphdb.ingest import ingest
    from graphdb.schema_toml import extend_schema
    from graphdb.sources import open_source

    wanted = extend_schema(schema) if schema else None
    way = chosen_way(store, bulk=bulk, overwrite=overwrite, files=bulk_files)
    if is_in_memory(store):
        raise StoreError(
            f"'{store}' is in memory and gone when the command ends",
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
        return
    with open_store(store, schema=wanted) as opened, IngestProgress(tables) as progress:
        report = ingest(tables, opened, strict=strict, on_progress=progress.advance)
    if as_json:
        print_json(report.to_dict())
    else:
        show_report(report, store)


def rejects_command(
    store: StoreArgument,
    top: Annotated[
        int, typer.Option("--top", "-k", min=1, max=MOST_K, help="How many to show.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the rows that ingest set aside, each with file, row and reason.

    [bold]Examples[/bold]

    graphrec rejects shop.duckdb

    graphrec rejects shop.duckdb --json
    """
    with open_store(store, read_only=True) as opened:
        rejects = opened.read_rejects()
    if as_json:
        print_json(rejects.to_pylist())
        return
    table = Table(title=f"{rejects.num_rows:,} rejected rows", header_style="bold")
    for name in ("file", "row", "table", "reason"):
        table.add_column(name, justify="right" if name == "row" else "left")
    for row in rejects.slice(0, top).to_pylist():
        cells = (row["file"], str(row["row"]), row["table_name"], row["reason"])
        table.add_row(*map(escape, cells))
    console().print(table)


def snapshot_command(
    store: StoreArgument,
    folder: Annotated[
        str, typer.Argument(metavar="SNAPSHOT", help="The folder to write; it must not exist.")
    ],
    cutoff: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Leave out all that happened at or after this moment (UTC).",
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
