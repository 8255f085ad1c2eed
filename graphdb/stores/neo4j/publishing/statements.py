"""Holds the names, Cypher, vectors and vector indexes of published releases.

All names of a release contain its id, so two releases are independent, and a reader of one never
sees the other. A node (:_GraphRec {name: 'release ID'}) describes a release: it is there before
anything else of it, does not change while the release is served, and is removed last. The node
(:_GraphRec {name: 'release'}) has the id of the served release in `id`, and readers read nothing
else there, once: Neo4j reads each property when a query needs it, so a switch can come between two.
Indexes are built after the vectors, which is faster.

Neo4j's index has no dot product, so vectors are extended until their cosine order equals the order
of dot products. A target's vector z becomes [z, h r] with h = sqrt(M^2 - |z|^2), M the largest
length of its type and r of length 1; so all are of length M. A query node's vector s becomes [s,
0]. Then cos(query', target') = s . z / (|s| M), and M and |s| are the same for every
target: the order is exact for every r.

With r = 1, one dimension (Bachrach et al., Speeding Up the Xbox Recommender System, 2014, section
3), all short vectors are in one spot, and the long ones, which are most results, are far from all
others: the index, a graph of neighbors, hardly reaches them. So r is the direction of z, folded to
a few dimensions: neighbors are then vectors that point in the same direction.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.schema_types import Kind
from graphdb.stores.neo4j.connection import Connection
from graphdb.stores.neo4j.cypher import META, quoted
from graphdb.stores.publishing import RECOMMENDED, OnProgress, PublishedRelease

MOST_EXTRA = 128
"""The maximum of added dimensions; with half of them recall is slightly lower."""
_BLOCK_ROWS = 16_384
_LONGEST = 2.0**60  # the index squares lengths in float32


@dataclass(frozen=True, slots=True, eq=False)
class MipsVectors:
    """The vectors of a node type, ready to become such targets.

    Args:
        vectors: float32 [num_nodes, dim].
        norms: float64 [num_nodes], their lengths.
    """

    vectors: NDArray[np.float32]
    norms: NDArray[np.float64]

    @classmethod
    def of(cls, node_type: str, vectors: NDArray[np.float32]) -> "MipsVectors":
        """Measures the vectors of a type, some rows at a time.

        Raises:
            StoreError: They are too long for a float32 index.
        """
        norms = np.zeros(len(vectors))
        for start in range(0, len(vectors), _BLOCK_ROWS):
            block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
            norms[start : start + _BLOCK_ROWS] = np.sqrt((block * block).sum(axis=1))
        longest = float(norms.max(initial=0.0))
        if longest > _LONGEST:
            raise StoreError(
                f"a vector of {node_type} has the length {longest:.3g}",
                expected=f"at most {_LONGEST:.3g}",
                next_step="look for a diverged training",
                value=longest,
            )
        return cls(vectors, norms)

    @property
    def max_norm(self) -> float:
        """M, which every augmented vector has as its length."""
        return float(self.norms.max(initial=0.0))

    @property
    def typical_norm(self) -> float:
        """The median length of those that are not zero; 0 without any."""
        known = self.norms[self.norms > 0]
        return float(np.median(known)) if len(known) else 0.0

    def targets(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The augmented vectors of some rows, float32 [num_rows, dim + num_extra(dim)]."""
        norms, longest = self.norms[rows], self.max_norm
        # As a product: the difference of squares would lose the digits of what is nearly M.
        height = np.sqrt((longest - norms) * (longest + norms))
        extra = _folded_directions(self.vectors[rows]) * height[:, np.newaxis]
        return np.concatenate([self.vectors[rows], extra.astype(np.float32)], axis=1)


def num_extra(dim: int) -> int:
    """How many numbers a vector of length `dim` gets."""
    return min(dim, MOST_EXTRA)


