"""What every graph store must do. A store's test class inherits from StoreContract."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from graphdb import SCHEMA, EdgeType, GraphStore, UpsertCounts, open_store, write_snapshot
from graphdb.errors import DataError, SchemaError
from graphdb.stores import REJECT_COLUMNS

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
FOLLOWS_BRAND = SCHEMA.edge_type("FOLLOWS", target="Brand")
RATED = SCHEMA.edge_type("RATED")
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)


def table(of: str | EdgeType, **columns: list) -> pa.Table:
    """A table with the schema's Arrow types."""
    declared = SCHEMA.arrow_schema(of)
    schema = pa.schema([declared.field(name) for name in columns])
    return pa.table(columns, schema=schema)


def days(*numbers: int) -> list[datetime]:
    return [NEW_YEAR + timedelta(days=number) for number in numbers]


def users(*ids: str) -> pa.Table:
    return table("User", user_id=list(ids))


def purchases(*rows: tuple[str, str, int, float]) -> pa.Table:
    """Rows of (user, product, day, value)."""
    sources, targets, at, values = zip(*rows, strict=True)
    return table(
        PURCHASED,
        source_id=list(sources),
        target_id=list(targets),
        at=days(*at),
        value=list(values),
    )


def pairs(*ends: tuple[str, str]) -> pa.Table:
    ids = pa.array([end for pair in ends for end in pair], pa.string())
    return pa.table({"source_id": ids[0::2], "target_id": ids[1::2]})


def fill(store: GraphStore) -> None:
    """Two users, two products, two brands, and who bought what."""
    store.upsert_nodes("User", users("ann", "bob"))
    store.upsert_nodes("Product", table("Product", product_id=["pan", "tea"], price=[30.0, 4.5]))
    store.upsert_nodes("Brand", table("Brand", brand_id=["acme", "leaf"]))
    store.upsert_edges(MADE_BY, table(MADE_BY, source_id=["pan"], target_id=["acme"]))
    store.upsert_edges(PURCHASED, purchases(("bob", "tea", 1, 4.5), ("ann", "pan", 2, 30.0)))


NEWEST = {
    "rating": (
        RATED,
        {"target_id": ("y", "y"), "at": tuple(days(1, 2)), "stars": (5.0, 1.0)},
    ),
    "follow": (
        FOLLOWS_BRAND,
        {"target_id": ("y", "y"), "at": tuple(days(1, 2)), "channel": ("shop", "live")},
    ),
    "like": (
        SCHEMA.edge_type("LIKED"),
        {"target_id": ("y", "y"), "at": tuple(days(1, 2)), "count": (3, 2)},
    ),
    "static edge": (
        SCHEMA.edge_type("SOLD_BY"),
        {"target_id": ("y", "y"), "since": tuple(days(1, 2))},
    ),
    "one target": (MADE_BY, {"target_id": ("y", "x"), "since": tuple(days(1, 2))}),
}
"""Pairs of an older and a newer row of one edge, whose values do not order them as time does."""


def fill_ends(store: GraphStore) -> None:
    """Nodes x and y of every type."""
    for node_type in SCHEMA.node_types:
        key = SCHEMA.node_type(node_type).key
        store.upsert_nodes(node_type, table(node_type, **{key: ["x", "y"]}))


def rows(reader: pa.RecordBatchReader) -> list[tuple]:
    return [tuple(row.values()) for row in reader.read_all().to_pylist()]


