"""Turns DuckDB's errors into ours."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from graphdb.errors import (
    GraphRecError,
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
)
from graphdb.file_access import file_access, number_in, of_number

_NAMED = re.compile(r'file \\?"([^"\\]+)')
"""How its messages name a file; within JSON, the quotes are escaped."""


_DAMAGE = ("corrupt", "checksum", "not a valid duckdb database", "could not read enough bytes")


def check_descriptors() -> None:
    """Checks that a database can be opened: where no file can, DuckDB ends the process.

    Raises:
        FileAccessError: This process, or the system, has too many files open.
    """
    with file_access("open a database"):
        os.close(os.open(os.devnull, os.O_RDONLY))


def open_database(path: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A database, in memory by default.

    Raises:
        FileAccessError: This process, or the system, has too many files open.
    """
    check_descriptors()
    return duckdb.connect(path)


def pass_on_refused(error: duckdb.Error, doing: str, path: str | Path) -> None:
    """Raises FileAccessError where an error of DuckDB is one of the system's."""
    number = number_in(str(error))
    if number is not None:
        raise of_number(number, doing, path) from error


@contextmanager
def translated(doing: str, path: str | Path) -> Iterator[None]:
    """Raises StoreError, or what else fits, for every error of DuckDB.

    Args:
        doing: What is tried, as a verb, such as 'write'.
        path: The database's file, for where the message names none.

    Raises:
        FileAccessError: The system refused; DiskFullError where there is no room.
        StoreDamagedError: The file is one that cannot be read any more.
        StoreUnavailableError: Another transaction is in the way; retryable.
    """
    try:
        yield
    except duckdb.Error as error:
        raise of_duckdb(error, doing, path) from error


def of_duckdb(error: duckdb.Error, doing: str, path: str | Path) -> GraphRecError:
    """The error of the tree; see `translated`."""
    # What the system refused comes first: it can come in any class, a failed commit among them.
    number = number_in(str(error))
    if number is not None:
        named = _NAMED.search(str(error))
        return of_number(number, doing, named[1] if named else path)
    if isinstance(error, duckdb.TransactionException):
        return StoreUnavailableError(
            f"another transaction changed the same rows: {error}", next_step="try again"
        )
    if is_damage(error):
        return damaged(path, error)
    return StoreError(f"the embedded store failed: {error}")


def is_damage(error: duckdb.Error) -> bool:
    """Whether DuckDB met something in its own file that cannot be there."""
    said = str(error).casefold()
    return isinstance(error, duckdb.InternalException | duckdb.SerializationException) or any(
        words in said for words in _DAMAGE
    )


def damaged(path: str | Path, problem: object) -> StoreDamagedError:
    """The error for a store that cannot be read."""
    return StoreDamagedError(
        f"the store '{path}' is damaged: {str(problem).splitlines()[0]}",
        next_step="take a copy of it from before, or ingest the tables into a new store",
        value=str(path),
    )
