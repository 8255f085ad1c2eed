"""Names and Cypher of published releases.

All names of a release hold its id, so two releases lie side by side without touching, and whoever
reads through the name of one never sees the other. Which is served stands in one node,
(:_GraphRec {name: 'release'}); what a release may have left behind, in (:_GraphRec
{name: 'release ID'}), which goes last.
"""

from graphdb.schema_types import Schema
from graphdb.stores.neo4j.cypher import META, quoted
from graphdb.stores.publishing import RECOMMENDED

SERVED = "release"
TRACE = "release "
"""With the id behind it: the name of the node that stands as long as a release has traces."""

HNSW_M = 32
HNSW_EF_CONSTRUCTION = 200


def embedding_name(release_id: str) -> str:
    """The property that holds a release's vectors.

    >>> embedding_name("3f9c")
    'embedding_3f9c'
    """
    return f"embedding_{release_id}"


def index_name(release_id: str, node_type: str) -> str:
    """The vector index of a release on one node type.

    >>> index_name("3f9c", "Product")
    'embedding_3f9c_Product'
    """
    return f"{embedding_name(release_id)}_{node_type}"


def served() -> str:
    """Which release is served, and which is being written; locks both against other publishers."""
    return f"MERGE (r:{META} {{name: $served}}) SET r.lock = true RETURN r.id, r.next"


def claim() -> str:
    return (
        f"MATCH (r:{META} {{name: $served}}) SET r.next = $id"
        f" MERGE (t:{META} {{name: $trace}}) SET t.types = $types"
    )


def flip() -> str:
    """Replaces all that the release node says; $release has its name, and no `next`."""
    return f"MATCH (r:{META} {{name: $served}}) SET r = $release, r.published_at = datetime()"


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
    """Takes a release's vectors off the next $rows nodes after $last; the last key of them."""
    key = f"n.{quoted(schema.node_type(node_type).key)}"
    vector = f"n.{quoted(embedding_name(release_id))}"
    return (
        f"MATCH (n:{quoted(node_type)}) WHERE {key} >= $last"
        f" WITH n ORDER BY {key} LIMIT $rows REMOVE {vector}"
        f" WITH collect({key}) AS keys RETURN keys[-1], size(keys)"
    )


def create_index(node_type: str, release_id: str, num_dimensions: int) -> str:
    name, vector = index_name(release_id, node_type), embedding_name(release_id)
    # Quantised to a byte, the many short vectors of a type would all look alike.
    return (
        f"CREATE VECTOR INDEX {quoted(name)} IF NOT EXISTS"
        f" FOR (n:{quoted(node_type)}) ON (n.{quoted(vector)}) OPTIONS {{indexConfig: {{"
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
    """Those of a release; somebody else may draw relationships of that name."""
    return f"MATCH ()-[x:{RECOMMENDED} {{release: $release}}]->() DELETE x"


def remove_recommended_of(schema: Schema, seed_type: str, target_type: str) -> str:
    """Those of a release from $seeds to targets of one type."""
    key = quoted(schema.node_type(seed_type).key)
    return (
        f"UNWIND $seeds AS seed MATCH (s:{quoted(seed_type)} {{{key}: seed}})"
        f"-[x:{RECOMMENDED} {{release: $release}}]->(:{quoted(target_type)}) DELETE x"
    )


def draw_recommended(schema: Schema, seed_type: str, target_type: str) -> str:
    seed_key, target_key = (quoted(schema.node_type(name).key) for name in (seed_type, target_type))
    return (
        "UNWIND range(0, size($rank) - 1) AS i"
        f" MATCH (s:{quoted(seed_type)} {{{seed_key}: $seed_id[i]}})"
        f" MATCH (t:{quoted(target_type)} {{{target_key}: $target_id[i]}})"
        f" CREATE (s)-[:{RECOMMENDED}"
        " {rank: $rank[i], score: $score[i], release: $release}]->(t)"
    )
