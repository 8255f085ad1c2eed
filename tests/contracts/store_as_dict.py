"""Random upserts and deletions: a store always equals a dictionary that got the same ones."""

import pyarrow as pa
from contracts.store import PURCHASED, days, table
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from graphdb import GraphStore, UpsertCounts
from graphdb.stores.deletion import DeleteReport, digest

PRODUCTS = ["a", "b", "ü", "Z", "q'uote\"; DROP TABLE"]
USERS = ["ann", "bob"]
some_products = st.lists(st.sampled_from(PRODUCTS), unique=True, max_size=3)
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
        self.forgotten: set[str] = set()

    @rule(given=nodes)
    def upsert_products(self, given):
        ids, values = zip(*given, strict=True) if given else ((), ())
        batch = table("Product", product_id=list(ids), price=list(values))
        known = {name: price for name, price in given if name not in self.forgotten}
        expected = merge(self.products, known) + UpsertCounts(forgotten=len(given) - len(known))
        assert self.store.upsert_nodes("Product", batch) == expected

    @rule(given=events)
    def upsert_purchases(self, given):
        given = [row for row in given if row[1] in self.products or row[1] in self.forgotten]
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
        known = {row[:4]: row[4] for row in given if row[1] not in self.forgotten}
        expected = merge(self.purchases, known) + UpsertCounts(forgotten=len(given) - len(known))
        assert self.store.upsert_edges(PURCHASED, batch) == expected

    @rule(names=some_products, forget=st.booleans())
    def delete_products(self, names, forget):
        gone = [key for key in self.purchases if key[1] in names]
        known = [name for name in names if name in self.products]
        counts = {PURCHASED: len(gone), "Product": len(known)}
        marks = set(names) - self.forgotten if forget else ()
        expected = DeleteReport(
            {of: number for of, number in counts.items() if number},
            unknown=len(names) - len(known),
            forgotten=len(marks),
        )
        options = {"forget": forget}
        dry = self.store.delete_nodes("Product", names, dry_run=True, **options)
        assert dry == self.store.delete_nodes("Product", names, **options) == expected
        for key in gone:
            del self.purchases[key]
        for name in known:
            del self.products[name]
        self.forgotten |= set(marks)

    @rule(names=some_products)
    def lift(self, names):
        lifted = self.forgotten & set(names)
        assert self.store.lift_forgotten("Product", names) == len(lifted)
        self.forgotten -= lifted

    @rule(given=events, by_time=st.booleans())
    def delete_purchases(self, given, by_time):
        length = 4 if by_time else 2
        wanted = list(dict.fromkeys(row[:length] for row in given))
        sources, targets, *rest = map(list, zip(*wanted, strict=True)) if wanted else [[]] * length
        keys = {"at": days(*rest[0]), "event_id": rest[1]} if by_time else {}
        batch = table(PURCHASED, source_id=sources, target_id=targets, **keys)
        gone = [key for key in self.purchases if key[:length] in wanted]
        unknown = len(set(wanted) - {key[:length] for key in gone})
        expected = DeleteReport({PURCHASED: len(gone)} if gone else {}, unknown=unknown)
        dry = self.store.delete_edges(PURCHASED, batch, dry_run=True)
        assert dry == self.store.delete_edges(PURCHASED, batch) == expected
        for key in gone:
            del self.purchases[key]

    @invariant()
    def marks_are_the_same(self):
        digests = self.store.read_forgotten()["digest"].to_pylist()
        assert digests == sorted(digest("Product", name) for name in self.forgotten)

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
