"""Opens the DuckDB file of an embedded store and turns DuckDB's errors into graphrec errors.

It checks that a file can be a store, and restricts what DuckDB may do with it.
"""

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOENT
from pathlib import Path

import duckdb

from graphdb.errors import GraphRecError, StoreDamagedError, StoreError, StoreUnavailableError
from graphdb.file_access import file_access, number_in, of_number, refused

_NAMED = re.compile(r'file \\?"([^"\\]+)')
"""The file in DuckDB's messages; quotes are escaped inside JSON."""


_DAMAGE = ("corrupt", "checksum", "not a valid duckdb database", "could not read enough bytes")


def check_descriptors() -> None:
    """Checks that files can still be opened: otherwise DuckDB would abort the process.

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
    """Raises FileAccessError if an error of DuckDB comes from the system."""
    number = number_in(str(error))
    if number is not None:
        raise of_number(number, doing, path) from error


@contextmanager
def translated(doing: str, path: str | Path) -> Iterator[None]:
    """Turns every error of DuckDB into StoreError or a more specific one.

    Args:
        doing: The operation, as a verb, such as 'write'.
        path: The database's file, for messages without one.

    Raises:
        FileAccessError: The system refused; DiskFullError where there is no room.
        StoreDamagedError: The file can no longer be read.
        StoreUnavailableError: Another transaction conflicts; retryable.
    """
    try:
        yield
    except duckdb.Error as error:
        raise of_duckdb(error, doing, path) from error


def of_duckdb(error: duckdb.Error, doing: str, path: str | Path) -> GraphRecError:
    """Returns the graphrec error; see `translated`."""
    # Errors of the system come first: they occur in any class, such as a failed commit.
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
    """Returns whether DuckDB found impossible content in its own file."""
    said = str(error).casefold()
    return isinstance(error, duckdb.InternalException | duckdb.SerializationException) or any(
        words in said for words in _DAMAGE
    )


def damaged(path: str | Path, problem: object) -> StoreDamagedError:
    """Returns the error for a store that cannot be read."""
    return StoreDamagedError(
        f"the store '{path}' is damaged: {str(problem).splitlines()[0]}",
        next_step="restore a backup, or ingest the tables into a new store",
        value=str(path),
    )


MEMORY = ":memory:"
_MAGIC_AT, _MAGIC = 8, b"DUCK"
_TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".parquet", ".pq", ".arrow", ".feather", ".gz", ".zip")
_NO_FILES: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
"""An untrusted store may contain views and macros. With these settings they cannot read other
files, addresses or environment variables, nor load code."""


def store_file(path: str, *, create: bool) -> Path | None:
    """Returns the real file of a store's path, existing or new; None in memory.

    Raises:
        StoreError: It is not a database and cannot become one.
        FileAccessError: The system refused.
    """
    check_descriptors()
    if path != MEMORY:
        return _checked(path, create=create)
    if not create:
        raise StoreError("a store in memory is empty", expected="the file of a store")
    return None


def connect(
    path: str, file: Path | None, *, read_only: bool, memory_limit: str
) -> duckdb.DuckDBPyConnection:
    """Opens the file of a store, without access to other files.

    Args:
        path: Its name in errors.
        file: As returned by `store_file`.
        read_only: Write nothing, not even next to the file.
        memory_limit: See `DuckDBStore`.

    Raises:
        StoreError: DuckDB refused.
        StoreDamagedError: It is a database that cannot be read.
        StoreUnavailableError: Another process holds it.
        FileAccessError: The system refused.
    """
    config = {**_NO_FILES, "memory_limit": memory_limit}
    if read_only and file is not None:
        folder = Path(tempfile.gettempdir()) / f"graphrec-duckdb-{os.getpid()}"
        config["temp_directory"] = str(folder)
    try:
        connection = duckdb.connect(
            str(file or MEMORY), read_only=read_only and file is not None, config=config
        )
    except duckdb.Error as error:
        raise _refusal(path, error) from error
    try:
        _refuse_another(connection, path, file)
        (is_locked,) = connection.execute("SELECT current_setting('lock_configuration')").fetchall()
        if not is_locked[0]:
            # GLOBAL, because cursors do not inherit the settings of their connection.
            connection.execute("SET GLOBAL TimeZone = 'UTC'; SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def _checked(path: str, *, create: bool) -> Path:
    """Returns the real file of a path: an existing or a new database."""
    if not path.strip() or "\0" in path:
        raise StoreError("the store has no name", expected="the path of a file", value=path)
    file = Path(path)
    try:
        if not file.exists():
            return _new(path, file, create=create)
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"
            raise StoreError(f"'{path}' is {what}", expected="the file of a store", value=path)
        with file.open("rb") as opened:
            begin = opened.read(_MAGIC_AT + len(_MAGIC))
    except OSError as error:
        raise refused(error, "open the store", path) from error
    if begin[_MAGIC_AT:] != _MAGIC:
        what = "is not a DuckDB database" if begin else "is empty"
        raise StoreError(
            f"'{path}' cannot be opened as a graph store: it {what}",
            expected="a store that graphrec made, or a new name",
            next_step="nothing was written to it",
            value=path,
        )
    return file.resolve()


def _new(path: str, file: Path, *, create: bool) -> Path:
    if not create:
        raise StoreError(
            f"there is no store at '{path}'",
            next_step="fill one with `graphrec ingest`",
            value=path,
        )
    if file.is_symlink():
        raise StoreError(
            f"'{path}' is a link to a file that does not exist",
            next_step="name the file itself",
            value=path,
        )
    if not file.parent.is_dir():
        raise StoreError(
            f"there is no folder '{file.parent}'",
            expected="a path in an existing folder",
            value=path,
        )
    if file.suffix.lower() in _TABLE_SUFFIXES:
        raise StoreError(
            f"'{path}' is the name of a table, not of a store",
            expected="a name such as shop.duckdb",
            value=path,
        )
    return file.parent.resolve() / file.name


def _refuse_another(connection: duckdb.DuckDBPyConnection, path: str, file: Path | None) -> None:
    """Checks the opened file: DuckDB opens some names in memory and would store nothing."""
    opened = connection.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchall()
    is_wanted = len(opened) == 1 and (
        opened[0][0] is None
        if file is None
        else opened[0][0] is not None and file.samefile(opened[0][0])
    )
    if not is_wanted:
        raise StoreError(
            f"DuckDB did not open '{path}' as a database file",
            expected="a name such as shop.duckdb",
            value=path,
        )


def _refusal(path: str, error: duckdb.Error) -> GraphRecError:
    said = str(error)
    if "Could not set lock" in said:
        return StoreUnavailableError(
            f"another process holds the store '{path}'",
            next_step="wait for it to finish and try again",
            value=path,
        )
    if isinstance(error, duckdb.ConnectionException):
        return StoreUnavailableError(
            f"this process has the store '{path}' open already, for reading or for writing",
            next_step="close it first",
            value=path,
        )
    if "version number" in said or "newer version" in said:
        return StoreError(
            f"'{path}' was made by another version of DuckDB: {said.splitlines()[0]}",
            next_step="open it with that version",
            value=path,
        )
    if is_damage(error):
        return damaged(path, said)
    if (number := number_in(said)) not in (None, ENOENT):
        return of_number(number, "open the store", path)
    return StoreError(
        f"'{path}' cannot be opened as a graph store: {said.splitlines()[0]}",
        expected="a readable file in a writable folder",
        value=path,
    )
