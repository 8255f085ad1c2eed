"""Bundles from edges written by hand: {'User-PURCHASED-Product': 'ann-p1 ann-p2'}."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from graphrec import Adjacency, Bundle, write_bundle

Edges = Mapping[str, str]

SHOP = {
    "User-PURCHASED-Product": "ann-p1 ann-p2 ann-p3 bob-p1 bob-p9",
    "User-VIEWED-Product": "ann-p1 ann-p4",
    "User-FOLLOWS-Creator": "ann-zoe",
    "Creator-PROMOTES-Product": "zoe-p9",
    "Product-MADE_BY-Brand": "p1-acme p2-acme p9-acme p3-bolt p4-bolt",
    "Product-SOLD_BY-Shop": "p1-mall p2-mall p9-mall",
    "Shop-RUN_BY-Brand": "mall-acme",
}
"""ann bought p1 p2 p3; p1, p2 and p9 are acme's; bob bought p1 and p9; zoe, whom ann follows,
promotes p9."""
NAMES = {"acme": "Acme", "bolt": "Bolt", "zoe": "Zoe", "mall": "Mall", "p9": "Red cup"}


def pairs_of(text: str) -> list[tuple[str, str]]:
    return [(source, target) for source, target in (pair.split("-") for pair in text.split())]


def nodes_of(edges: Edges) -> dict[str, list[str]]:
    """The ids of every type that edges name, sorted."""
    found: dict[str, set[str]] = {node_type: set() for node_type in SCHEMA.node_types}
    for name, text in edges.items():
        edge_type = SCHEMA.parse_edge_type(name)
        for source, target in pairs_of(text):
            found[edge_type.source].add(source)
            found[edge_type.target].add(target)
    return {node_type: sorted(ids) for node_type, ids in found.items()}


def bundle_of(folder: Path, edges: Edges, names: Mapping[str, str] = NAMES) -> Bundle:
    ids = nodes_of(edges)
    return write_bundle(
        folder,
        schema=SCHEMA,
        snapshot_id="by hand",
        cutoff=None,
        nodes={node_type: node_table(node_type, found, names) for node_type, found in ids.items()},
        vectors={"User": np.ones((len(ids["User"]), 1), np.float32)},
        edges={
            edge_type: adjacency(edge_type, text, ids)
            for edge_type, text in ((SCHEMA.parse_edge_type(name), edges[name]) for name in edges)
        },
        config={},
        metrics={},
    )


def node_table(node_type: str, ids: list[str], names: Mapping[str, str]) -> pa.Table:
    key = SCHEMA.node_type(node_type).key
    columns = {column.name for column in SCHEMA.columns(node_type)}
    called = next((name for name in ("title", "name") if name in columns), None)
    rows = [{key: node_id, **({called: names.get(node_id)} if called else {})} for node_id in ids]
    return pa.Table.from_pylist(rows, schema=SCHEMA.arrow_schema(node_type))


def adjacency(edge_type: EdgeType, text: str, ids: Mapping[str, list[str]]) -> Adjacency:
    sources, targets = ids[edge_type.source], ids[edge_type.target]
    pairs = pairs_of(text)
    return Adjacency.from_edges(
        np.array([sources.index(source) for source, _ in pairs], dtype=np.int64),
        np.array([targets.index(target) for _, target in pairs], dtype=np.int64),
        len(sources),
        len(targets),
    )
