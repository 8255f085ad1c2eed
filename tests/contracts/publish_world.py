"""A small shop whose bundles and stores fit each other."""

import numpy as np
import pyarrow as pa

from graphdb import SCHEMA
from graphrec import Adjacency, write_bundle

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
    "MATCH (r:_GraphRec {name: 'release'})"
    " MATCH (:User)-[x:RECOMMENDED {release: r.id}]->(:Product) RETURN count(x)"
)
TRACES = (
    "MATCH (n) UNWIND keys(n) AS name WITH name WHERE name STARTS WITH 'embedding_'"
    " RETURN DISTINCT name ORDER BY name"
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
