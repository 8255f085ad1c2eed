"""What every graph store must do when it deletes. A store's test class inherits."""

import pyarrow as pa
import pytest
from contracts.store import PURCHASED, days, fill, pairs, purchases, rows, table, users

from graphdb import SCHEMA, UpsertCounts, ingest, open_source, write_snapshot
from graphdb.errors import SchemaError
from graphdb.stores import REJECT_COLUMNS
from graphdb.stores.deletion import DeleteReport, digest

ALSO_BOUGHT = SCHEMA.edge_type("ALSO_BOUGHT")
MADE_BY = SCHEMA.edge_type("MADE_BY")
HOSTILE = "o'hara\"; DROP TABLE \\ ü"


def everything(store) -> dict:
    return {
        of: read(of).read_all().to_pylist()
        for tables, read in (
            (SCHEMA.node_types, store.read_nodes),
            (SCHEMA.edge_types(), store.read_edges),
        )
        for of in tables
    }


class DeletionContract:
    """Inherit beside StoreContract, which has the fixtures `store` and `reopen`."""

    def test_a_node_goes_with_its_edges_and_nothing_else(self, store):
        fill(store)
        also = table(ALSO_BOUGHT, source_id=["pan", "tea"], target_id=["tea", "pan"])
        store.upsert_edges(ALSO_BOUGHT, also)
        report = store.delete_nodes("Product", ["pan"])
        counts = {"Product": 1, ALSO_BOUGHT: 2, MADE_BY: 1, PURCHASED: 1}
        assert report == DeleteReport(counts)
        assert report.num_rows == 5
        left = {of: number for of, number in store.counts().items() if number}
        assert left == {"User": 2, "Product": 1, "Brand": 2, PURCHASED: 1}
        assert rows(store.read_edges(PURCHASED, columns=["source_id"])) == [("bob",)]

    def test_an_edge_between_two_deleted_nodes_counts_once(self, store):
        fill(store)
        store.upsert_edges(ALSO_BOUGHT, table(ALSO_BOUGHT, source_id=["pan"], target_id=["tea"]))
        report = store.delete_nodes("Product", ["tea", "pan"])
        assert report.rows[ALSO_BOUGHT] == 1
        assert store.counts()[ALSO_BOUGHT] == 0

    def test_a_node_with_an_edge_to_itself_can_be_deleted(self, store):
        fill(store)
        store.upsert_edges(ALSO_BOUGHT, table(ALSO_BOUGHT, source_id=["pan"], target_id=["pan"]))
        assert store.delete_nodes("Product", ["pan"]).rows[ALSO_BOUGHT] == 1

    def test_a_dry_run_counts_the_same_and_changes_nothing(self, store):
        fill(store)
        before = everything(store)
        counted = store.delete_nodes("User", ["ann", "nobody"], forget=True, dry_run=True)
        assert everything(store) == before
        assert store.read_forgotten().num_rows == 0
        assert counted == store.delete_nodes("User", ["ann", "nobody"], forget=True)
        assert counted == DeleteReport({"User": 1, PURCHASED: 1}, unknown=1, forgotten=2)

    def test_a_deleted_node_can_be_written_again(self, store):
        fill(store)
        before = everything(store)
        store.delete_nodes("User", ["ann"])
        assert store.upsert_nodes("User", users("ann")) == UpsertCounts(added=1)
        store.upsert_edges(PURCHASED, purchases(("ann", "pan", 2, 30.0)))
        assert everything(store) == before

    def test_no_ids_and_unknown_ids_delete_nothing(self, store):
        fill(store)
        before = everything(store)
        assert store.delete_nodes("User", []) == DeleteReport()
        assert store.delete_nodes("User", ["x", "x", HOSTILE]) == DeleteReport(unknown=2)
        assert store.delete_edges(MADE_BY, pairs()) == DeleteReport()
        assert everything(store) == before

    def test_a_hostile_id_is_only_an_id(self, store):
        fill(store)
        store.upsert_nodes("User", users(HOSTILE))
        assert store.delete_nodes("User", [HOSTILE], forget=True).rows == {"User": 1}
        assert store.upsert_nodes("User", users(HOSTILE)) == UpsertCounts(forgotten=1)
        assert store.lift_forgotten("User", [HOSTILE]) == 1
        assert store.counts()["User"] == 2

    def test_edges_go_by_their_ends(self, store):
        fill(store)
        store.upsert_edges(PURCHASED, purchases(("ann", "pan", 3, 1.0), ("ann", "tea", 3, 1.0)))
        report = store.delete_edges(PURCHASED, pairs(("ann", "pan"), ("bob", "pan")))
        assert report == DeleteReport({PURCHASED: 2}, unknown=1)
        left = rows(store.read_edges(PURCHASED, columns=["source_id", "target_id"]))
        assert left == [("ann", "tea"), ("bob", "tea")]
        assert store.counts()["User"] == 2, "the ends stay"

    def test_one_event_goes_by_its_time_and_event_id(self, store):
        fill(store)
        again = purchases(("ann", "pan", 2, 30.0)).append_column("event_id", pa.array(["2"]))
        store.upsert_edges(PURCHASED, again)
        ends = {"source_id": ["ann"], "target_id": ["pan"]}
        by_time = table(PURCHASED, **ends, at=days(2), event_id=["2"])
        assert store.delete_edges(PURCHASED, by_time) == DeleteReport({PURCHASED: 1})
        assert store.delete_edges(PURCHASED, by_time) == DeleteReport(unknown=1)
        wrong_day = table(PURCHASED, **ends, at=days(3))
        assert store.delete_edges(PURCHASED, wrong_day) == DeleteReport(unknown=1)
        without_id = table(PURCHASED, **ends, at=days(2), event_id=[""])
        assert store.delete_edges(PURCHASED, without_id) == DeleteReport({PURCHASED: 1})

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"source_id": ["pan"]}, "expected source_id and target_id"),
            (
                {"source_id": ["pan"], "target_id": ["acme"], "since": days(1)},
                "cannot be deleted by the columns source_id, target_id, since",
            ),
        ],
    )
    def test_edges_cannot_go_by_other_columns(self, store, columns, message):
        with pytest.raises(SchemaError, match=message):
            store.delete_edges(MADE_BY, table(MADE_BY, **columns))

    def test_unknown_types_are_refused(self, store):
        with pytest.raises(SchemaError, match=r"unknown node type 'Usr'.*did you mean 'User'"):
            store.delete_nodes("Usr", ["x"])
        with pytest.raises(SchemaError, match="unknown node type 'Usr'"):
            store.lift_forgotten("Usr", ["x"])

    def test_a_forgotten_node_stays_away_until_that_is_lifted(self, store, reopen):
        fill(store)
        store.delete_nodes("User", ["ann"], forget=True)
        store = reopen(store)
        assert store.upsert_nodes("User", users("ann", "cid")) == UpsertCounts(1, forgotten=1)
        sales = purchases(("ann", "pan", 2, 30.0), ("cid", "tea", 2, 4.5))
        assert store.upsert_edges(PURCHASED, sales) == UpsertCounts(added=1, forgotten=1)
        assert rows(store.read_nodes("User", columns=["user_id"])) == [("bob",), ("cid",)]
        assert store.lift_forgotten("User", ["ann", "bob"]) == 1
        assert store.upsert_nodes("User", users("ann")) == UpsertCounts(added=1)
        assert store.upsert_edges(PURCHASED, sales) == UpsertCounts(added=1, unchanged=1)

    def test_a_mark_names_a_type_and_no_id(self, store):
        store.delete_nodes("User", ["ann"], forget=True)
        first = store.read_forgotten().to_pylist()
        assert [(mark["node_type"], mark["digest"]) for mark in first] == [
            ("User", digest("User", "ann"))
        ]
        assert store.delete_nodes("User", ["ann"], forget=True) == DeleteReport(unknown=1)
        assert store.read_forgotten().to_pylist() == first, "the first time stays"
        assert store.upsert_nodes("Product", table("Product", product_id=["ann"])).added == 1

    def test_an_old_file_does_not_bring_a_forgotten_person_back(self, store, tmp_path):
        (tmp_path / "User.csv").write_text("user_id,city\nann,Lyon\nbob,Graz\n")
        (tmp_path / "Product.csv").write_text("product_id\npan\n")
        views = "source_id,target_id,at\nann,pan,2025-01-01\nann,lost,2025-01-01\n"
        (tmp_path / "User-VIEWED-Product.csv").write_text(f"{views}bob,pan,2025-01-01\n")
        tables = open_source(str(tmp_path), SCHEMA, None)
        first = ingest(tables, store)
        assert first.rejected == 1
        store.delete_nodes("User", ["ann"], forget=True)
        again = ingest(tables, store)
        assert (again.counts, again.rejected) == (UpsertCounts(unchanged=3, forgotten=3), 0)
        for entry in again.tables:
            assert entry.read == sum(entry.counts) + entry.rejected
        snapshot = write_snapshot(store, tmp_path / "snapshot")
        assert snapshot.node_ids("User").to_pylist() == ["bob"]
        assert snapshot.num_edges(SCHEMA.edge_type("VIEWED")) == 1
        assert store.lift_forgotten("User", ["ann"]) == 1
        assert ingest(tables, store).counts == UpsertCounts(added=2, unchanged=3)

    def test_the_rejects_that_name_a_forgotten_node_go(self, store, tmp_path):
        (tmp_path / "User.csv").write_text("user_id\nbob\n")
        (tmp_path / "Product.csv").write_text("product_id\npan\n")
        lines = ["source_id,target_id,at", "ann,pan,2025-01-01", "cid,pan,2025-01-01"]
        (tmp_path / "User-VIEWED-Product.csv").write_text("\n".join(lines) + "\n")
        ingest(open_source(str(tmp_path), SCHEMA, None), store)
        assert store.read_rejects().num_rows == 2
        assert store.delete_nodes("User", ["ann"], forget=True).rejects == 1
        (left,) = store.read_rejects().to_pylist()
        assert left["reason"].endswith("cid")

    def test_the_rejects_that_say_why_a_forgotten_node_is_missing_go(self, store):
        """Their reason goes on after the id: its row was rejected, and which row it was."""
        why = "there is no User {}: row 3 of users.csv was rejected"
        made = [
            {"table_name": "t", "file": "f", "row": row, "code": "rejected_source", "reason": text}
            for row, text in enumerate([why.format("ann"), why.format("bob"), "there is no User a"])
        ]
        store.replace_rejects("t", "f", [pa.Table.from_pylist(made, schema=REJECT_COLUMNS)])
        assert store.delete_nodes("User", ["ann"], forget=True).rejects == 1
        assert [row["row"] for row in store.read_rejects().to_pylist()] == [1, 2]
