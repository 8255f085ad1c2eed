"""Which release is served, and who is writing the next one.

Every transaction of a publish first locks the release node and looks whether it is still its turn.
So a second publisher takes over cleanly, and clean-up never touches what is served or written.
"""

from typing import Any

from graphdb.errors import StoreError
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.publishing.lifted import Lifted, num_extra
from graphdb.stores.publishing import Release


def claim(tx: Tx, release: Release) -> None:
    """Takes the turn, from whoever had it."""
    _turn(tx)
    parameters = {
        "served": statements.SERVED,
        "id": release.release_id,
        "trace": statements.TRACE + release.release_id,
        "types": sorted(release.embeddings),
    }
    rows(tx, statements.claim(), parameters)


def hold(tx: Tx, release: Release) -> None:
    """Locks the release node, so that no other publisher writes before this transaction ends.

    Raises:
        StoreError: Another publish has taken the turn.
    """
    _, writing = _turn(tx)
    if writing != release.release_id:
        raise StoreError(
            f"another publish took over while release {release.release_id} was being written",
            expected="one publish at a time",
            next_step="wait for the other one to end, then publish again",
            value=writing,
        )


def serve(tx: Tx, release: Release, lifted: dict[str, Lifted]) -> str | None:
    """Makes the release the one that is served, and ends the turn.

    Returns:
        The release that was served before, if it was another one.
    """
    before, _ = _turn(tx)
    content: dict[str, Any] = {
        "name": statements.SERVED,
        "id": release.release_id,
        "embedding": statements.embedding_name(release.release_id),
        "dim": release.dim,
        "padding": [0.0] * num_extra(release.dim),
        "snapshot_id": release.snapshot_id,
        "trained_at": release.trained_at,
    }
    for node_type, vectors in lifted.items():
        content[f"max_norm_{node_type}"] = vectors.max_norm
        content[f"typical_norm_{node_type}"] = vectors.typical_norm
    rows(tx, statements.flip(), {"served": statements.SERVED, "release": content})
    return before if before != release.release_id else None


def stale(connection: Connection) -> dict[str, list[str]]:
    """Releases that are neither served nor written: their ids, and their node types."""

    def work(tx: Tx) -> dict[str, list[str]]:
        in_use = _turn(tx)
        found = rows(tx, statements.traces(), {"trace": statements.TRACE})
        left = {name.removeprefix(statements.TRACE): types for name, types in found}
        return {name: types for name, types in left.items() if name not in in_use}

    return connection.write(work)


def is_stale(tx: Tx, release_id: str) -> bool:
    """Whether a release is still neither served nor written; locks it in that state."""
    return release_id not in _turn(tx)


def _turn(tx: Tx) -> tuple[str | None, str | None]:
    """The release that is served and the one being written; locked until the transaction ends."""
    ((served, writing),) = rows(tx, statements.served(), {"served": statements.SERVED})
    return served, writing
