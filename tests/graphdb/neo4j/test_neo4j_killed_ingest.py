"""A client killed in the middle of a write: the re-run completes it, nothing doubled or lost."""

import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from contracts.store import PURCHASED

from graphdb import SCHEMA, UpsertCounts, open_store, write_snapshot
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

USERS, PRODUCTS, EVENTS, BATCH, CHUNK = 200, 240, 4_000, 1_000, 250
INGEST = f"""
import sys
from graphdb import SCHEMA, open_store
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables
from graphdb.stores.neo4j import writing

create = writing._create

def tell(tx, query, *rest):
    create(tx, query, *rest)
    print("wrote", query, flush=True)

writing._create, writing.CHUNK_ROWS = tell, {CHUNK}
with open_store(sys.argv[2]) as store:
    ingest(folder_tables(sys.argv[1], SCHEMA), store, batch_rows={BATCH})
"""


def write_tables(folder):
    draw = np.random.default_rng(0)
    users = [f"u{number}" for number in range(USERS)]
    products = [f"p{number}" for number in range(PRODUCTS)]
    events = {
        "source_id": draw.choice(users, EVENTS),
        "target_id": draw.choice(products, EVENTS),
        "at": pa.array(1_700_000_000 + np.arange(EVENTS), pa.timestamp("s")),
    }
    folder.mkdir()
    pq.write_table(pa.table({"user_id": users}), folder / "User.parquet")
    pq.write_table(pa.table({"product_id": products}), folder / "Product.parquet")
    pq.write_table(pa.table(events), folder / "User-PURCHASED-Product.parquet")
    return folder_tables(folder, SCHEMA)


def test_a_rerun_completes_what_a_killed_client_began(settings, empty, tmp_path):  # noqa: ARG001
    tables = write_tables(tmp_path / "tables")
    chunks = BATCH // CHUNK + 2  # the second of the second batch
    with subprocess.Popen(
        [sys.executable, "-c", INGEST, str(tmp_path / "tables"), settings.uri],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            chunks -= "PURCHASED" in line
            if chunks == 0:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL

    with open_store(settings.uri, create=False) as store, open_store("duckdb:") as unbroken:
        assert store.counts()[PURCHASED] == BATCH, "the first batch whole, nothing of the second"
        counts = ingest(tables, store).counts
        assert counts == UpsertCounts(EVENTS - BATCH, 0, USERS + PRODUCTS + BATCH)
        ingest(tables, unbroken)
        assert store.counts() == unbroken.counts()
        ids = [
            write_snapshot(each, tmp_path / name).snapshot_id
            for name, each in (("again", store), ("unbroken", unbroken))
        ]
        assert ids[0] == ids[1]
