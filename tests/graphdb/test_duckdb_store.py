"""The embedded store keeps the contract, and refuses files that are not its own."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest
from contracts.deletion import DeletionContract
from contracts.store import FOLLOWS_BRAND, StoreContract, days, fill, table, users

from graphdb import SCHEMA, open_store
from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError, StoreError, StoreUnavailableError
from graphdb.schema_types import Kind, NodeType, Property
from graphdb.stores import duckdb_store

VIEWED = SCHEMA.edge_type("VIEWED")


class TestDuckDBStore(StoreContract, DeletionContract):
    @pytest.fixture
    def store(self, tmp_path):
        with open_store(str(tmp_path / "graph.duckdb")) as store:
            yield store


def with_property(name: str, kind: Kind, *, required: bool = False) -> Schema:
    user = SCHEMA.node_types["User"]
    longer = NodeType(
        "User", user.doc, (*user.properties, Property(name, kind, "", required=required))
    )
    return Schema({**SCHEMA.node_types, "User": longer}, SCHEMA.relations)


def test_a_schema_may_grow(tmp_path):
    path = str(tmp_path / "graph.duckdb")
    with open_store(path) as store:
        fill(store)
    with open_store(path, schema=with_property("vip", Kind.BOOL)) as store:
        assert store.read_nodes("User", columns=["user_id", "vip"]).read_all().num_rows == 2
    with open_store(path) as store:
        assert "vip" in {column.name for column in store.schema.columns("User")}


def test_a_store_of_an_older_version_is_brought_up_to_date(tmp_path):
    path = str(tmp_path / "graph.duckdb")
    row = {"source_id": ["ann"], "target_id": ["acme"]}
    with open_store(path) as store:
        fill(store)
        store.upsert_edges(FOLLOWS_BRAND, table(FOLLOWS_BRAND, **row, at=days(1), channel=["live"]))
    with duckdb.connect(path) as connection:
        for column in SCHEMA.relation("FOLLOWS").value_times.values():
            connection.execute(f'ALTER TABLE "{FOLLOWS_BRAND}" DROP COLUMN {column.name}')
    with open_store(path) as store:
        for day, channel in ((3, None), (2, "shop")):
            store.upsert_edges(
                FOLLOWS_BRAND, table(FOLLOWS_BRAND, **row, at=days(day), channel=[channel])
            )
        (edge,) = store.read_edges(FOLLOWS_BRAND).read_all().to_pylist()
        assert (edge["at"], edge["channel"]) == (days(3)[0], "shop")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (SCHEMA, "drops or changes User.vip"),
        (with_property("vip", Kind.INT), "drops or changes User.vip.*expected vip as bool"),
        (
            Schema(
                {name: node for name, node in SCHEMA.node_types.items() if name != "Agency"},
                {name: edge for name, edge in SCHEMA.relations.items() if name != "MANAGED_BY"},
            ),
            "lacks 'Agency', which the store has",
        ),
    ],
)
def test_a_schema_may_not_shrink_or_change(tmp_path, schema, message):
    path = str(tmp_path / "graph.duckdb")
    open_store(path, schema=with_property("vip", Kind.BOOL)).close()
    with pytest.raises(SchemaError, match=message):
        open_store(path, schema=schema)


def test_a_new_required_property_is_refused(tmp_path):
    path = str(tmp_path / "graph.duckdb")
    open_store(path).close()
    with pytest.raises(SchemaError, match=r"User.vip is new and required.*make it optional"):
        open_store(path, schema=with_property("vip", Kind.BOOL, required=True))


def test_a_foreign_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS x")
    with pytest.raises(StoreError, match="is a DuckDB database, but not a graph store"):
        open_store(str(path))
    with duckdb.connect(str(path)) as connection:
        assert connection.sql("SHOW TABLES").fetchall() == [("mine",)]


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but long enough to look at" * 10)
    with pytest.raises(StoreError, match="cannot be opened as a graph store"):
        open_store(str(path))


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(StoreError, match="a path in an existing folder"):
        open_store(str(tmp_path / "nowhere" / "graph.duckdb"))


def test_opening_without_create_needs_a_store(tmp_path):
    with pytest.raises(StoreError, match="there is no store at"):
        open_store(str(tmp_path / "graph.duckdb"), create=False)


def test_an_unknown_kind_of_url_is_refused():
    with pytest.raises(StoreError, match="'redis' stores are not known; expected a file path"):
        open_store("redis://127.0.0.1")


def test_another_store_format_is_refused(tmp_path):
    path = str(tmp_path / "graph.duckdb")
    open_store(path).close()
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE graphrec.meta SET format_version = '99'")
    with pytest.raises(StoreError, match="has store format 99; expected format 2"):
        open_store(path)


def test_a_store_written_anew_is_the_same_without_the_bytes_of_deleted_rows(tmp_path):
    path, link = tmp_path / "graph.duckdb", tmp_path / "link.duckdb"
    link.symlink_to(path)
    name = "b1946ac9-2b6b-4d0e-a7f7-3a1d7b3d4d0c"
    with open_store(str(path)) as store:
        fill(store)
        store.upsert_nodes("User", users(name))
        follow = table(FOLLOWS_BRAND, source_id=["ann"], target_id=["acme"], at=days(1))
        store.upsert_edges(FOLLOWS_BRAND, follow)
    path.chmod(0o640)
    assert name.encode() in path.read_bytes()
    with open_store(str(path)) as store:
        store.delete_nodes("User", [name], forget=True)
        before = [store.counts(), store.read_forgotten()]
        edges = [store.read_edges(one).read_all() for one in store.schema.edge_types()]
    assert name.encode() in path.read_bytes(), "deleting alone leaves the bytes"
    duckdb_store.rewrite_store(str(link))
    assert name.encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o640 and link.is_symlink()
    with open_store(str(path)) as store:
        assert [store.counts(), store.read_forgotten()] == before
        assert edges == [store.read_edges(one).read_all() for one in store.schema.edge_types()]
        assert store.upsert_nodes("User", users(name)).forgotten == 1


def as_format_1(path):
    """Turns a store into one of format 1, which had other names for some columns."""
    with duckdb.connect(path) as connection:
        ((declared,),) = connection.execute("SELECT graph_schema FROM graphrec.meta").fetchall()
        plain = json.loads(declared)
        for relation in plain["relations"]:
            relation["behaviour_weight"] = relation.pop("event_weight")
            for source, target in relation["ends"] if relation["is_event"] else ():
                table = f"{source}-{relation['name']}-{target}"
                connection.execute(f'ALTER TABLE "{table}" RENAME COLUMN channel TO scene')
        (creator,) = (one for one in plain["node_types"] if one["name"] == "Creator")
        for column in creator["properties"]:
            column["name"] = {"followers": "fans"}.get(column["name"], column["name"])
        connection.execute('ALTER TABLE "Creator" RENAME COLUMN followers TO fans')
        connection.execute(
            "UPDATE graphrec.meta SET format_version = '1', graph_schema = ?", [json.dumps(plain)]
        )


def test_a_store_of_format_1_is_converted_when_it_is_opened_for_writing(tmp_path):
    path = str(tmp_path / "graph.duckdb")
    creators = pa.table({"creator_id": ["c1"], "followers": [7]})
    at = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    views = pa.table({"source_id": ["u1"], "target_id": ["p1"], "at": at, "channel": ["live"]})
    with open_store(path) as store:
        store.upsert_nodes("Creator", creators)
        store.upsert_nodes("User", pa.table({"user_id": ["u1"]}))
        store.upsert_nodes("Product", pa.table({"product_id": ["p1"]}))
        store.upsert_edges(VIEWED, views)
    as_format_1(path)
    with pytest.raises(StoreError, match=r"format 1, which must be converted.*graphrec ingest"):
        open_store(path, read_only=True)
    for _ in range(2):  # converted once, and opened as any other afterwards
        with open_store(path) as store:
            assert store.schema == SCHEMA
            (creator,) = store.read_nodes("Creator").read_all().to_pylist()
            assert creator["followers"] == 7
            (view,) = store.read_edges(VIEWED).read_all().to_pylist()
            assert view["channel"] == "live"


def test_a_store_held_by_another_process_is_retryable(tmp_path):
    path = str(tmp_path / "graph.duckdb")
    holder = (
        "import sys; from graphdb import open_store;"
        f" store = open_store({path!r}); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(StoreUnavailableError, match="another process holds") as caught:
            open_store(path)
        process.stdin.close()
    assert caught.value.retryable


def test_a_failure_after_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    calls = []

    def count_once(_, of):
        calls.append(of)
        if len(calls) == 2:  # the rows are merged, the transaction is not yet committed
            raise RuntimeError("power cut")
        return 0

    with open_store(str(tmp_path / "graph.duckdb")) as store:
        monkeypatch.setattr(duckdb_store, "_count", count_once)
        with pytest.raises(RuntimeError, match="power cut"):
            store.upsert_nodes("User", users("ann"))
        monkeypatch.undo()
        assert store.counts()["User"] == 0
        store.upsert_nodes("User", users("ann"))
        assert store.counts()["User"] == 1
