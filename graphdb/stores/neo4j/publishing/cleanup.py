"""Takes releases out of the database that are no longer served, or never came to be."""

import time

from graphdb.schema_types import Schema
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.neo4j.publishing import indexes, recommended, releases, statements
from graphdb.stores.publishing import OnProgress

PAGE_NODES = 5_000
READERS_S = 10.0
"""How long readers that began before the change may take to end."""
_POLL_S = 0.05


def wait_for_readers(connection: Connection) -> None:
    """Returns when all that was running has ended, or after READERS_S: they may read the old."""
    deadline = time.monotonic() + READERS_S
    running = _running(connection)
    while running and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        running &= _running(connection)


def remove_stale(connection: Connection, schema: Schema, on_progress: OnProgress) -> int:
    """Removes all there is of every release that is neither served nor written.

    Returns:
        How many of their RECOMMENDED relationships went.
    """
    undrawn = 0
    for release_id, types in releases.stale(connection).items():
        indexes.drop(connection, release_id)
        undrawn += _remove_recommended(connection, release_id)
        done = 0
        for node_type in types:
            last: str | None = ""
            while last is not None:
                last, removed = _remove_page(connection, schema, release_id, node_type, last)
                done += removed
                on_progress(f"clean up release {release_id}", done, done)
        _forget(connection, release_id)
    return undrawn


def _remove_recommended(connection: Connection, release_id: str) -> int:
    def work(tx: Tx) -> int:
        return recommended.remove(tx, release_id) if releases.is_stale(tx, release_id) else 0

    return connection.write(work)


def _remove_page(
    connection: Connection, schema: Schema, release_id: str, node_type: str, last: str
) -> tuple[str | None, int]:
    """Takes the vectors off a page of nodes; where the next page begins, None at the end."""

    def work(tx: Tx) -> tuple[str | None, int]:
        if not releases.is_stale(tx, release_id):
            return None, 0  # somebody publishes it again
        query = statements.remove_page(schema, node_type, release_id)
        ((key, removed),) = rows(tx, query, {"last": last, "rows": PAGE_NODES})
        return (key if removed == PAGE_NODES else None), removed

    return connection.write(work)


def _forget(connection: Connection, release_id: str) -> None:
    def work(tx: Tx) -> None:
        if releases.is_stale(tx, release_id):
            rows(tx, statements.forget(), {"trace": statements.TRACE + release_id})

    connection.write(work)


def _running(connection: Connection) -> set[str]:
    found = connection.read("SHOW TRANSACTIONS YIELD transactionId RETURN transactionId")
    return {transaction for (transaction,) in found}
