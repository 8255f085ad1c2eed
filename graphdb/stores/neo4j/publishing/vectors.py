"""Writes the vectors of a node type, batch by batch; what an earlier try wrote is left as it is."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from graphdb.schema_types import Schema
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.neo4j.publishing import releases, statements
from graphdb.stores.neo4j.publishing.indexes import num_dimensions
from graphdb.stores.neo4j.publishing.lifted import Lifted
from graphdb.stores.neo4j.writing import count
from graphdb.stores.publishing import OnProgress, PublishedType, Release

BATCH_NUMBERS = 500_000
"""Vector components in one transaction: about 800 vectors of length 512."""
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class _Batch:
    """What a batch did: how many nodes were found, zero among them, and how the rest fared."""

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
    release: Release,
    node_type: str,
    lifted: Lifted,
    on_progress: OnProgress,
) -> PublishedType:
    """Puts the vectors on the nodes that the store has.

    Raises:
        StoreError: Another publish has taken the turn.
    """
    ids = release.embeddings[node_type].ids
    step = max(min(BATCH_NUMBERS // num_dimensions(release.dim), MOST_ROWS), 1)
    total = _Batch()
    for start in range(0, len(ids), step):
        batch = np.arange(start, min(start + step, len(ids)))

        def work(tx: Tx, batch: NDArray[np.int64] = batch) -> _Batch:
            releases.hold(tx, release)
            return _write_batch(tx, schema, release, node_type, lifted, batch)

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
    release: Release,
    node_type: str,
    lifted: Lifted,
    batch: NDArray[np.int64],
) -> _Batch:
    keys = release.embeddings[node_type].ids.take(batch).to_pylist()
    query = statements.found_nodes(schema, node_type, release.release_id)
    ((positions, nodes, has_vector),) = rows(tx, query, {"keys": keys})
    found = batch[np.array(positions, np.int64)]
    known = lifted.norms[found] > 0
    kept = np.array(has_vector, bool)
    wanted = known & ~kept
    if wanted.any():
        parameters = {
            "nodes": np.array(nodes, np.int64)[wanted].tolist(),
            "embedding": statements.embedding_name(release.release_id),
            "vectors": lifted.targets(found[wanted]).tolist(),
        }
        tx.run(statements.set_vectors(), parameters).consume()
    return _Batch(
        found=len(found),
        zero=int(np.count_nonzero(~known)),
        written=int(np.count_nonzero(wanted)),
        kept=int(np.count_nonzero(known & kept)),
    )
