"""Loads tables or an embedded store into a new Neo4j database by one offline import.

It ingests the tables into a temporary embedded store, so a bulk load accepts, merges and rejects
exactly the same rows as an ingest, and the import tool gets only clean data. The tool is
`neo4j-admin`, which is part of Neo4j and needs a stopped server.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.file_access import temporary_folder
from graphdb.ingestion import IngestReport, OnProgress, ingest
from graphdb.io.source import SourceTable
from graphdb.stores.duckdb_store import DuckDBStore
from graphdb.stores.neo4j.bulk.files import ImportFiles, write_import_files
from graphdb.stores.neo4j.settings import admin_command, admin_environment, refuse_secrets

LOG_FILE = "neo4j-admin.log"
OFF_HEAP = "50%"
"""The share of free memory that the import may use besides Java's heap; the default is 90%."""
_IN_USE = re.compile("in use|server is running")
_EXISTS = re.compile("already exist")
_ABSENT = re.compile("does not exist|does not contain a database|must point to a directory")
_IMPORTED = re.compile(r"^\s*(\d+) (nodes|relationships)$", re.MULTILINE)
_NOISE = re.compile(r"^[-. ]*\d*%|^\W*$|^Run with '--verbose'|likely in an unusable state")
_LAST_LINES = 6


