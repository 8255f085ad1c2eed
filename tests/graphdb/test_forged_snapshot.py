"""Snapshots whose hashes are right and whose rows are not: none is opened, none is trained on."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from contracts.resigned import change_table, column, manifest, put, sign_again, table
from contracts.store import MADE_BY, PURCHASED, days, fill, purchases

from graphdb import open_snapshot, open_store, write_snapshot
from graphdb.columns import first_not_rising
from graphdb.errors import SnapshotError
from graphdb.snapshot import reader
from training.training_run import train

PRODUCT, USER = "nodes/Product.parquet", "nodes/User.parquet"
BOUGHT, MADE = f"edges/{PURCHASED}.parquet", f"edges/{MADE_BY}.parquet"


def first_twice(found):
    return pa.concat_tables([found.slice(0, 1), found])


def bad_text(found):
    """A key whose bytes are no UTF-8."""
    position = found.column_names.index("user_id")
    offsets = np.array([0, *range(1, found.num_rows + 1)], np.int32)
    texts = bytes([0xFF] * found.num_rows)
    odd = pa.StringArray.from_buffers(found.num_rows, pa.py_buffer(offsets), pa.py_buffer(texts))
    return found.set_column(position, "user_id", odd)


FORGERIES = {
    "a product twice": (table(PRODUCT, first_twice), PRODUCT, "is duplicated"),
    "keys out of order": (table(PRODUCT, lambda one: one.take([1, 0])), PRODUCT, "not sorted"),
    "an empty key": (column(USER, "user_id", put(0, "")), USER, "'user_id' is ''"),
    "a missing key": (column(USER, "user_id", put(0, None)), USER, "is empty in 1 rows"),
    "a key that is no text": (table(USER, bad_text), USER, "cannot be read"),
    "a column twice": (
        table(USER, lambda one: one.append_column("city", one["city"])),
        USER,
        "each of them once",
    ),
    "a price of NaN": (column(PRODUCT, "price", put(0, np.nan)), PRODUCT, "'price' is nan"),
    "an endless price": (column(PRODUCT, "price", put(0, np.inf)), PRODUCT, "'price' is inf"),
    "a negative price": (column(PRODUCT, "price", put(0, -2.0)), PRODUCT, "at least 0"),
    "an edge twice": (table(BOUGHT, first_twice), BOUGHT, "is not sorted after"),
    "edges out of order": (table(BOUGHT, lambda one: one[::-1]), BOUGHT, "is not sorted after"),
    "a static edge twice": (table(MADE, first_twice), MADE, "is not sorted after"),
    "an edge to nowhere": (
        column(BOUGHT, "target_id", put(0, "zz")),
        "Product 'zz'",
        "not in the snapshot",
    ),
    "an edge from nowhere": (
        column(BOUGHT, "source_id", put(0, "aa")),
        "User 'aa'",
        "not in the snapshot",
    ),
    "an edge without an end": (column(BOUGHT, "target_id", put(0, None)), BOUGHT, "is empty"),
    "no moment": (column(BOUGHT, "at", put(0, None)), BOUGHT, "'at' is empty in 1 rows"),
    "a negative count": (column(BOUGHT, "count", put(0, -1)), BOUGHT, "'count' is -1"),
    "a count of 0": (column(BOUGHT, "count", put(0, 0)), BOUGHT, "at least 1"),
    "a value of NaN": (column(BOUGHT, "value", put(0, np.nan)), BOUGHT, "'value' is nan"),
    "a negative value": (column(BOUGHT, "value", put(0, -0.5)), BOUGHT, "'value' is -0.5"),
    "an unknown channel": (column(BOUGHT, "channel", put(0, "moon")), BOUGHT, "'moon'"),
    "a moment beyond range": (
        table(
            BOUGHT,
            lambda one: one.set_column(
                one.column_names.index("at"),
                "at",
                pa.array([2**62] * one.num_rows).cast(pa.timestamp("us", tz="UTC")),
            ),
        ),
        BOUGHT,
        "years 1 to 9999",
    ),
    "an event from the cut-off on": (
        manifest(lambda one: one.update(cutoff="2024-01-01T00:00:00Z")),
        BOUGHT,
        "nothing from the cut-off on",
    ),
    "a cut-off without a timezone": (
        manifest(lambda one: one.update(cutoff="2024-01-01T00:00:00")),
        "manifest.json",
        "timezone",
    ),
    "an empty schema": (
        manifest(lambda one: one.update(graph_schema={"node_types": [], "relations": []})),
        "schema",
        "declares no node types",
    ),
    "a schema that is none": (
        manifest(lambda one: one.update(graph_schema={"node_types": 1})),
        "schema",
        "node_types",
    ),
    "a table that is none": (
        lambda folder: (folder / USER).write_bytes(b"PAR1" + b"\0" * 40 + b"PAR1"),
        USER,
        "not a Parquet file",
    ),
}


@pytest.fixture
def folder(tmp_path):
    with open_store("duckdb:") as store:
        fill(store)
        return write_snapshot(store, tmp_path / "snapshot").folder


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_snapshot_is_refused(folder, name, tmp_path):
    forge, part, message = FORGERIES[name]
    forge(folder)
    sign_again(folder)
    for use in (open_snapshot, lambda snapshot: train(snapshot, tmp_path / "bundle")):
        with pytest.raises(SnapshotError) as caught:
            use(folder)
        assert part in str(caught.value)
        assert message in str(caught.value)
    assert not (tmp_path / "bundle").exists()


def test_signing_again_alone_changes_nothing(folder):
    sign_again(folder)
    open_snapshot(folder)


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 1000])
def test_parts_of_a_file_are_in_order_too(tmp_path, monkeypatch, batch_rows):
    monkeypatch.setattr(reader, "_BATCH_ROWS", batch_rows)
    with open_store("duckdb:") as store:
        fill(store)
        rows = [("ann", product, day, 1.0) for product in ("pan", "tea") for day in range(2, 5)]
        store.upsert_edges(PURCHASED, purchases(*rows))
        folder = write_snapshot(store, tmp_path / "snapshot").folder
    open_snapshot(folder)
    num_rows = open_snapshot(folder).num_edges(PURCHASED)
    assert num_rows >= 7
    for row in range(1, num_rows):
        order = [*range(row), *range(row - 1, num_rows)]  # one row is repeated
        change_table(folder, BOUGHT, lambda found, order=order: found.take(order))
        sign_again(folder)
        with pytest.raises(SnapshotError, match=f"row {row} of .* is not sorted after"):
            open_snapshot(folder)
        whole = [*range(row), *range(row + 1, num_rows + 1)]
        change_table(folder, BOUGHT, lambda found, whole=whole: found.take(whole))
        sign_again(folder)


def test_what_a_store_holds_against_its_schema_makes_no_snapshot(tmp_path):
    with open_store("duckdb:") as store:
        fill(store)
        store.upsert_edges(PURCHASED, purchases(("ann", "pan", 7, -5.0)))
        with pytest.raises(SnapshotError, match=r"'value' is -5.0 in .*expected a finite number"):
            write_snapshot(store, tmp_path / "snapshot")
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_with_a_cutoff_keeps_it(tmp_path):
    with open_store("duckdb:") as store:
        fill(store)
        cutoff = datetime.now(UTC) + timedelta(days=1)
        assert open_snapshot(write_snapshot(store, tmp_path / "later", cutoff=cutoff).folder)
        assert open_snapshot(write_snapshot(store, tmp_path / "sooner", cutoff=days(2)[0]).folder)


def test_rising_by_the_last_key_alone_is_rising():
    keys = [
        pa.chunked_array([["a"] * 3]),
        pa.chunked_array([["b"] * 3]),
        pa.chunked_array([[1, 2, 3]]),
    ]
    assert first_not_rising(keys) is None
    assert first_not_rising([keys[0], keys[1]]) == 1
    assert first_not_rising([pa.chunked_array([["é", "z"]])]) == 1  # by UTF-8's bytes
