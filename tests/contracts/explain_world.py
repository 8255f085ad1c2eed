"""Bundles from edges written by hand: {'User-PURCHASED-Product': 'ann-p1 ann-p2'}."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from graphdb import GraphStore
from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from graphrec import Adjacency, Bundle, write_bundle

Pairs = str | Sequence[tuple[str, str]]
"""Written 'ann-p1 ann-p2', or as pairs where ids hold spaces or hyphens."""

Edges = Mapping[str, Pairs]

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


def pairs_of(text: Pairs) -> list[tuple[str, str]]:
    if not isinstance(text, str):
        return list(text)
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


def adjacency(edge_type: EdgeType, text: Pairs, ids: Mapping[str, list[str]]) -> Adjacency:
    sources, targets = ids[edge_type.source], ids[edge_type.target]
    pairs = pairs_of(text)
    return Adjacency.from_edges(
        np.array([sources.index(source) for source, _ in pairs], dtype=np.int64),
        np.array([targets.index(target) for _, target in pairs], dtype=np.int64),
        len(sources),
        len(targets),
    )


def fill_store(store: GraphStore, edges: Edges) -> None:
    """All nodes that edges name, and the edges; events of one day."""
    for node_type, ids in nodes_of(edges).items():
        if ids:
            key = SCHEMA.node_type(node_type).key
            store.upsert_nodes(node_type, rows(node_type, *({key: i} for i in ids)))
    for name, text in edges.items():
        edge_type = SCHEMA.parse_edge_type(name)
        at = {"at": day(1)} if SCHEMA.relation(edge_type.relation).is_event else {}
        given = [{"source_id": s, "target_id": t, **at} for s, t in pairs_of(text)]
        store.upsert_edges(edge_type, rows(edge_type, *given))


def fill_shop(store: GraphStore) -> None:
    """The shop, with more known of some edges: ann bought p1 twice, four in all."""
    fill_store(store, SHOP)
    ends = {"source_id": "ann", "target_id": "p1"}
    twice = (
        {**ends, "at": day(1), "count": None, "value": 2.5},
        {**ends, "at": day(9), "count": 3, "value": 7.0},
    )
    for relation, known in (
        ("PURCHASED", twice),
        ("RATED", ({**ends, "at": day(10), "stars": 4.0},)),
        ("PROMOTES", ({"source_id": "zoe", "target_id": "p9", "since": day(2)},)),
    ):
        edge_type = SCHEMA.edge_type(relation)
        store.upsert_edges(edge_type, rows(edge_type, *known))


def day(number: int) -> datetime:
    return datetime(2025, 3, number, tzinfo=UTC)


def rows(of: str | EdgeType, *values: Mapping[str, Any]) -> pa.Table:
    declared = SCHEMA.arrow_schema(of)
    schema = pa.schema([declared.field(name) for name in values[0]])
    return pa.Table.from_pylist([dict(row) for row in values], schema=schema)
