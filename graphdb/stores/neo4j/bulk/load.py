"""From tables to a loaded database: the same checks as in an ingest, then one offline import.

The tables are ingested into an embedded store in a temporary folder, so a bulk load accepts,
merges and rejects exactly what an ingest would; the import tool then only gets clean data.
"""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphdb.errors import StoreError
from graphdb.file_access import temporary_folder
from graphdb.ingest import IngestReport, OnProgress, ingest
from graphdb.ingest.source import SourceTable
from graphdb.schema_types import Schema
from graphdb.stores.duckdb_store import DuckDBStore
from graphdb.stores.neo4j.bulk.admin import AdminTool, running_server
from graphdb.stores.neo4j.bulk.files import ImportFiles, write_import_files
from graphdb.stores.neo4j.settings import refuse_secrets

_BOLT_PORT = 7687
_LOOK_S = 2.0

OnStep = Callable[[str], None]
"""Told of each step as it begins: "write the import files", "neo4j-admin imports them"."""


@dataclass(frozen=True, slots=True)
class BulkReport:
    """What a bulk load did.

    Args:
        database: The database that was loaded; None where only files were written.
        num_nodes: Nodes, those that the store keeps about itself included.
        files_s: Seconds for writing the import tool's files.
        import_s: Seconds that the import tool took.
    """

    database: str | None
    num_nodes: int
    num_edges: int
    files_s: float
    import_s: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def bulk_ingest(
    tables: Iterable[SourceTable],
    tool: AdminTool,
    *,
    database: str = "neo4j",
    overwrite: bool = False,
    schema: Schema | None = None,
    strict: bool = False,
    now: datetime | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep | None = None,
) -> tuple[IngestReport, BulkReport]:
    """Validates tables as `ingest` does and makes them a whole new database of a stopped server.

    Args:
        tool: Of the server whose database it is; see `AdminTool.find`.
        database: The database, which must not exist.
        overwrite: Delete the database if it exists.
        schema: The schema of the new store; `graphdb.SCHEMA` by default.
        strict: As in `ingest`.
        now: As in `ingest`.
        on_progress: As in `ingest`.
        on_step: Told what comes after the ingest.

    Raises:
        StoreError: The server runs, the database exists and `overwrite` is off, or the import
            failed.
        RejectedRowError: `strict` is on and a row broke a rule.
    """
    tool.check_target(database, overwrite=overwrite)
    with _staged(tables, schema, strict, now, on_progress) as (store, report):
        return report, _load(store, tool, database, overwrite, on_step)


def write_bulk_files(
    tables: Iterable[SourceTable],
    folder: Path,
    *,
    schema: Schema | None = None,
    strict: bool = False,
    now: datetime | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep | None = None,
) -> tuple[IngestReport, BulkReport, ImportFiles]:
    """As `bulk_ingest`, but writes the files for an import on another machine and loads nothing.

    Args:
        folder: See `write_import_files`.

    Raises:
        StoreError: The folder holds something or cannot be written.
        RejectedRowError: `strict` is on and a row broke a rule.
    """
    with _staged(tables, schema, strict, now, on_progress) as (store, report):
        began = time.perf_counter()
        files = _write(store, folder, on_step)
        took_s = time.perf_counter() - began
    return report, BulkReport(None, files.num_nodes, files.num_edges, took_s, 0.0), files


def bulk_import(
    store: DuckDBStore,
    tool: AdminTool,
    *,
    database: str = "neo4j",
    overwrite: bool = False,
    on_step: OnStep | None = None,
) -> BulkReport:
    """Makes the graph of an embedded store a whole new database of a stopped server.

    The constraints come into being when the loaded database is opened first; the import tool of
    Neo4j Community cannot make them.

    Args:
        store: Whose graph, rejects and schema are taken over.
        tool: Of the server whose database it is; see `AdminTool.find`.
        database: The database, which must not exist.
        overwrite: Delete the database if it exists.
        on_step: Told of each step.

    Raises:
        StoreError: As in `bulk_ingest`.
    """
    tool.check_target(database, overwrite=overwrite)
    return _load(store, tool, database, overwrite, on_step)


def refuse_running_server(uri: str) -> None:
    """Raises StoreError where a server answers at a URL, or the URL is none."""
    refuse_secrets(uri)
    try:
        address = urlsplit(uri)
        host, port = address.hostname or "localhost", address.port or _BOLT_PORT
    except ValueError as error:
        raise StoreError(
            f"'{uri}' is not the address of a Neo4j server: {error}",
            expected="neo4j://HOST:PORT or bolt://HOST:PORT",
            value=uri,
        ) from error
    try:
        with socket.create_connection((host, port), timeout=_LOOK_S):
            raise running_server(f"at {uri}")
    except OSError:
        return  # nobody listens, which is what we want


def _load(
    store: DuckDBStore, tool: AdminTool, database: str, overwrite: bool, on_step: OnStep | None
) -> BulkReport:
    with temporary_folder("graphrec-bulk-") as folder:
        began = time.perf_counter()
        files = _write(store, Path(folder), on_step)
        written = time.perf_counter()
        if on_step:
            on_step("neo4j-admin imports them")
        tool.import_full(files, database, overwrite=overwrite)
        done = time.perf_counter()
    return BulkReport(database, files.num_nodes, files.num_edges, written - began, done - written)


def _write(store: DuckDBStore, folder: Path, on_step: OnStep | None) -> ImportFiles:
    if on_step:
        on_step("write the import files")
    return write_import_files(store, folder)


@contextmanager
def _staged(
    tables: Iterable[SourceTable],
    schema: Schema | None,
    strict: bool,
    now: datetime | None,
    on_progress: OnProgress | None,
) -> Iterator[tuple[DuckDBStore, IngestReport]]:
    """The tables in an embedded store that is gone afterwards."""
    with (
        temporary_folder("graphrec-bulk-") as folder,
        DuckDBStore(str(Path(folder) / "staged.duckdb"), schema=schema) as store,
    ):
        yield store, ingest(tables, store, strict=strict, now=now, on_progress=on_progress)
