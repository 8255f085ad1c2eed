"""A small shop whose bundles and stores fit each other."""

import numpy as np
import pyarrow as pa

from graphdb import SCHEMA
from graphrec import Adjacency, Recommender, write_bundle

NUM_USERS, NUM_PRODUCTS, DIM = 40, 1_500, 24
SIZES = {"User": NUM_USERS, "Product": NUM_PRODUCTS, "Brand": 5}
PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
SHOW_INDEXES = "SHOW VECTOR INDEXES YIELD name RETURN name ORDER BY name"

DRAWN = (
    "MATCH (s)-[x:RECOMMENDED]->(t:Product) WITH s, x, t ORDER BY s.user_id, x.rank"
    " RETURN s.user_id, collect(t.product_id), collect(x.rank), collect(x.score),"
    " collect(DISTINCT x.release)"
)
DRAWN_AND_SERVED = (
    "MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id"
    " MATCH (:User)-[x:RECOMMENDED {release: id}]->(:Product) RETURN count(x)"
)
TRACES = (
    "MATCH (n) UNWIND keys(n) AS name WITH name WHERE name STARTS WITH 'vector_'"
    " RETURN DISTINCT name ORDER BY name"
)

ASK = (
    "MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id"
    " MATCH (r:_GraphRec {name: 'release ' + id})"
    " MATCH (u:User {user_id: $user}) WHERE u[r.embedding] IS NOT NULL"
    " CALL db.index.vector.queryNodes(r.embedding + '_Product', $fetch,"
    " u[r.embedding][..r.dim] + r.padding) YIELD node, score"
    " WHERE NOT EXISTS { (u)-[:PURCHASED]->(node) }"
    " WITH r, node, score ORDER BY score DESC LIMIT 10"
    " RETURN r.id AS id, collect(node.product_id) AS products, collect(score) AS scores"
)


def ids(node_type: str) -> list[str]:
    return [f"{node_type[0].lower()}{number:05}" for number in range(SIZES[node_type])]


def table(of, **columns) -> pa.Table:
    """All columns of the schema; what is not given is empty."""
    declared = SCHEMA.arrow_schema(of)
    num_rows = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(num_rows, field.type)
        for field in declared
    ]
    return pa.table(arrays, schema=declared)


def nodes(node_type: str) -> pa.Table:
    return table(node_type, **{SCHEMA.node_type(node_type).key: ids(node_type)})


def bought() -> tuple[np.ndarray, np.ndarray]:
    """Rows of users and of what they bought: three products each."""
    users = np.repeat(np.arange(NUM_USERS), 3)
    return users, (users * 37 + np.tile([0, 11, 400], NUM_USERS)) % NUM_PRODUCTS


def made_by() -> np.ndarray:
    """The row of each product's brand."""
    return np.arange(NUM_PRODUCTS) % SIZES["Brand"]


def fill(store) -> None:
    for node_type in SIZES:
        store.upsert_nodes(node_type, nodes(node_type))
    users, products = bought()
    ends = [
        [ids(name)[row] for row in rows] for name, rows in (("User", users), ("Product", products))
    ]
    at = pa.array([0] * len(users), pa.int64()).cast(pa.timestamp("us", "UTC"))
    events = pa.table({"source_id": ends[0], "target_id": ends[1], "at": at})
    store.upsert_edges(PURCHASED, events)
    makers = [ids("Brand")[row] for row in made_by()]
    store.upsert_edges(MADE_BY, pa.table({"source_id": ids("Product"), "target_id": makers}))


def make_bundle(folder, seed: int, dim: int = DIM, known: int = -1):
    """Random tastes; lengths of products spread as popularity does.

    From `known` on, vectors are zero; by default only the last of each type.
    """
    draw = np.random.default_rng(seed)
    vectors = {}
    for node_type, size in SIZES.items():
        matrix = draw.normal(size=(size, dim)) * draw.lognormal(0, 1, size=(size, 1))
        matrix[known:] = 0
        vectors[node_type] = matrix.astype(np.float32)
    users, products = bought()
    return write_bundle(
        folder / f"bundle-{seed}-{dim}",
        schema=SCHEMA,
        snapshot_id=f"snapshot {seed}",
        cutoff=None,
        nodes={node_type: nodes(node_type) for node_type in SIZES},
        vectors=vectors,
        edges={
            PURCHASED: Adjacency.from_edges(users, products, NUM_USERS, NUM_PRODUCTS),
            MADE_BY: Adjacency.from_edges(
                np.arange(NUM_PRODUCTS), made_by(), NUM_PRODUCTS, SIZES["Brand"]
            ),
        },
        config={},
        metrics={},
    )


def ask(plain, user: str, fetch: int = 500):
    ((release_id, products, scores),) = plain.execute_query(ASK, user=user, fetch=fetch).records
    return release_id, products, scores


def column(plain, query: str) -> list:
    return [record[0] for record in plain.execute_query(query).records]


def id_of(recommender: Recommender) -> str:
    return recommender.bundle.manifest.release_id


def similarities(recommender: Recommender, user: str, products: list[str]) -> list[float]:
    """What Neo4j should say of these products: their dot products, mapped to [0, 1]."""
    seed = recommender.bundle.vectors("User")[ids("User").index(user)]
    vectors = recommender.bundle.vectors("Product")
    unit = np.linalg.norm(seed) * np.linalg.norm(vectors, axis=1).max()
    rows = [ids("Product").index(product) for product in products]
    return ((vectors[rows] @ seed / unit + 1) / 2).tolist()


def assert_only(plain, recommender: Recommender) -> None:
    """The release is served, complete, and nothing of another one is left."""
    name = f"vector_{id_of(recommender)}"
    assert column(plain, TRACES) == [name]
    assert column(plain, SHOW_INDEXES) == [f"{name}_{of}" for of in sorted(SIZES)]
    counted = f"MATCH (n) WHERE n.`{name}` IS NOT NULL RETURN count(n)"
    assert column(plain, counted) == [sum(SIZES.values()) - len(SIZES)]
    said = column(plain, "MATCH (m:_GraphRec) WHERE m.name STARTS WITH 'release' RETURN m.name")
    assert sorted(said) == ["release", f"release {id_of(recommender)}"]
    (served,) = column(plain, "MATCH (m:_GraphRec {name: 'release'}) RETURN properties(m)")
    assert served == {"name": "release", "id": id_of(recommender), "lock": True}
