"""Publishes a release to Neo4j and removes releases that are no longer served.

A publish writes the vectors batch by batch, keeps those of an earlier try, then creates the
indexes, and ends with one small transaction that switches all readers: it changes one property.

Every transaction of a publish first locks the release node and checks that it still has the turn.
So a second publisher takes over cleanly, and clean-up never touches a served or unfinished release.
RECOMMENDED relationships and the description of a release are written before it is served, and
removed after it is replaced. Each names its release, so a reader of the served one sees all of them
or none. Changing them in the switching transaction would not be enough: Neo4j lets a reader see a
part of what a transaction commits.
"""

import time
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError, StoreError
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.neo4j.cypher import to_bolt
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.publishing.statements import (
    MOST_EXTRA,
    MipsVectors,
    num_dimensions,
    num_extra,
)
from graphdb.stores.neo4j.writing import CHUNK_ROWS, count
from graphdb.stores.publishing import (
    RECOMMENDED,
    RECOMMENDED_COLUMNS,
    DrawnQuery,
    OnProgress,
    PublishedRelease,
    PublishedType,
    PublishReport,
    Recommended,
)

MOST_RECOMMENDED_ROWS = 100_000
"""Drawn in one transaction, which the server holds in its heap."""


def check(release: PublishedRelease) -> None:
    """Raises StoreError where there are too many to draw at once."""
    wanted = num_rows(release)
    if wanted > MOST_RECOMMENDED_ROWS:
        raise StoreError(
            f"{wanted:,} recommendations cannot be drawn in one transaction",
            expected=f"at most {MOST_RECOMMENDED_ROWS:,}",
            next_step="give fewer queries or a smaller k; vectors are there for all the others",
            value=wanted,
        )


def draw(tx: Tx, schema: Schema, release: PublishedRelease) -> int:
    """Draws those of a release beside what it has already; returns how many found both ends.

    Those of the same query node and target type are replaced.
    """
    drawn = 0
    for recommended in release.recommended:
        _remove_of(tx, schema, release.release_id, recommended)
        query = statements.draw_recommended(schema, recommended.query_type, recommended.target_type)
        for start in range(0, recommended.rows.num_rows, CHUNK_ROWS):
            part = recommended.rows.slice(start, CHUNK_ROWS)
            parameters = {name: to_bolt(part[name]) for name in RECOMMENDED_COLUMNS.names}
            made = tx.run(query, {**parameters, "release": release.release_id}).consume()
            drawn += made.counters.relationships_created
    return drawn


def remove(tx: Tx, release_id: str) -> int:
    """Removes those of a release; returns how many there were."""
    removed = tx.run(statements.remove_recommended(), release=release_id).consume()
    return removed.counters.relationships_deleted


def _remove_of(tx: Tx, schema: Schema, release_id: str, recommended: Recommended) -> None:
    query = statements.remove_recommended_of(
        schema, recommended.query_type, recommended.target_type
    )
    queries = to_bolt(pc.unique(recommended.rows["query_id"]))
    tx.run(query, {"queries": queries, "release": release_id}).consume()


def num_rows(release: PublishedRelease) -> int:
    return sum(recommended.rows.num_rows for recommended in release.recommended)


def drawn_queries(connection: Connection, schema: Schema) -> tuple[str | None, list[DrawnQuery]]:
    """See `PublishingStore.drawn_queries`."""
    found = connection.read(statements.served_release(), {"served": statements.SERVED})
    if not found:
        return None, []
    ((release_id,),) = found
    keys = {name: node_type.key for name, node_type in schema.node_types.items()}
    parameters = {"release": release_id, "keys": keys}
    rows_found = connection.read(statements.drawn(), parameters)
    return release_id, [DrawnQuery(*row) for row in rows_found]


def claim(tx: Tx, release: PublishedRelease) -> None:
    """Takes the turn from any other publisher."""
    _turn(tx)
    parameters = {
        "served": statements.SERVED,
        "id": release.release_id,
        "trace": statements.TRACE + release.release_id,
        "types": sorted(release.embeddings),
    }
    rows(tx, statements.claim(), parameters)


def hold(tx: Tx, release: PublishedRelease) -> None:
    """Locks the release node against other publishers until this transaction ends.

    Raises:
        StoreError: Another publish took over.
    """
    _, writing = _turn(tx)
    if writing != release.release_id:
        raise StoreError(
            f"another publish took over while release {release.release_id} was being written",
            expected="one publish at a time",
            next_step="wait for the other one to end, then publish again",
            value=writing,
        )