@dataclass(frozen=True, slots=True)
class AdminTool:
    """The neo4j-admin of a server on this machine.

    Args:
        command: The words that run it, before its own arguments.
    """

    command: tuple[str, ...]

    @classmethod
    def find(cls, environment: Mapping[str, str] | None = None) -> "AdminTool":
        """Finds neo4j-admin by NEO4J_ADMIN (a command line), then NEO4J_HOME, then PATH.

        Raises:
            StoreError: There is none.
        """
        command = admin_command(environment)
        if command is None:
            raise StoreError(
                "neo4j-admin, which bulk load runs, was not found",
                expected="it in NEO4J_ADMIN (a command line), in NEO4J_HOME/bin or on PATH",
                next_step='set NEO4J_ADMIN="scripts/neo4j admin" for the server of scripts/neo4j;'
                " for a server on another machine, write the files with --bulk-files",
            )
        return cls(tuple(command))

    def check_target(self, database: str, *, overwrite: bool) -> None:
        """Checks, before any work, that the import can succeed.

        Raises:
            StoreError: The server runs, the database exists and `overwrite` is off, or the tool
                does not work, such as without Java.
        """
        try:
            done = subprocess.run(
                [*self.command, "database", "info", database],
                env=admin_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            command = self.command[0]
            raise StoreError(
                f"'{command}' cannot be run: {error.strerror}", value=command
            ) from error
        if done.returncode == 0:
            if not overwrite:
                raise _exists(database)
        elif not _ABSENT.search(done.stdout):
            raise _failed(done.stdout, database, "cannot say whether there is a database")

    def import_full(self, files: ImportFiles, database: str, *, overwrite: bool) -> None:
        """Imports the files into a new database, or in place of an existing one.

        Raises:
            StoreError: The tool refused or failed, or imported another number of nodes or edges.
        """
        options = [f"--max-off-heap-memory={OFF_HEAP}"]
        options += ["--overwrite-destination"] if overwrite else []
        words = [*self.command, *files.command, *options, database]
        log = files.folder / LOG_FILE
        with log.open("wb") as said, _running(words, files.folder, said.fileno()) as process:
            code = process.wait()
        text = log.read_text("utf-8", errors="replace")
        if code:
            raise _failed(text, database, "could not load the database", half_loaded=True)
        found = {what: int(number) for number, what in _IMPORTED.findall(text)}
        wanted = {"nodes": files.num_nodes, "relationships": files.num_edges}
        if found != wanted:
            raise StoreError(
                f"neo4j-admin says that it imported {found} into the database '{database}'",
                expected=f"{wanted}",
                next_step="do not use that database; report this with the tool's version",
                value=found,
            )


@contextmanager
def _running(words: list[str], folder: Path, said: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs the process, and ends it if we are interrupted."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=admin_environment(),
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,  # neo4j-admin may be a script that starts Java
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def running_server(where: str) -> StoreError:
    """Returns the error for a server that must be stopped first."""
    return StoreError(
        f"the Neo4j server {where} is running",
        expected="a stopped one: bulk load writes the files of its database",
        next_step="stop it (`scripts/neo4j stop` for one of your own), or ingest without --bulk",
        value=where,
    )


def _exists(database: str) -> StoreError:
    return StoreError(
        f"the server has a database '{database}' already",
        expected="none; Neo4j makes an empty one when it first starts, and a bulk load that was"
        " interrupted leaves one that does not start",
        next_step="add --overwrite to delete it and load anew, or ingest without --bulk to add"
        " to it",
        value=database,
    )


def _failed(text: str, database: str, what: str, *, half_loaded: bool = False) -> StoreError:
    """Returns the error for the tool's output: a known one, or its last lines."""
    if _IN_USE.search(text):
        return running_server(f"of the database '{database}'")
    if _EXISTS.search(text):
        return _exists(database)
    lines = [line.strip() for line in text.splitlines() if not _NOISE.search(line)]
    said = " / ".join(lines[-_LAST_LINES:]) or "nothing"
    again = "correct it and load again"
    if half_loaded:
        again += " with --overwrite: the database is incomplete now and does not start"
    return StoreError(f"neo4j-admin {what} '{database}'; it said: {said}", next_step=again)


_BOLT_PORT = 7687
_LOOK_S = 2.0

OnStep = Callable[[str], None]
"""Called at the start of each step: "write the import files", "neo4j-admin imports them"."""


@dataclass(frozen=True, slots=True)
class BulkReport:
    """The result of a bulk load.

    Args:
        database: The loaded database; None if only files were written.
        num_nodes: Nodes, including the store's metadata.
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
    """Checks tables like `ingest` and loads them into a new database of a stopped server.

    Args:
        tool: The tool of the server; see `AdminTool.find`.
        database: The database, which must not exist.
        overwrite: Delete the database if it exists.
        schema: The schema of the new store; `graphdb.SCHEMA` by default.
        strict: As in `ingest`.
        now: As in `ingest`.
        on_progress: As in `ingest`.
        on_step: Called at each step after the ingest.

    Raises:
        StoreError: The server runs, the database exists and `overwrite` is off, or the import
            failed.
        RejectedRowError: `strict` is on and a row breaks a rule.
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
    """Checks tables like `ingest` and writes the files for an import on another machine.

    Args:
        folder: See `write_import_files`.

    Raises:
        StoreError: The folder holds something or cannot be written.
        RejectedRowError: `strict` is on and a row breaks a rule.
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
    """Loads the graph of an embedded store into a new database of a stopped server.

    The constraints are created when the loaded database is first opened, because the import tool of
    Neo4j Community cannot create them.

    Args:
        store: The store whose graph, rejects and schema are loaded.
        tool: The tool of the server; see `AdminTool.find`.
        database: The database, which must not exist.
        overwrite: Delete the database if it exists.
        on_step: Called at each step.

    Raises:
        StoreError: As in `bulk_ingest`.
    """
    tool.check_target(database, overwrite=overwrite)
    return _load(store, tool, database, overwrite, on_step)


def refuse_running_server(uri: str) -> None:
    """Raises StoreError if a server answers at a URL, or the URL is invalid."""
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
        return  # no server listens, as required


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
    """Ingests the tables into a temporary embedded store."""
    with (
        temporary_folder("graphrec-bulk-") as folder,
        DuckDBStore(str(Path(folder) / "staged.duckdb"), schema=schema) as store,
    ):
        yield store, ingest(tables, store, strict=strict, now=now, on_progress=on_progress)