def _folded_directions(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Vectors of length 1, alike where the given ones point alike, float64 [num_rows, extra]."""
    num_rows, dim = vectors.shape
    width = num_extra(dim)
    folded = np.zeros((num_rows, -(-dim // width) * width))
    folded[:, :dim] = vectors
    folded = folded.reshape(num_rows, -1, width).sum(axis=1)
    lengths = np.sqrt((folded * folded).sum(axis=1))
    # A vector that folds to zero gets an arbitrary direction.
    folded[lengths == 0] = np.eye(1, width)
    lengths[lengths == 0] = 1.0
    made: NDArray[np.float64] = folded / lengths[:, np.newaxis]
    return made


SERVED = "release"
TRACE = "release "
"""Prefix of the name of the node that describes a release, and lasts as long as its data."""

HNSW_M = 32
HNSW_EF_CONSTRUCTION = 200


def embedding_name(release_id: str) -> str:
    """Returns the property of a release's vectors.

    It sorts after the properties of the schema, which Neo4j Browser lists by name.

    >>> embedding_name("3f9c")
    'vector_3f9c'
    """
    return f"vector_{release_id}"


def old_embedding_name(release_id: str) -> str:
    """Returns the name of that property in releases published before December 2026.

    >>> old_embedding_name("3f9c")
    'embedding_3f9c'
    """
    return f"embedding_{release_id}"


def index_name(release_id: str, node_type: str) -> str:
    """Returns the vector index of a release on one node type.

    >>> index_name("3f9c", "Product")
    'vector_3f9c_Product'
    """
    return f"{embedding_name(release_id)}_{node_type}"


def served() -> str:
    """Returns the served release and the one being written; locks both against other publishers."""
    return f"MERGE (r:{META} {{name: $served}}) SET r.lock = true RETURN r.id, r.next"


def served_release() -> str:
    """Returns the id of the served release, without a lock; no row if there is none."""
    return f"MATCH (r:{META} {{name: $served}}) WITH r.id AS id WHERE id IS NOT NULL RETURN id"


def described(target_type: str) -> str:
    """Returns the id of the served release, and how to search for a type of targets.

    No row if no release is served; null after the id if an older version published it.
    """
    return (
        f"MATCH (served:{META} {{name: $served}}) WITH served.id AS id WHERE id IS NOT NULL"
        f" OPTIONAL MATCH (r:{META} {{name: $trace + id}})"
        f" RETURN id, r.embedding, r.dim, r.padding, r.{quoted(f'max_norm_{target_type}')}"
    )


def drawn() -> str:
    """Counts the RECOMMENDED relationships of a release, by query node and type of their targets.

    $keys has the key of every node type.
    """
    source, target = (f"[l IN labels({end}) WHERE $keys[l] IS NOT NULL][0]" for end in "st")
    return (
        f"MATCH (s)-[x:{RECOMMENDED} {{release: $release}}]->(t)"
        f" WITH {source} AS source, s, {target} AS target, count(*) AS number"
        " WHERE source IS NOT NULL AND target IS NOT NULL"
        " WITH source, s[$keys[source]] AS id, target, number"
        " RETURN source, id, target, number ORDER BY source, target, id"
    )


def claim() -> str:
    return (
        f"MATCH (r:{META} {{name: $served}}) SET r.next = $id"
        f" MERGE (t:{META} {{name: $trace}}) SET t.types = $types"
    )


def describe() -> str:
    """Describes a release, unless it is served and described already."""
    return (
        f"MATCH (r:{META} {{name: $served}}) MATCH (t:{META} {{name: $trace}})"
        " WHERE r.id IS NULL OR r.id <> $release.id OR t.id IS NULL"
        " SET t += $release, t.published_at = datetime()"
    )


def flip() -> str:
    """Serves a release and ends the turn; an older version described the release here too."""
    return f"MATCH (r:{META} {{name: $served}}) SET r = {{name: $served, id: $id, lock: true}}"


def traces() -> str:
    return f"MATCH (t:{META}) WHERE t.name STARTS WITH $trace RETURN t.name, t.types"


def forget() -> str:
    return f"MATCH (t:{META} {{name: $trace}}) DELETE t"


def found_nodes(schema: Schema, node_type: str, release_id: str) -> str:
    """Those of $keys that exist: positions, internal ids, and which have the vector already."""
    key = quoted(schema.node_type(node_type).key)
    return (
        "UNWIND range(0, size($keys) - 1) AS i"
        f" MATCH (n:{quoted(node_type)} {{{key}: $keys[i]}})"
        f" RETURN collect(i), collect(id(n)), collect(n.{quoted(embedding_name(release_id))}"
        " IS NOT NULL)"
    )


def set_vectors() -> str:
    # The procedure keeps 4 bytes a number; SET would keep 8.
    return (
        "UNWIND range(0, size($nodes) - 1) AS i MATCH (n) WHERE id(n) = $nodes[i]"
        " CALL db.create.setNodeVectorProperty(n, $embedding, $vectors[i])"
    )


def remove_page(schema: Schema, node_type: str, release_id: str) -> str:
    """Removes a release's vectors from the next $rows nodes after $last; returns the last key."""
    key = f"n.{quoted(schema.node_type(node_type).key)}"
    names = (embedding_name(release_id), old_embedding_name(release_id))
    return (
        f"MATCH (n:{quoted(node_type)}) WHERE {key} >= $last"
        f" WITH n ORDER BY {key} LIMIT $rows REMOVE {', '.join(f'n.{quoted(x)}' for x in names)}"
        f" WITH collect({key}) AS keys RETURN keys[-1], size(keys)"
    )


def remove_old_vectors(node_type: str, release_id: str) -> str:
    """Removes a release's vectors under their old name from $rows nodes; returns how many."""
    vector = f"n.{quoted(old_embedding_name(release_id))}"
    return (
        f"MATCH (n:{quoted(node_type)}) WHERE {vector} IS NOT NULL WITH n LIMIT $rows"
        f" REMOVE {vector} RETURN count(n)"
    )


def filter_properties(schema: Schema, node_type: str) -> list[str]:
    """Returns the properties that a search can filter by inside the index: all but free text."""
    return [
        column.name
        for column in schema.columns(node_type)
        if column.kind != Kind.STRING or column.choices
    ]


def create_index(
    node_type: str, release_id: str, num_dimensions: int, filters: Sequence[str] = ()
) -> str:
    """Creates the vector index of a type.

    Args:
        filters: The properties to filter by inside the index; only servers with SEARCH take any.
    """
    name, vector = index_name(release_id, node_type), embedding_name(release_id)
    listed = ", ".join(f"n.{quoted(one)}" for one in filters)
    # Quantised to a byte, the many short vectors of a type would all look alike.
    return (
        f"{'CYPHER 25 ' if filters else ''}CREATE VECTOR INDEX {quoted(name)} IF NOT EXISTS"
        f" FOR (n:{quoted(node_type)}) ON (n.{quoted(vector)})"
        f"{f' WITH [{listed}]' if filters else ''} OPTIONS {{indexConfig: {{"
        f" `vector.dimensions`: {num_dimensions}, `vector.similarity_function`: 'cosine',"
        f" `vector.hnsw.m`: {HNSW_M}, `vector.hnsw.ef_construction`: {HNSW_EF_CONSTRUCTION},"
        " `vector.quantization.enabled`: false}}"
    )


def index_states() -> str:
    return (
        "SHOW VECTOR INDEXES YIELD name, state, populationPercent"
        " WHERE name STARTS WITH $prefix RETURN name, state, populationPercent"
    )


def remove_recommended() -> str:
    """Deletes those of a release; users may have other relationships of that name."""
    return f"MATCH ()-[x:{RECOMMENDED} {{release: $release}}]->() DELETE x"


def remove_recommended_of(schema: Schema, query_type: str, target_type: str) -> str:
    """Those of a release from $queries to targets of one type."""
    key = quoted(schema.node_type(query_type).key)
    return (
        f"UNWIND $queries AS query_id MATCH (s:{quoted(query_type)} {{{key}: query_id}})"
        f"-[x:{RECOMMENDED} {{release: $release}}]->(:{quoted(target_type)}) DELETE x"
    )


def draw_recommended(schema: Schema, query_type: str, target_type: str) -> str:
    query_key, target_key = (
        quoted(schema.node_type(name).key) for name in (query_type, target_type)
    )
    return (
        "UNWIND range(0, size($rank) - 1) AS i"
        f" MATCH (s:{quoted(query_type)} {{{query_key}: $query_id[i]}})"
        f" MATCH (t:{quoted(target_type)} {{{target_key}: $target_id[i]}})"
        f" CREATE (s)-[:{RECOMMENDED}"
        " {rank: $rank[i], score: $score[i], release: $release}]->(t)"
    )


MOST_DIMENSIONS = 4096
_POLL_S = 0.2


def num_dimensions(dim: int) -> int:
    """Returns the dimensions of an indexed vector for `dim`."""
    return dim + num_extra(dim)


def create(
    connection: Connection, schema: Schema, release: PublishedRelease, on_progress: OnProgress
) -> None:
    """Creates one index per embedded type, and returns when all are ready.

    Raises:
        StoreError: The server could not build one.
    """
    connection.change_schema(
        [
            create_index(
                node_type,
                release.release_id,
                num_dimensions(release.dim),
                filter_properties(schema, node_type) if connection.can_search else (),
            )
            for node_type in release.embeddings
        ],
        wait=False,
    )
    names = [index_name(release.release_id, name) for name in release.embeddings]
    while True:
        states = _states(connection, index_name(release.release_id, ""))
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
    drop_old(connection, release_id)
    connection.drop_indexes(_states(connection, index_name(release_id, "")))


def drop_old(connection: Connection, release_id: str) -> bool:
    """Drops the indexes of a release on vectors under their old name; returns whether any were."""
    old = _states(connection, old_embedding_name(release_id) + "_")
    connection.drop_indexes(old)
    return bool(old)


def _states(connection: Connection, prefix: str) -> dict[str, tuple[str, float]]:
    """State and share built, in per cent, of each vector index whose name begins so."""
    found = connection.read(index_states(), {"prefix": prefix})
    return {name: (state, percent) for name, state, percent in found}
