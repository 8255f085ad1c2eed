"""Data sets in which the order of events is known, as snapshots; see scripts/benchmarks/next.py.

Times are made up where only the order is known: an event a day, counted from the same day for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data.base import Published
from benchmarks.data.worlds import bare_nodes, full_table, snapshot_of
from graphdb import SCHEMA, Snapshot
from graphdb.schema_types import OCCURRED_AT, SOURCE_ID, TARGET_ID, EdgeType
from graphdb.sources.opening import arrow_tables

PURCHASED = SCHEMA.edge_type("PURCHASED")
IN_CATEGORY, MADE_BY = SCHEMA.edge_type("IN_CATEGORY"), SCHEMA.edge_type("MADE_BY")
_DAY_US = 86_400 * 10**6
_START_US = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 10**6

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SequenceData:
    """A data set, and what papers report on its leave-last-out split.

    Args:
        read: Writes the snapshot of the data set's folder into another folder.
        published: Recall and NDCG at 10.
    """

    read: Callable[[Path, Path], Snapshot]
    published: tuple[Published, ...] = ()


def _beauty(folder: Path, out: Path) -> Snapshot:
    """From events and attributes.parquet; brands and categories alike become categories."""
    events = pq.read_table(folder / "events.parquet")
    attributes = pq.read_table(folder / "attributes.parquet")
    users, products, days = (
        events[name].to_numpy().astype(np.int64) for name in ("user", "item", "position")
    )
    described, attribute = (
        attributes[name].to_numpy().astype(np.int64) for name in ("item", "attribute")
    )
    pairs = np.unique(np.stack([described, attribute]), axis=1)  # some are told twice
    described, attribute = pairs[:, np.isin(pairs[0], products)]
    edges = {
        PURCHASED: _events(users, products, days),
        IN_CATEGORY: _edges(IN_CATEGORY, _ids("p", described), _ids("c", attribute), {}),
    }
    nodes = {"User": users, "Product": products, "Category": attribute}
    return _snapshot(nodes, edges, out)


def _ta_feng(folder: Path, out: Path) -> Snapshot:
    """From history and future.parquet: a basket a day, and everybody's future on the same day.

    Days are counted back from the basket to predict, so that a day ago is a basket ago for all, and
    the last day is what is held out. Counted from everybody's first basket, who has few would seem
    to have stopped long ago.
    """
    history = pq.read_table(folder / "history.parquet")
    future = pq.read_table(folder / "future.parquet")
    users, products, baskets = (
        history[name].to_numpy().astype(np.int64) for name in ("user", "item", "basket")
    )
    next_users, next_products = (
        future[name].to_numpy().astype(np.int64) for name in ("user", "item")
    )
    last = np.zeros(max(users.max(), next_users.max()) + 1, dtype=np.int64)
    np.maximum.at(last, users, baskets)
    future_day = int(last.max()) + 1
    days = np.append(future_day - 1 - last[users] + baskets, np.full(len(next_users), future_day))
    users, products = np.append(users, next_users), np.append(products, next_products)
    return _snapshot(
        {"User": users, "Product": products}, {PURCHASED: _events(users, products, days)}, out
    )


def _snapshot(nodes: Mapping[str, Rows], edges: Mapping[EdgeType, pa.Table], out: Path) -> Snapshot:
    tables = {
        name: bare_nodes(name, _ids(name[0].lower(), np.unique(numbers)))
        for name, numbers in nodes.items()
    }
    both = arrow_tables(tables, "nodes") + arrow_tables(edges, "edges")
    return snapshot_of(both, out, strict=True)


def _events(users: Rows, products: Rows, days: Rows) -> pa.Table:
    at = pa.array(_START_US + days * _DAY_US, pa.int64()).cast(pa.timestamp("us", "UTC"))
    event_ids = [f"e{number:08d}" for number in range(len(users))]
    columns = {OCCURRED_AT: at, "event_id": pa.array(event_ids)}
    return _edges(PURCHASED, _ids("u", users), _ids("p", products), columns)


def _edges(
    edge_type: EdgeType, sources: list[str], targets: list[str], columns: Mapping[str, pa.Array]
) -> pa.Table:
    return full_table(
        edge_type, {SOURCE_ID: pa.array(sources), TARGET_ID: pa.array(targets), **columns}
    )


def _ids(letter: str, numbers: Rows) -> list[str]:
    return [f"{letter}{number:07d}" for number in numbers.tolist()]


SEQUENCES: Mapping[str, SequenceData] = {
    "beauty-sequences": SequenceData(
        _beauty,
        (
            Published("SASRec", 0.0639, float("nan")),
            Published("TIGER", 0.0648, 0.0384),
            Published("ActionPiece", 0.0775, 0.0424),
            Published("OneRec, with texts", 0.0924, float("nan")),
        ),
    ),
    "ta-feng": SequenceData(_ta_feng),
}
"""The data sets by the name of their folder."""
