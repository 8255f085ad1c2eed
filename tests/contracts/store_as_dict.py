"""Random sequences of upserts: a store always equals a dictionary that got the same rows."""

import pyarrow as pa
from contracts.store import PURCHASED, days, table
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from graphdb import GraphStore, UpsertCounts

PRODUCTS = ["a", "b", "ü", "Z", "q'uote\"; DROP TABLE"]
USERS = ["ann", "bob"]
prices = st.none() | st.sampled_from([0.0, 1.5, 2.0])
nodes = st.lists(
    st.tuples(st.sampled_from(PRODUCTS), prices), unique_by=lambda row: row[0], max_size=5
)
events = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(PRODUCTS),
        st.integers(0, 2),
        st.sampled_from(["", "x"]),
        prices,
    ),
    unique_by=lambda row: row[:4],
    max_size=6,
)


def merge(kept: dict, given: dict) -> UpsertCounts:
    """The upsert, as plain as it can be said."""
    added = updated = unchanged = 0
    for key, value in given.items():
        if key not in kept:
            added += 1
            kept[key] = value
        elif value is not None and value != kept[key]:
            updated += 1
            kept[key] = value
        else:
            unchanged += 1
    return UpsertCounts(added, updated, unchanged)


class StoreMachine(RuleBasedStateMachine):
    """Inherit, and say in `open_empty` which store."""

    def open_empty(self) -> GraphStore:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.store = self.open_empty()
        self.store.upsert_nodes("User", pa.table({"user_id": USERS}))
        self.store.upsert_nodes("Product", pa.table({"product_id": PRODUCTS}))
        self.products: dict = dict.fromkeys(PRODUCTS)
        self.purchases: dict = {}

    @rule(given=nodes)
    def upsert_products(self, given):
        ids, values = zip(*given, strict=True) if given else ((), ())
        batch = table("Product", product_id=list(ids), price=list(values))
        assert self.store.upsert_nodes("Product", batch) == merge(self.products, dict(given))

    @rule(given=events)
    def upsert_purchases(self, given):
        columns = zip(*given, strict=True) if given else ((),) * 5
        sources, targets, at, event_ids, values = map(list, columns)
        batch = table(
            PURCHASED,
            source_id=sources,
            target_id=targets,
            at=days(*at),
            event_id=event_ids,
            value=values,
        )
        expected = merge(self.purchases, {row[:4]: row[4] for row in given})
        assert self.store.upsert_edges(PURCHASED, batch) == expected

    @invariant()
    def nodes_are_the_same(self):
        read = self.store.read_nodes("Product", columns=["product_id", "price"]).read_all()
        assert [tuple(row.values()) for row in read.to_pylist()] == sorted(self.products.items())

    @invariant()
    def edges_are_the_same(self):
        names = ["source_id", "target_id", "at", "event_id", "value"]
        read = self.store.read_edges(PURCHASED, columns=names).read_all()
        expected = [
            (source, target, days(day)[0], event_id, value)
            for (source, target, day, event_id), value in sorted(
                self.purchases.items(), key=lambda item: item[0]
            )
        ]
        assert [tuple(row.values()) for row in read.to_pylist()] == expected

    def teardown(self):
        self.store.close()
