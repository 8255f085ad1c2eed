"""Snapshots: what is read is what the store had, and a damaged folder says so."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contracts.store import MADE_BY, PURCHASED, days, fill, pairs, purchases

from graphdb import SCHEMA, open_snapshot, write_snapshot
from graphdb.errors import SnapshotError


@pytest.fixture
def snapshot(store, tmp_path):
    fill(store)
    return write_snapshot(store, tmp_path / "snapshot")


def test_what_is_read_is_what_the_store_had(store, snapshot):
    for node_type in SCHEMA.node_types:
        assert snapshot.nodes(node_type) == store.read_nodes(node_type).read_all()
        assert snapshot.num_nodes(node_type) == store.counts()[node_type]
    for edge_type in SCHEMA.edge_types():
        assert snapshot.edges(edge_type) == store.read_edges(edge_type).read_all()
        assert snapshot.num_edges(edge_type) == store.counts()[edge_type]
    assert snapshot.schema == SCHEMA


def test_edges_as_rows_point_at_their_nodes(snapshot):
    sources, targets = snapshot.edge_rows(PURCHASED)
    assert sources.dtype == targets.dtype == np.int64
    users, products = snapshot.node_ids("User"), snapshot.node_ids("Product")
    pairs = [(users[s].as_py(), products[t].as_py()) for s, t in zip(sources, targets, strict=True)]
    assert pairs == [("ann", "pan"), ("bob", "tea")]
    empty, _ = snapshot.edge_rows(SCHEMA.edge_type("VIEWED"))
    assert empty.shape == (0,)


def test_edges_between_pairs_are_those_of_the_store(store, tmp_path):
    fill(store)
    store.upsert_edges(PURCHASED, purchases(("ann", "pan", 1, 28.0), ("bob", "pan", 1, 1.0)))
    snapshot = write_snapshot(store, tmp_path / "snap [1] * 'two'")
    asked = pairs(("bob", "tea"), ("ann", "pan"), ("ann", "tea"), ("x", "y"))
    found = snapshot.edges_between(PURCHASED, asked)
    assert found.num_rows == 3
    assert found == store.edges_between(PURCHASED, asked)
    assert snapshot.edges_between(MADE_BY, pairs()).num_rows == 0
    (snapshot.folder / "edges" / f"{MADE_BY}.parquet").unlink()
    with pytest.raises(SnapshotError, match=r"'.*Product-MADE_BY-Brand.parquet' cannot be read"):
        snapshot.edges_between(MADE_BY, asked)


def test_threads_may_look_up_edges_at_once(snapshot):
    asked = pairs(("ann", "pan"), ("bob", "tea"))
    whole = snapshot.edges_between(PURCHASED, asked)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: snapshot.edges_between(PURCHASED, asked), range(40)):
            assert found == whole


def test_the_cutoff_stands_in_the_manifest_and_holds(store, tmp_path):
    fill(store)
    snapshot = write_snapshot(store, tmp_path / "past", cutoff=days(2)[0])
    assert snapshot.num_edges(PURCHASED) == 1
    assert open_snapshot(snapshot.folder).manifest.cutoff == days(2)[0]
    other_zone = days(2)[0].astimezone(tz=None) - timedelta(days=0)
    same = write_snapshot(store, tmp_path / "same", cutoff=other_zone)
    assert same.num_edges(PURCHASED) == 1


def test_large_tables_are_cut_into_row_groups_the_same_way_every_time(store, tmp_path):
    ids = [f"u{number:07}" for number in range(1_200_000)]
    store.upsert_nodes("User", pa.table({"user_id": ids}))
    first = write_snapshot(store, tmp_path / "first")
    second = write_snapshot(store, tmp_path / "second")
    assert first.snapshot_id == second.snapshot_id
    file = pq.ParquetFile(first.folder / "nodes" / "User.parquet")
    groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    assert groups == [1_000_000, 200_000]


def test_a_snapshot_is_never_overwritten(store, snapshot):
    with pytest.raises(SnapshotError, match="exists already; snapshots are never changed"):
        write_snapshot(store, snapshot.folder)


def test_a_cutoff_without_timezone_is_refused(store, tmp_path):
    with pytest.raises(SnapshotError, match="has no timezone"):
        write_snapshot(store, tmp_path / "s", cutoff=datetime(2025, 1, 1))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_no_snapshot(store, tmp_path):
    fill(store)

    def stop(_name, _rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_snapshot(store, tmp_path / "snapshot", on_progress=stop)
    with pytest.raises(SnapshotError, match="no snapshot at"):
        open_snapshot(tmp_path / "snapshot")
    assert write_snapshot(store, tmp_path / "snapshot").num_nodes("User") == 2


def change_manifest(snapshot, **changes):
    path = snapshot.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: (s.folder / "manifest.json").unlink(), "manifest.json is missing; write one"),
        (lambda s: (s.folder / "manifest.json").write_text("{"), "is not valid JSON"),
        (lambda s: (s.folder / "manifest.json").write_text("[]"), "says format None"),
        (lambda s: change_manifest(s, format_version=1), "says format .*1.; expected .*2.*again"),
        (lambda s: change_manifest(s, nodes=7), "is damaged"),
        (lambda s: (s.folder / "edges" / f"{PURCHASED}.parquet").unlink(), "PURCHASED.*missing"),
        (
            lambda s: pq.write_table(s.nodes("User").slice(1), s.folder / "nodes/User.parquet"),
            "User.parquet' changed since the snapshot was written; expected sha256",
        ),
    ],
)
def test_a_damaged_snapshot_is_refused(snapshot, damage, message):
    damage(snapshot)
    with pytest.raises(SnapshotError, match=message):
        open_snapshot(snapshot.folder)


def replace_nodes(snapshot, node_type, table):
    """As another program would have written them: with a manifest that counts them."""
    pq.write_table(table, snapshot.folder / "nodes" / f"{node_type}.parquet")
    entries = json.loads((snapshot.folder / "manifest.json").read_text())["nodes"]
    change_manifest(
        snapshot, nodes={**entries, node_type: {**entries[node_type], "rows": table.num_rows}}
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns("city"), "has 'city' as no column; expected string"),
        (
            lambda t: t.set_column(0, "user_id", t["user_id"].cast(pa.large_string())),
            "has 'user_id' as large_string; expected string; docs/formats.md desc",
        ),
        (
            lambda t: t.append_column("shoe_size", pa.nulls(t.num_rows, pa.int64())),
            "has a column 'shoe_size' that the schema does not declare; remove it",
        ),
    ],
)
def test_a_foreign_table_is_looked_at(snapshot, change, message):
    replace_nodes(snapshot, "User", change(snapshot.nodes("User")))
    with pytest.raises(SnapshotError, match=message):
        open_snapshot(snapshot.folder, verify=False)


def test_a_foreign_manifest_is_looked_at(snapshot):
    entries = snapshot.manifest.model_dump(mode="json")["nodes"]
    change_manifest(snapshot, nodes={**entries, "User": {**entries["User"], "rows": 7}})
    with pytest.raises(SnapshotError, match=r"User.parquet' has 2 rows; expected 7, as the man"):
        open_snapshot(snapshot.folder, verify=False)
    change_manifest(snapshot, nodes={name: entries[name] for name in entries if name != "Tag"})
    with pytest.raises(SnapshotError, match="lists no file of Tag, which its schema declares"):
        open_snapshot(snapshot.folder, verify=False)
    change_manifest(snapshot, nodes=entries)
    (snapshot.folder / "nodes" / "Tag.parquet").write_text("Tag")
    with pytest.raises(SnapshotError, match=r"Tag.parquet' is not a Parquet file"):
        open_snapshot(snapshot.folder, verify=False)


def test_a_foreign_snapshot_with_broken_keys_is_refused(snapshot):
    replace_nodes(snapshot, "User", snapshot.nodes("User").slice(1))
    lost = open_snapshot(snapshot.folder, verify=False)
    with pytest.raises(SnapshotError, match="PURCHASED-Product ends at User 'ann', which is not"):
        lost.edge_rows(PURCHASED)
    doubled = snapshot.nodes("Product")
    replace_nodes(snapshot, "Product", pa.concat_tables([doubled, doubled]))
    with pytest.raises(SnapshotError, match="a product_id is duplicated"):
        open_snapshot(snapshot.folder, verify=False).edge_rows(MADE_BY)
    replace_nodes(snapshot, "Product", doubled.take(pa.array(range(doubled.num_rows))[::-1]))
    with pytest.raises(SnapshotError, match=r"Product.parquet' is not sorted by product_id; expec"):
        open_snapshot(snapshot.folder, verify=False).edge_rows(MADE_BY)
    empty = doubled.set_column(0, "product_id", pa.nulls(doubled.num_rows, pa.string()))
    replace_nodes(snapshot, "Product", empty)
    with pytest.raises(SnapshotError, match="a product_id is empty in"):
        open_snapshot(snapshot.folder, verify=False).edge_rows(MADE_BY)


def test_a_foreign_event_without_a_time_is_refused(snapshot):
    events = snapshot.edges(PURCHASED)
    at = events.column_names.index("at")
    empty = pa.nulls(events.num_rows, events["at"].type)
    path = snapshot.folder / "edges" / f"{PURCHASED}.parquet"
    pq.write_table(events.set_column(at, "at", empty), path)
    foreign = open_snapshot(snapshot.folder, verify=False)
    with pytest.raises(SnapshotError, match=r"'at' is empty in \d+ rows of .*PURCHASED"):
        foreign.edges(PURCHASED, ["at"])
    assert foreign.edge_rows(PURCHASED)  # which does not read it


def test_the_manifest_knows_when_it_was_made(snapshot):
    age = datetime.now(UTC) - snapshot.manifest.created_at
    assert timedelta(0) <= age < timedelta(minutes=5)
