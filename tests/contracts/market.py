"""A small market with every kind of node that governance and filters know.

categories  food > drinks > wine; toys
products    p0 p1 wine, p2 drinks, p3 food, p4 p5 toys, p6 in none
brands      b0 makes p0 p2, b1 p1 p3 p4, b2 p5; nobody p6
shops       s0 (run by b0) sells p0 p2, s1 (run by b1) p0 p1 p3, s2 p4 p5
tags        t0: p1 p4
creators    c0 promotes p0 and made v0 (with p0)
            c1 promotes p4 and made v1 (with p4) and v2 (with p2); c2 neither
agencies    a0 manages c0 c1
users       u0 u1 u2; u0 bought p0, u1 p4
            u0 viewed p1 p2, follows c1 and watched v0 v2
"""

from pathlib import Path
from typing import Any

import numpy as np
from contracts.publish_world import table

from graphdb import SCHEMA
from graphrec import Adjacency, Bundle, write_bundle

IDS = {
    "User": ["u0", "u1", "u2"],
    "Creator": ["c0", "c1", "c2"],
    "Product": ["p0", "p1", "p2", "p3", "p4", "p5", "p6"],
    "Brand": ["b0", "b1", "b2"],
    "Shop": ["s0", "s1", "s2"],
    "Category": ["drinks", "food", "toys", "wine"],
    "Tag": ["t0"],
    "Content": ["v0", "v1", "v2"],
    "Agency": ["a0"],
}
PROPERTIES: dict[str, dict[str, list[Any]]] = {
    "Product": {
        "title": ["Red", "White", "Lemonade", "Bread", "Bear", "Kite", "Thing"],
        "price": [9.0, 8.0, 2.0, 1.0, 5.0, None, 3.0],
        "status": ["active", "withdrawn", None, "active", "out_of_stock", "active", "active"],
        "stock": [5, 3, 7, 0, 2, None, 1],
        "created_at": [0, 0, 0, 0, 3_000_000, 4_000_000, None],
    },
    "Creator": {"name": ["Cleo", "Carl", "Cora"], "followers": [10, 1000, None]},
    "Brand": {"name": ["Bo", "Bix", "Bam"], "private_label": [True, False, None]},
    "User": {"city": ["Graz", "Linz", None]},
}
EDGES = {
    "User-PURCHASED-Product": "u0-p0 u1-p4",
    "User-VIEWED-Product": "u0-p1 u0-p2",
    "User-FOLLOWS-Creator": "u0-c1",
    "User-WATCHED-Content": "u0-v0 u0-v2",
    "Product-MADE_BY-Brand": "p0-b0 p2-b0 p1-b1 p3-b1 p4-b1 p5-b2",
    "Product-SOLD_BY-Shop": "p0-s0 p2-s0 p0-s1 p1-s1 p3-s1 p4-s2 p5-s2",
    "Shop-RUN_BY-Brand": "s0-b0 s1-b1",
    "Product-IN_CATEGORY-Category": "p0-wine p1-wine p2-drinks p3-food p4-toys p5-toys",
    "Category-CHILD_OF-Category": "wine-drinks drinks-food",
    "Product-TAGGED-Tag": "p1-t0 p4-t0",
    "Creator-PROMOTES-Product": "c0-p0 c1-p4",
    "Creator-PUBLISHED-Content": "c0-v0 c1-v1 c1-v2",
    "Content-FEATURES-Product": "v0-p0 v1-p4 v2-p2",
    "Creator-MANAGED_BY-Agency": "c0-a0 c1-a0",
}
TARGETS = tuple(IDS)


def make_market(folder: Path, **changes: Any) -> Bundle:
    """A bundle in which every node likes every other one a little.

    Args:
        changes: Arguments of write_bundle that differ.
    """
    draw = np.random.default_rng(0)
    vectors = {
        name: draw.uniform(0.1, 1, (len(ids), 3)).astype(np.float32) for name, ids in IDS.items()
    }
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "snapshot_id": "market",
        "cutoff": None,
        "nodes": {
            name: table(name, **{SCHEMA.node_type(name).key: ids}, **PROPERTIES.get(name, {}))
            for name, ids in IDS.items()
        },
        "vectors": vectors,
        "edges": {SCHEMA.parse_edge_type(name): _edges(name, text) for name, text in EDGES.items()},
        "config": {},
        "metrics": {},
    }
    return write_bundle(folder, **{**content, **changes})


def _edges(name: str, text: str) -> Adjacency:
    source, _, target = name.split("-")
    pairs = [pair.split("-") for pair in text.split()]
    return Adjacency.from_edges(
        np.array([IDS[source].index(one) for one, _ in pairs]),
        np.array([IDS[target].index(other) for _, other in pairs]),
        len(IDS[source]),
        len(IDS[target]),
    )