def describe(tx: Tx, release: PublishedRelease, augmented: dict[str, MipsVectors]) -> None:
    """Writes what a reader needs to search the vectors of the release."""
    content: dict[str, Any] = {
        "id": release.release_id,
        "embedding": statements.embedding_name(release.release_id),
        "dim": release.dim,
        "padding": [0.0] * num_extra(release.dim),
        "snapshot_id": release.snapshot_id,
        "trained_at": release.trained_at,
    }
    for node_type, vectors in augmented.items():
        content[f"max_norm_{node_type}"] = vectors.max_norm
        content[f"typical_norm_{node_type}"] = vectors.typical_norm
    parameters = {
        "served": statements.SERVED,
        "trace": statements.TRACE + release.release_id,
        "release": content,
    }
    rows(tx, statements.describe(), parameters)


def serve_release(tx: Tx, release: PublishedRelease) -> str | None:
    """Serves the release, and ends the turn.

    Returns:
        The release that was served before, if it was another one.
    """
    before, _ = _turn(tx)
    rows(tx, statements.flip(), {"served": statements.SERVED, "id": release.release_id})
    return before if before != release.release_id else None


def stale(connection: Connection) -> dict[str, list[str]]:
    """Returns ids and node types of releases that are neither served nor being written."""

    def work(tx: Tx) -> dict[str, list[str]]:
        in_use = _turn(tx)
        found = rows(tx, statements.traces(), {"trace": statements.TRACE})
        left = {name.removeprefix(statements.TRACE): types for name, types in found}
        return {name: types for name, types in left.items() if name not in in_use}

    return connection.write(work)


def is_stale(tx: Tx, release_id: str) -> bool:
    """Returns whether a release is still neither served nor being written, and locks that state."""
    return release_id not in _turn(tx)


def _turn(tx: Tx) -> tuple[str | None, str | None]:
    """The release that is served and the one being written; locked until the transaction ends."""
    ((served, writing),) = rows(tx, statements.served(), {"served": statements.SERVED})
    return served, writing


BATCH_NUMBERS = 500_000
"""Vector components in one transaction: about 800 vectors of length 512."""
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class _Batch:
    """The counts of a batch: nodes found, zero vectors among them, vectors written and kept."""

    found: int = 0
    zero: int = 0
    written: int = 0
    kept: int = 0

    def __add__(self, other: "_Batch") -> "_Batch":
        return _Batch(
            *(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))
        )


