"""Turns the driver's errors into ours. No message of ours ever holds a password."""

from collections.abc import Iterator
from contextlib import contextmanager

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
"""What keeps a constraint from being made, and what to do about it."""
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
    """Raises StoreError, or StoreUnavailableError where trying again may help.

    Args:
        num_rows: How many rows were being written.
    """
    where = f"the Neo4j server at {settings.uri}"
    try:
        yield
    except IncompleteCommit as error:
        raise StoreUnavailableError(
            f"{where} was lost in the moment of committing; the batch may be in or not",
            next_step="write it again: nothing comes in twice",
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
    """Whether somebody ended the transaction from outside."""
    return isinstance(error, Neo4jError) and error.code in _TERMINATED


def is_too_full(error: Neo4jError | DriverError) -> bool:
    """Whether the server had no memory for a transaction; the same one will not fit later."""
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
            "the query writes, and here only reading is allowed; nothing was changed",
            next_step="take out what writes (CREATE, MERGE, SET, DELETE and the like)",
        )
    if isinstance(error, ConfigurationError):  # an old Bolt lacks what the settings ask for
        return StoreError(
            f"{where} cannot be used: {error}",
            expected="Neo4j 5.7 or newer",
            next_step="upgrade it to 5 LTS (5.26), or check host and port",
            value=settings.uri,
        )
    return StoreError(f"{where} failed: {error}")