class StoreContract:
    """Inherit, and give a fixture `store` (empty)."""

    @pytest.fixture
    def store(self) -> GraphStore:
        raise NotImplementedError

    @pytest.fixture
    def reopen(self) -> Iterator[Callable[[GraphStore], GraphStore]]:
        """Closes a store and opens it again."""
        opened: list[GraphStore] = []

        def close_and_open(store: GraphStore) -> GraphStore:
            store.close()
            opened.append(open_store(store.url, create=False))
            return opened[-1]

        yield close_and_open
        for store in opened:
            store.close()

    def test_it_is_a_graph_store(self, store):
        assert isinstance(store, GraphStore)
        assert set(store.counts()) == set(SCHEMA.tables())
        assert set(store.counts().values()) == {0}

    def test_nodes_come_back_sorted_by_key_with_the_schemas_types(self, store):
        store.upsert_nodes("User", users("b", "ä", "B", "a"))
        read = store.read_nodes("User").read_all()
        assert read.schema.equals(SCHEMA.arrow_schema("User"))
        assert read["user_id"].to_pylist() == ["B", "a", "b", "ä"]

    def test_edges_come_back_sorted_with_the_schemas_types(self, store):
        fill(store)
        read = store.read_edges(PURCHASED).read_all()
        assert read.schema.equals(SCHEMA.arrow_schema(PURCHASED))
        assert rows(store.read_edges(PURCHASED, columns=["source_id", "value", "at"])) == [
            ("ann", 30.0, days(2)[0]),
            ("bob", 4.5, days(1)[0]),
        ]

    def test_every_node_and_edge_type_can_be_written_and_read(self, store):
        for node_type in SCHEMA.node_types:
            key = SCHEMA.node_type(node_type).key
            store.upsert_nodes(node_type, table(node_type, **{key: ["x", "y"]}))
        for edge_type in SCHEMA.edge_types():
            required = {column.name for column in SCHEMA.columns(edge_type) if column.required}
            values = {"source_id": ["x"], "target_id": ["y"], "at": days(1), "stars": [4.0]}
            given = {name: value for name, value in values.items() if name in required}
            added = store.upsert_edges(edge_type, table(edge_type, **given))
            assert added == UpsertCounts(1, 0, 0), edge_type
            assert rows(store.read_edges(edge_type, columns=["target_id"])) == [("y",)]

    def test_the_same_batch_twice_changes_nothing(self, store):
        batch = purchases(("ann", "pan", 1, 30.0), ("ann", "tea", 1, 4.5))
        fill(store)
        assert store.upsert_edges(PURCHASED, batch) == UpsertCounts(2, 0, 0)
        before = rows(store.read_edges(PURCHASED))
        assert store.upsert_edges(PURCHASED, batch) == UpsertCounts(0, 0, 2)
        assert rows(store.read_edges(PURCHASED)) == before

    def test_an_update_touches_only_the_columns_given(self, store):
        fill(store)
        counts = store.upsert_nodes(
            "Product", table("Product", product_id=["tea", "cup"], title=["Green tea", None])
        )
        assert counts == UpsertCounts(added=1, updated=1, unchanged=0)
        assert rows(store.read_nodes("Product", columns=["product_id", "title", "price"])) == [
            ("cup", None, None),
            ("pan", None, 30.0),
            ("tea", "Green tea", 4.5),
        ]

    def test_a_null_means_not_given_and_erases_nothing(self, store):
        fill(store)
        counts = store.upsert_nodes("Product", table("Product", product_id=["tea"], price=[None]))
        assert counts == UpsertCounts(0, 0, 1)
        assert ("tea", 4.5) in rows(store.read_nodes("Product", columns=["product_id", "price"]))

    def test_repeated_events_are_kept_apart_by_time_and_event_id(self, store):
        fill(store)
        again = purchases(("ann", "pan", 2, 30.0), ("ann", "pan", 3, 30.0))
        assert store.upsert_edges(PURCHASED, again) == UpsertCounts(1, 0, 1)
        second_line = again.append_column("event_id", pa.array(["line 2", "line 2"]))
        assert store.upsert_edges(PURCHASED, second_line) == UpsertCounts(2, 0, 0)
        assert store.counts()[PURCHASED] == 5

    def test_a_missing_event_id_and_an_empty_one_are_the_same(self, store):
        fill(store)
        event = purchases(("ann", "pan", 2, 30.0))
        for event_ids in (pa.array([None], pa.string()), pa.array([""])):
            with_id = event.append_column("event_id", event_ids)
            assert store.upsert_edges(PURCHASED, with_id) == UpsertCounts(0, 0, 1)

    def test_one_target_relations_move_and_never_double(self, store):
        fill(store)
        moved = table(MADE_BY, source_id=["pan"], target_id=["leaf"])
        assert store.upsert_edges(MADE_BY, moved) == UpsertCounts(0, 1, 0)
        assert rows(store.read_edges(MADE_BY, columns=["source_id", "target_id"])) == [
            ("pan", "leaf")
        ]

    def test_events_that_do_not_repeat_keep_the_newest(self, store):
        fill(store)
        for day in (1, 5):
            follow = table(FOLLOWS_BRAND, source_id=["ann"], target_id=["acme"], at=days(day))
            store.upsert_edges(FOLLOWS_BRAND, follow)
        assert rows(store.read_edges(FOLLOWS_BRAND, columns=["at"])) == [(days(5)[0],)]

    @pytest.mark.parametrize("older_first", [True, False])
    @pytest.mark.parametrize("name", NEWEST)
    def test_the_newer_row_stands_whichever_comes_first(self, store, name, older_first):
        edge_type, values = NEWEST[name]
        fill_ends(store)
        older, newer = (
            table(
                edge_type, source_id=["x"], **{key: [pair[place]] for key, pair in values.items()}
            )
            for place in (0, 1)
        )
        first, second = (older, newer) if older_first else (newer, older)
        assert store.upsert_edges(edge_type, first) == UpsertCounts(added=1)
        expected = UpsertCounts(updated=1) if older_first else UpsertCounts(superseded=1)
        assert store.upsert_edges(edge_type, second) == expected
        assert store.upsert_edges(edge_type, newer) == UpsertCounts(unchanged=1)
        assert store.upsert_edges(edge_type, older) == UpsertCounts(superseded=1)
        read = store.read_edges(edge_type, columns=["source_id", *values])
        assert read.read_all().to_pylist() == newer.to_pylist()

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
    def test_each_value_is_that_of_the_newest_row_that_has_it(self, store, order):
        fill(store)
        given = [(1, 1, "live"), (3, None, None), (2, 5, None)]  # day, count, channel
        for place in order:
            day, count, channel = given[place]
            row = {"at": days(day), "count": [count], "channel": [channel]}
            follow = table(FOLLOWS_BRAND, source_id=["ann"], target_id=["acme"], **row)
            store.upsert_edges(FOLLOWS_BRAND, follow)
        read = store.read_edges(FOLLOWS_BRAND, columns=["at", "count", "channel"])
        assert rows(read) == [(days(3)[0], 5, "live")]

    @pytest.mark.parametrize("stars", [(2.0, 5.0), (5.0, 2.0)])
    def test_of_one_time_the_greater_value_stands(self, store, stars):
        fill(store)
        for value in stars:
            store.upsert_edges(
                RATED,
                table(RATED, source_id=["ann"], target_id=["pan"], at=days(1), stars=[value]),
            )
        assert rows(store.read_edges(RATED, columns=["stars"])) == [(5.0,)]

    def test_without_a_time_what_comes_last_stands_unless_another_has_one(self, store):
        fill(store)
        for target, since, stands in (
            ("leaf", None, "leaf"),
            ("acme", None, "acme"),
            ("leaf", days(1)[0], "leaf"),
            ("acme", None, "leaf"),
        ):
            row = table(MADE_BY, source_id=["pan"], target_id=[target], since=[since])
            store.upsert_edges(MADE_BY, row)
            assert rows(store.read_edges(MADE_BY, columns=["target_id"])) == [(stands,)]

    def test_rows_can_be_written_as_the_newest_whatever_their_time(self, store):
        fill(store)
        dated = table(MADE_BY, source_id=["pan"], target_id=["leaf"], since=days(9))
        store.upsert_edges(MADE_BY, dated)
        current = table(MADE_BY, source_id=["pan"], target_id=["acme"])
        assert store.upsert_edges(MADE_BY, current, as_newest=True) == UpsertCounts(updated=1)
        assert rows(store.read_edges(MADE_BY, columns=["target_id"])) == [("acme",)]

    def test_the_cutoff_hides_what_came_at_or_after_it(self, store):
        fill(store)
        store.upsert_nodes("Product", table("Product", product_id=["cup"], created_at=days(2)))
        store.upsert_edges(PURCHASED, purchases(("bob", "cup", 1, 9.0)))
        store.upsert_edges(
            MADE_BY,
            table(MADE_BY, source_id=["pan", "tea"], target_id=["acme", "leaf"], since=days(1, 2)),
        )
        cutoff = days(2)[0]
        products = store.read_nodes("Product", columns=["product_id"], cutoff=cutoff)
        assert rows(products) == [("pan",), ("tea",)]
        bought = store.read_edges(PURCHASED, columns=["source_id", "target_id"], cutoff=cutoff)
        assert rows(bought) == [("bob", "tea")], "the later event and the later product are gone"
        made = store.read_edges(MADE_BY, columns=["source_id"], cutoff=cutoff)
        assert rows(made) == [("pan",)]

    def test_edges_between_pairs_are_those_that_reading_all_would_give(self, store):
        fill(store)
        more = purchases(("ann", "tea", 3, 4.5), ("ann", "pan", 1, 28.0), ("bob", "pan", 1, 1.0))
        store.upsert_edges(PURCHASED, more)
        asked = [("bob", "tea"), ("ann", "pan"), ("ann", "pan"), ("bob", "acme"), ("x'", "pan")]
        found = store.edges_between(PURCHASED, pairs(*asked))
        everything = store.read_edges(PURCHASED).read_all()
        assert found.schema.equals(everything.schema)
        wanted = [("ann", "pan", 1), ("ann", "pan", 2), ("bob", "tea", 1)]
        assert found.to_pylist() == [
            row
            for row in everything.to_pylist()
            if (row["source_id"], row["target_id"], row["at"].day - 1) in wanted
        ]
        assert len(found) == len(wanted)
        assert store.edges_between(
            MADE_BY, pairs(("pan", "acme"), ("tea", "acme"))
        ).to_pylist() == [{"source_id": "pan", "target_id": "acme", "since": None}]
        assert store.edges_between(MADE_BY, pairs()).num_rows == 0

    def test_two_reads_may_be_open_at_once(self, store):
        store.upsert_nodes("User", users(*(f"u{number:05}" for number in range(20_000))))
        first, second = store.read_nodes("User"), store.read_nodes("User", columns=["user_id"])
        assert next(iter(first)).num_rows
        assert second.read_all().num_rows == 20_000

    @pytest.mark.parametrize(
        ("of", "given", "error", "message"),
        [
            ("Usr", users("x"), SchemaError, "unknown node type 'Usr'.*did you mean 'User'"),
            (
                "User",
                pa.table({"user_id": ["x"], "agee": ["7"]}),
                SchemaError,
                "User has no column 'agee'",
            ),
            (
                "User",
                pa.table({"user_id": [7]}),
                SchemaError,
                "is int64; expected string",
            ),
            ("User", pa.table({"city": ["x"]}), DataError, "User: 'user_id' is required"),
            ("User", users("x", "x"), DataError, "'user_id': 'x'.* is duplicated"),
            (
                "User",
                pa.table({"user_id": pa.array([None], pa.string())}),
                DataError,
                "'user_id' is required in every row",
            ),
            (
                PURCHASED,
                purchases(("ann", "pan", 1, 1.0), ("ann", "pan", 1, 2.0)),
                DataError,
                "is duplicated in one batch",
            ),
            (
                PURCHASED,
                purchases(("eve", "pan", 1, 1.0)),
                DataError,
                "source_id names the unknown User 'eve'; write the User nodes first",
            ),
            (
                PURCHASED,
                purchases(("ann", "pot", 1, 1.0)),
                DataError,
                "target_id names the unknown Product 'pot'",
            ),
            (
                MADE_BY,
                table(MADE_BY, source_id=["pan", "pan"], target_id=["acme", "leaf"]),
                DataError,
                "'source_id': 'pan'.* is duplicated",
            ),
        ],
    )
    def test_a_bad_batch_is_refused_whole(self, store, of, given, error, message):
        fill(store)
        before = dict(store.counts())
        with pytest.raises(error, match=message):
            if isinstance(of, EdgeType):
                good = purchases(("bob", "pan", 9, 1.0))
                store.upsert_edges(
                    of,
                    pa.concat_tables([good, given], promote_options="default")
                    if of == PURCHASED
                    else given,
                )
            else:
                store.upsert_nodes(of, given)
        assert dict(store.counts()) == before

    def test_reading_an_unknown_column_is_refused(self, store):
        with pytest.raises(SchemaError, match="User has no column 'nme'"):
            store.read_nodes("User", columns=["nme"])

    def test_rejects_of_a_table_are_replaced_not_added(self, store):
        def rejects(*numbers: int) -> pa.Table:
            made = [
                {"table_name": "t", "file": "f.csv", "row": n, "code": "c", "reason": "r"}
                for n in numbers
            ]
            return pa.Table.from_pylist(made, schema=REJECT_COLUMNS)

        store.replace_rejects("t", "f.csv", [rejects(3, 1)])
        store.replace_rejects("t", "f.csv", [rejects(2)])
        read = store.read_rejects()
        assert read.schema.equals(REJECT_COLUMNS)
        assert read["row"].to_pylist() == [2]

    def test_everything_is_there_after_reopening(self, store, reopen):
        fill(store)
        before = dict(store.counts()), rows(store.read_edges(PURCHASED))
        again = reopen(store)
        assert (dict(again.counts()), rows(again.read_edges(PURCHASED))) == before

    def test_the_same_graph_gives_the_same_snapshot(self, store, tmp_path):
        fill(store)
        first = write_snapshot(store, tmp_path / "first")
        store.upsert_edges(PURCHASED, purchases(("bob", "tea", 1, 4.5)))
        assert write_snapshot(store, tmp_path / "second").snapshot_id == first.snapshot_id
        store.upsert_edges(PURCHASED, purchases(("bob", "tea", 1, 4.6)))
        assert write_snapshot(store, tmp_path / "third").snapshot_id != first.snapshot_id