def write_vectors(
    connection: Connection,
    schema: Schema,
    release: PublishedRelease,
    node_type: str,
    augmented: MipsVectors,
    on_progress: OnProgress,
) -> PublishedType:
    """Puts the vectors on the nodes that the store has.

    Raises:
        StoreError: Another publish took over.
    """
    ids = release.embeddings[node_type].ids
    step = max(min(BATCH_NUMBERS // num_dimensions(release.dim), MOST_ROWS), 1)
    total = _Batch()
    for start in range(0, len(ids), step):
        batch = np.arange(start, min(start + step, len(ids)))

        def work(tx: Tx, batch: NDArray[np.int64] = batch) -> _Batch:
            hold(tx, release)
            return _write_batch(tx, schema, release, node_type, augmented, batch)

        total += connection.write(work, len(batch))
        on_progress(f"{node_type} vectors", int(batch[-1]) + 1, len(ids))
    stored = connection.write(lambda tx: count(tx, schema, node_type))
    return PublishedType(
        written=total.written,
        kept=total.kept,
        zero=total.zero,
        unknown=len(ids) - total.found,
        uncovered=stored - total.found,
    )


def _write_batch(
    tx: Tx,
    schema: Schema,
    release: PublishedRelease,
    node_type: str,
    augmented: MipsVectors,
    batch: NDArray[np.int64],
) -> _Batch:
    keys = release.embeddings[node_type].ids.take(batch).to_pylist()
    query = statements.found_nodes(schema, node_type, release.release_id)
    ((positions, nodes, has_vector),) = rows(tx, query, {"keys": keys})
    found = batch[np.array(positions, np.int64)]
    known = augmented.norms[found] > 0
    kept = np.array(has_vector, bool)
    wanted = known & ~kept
    if wanted.any():
        parameters = {
            "nodes": np.array(nodes, np.int64)[wanted].tolist(),
            "embedding": statements.embedding_name(release.release_id),
            "vectors": augmented.targets(found[wanted]).tolist(),
        }
        tx.run(statements.set_vectors(), parameters).consume()
    return _Batch(
        found=len(found),
        zero=int(np.count_nonzero(~known)),
        written=int(np.count_nonzero(wanted)),
        kept=int(np.count_nonzero(known & kept)),
    )


PAGE_NODES = 5_000
READERS_S = 10.0
"""The time that readers get to finish if they started before the switch."""
_POLL_S = 0.05


def wait_for_readers(connection: Connection) -> None:
    """Waits for running transactions, which may read the old release, at most READERS_S."""
    deadline = time.monotonic() + READERS_S
    running = _running(connection)
    while running and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        running &= _running(connection)


def remove_stale(connection: Connection, schema: Schema, on_progress: OnProgress) -> int:
    """Removes every release that is neither served nor being written.

    Returns:
        How many of their RECOMMENDED relationships went.
    """
    undrawn = 0
    for release_id, types in stale(connection).items():
        statements.drop(connection, release_id)
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
        return remove(tx, release_id) if is_stale(tx, release_id) else 0

    return connection.write(work)


def _remove_page(
    connection: Connection, schema: Schema, release_id: str, node_type: str, last: str
) -> tuple[str | None, int]:
    """Removes the vectors from a page of nodes; returns the start of the next page or None."""

    def work(tx: Tx) -> tuple[str | None, int]:
        if not is_stale(tx, release_id):
            return None, 0  # another publish writes it again
        query = statements.remove_page(schema, node_type, release_id)
        ((key, removed),) = rows(tx, query, {"last": last, "rows": PAGE_NODES})
        return (key if removed == PAGE_NODES else None), removed

    return connection.write(work)


def _remove_old_vectors(connection: Connection, release: PublishedRelease) -> None:
    """Removes the vectors that an older version wrote of this release, under another name."""
    for node_type in release.embeddings:
        query = statements.remove_old_vectors(node_type, release.release_id)
        number = PAGE_NODES
        while number == PAGE_NODES:
            work = partial(rows, query=query, parameters={"rows": PAGE_NODES})
            ((number,),) = connection.write(work)


def _forget(connection: Connection, release_id: str) -> None:
    def work(tx: Tx) -> None:
        if is_stale(tx, release_id):
            rows(tx, statements.forget(), {"trace": statements.TRACE + release_id})

    connection.write(work)


def _running(connection: Connection) -> set[str]:
    found = connection.read("SHOW TRANSACTIONS YIELD transactionId RETURN transactionId")
    return {transaction for (transaction,) in found}


OLDEST_SERVER = (5, 23)
"""The first whose vector indexes can be told how to be built."""


def publish(
    connection: Connection, schema: Schema, release: PublishedRelease, on_progress: OnProgress
) -> PublishReport:
    """See `PublishingStore.publish`."""
    _check_release(schema, release)
    _check_server(connection)
    augmented = {
        name: MipsVectors.of(name, kept.vectors) for name, kept in release.embeddings.items()
    }
    connection.write(lambda tx: claim(tx, release))
    types = {
        name: write_vectors(connection, schema, release, name, vectors, on_progress)
        for name, vectors in augmented.items()
    }
    if not any(done.written + done.kept for done in types.values()):
        raise StoreError(
            f"{connection.settings.uri} has none of the nodes of release {release.release_id}",
            expected="the graph that the model learned from",
            next_step="check bundle and store; the previous release is still served",
            value=release.release_id,
        )
    statements.create(connection, schema, release, on_progress)

    def draw_held(tx: Tx) -> int:
        hold(tx, release)
        describe(tx, release, augmented)
        return draw(tx, schema, release)

    def serve(tx: Tx) -> str | None:
        hold(tx, release)
        return serve_release(tx, release)

    wanted = num_rows(release)
    drawn = connection.write(draw_held, wanted)
    replaced = connection.write(serve)
    wait_for_readers(connection)
    if statements.drop_old(connection, release.release_id):
        _remove_old_vectors(connection, release)
    removed = remove_stale(connection, schema, on_progress)
    return PublishReport(release.release_id, replaced, types, drawn, wanted - drawn, removed)


def _check_release(schema: Schema, release: PublishedRelease) -> None:
    for node_type in release.embeddings:
        if node_type not in schema.node_types:
            raise SchemaError(
                f"the release has vectors for {node_type}, a type that is not in the store",
                expected="vectors for some of " + ", ".join(schema.node_types),
                next_step="train on a snapshot of this store",
                value=node_type,
            )
    if RECOMMENDED in schema.relations:
        raise SchemaError(
            f"the store's schema has a relation {RECOMMENDED}, a name that publishing needs",
            next_step="give the relation another name",
            value=RECOMMENDED,
        )
    if statements.num_dimensions(release.dim) > statements.MOST_DIMENSIONS:
        raise StoreError(
            f"vectors of length {release.dim:,} do not fit into Neo4j's vector index",
            expected=f"at most {statements.MOST_DIMENSIONS - MOST_EXTRA:,}"
            f" ({MOST_EXTRA} dimensions are added)",
            next_step="train with a smaller --dim",
            value=release.dim,
        )
    check(release)


def _check_server(connection: Connection) -> None:
    if connection.version < OLDEST_SERVER:
        raise StoreError(
            f"{connection.settings.uri} is Neo4j {'.'.join(map(str, connection.version))}",
            expected="Neo4j {}.{} or newer to publish into".format(*OLDEST_SERVER),
            next_step="upgrade it to 5 LTS (5.26)",
            value=connection.version,
        )
