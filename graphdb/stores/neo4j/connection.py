"""Connects to Neo4j through one driver and turns the driver's errors into graphrec errors.

It offers read queries and write transactions. No message contains a password.
"""

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from threading import Timer
from typing import Any, TypeVar
from uuid import uuid4

import neo4j
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConnectionAcquisitionTimeoutError,
    DriverError,
    Forbidden,
    IncompleteCommit,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graphdb.errors import StoreError, StoreUnavailableError
from graphdb.printable import quoted
from graphdb.stores.neo4j.settings import Neo4jSettings

_SECURITY = "Neo.ClientError.Security."
_TOO_FULL = (
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
    "Neo.TransientError.General.TransactionOutOfMemoryError",
    "Neo.TransientError.General.OutOfMemoryError",
    "Neo.DatabaseError.General.OutOfMemoryError",
)
_IN_THE_WAY = {
    "Neo.DatabaseError.Schema.ConstraintCreationFailed": "delete one of the two nodes, or give it"
    " another key, then open the store again",
    "Neo.ClientError.Schema.IndexAlreadyExists": "drop that index (SHOW INDEXES names it), then"
    " open the store again",
}
"""Obstacles to creating a constraint, and the next step for each."""
_TERMINATED = (
    "Neo.ClientError.Transaction.LockClientStopped",
    "Neo.TransientError.Transaction.LockClientStopped",
    "Neo.TransientError.Transaction.Terminated",
)

_TIMED_OUT = (
    "Neo.ClientError.Transaction.TransactionTimedOut",
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
)


@contextmanager
def translated(settings: Neo4jSettings, num_rows: int = 0) -> Iterator[None]:
    """Raises StoreError, or StoreUnavailableError if trying again may help.

    Args:
        num_rows: The number of rows in the write.
    """
    where = f"the Neo4j server at {settings.uri}"
    try:
        yield
    except IncompleteCommit as error:
        raise StoreUnavailableError(
            f"{where} was lost during the commit; the batch may or may not be written",
            next_step="write it again: nothing is duplicated",
        ) from error
    except (ServiceUnavailable, SessionExpired, ConnectionAcquisitionTimeoutError) as error:
        raise StoreUnavailableError(
            f"{where} cannot be reached",
            expected="a running server with Bolt at this address",
            next_step="start it (`scripts/neo4j start` for one of your own), then try again",
            value=settings.uri,
        ) from error
    except (Neo4jError, DriverError) as error:
        raise _of(error, settings, where, num_rows) from error


def was_terminated(error: Neo4jError | DriverError) -> bool:
    """Returns whether the transaction was terminated from outside."""
    return isinstance(error, Neo4jError) and error.code in _TERMINATED


def is_too_full(error: Neo4jError | DriverError) -> bool:
    """Returns whether the transaction exceeds the server's memory, now and on a retry."""
    return isinstance(error, Neo4jError) and error.code in _TOO_FULL


def _of(
    error: Neo4jError | DriverError, settings: Neo4jSettings, where: str, num_rows: int
) -> StoreError:
    code = getattr(error, "code", None) or ""
    if isinstance(error, AuthError | Forbidden) or code.startswith(_SECURITY):
        return StoreError(
            f"{where} does not let the user '{settings.user}' do this ({code or 'no access'})",
            next_step="check NEO4J_USER and NEO4J_PASSWORD",
            value=settings.user,
        )
    if is_too_full(error):
        batch = f"a batch of {num_rows:,} rows" if num_rows else "a query"
        return StoreError(
            f"{batch} does not fit into the server's memory for transactions; nothing was written",
            next_step="write fewer rows at once, or give the server more"
            " (server.memory.heap.max_size, dbms.memory.transaction.total.max)",
            value=num_rows,
        )
    if isinstance(error, TransientError) or was_terminated(error):
        return StoreUnavailableError(
            f"{where} could not do it now, nor in {settings.retry_time_s:g} s of trying: {error}",
            next_step="try again later",
        )
    if code in _TIMED_OUT:
        return StoreError(
            f"{where} ended the query: it took longer than its time limit",
            next_step="ask for less, start from an indexed key, or allow more time (timeout_s, or"
            " db.transaction.timeout on the server)",
        )
    if code == "Neo.ClientError.Database.DatabaseNotFound":
        return StoreError(
            f"{where} has no database '{settings.database}'",
            next_step="set NEO4J_DATABASE to one it has",
            value=settings.database,
        )
    if code in _IN_THE_WAY:
        return StoreError(
            f"{where} cannot keep keys unique: {getattr(error, 'message', error)}",
            next_step=_IN_THE_WAY[code],
            value=settings.uri,
        )
    if code == "Neo.ClientError.Statement.AccessMode":
        return StoreError(
            "the query writes, but only reading is allowed here; nothing changed",
            next_step="remove the writing parts (CREATE, MERGE, SET, DELETE and similar)",
        )
    if isinstance(
        error, ConfigurationError
    ):  # an old Bolt version lacks a feature that the settings need
        return StoreError(
            f"{where} cannot be used: {error}",
            expected="Neo4j 5.7 or newer",
            next_step="upgrade it to 5 LTS (5.26), or check host and port",
            value=settings.uri,
        )
    return StoreError(f"{where} failed: {error}")


