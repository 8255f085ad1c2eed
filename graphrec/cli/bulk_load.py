"""`graphrec ingest --bulk`: a whole new Neo4j database at once, or the files for one."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from graphdb.errors import StoreError
from graphdb.schema_types import Schema
from graphdb.stores.opening import NEO4J_SCHEMES, neo4j_driver_wanted
from graphrec.cli.output import console
from graphrec.cli.progress import IngestProgress
from graphrec.cli.text import escape

if TYPE_CHECKING:
    from graphdb.ingest import IngestReport, SourceTable


@dataclass(frozen=True, slots=True)
class BulkWay:
    """Where a bulk load goes to.

    Args:
        files: Write the import files into this folder and load nothing.
    """

    store: str
    overwrite: bool
    files: Path | None


def chosen_way(store: str, *, bulk: bool, overwrite: bool, files: Path | None) -> BulkWay | None:
    """What the options ask for; None for an ordinary ingest.

    Raises:
        StoreError: The store is none of Neo4j's.
        BadParameter: Options that exclude each other.
    """
    if files is not None and (bulk or overwrite):
        raise typer.BadParameter("--bulk-files loads nothing: leave out --bulk and --overwrite")
    if overwrite and not bulk:
        raise typer.BadParameter("--overwrite belongs to --bulk; an ingest never deletes")
    if not bulk and files is None:
        return None
    scheme, separator, _ = store.partition("://")
    if not separator or scheme not in NEO4J_SCHEMES:
        kind = f"'{scheme}'" if separator else "a file"
        raise StoreError(
            f"bulk load is for Neo4j, and {kind} is not",
            expected="the URL of its server, such as neo4j://127.0.0.1:7687",
            next_step="leave out the bulk options: the embedded store takes millions as they are",
            value=scheme if separator else None,
        )
    return BulkWay(store, overwrite, files)


def bulk_load(
    tables: "list[SourceTable]", way: BulkWay, schema: Schema | None, *, strict: bool
) -> "tuple[IngestReport, dict[str, Any]]":
    """Loads the tables, or writes their files; what was read, and what came of it."""
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
    """Prints what was loaded or written, and what to do next."""
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
