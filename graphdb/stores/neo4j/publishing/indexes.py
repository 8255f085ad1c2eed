"""Vector indexes of a release: made after its vectors, which is quicker, and waited for."""

import time

from graphdb.errors import StoreError
from graphdb.stores.neo4j.connection import Connection
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.publishing.lifted import num_extra
from graphdb.stores.publishing import OnProgress, Release

MOST_DIMENSIONS = 4096
_POLL_S = 0.2


def num_dimensions(dim: int) -> int:
    """Length of what the index holds for vectors of length `dim`."""
    return dim + num_extra(dim)


def create(connection: Connection, release: Release, on_progress: OnProgress) -> None:
    """Makes one index per embedded type, and returns when all can be asked.

    Raises:
        StoreError: The server could not build one.
    """
    connection.change_schema(
        [
            statements.create_index(node_type, release.release_id, num_dimensions(release.dim))
            for node_type in release.embeddings
        ],
        wait=False,
    )
    names = [statements.index_name(release.release_id, name) for name in release.embeddings]
    while True:
        states = _states(connection, release.release_id)
        for name in names:
            # Missing when somebody dropped it, such as the clean-up of another publish.
            if states.get(name, ("FAILED", 0.0))[0] == "FAILED":
                raise StoreError(
                    f"the server could not build the vector index '{name}'",
                    next_step="look into its logs, drop the index, then publish again",
                    value=name,
                )
        done = sum(percent for _, percent in states.values())
        on_progress("vector indexes", int(done), 100 * len(states))
        if all(state == "ONLINE" for state, _ in states.values()):
            return
        time.sleep(_POLL_S)


def drop(connection: Connection, release_id: str) -> None:
    """Drops the indexes of a release."""
    connection.drop_indexes(_states(connection, release_id))


def _states(connection: Connection, release_id: str) -> dict[str, tuple[str, float]]:
    """State and share built, in per cent, of each index of a release."""
    prefix = statements.index_name(release_id, "")
    found = connection.read(statements.index_states(), {"prefix": prefix})
    return {name: (state, percent) for name, state, percent in found}
