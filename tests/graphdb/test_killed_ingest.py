"""A process killed in the middle of an ingest: the store opens, and a re-run completes it."""

import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphdb import SCHEMA, UpsertCounts, open_store, write_snapshot
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

INGEST = """
import sys
from graphdb import SCHEMA, open_store
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

def tell(table, step, rows):
    print(table.of, step, flush=True)

with open_store(sys.argv[2]) as store:
    ingest(folder_tables(sys.argv[1], SCHEMA), store, batch_rows=5000, on_progress=tell)
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    draw = np.random.default_rng(0)
    users = [f"u{number}" for number in range(500)]
    products = [f"p{number}" for number in range(8000)]
    pq.write_table(pa.table({"user_id": users}), folder / "User.parquet")
    pq.write_table(
        pa.table({"product_id": products, "price": draw.uniform(0, 90, 8000)}),
        folder / "Product.parquet",
    )
    events = pa.table(
        {
            "source_id": draw.choice(users, 40_000),
            "target_id": draw.choice(products, 40_000),
            "at": pa.array(1_700_000_000 + np.arange(40_000), pa.timestamp("s")),
        }
    )
    pq.write_table(events, folder / "User-PURCHASED-Product.parquet")
    return folder


@pytest.fixture(scope="module")
def unbroken_snapshot_id(tables, tmp_path_factory):
    with open_store("duckdb:") as store:
        ingest(folder_tables(tables, SCHEMA), store)
        return write_snapshot(store, tmp_path_factory.mktemp("whole") / "snapshot").snapshot_id


@pytest.mark.parametrize(
    ("last_words", "times"),
    [("Product write", 1), ("User-PURCHASED-Product read", 1), ("User-PURCHASED-Product write", 3)],
)
def test_a_rerun_completes_what_a_kill_interrupted(
    tables, unbroken_snapshot_id, tmp_path, last_words, times
):
    path = str(tmp_path / "graph.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", INGEST, str(tables), path],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            times -= line.strip() == last_words
            if times == 0:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL

    with open_store(path, create=False) as store:
        kept = sum(store.counts().values())
        assert 0 < kept < 500 + 8000 * 2 + 40_000 + 9, "killed in the middle"
        ingest(folder_tables(tables, SCHEMA), store)
        snapshot = write_snapshot(store, tmp_path / "snapshot")
        assert snapshot.snapshot_id == unbroken_snapshot_id
        again = ingest(folder_tables(tables, SCHEMA), store)
        assert again.counts == UpsertCounts(unchanged=500 + 8000 + 40_000)