OLDEST_SERVER = (5, 7)
SEARCH_SERVER = (2026, 1)
_T = TypeVar("_T")

Tx = neo4j.Transaction


class Connection:
    """A connected Neo4j database. It raises only graphrec errors.

    Raises:
        StoreUnavailableError: The server cannot be reached.
        StoreError: It refuses the user, or its version is not supported.
    """

    def __init__(self, settings: Neo4jSettings) -> None:
        self.settings = settings
        try:
            self._driver = neo4j.GraphDatabase.driver(
                settings.uri,
                auth=(settings.user, settings.password),
                connection_timeout=settings.connect_timeout_s,
                connection_acquisition_timeout=settings.connect_timeout_s * 2,
                # id() is deprecated, but half the size of elementId() on the wire.
                notifications_min_severity="OFF",
            )
        except (ValueError, neo4j.exceptions.ConfigurationError) as error:
            raise StoreError(
                f"'{settings.uri}' is not the address of a Neo4j server: {error}",
                expected="neo4j://HOST:PORT, bolt://HOST:PORT or one of them with +s",
                value=settings.uri,
            ) from error
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager()
        try:
            self.version = self._check_server()
        except BaseException:
            self.close()
            raise

    @property
    def can_search(self) -> bool:
        """Whether the server has Cypher's SEARCH, with filters inside the vector index."""
        return self.version >= SEARCH_SERVER

    def read(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[list[Any]]:
        """Returns the rows of a query, retried if the server asks for it."""

        def work(tx: Tx) -> list[list[Any]]:
            return rows(tx, query, parameters)

        return self._run(work, neo4j.READ_ACCESS)

    def read_together(self, work: Callable[[Tx], _T]) -> _T:
        """Runs `work`, which reads, in one transaction, and restarts it if the server asks."""
        return self._run(work, neo4j.READ_ACCESS)

    def look(
        self,
        query: str,
        parameters: Mapping[str, Any],
        *,
        limit: int,
        timeout_s: float,
        check: Callable[[neo4j.ResultSummary], None],
    ) -> tuple[list[str], list[list[Any]]]:
        """Returns the column names and first rows of a user's query; the server refuses writes.

        Args:
            limit: Rows to fetch at most.
            timeout_s: The seconds after which the server ends the query.
            check: Called with the query's plan before it runs; raises to stop it.
        """

        def work(tx: Tx) -> tuple[list[str], list[list[Any]]]:
            # A user's query is not a literal.
            check(tx.run(f"EXPLAIN {query}", parameters).consume())  # type: ignore[arg-type]
            result = tx.run(query, parameters)  # type: ignore[arg-type]
            return list(result.keys()), [record.values() for record in result.fetch(limit)]

        return self._run(work, neo4j.READ_ACCESS, timeout_s=timeout_s)

    def write(self, work: Callable[[Tx], _T], num_rows: int = 0) -> _T:
        """Runs `work` in one transaction, and restarts it after a deadlock or similar.

        Args:
            num_rows: The number of rows that `work` writes, for the message if they are too many.
        """
        return self._run(work, neo4j.WRITE_ACCESS, num_rows)

    def change_schema(self, statements: list[str], *, wait: bool = True) -> None:
        """Runs constraint and index statements, which cannot share a transaction with data.

        Args:
            wait: Return only when every index is built.
        """
        for statement in [*statements, *(["CALL db.awaitIndexes(600)"] if wait else [])]:
            self.write(partial(rows, query=statement))

    def drop_indexes(self, names: Iterable[str], *, patience_s: float = 5.0) -> None:
        """Drops indexes while others read.

        Neo4j 5.26 has a deadlock that it does not detect. Two equal queries are planned: one waits
        for the plan of the other, which waits for a lock behind the drop, which waits for a lock of
        the first. So a drop that has to wait is cancelled and retried; the server's own time limits
        do not apply to schema changes.

        Args:
            patience_s: How long a drop waits.

        Raises:
            StoreUnavailableError: It did not succeed within the settings' `retry_time_s`.
        """
        for name in names:
            mark = uuid4().hex
            work = partial(self._drop, name=name, mark=mark, patience_s=patience_s)
            self._run(work, neo4j.WRITE_ACCESS, mark=mark)

    def _drop(self, tx: Tx, *, name: str, mark: str, patience_s: float) -> None:
        timer = Timer(patience_s, self._terminate, [mark])
        timer.start()
        try:
            rows(tx, f"DROP INDEX {quoted(name)} IF EXISTS")
        finally:
            timer.cancel()
            timer.join()

    def _terminate(self, mark: str) -> None:
        """Terminates one of our transactions from outside; its thread gets an error."""
        query = (
            "SHOW TRANSACTIONS YIELD transactionId AS id, metaData WHERE metaData.mark = $mark"
            " TERMINATE TRANSACTIONS id YIELD message RETURN message"
        )
        with suppress(StoreError):  # without the server, the transaction has ended, too
            self.read(query, {"mark": mark})

    def close(self) -> None:
        self._driver.close()

    def _run(
        self,
        work: Callable[[Tx], _T],
        access: str,
        num_rows: int = 0,
        mark: str | None = None,
        timeout_s: float | None = None,
    ) -> _T:
        # The driver's own managed transactions would try a transaction that does not fit into the
        # server's memory again for half a minute; a commit cannot be told apart inside of them.
        with translated(self.settings, num_rows):
            for pause_s in _pauses(self.settings.retry_time_s):
                try:
                    with (
                        self._session(access) as session,
                        session.begin_transaction(
                            {"mark": mark} if mark else None, timeout_s
                        ) as tx,
                    ):
                        done = work(tx)
                        tx.commit()
                        return done
                except (DriverError, Neo4jError) as error:
                    again = error.is_retryable() or (mark and was_terminated(error))
                    if pause_s is None or is_too_full(error) or not again:
                        raise
                time.sleep(pause_s)
        raise AssertionError("the last pause is None")

    def _session(self, access: str) -> neo4j.Session:
        return self._driver.session(
            database=self.settings.database,
            default_access_mode=access,
            bookmark_manager=self._bookmarks,
        )

    def _check_server(self) -> tuple[int, int]:
        uri = self.settings.uri
        try:
            with translated(self.settings):
                server = self._driver.get_server_info()
        except ValueError as error:  # the driver's error for a host name that cannot be resolved
            raise StoreUnavailableError(
                f"the address of the Neo4j server, {uri}, cannot be resolved",
                next_step="check host and port",
                value=uri,
            ) from error
        return check_version(server.agent, uri)


def _pauses(retry_time_s: float) -> Iterator[float | None]:
    """Yields the pause after each failed try; None when no time is left.

    The pauses double and are randomised, so that two writers do not collide again.
    """
    deadline = time.monotonic() + retry_time_s
    pause_s = 0.1
    while time.monotonic() < deadline:
        yield pause_s * random.uniform(0.5, 1.5)
        pause_s = min(pause_s * 2, 5.0)
    yield None


def rows(tx: Tx, query: str, parameters: Mapping[str, Any] | None = None) -> list[list[Any]]:
    """Runs a query in a transaction and returns its rows as lists."""
    return tx.run(query, parameters).values()  # type: ignore[arg-type]


def check_version(agent: str, uri: str) -> tuple[int, int]:
    """Returns the version of a server; refuses those that are too old for the queries.

    >>> check_version("Neo4j/5.26.30", "bolt://db")
    (5, 26)
    >>> check_version("Neo4j/4.4.11", "bolt://db")
    Traceback (most recent call last):
        ...
    graphdb.errors.StoreError: bolt://db is Neo4j/4.4.11; expected Neo4j 5.7 or newer; \
upgrade it to 5 LTS (5.26)
    """
    found = re.match(r"Neo4j/(\d+)\.(\d+)", agent)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < OLDEST_SERVER:
        raise StoreError(
            f"{uri} is {agent}",
            expected="Neo4j 5.7 or newer",
            next_step="upgrade it to 5 LTS (5.26)",
            value=agent,
        )
    return version
