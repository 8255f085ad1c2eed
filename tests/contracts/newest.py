"""Edges that have one time per key: what a store must hold, told by a dictionary."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa
from contracts.store import FOLLOWS_BRAND, MADE_BY, days, table
from hypothesis import strategies as st

from graphdb import SCHEMA, EdgeType, GraphStore

USERS, PRODUCTS, BRANDS = ["ann", "bob"], ["pan", "tea"], ["acme", "leaf", "nord"]
Row = dict[str, Any]

times = st.integers(0, 3).map(lambda day: days(day)[0])
follows = st.lists(
    st.fixed_dictionaries(
        {
            # Few keys, so that most rows meet others of theirs.
            "source_id": st.sampled_from(USERS[:1]),
            "target_id": st.sampled_from(BRANDS[:1]),
            "at": times,
            "count": st.sampled_from([None, 1, 2]),
            "channel": st.sampled_from([None, "live", "shop"]),
        }
    ),
    min_size=3,
    max_size=8,
)
# Two rows without a time are told apart by their arrival alone, so there is one per key at most.
made_by = st.lists(
    st.fixed_dictionaries(
        {
            "source_id": st.sampled_from(PRODUCTS),
            "target_id": st.sampled_from(BRANDS),
            "since": st.none() | times,
        }
    ),
    unique_by=lambda row: (row["source_id"], row["since"] or str(row)),
    max_size=6,
).filter(
    lambda rows: all(
        sum(row["source_id"] == product and row["since"] is None for row in rows) < 2
        for product in PRODUCTS
    )
)


def fill_nodes(store: GraphStore) -> None:
    for node_type, ids in (("User", USERS), ("Product", PRODUCTS), ("Brand", BRANDS)):
        key = SCHEMA.node_type(node_type).key
        store.upsert_nodes(node_type, table(node_type, **{key: ids}))


def as_table(edge_type: EdgeType, rows: Iterable[Row]) -> pa.Table:
    rows = list(rows)
    names = {FOLLOWS_BRAND: ["at", "count", "channel"], MADE_BY: ["since"]}[edge_type]
    columns = {name: [row[name] for row in rows] for name in ["source_id", "target_id", *names]}
    return table(edge_type, **columns)


def newest(edge_type: EdgeType, rows: Iterable[Row]) -> list[Row]:
    """Of each key the greatest time, and of each column the value of the newest row that has it."""
    relation = SCHEMA.relation(edge_type.relation)
    best: dict[tuple, dict[str, tuple]] = {}
    for row in rows:
        time = row[relation.newest_by]
        rank = (time is not None, time or datetime.min)
        kept = best.setdefault(tuple(row[name] for name in relation.key), {})
        for name, value in row.items():
            if value is not None:
                kept[name] = max(kept.get(name, (rank, value)), (rank, value))
    rows = [
        {name.name: kept[name.name][1] if name.name in kept else None for name in relation.columns}
        for kept in best.values()
    ]
    return sorted(rows, key=lambda row: (row["source_id"], row["target_id"]))


def stored(store: GraphStore, edge_type: EdgeType) -> list[Row]:
    return store.read_edges(edge_type).read_all().to_pylist()
