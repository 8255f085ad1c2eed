"""Views, carts and purchases of a shop as a snapshot, without times, and a purchase of every user.

The split of MBCGCN, on which MuLe (Lee et al., CIKM 2024) and others report: a purchase of every
user is held out, while the views and carts that led to it stay. Four of five held-out purchases
were viewed, so that most of a figure says who buys what they looked at.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data.base import Published
from benchmarks.data.worlds import bare_nodes, full_table, snapshot_of
from graphdb import SCHEMA, Snapshot
from graphdb.schema_types import OCCURRED_AT, SOURCE_ID, TARGET_ID
from graphdb.sources.opening import arrow_tables
from graphrec.bundle import Adjacency

PURCHASED = SCHEMA.edge_type("PURCHASED")
FILES = {PURCHASED: "buy_train", SCHEMA.edge_type("CARTED"): "cart"}
FILES[SCHEMA.edge_type("VIEWED")] = "view"
TAOBAO_PUBLISHED = (Published("MuLe", 0.1918, 0.1103),)
"""Hit rate, which is the recall of one product, and NDCG at 10."""

_AT = datetime(2020, 1, 1, tzinfo=UTC)

Rows = npt.NDArray[np.int64]


def read(folder: Path, out: Path) -> tuple[Snapshot, Adjacency]:
    """The snapshot of the training part, written into `out`, and the held-out purchases.

    Everything has one time, which says nothing, because the files have none and events need one.
    Rows of users and products are the numbers in the files, because ids have leading zeros.
    """
    held = _pairs(folder / "buy_test.parquet")
    pairs = {edge_type: _pairs(folder / f"{name}.parquet") for edge_type, name in FILES.items()}
    sizes = np.max([part.max(axis=1) for part in (held, *pairs.values())], axis=0) + 1
    ids = [
        np.array([f"{letter}{number:07d}" for number in range(size)])
        for letter, size in zip("up", sizes.tolist(), strict=True)
    ]
    nodes = {
        name: bare_nodes(name, found.tolist())
        for name, found in zip(("User", "Product"), ids, strict=True)
    }
    edges = {
        edge_type: full_table(
            edge_type,
            {
                name: pa.array(found[rows])
                for name, found, rows in zip((SOURCE_ID, TARGET_ID), ids, part, strict=True)
            }
            | {OCCURRED_AT: pa.array([_AT] * part.shape[1], pa.timestamp("us", "UTC"))},
        )
        for edge_type, part in pairs.items()
    }
    both = arrow_tables(nodes, "nodes") + arrow_tables(edges, "edges")
    snapshot = snapshot_of(both, out, strict=True)
    return snapshot, Adjacency.from_edges(*held, *sizes.tolist())


def _pairs(path: Path) -> Rows:
    """User and product of every line, int64 [2, num_pairs]."""
    table = pq.read_table(path)
    return np.stack([table[name].to_numpy().astype(np.int64) for name in ("user", "item")])
