"""A shop of 40 users, 200 products and 5 brands, to make releases of that differ by plan."""

from datetime import UTC, datetime, timedelta

import numpy as np
from contracts.publish_world import table

from graphdb import SCHEMA
from graphrec import Adjacency

SIZES = {"Brand": 5, "Product": 200, "User": 40}
DIM = 8
CUTOFF = datetime(2026, 11, 1, tzinfo=UTC)
PURCHASED, MADE_BY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY")


def ids_of(node_type, size=None):
    return [f"{node_type[0].lower()}{number:03}" for number in range(size or SIZES[node_type])]


def vectors_of(seed=0, dim=DIM):
    draw = np.random.default_rng(seed)
    return {name: draw.normal(size=(size, dim)).astype(np.float32) for name, size in SIZES.items()}


def edges_of(users, products, num_products=SIZES["Product"], num_brands=SIZES["Brand"]):
    return {
        PURCHASED: Adjacency.from_edges(users, products, SIZES["User"], num_products),
        MADE_BY: Adjacency.from_edges(
            np.arange(num_products), np.arange(num_products) % 5, num_products, num_brands
        ),
    }


def nodes_of(num_products=SIZES["Product"], ages_days=None):
    tables = {
        name: table(name, **{SCHEMA.node_type(name).key: ids_of(name)})
        for name in ("User", "Brand")
    }
    names = ids_of("Product", num_products)
    columns = {"product_id": names, "title": [f"Title {name}" for name in names]}
    if ages_days is not None:
        columns["created_at"] = [CUTOFF - timedelta(days=days) for days in ages_days]
    return {**tables, "Product": table("Product", **columns)}


def content(**changes):
    users, products = np.arange(40), np.arange(40) * 3
    return {
        "schema": SCHEMA,
        "snapshot_id": "first",
        "cutoff": CUTOFF,
        "nodes": nodes_of(),
        "vectors": vectors_of(),
        "edges": edges_of(users, products),
        "config": {"encoder": "by hand", "svd": {"dim": 8, "half_life": 30}},
        "metrics": {"recall@20": 0.5, "ndcg@20": 0.25},
        **changes,
    }
