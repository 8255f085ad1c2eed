"""Gowalla and Yelp2018, the LightGCN split: who was where, and nothing else."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.data.base import DataSet, Published, Rows, Split, asked_for, graph_of, static_split
from benchmarks.data.ordered import hold_out_ends
from graphdb import SCHEMA
from graphrec.bundle import Adjacency
from training.data import HeteroData

PURCHASED = SCHEMA.edge_type("PURCHASED")


def read(folder: Path, validate: bool) -> Split:
    """From train.parquet and test.parquet of (user, item)."""
    train, test, shape = _parts(folder)
    taken, truth = (Adjacency.from_edges(*part, *shape) for part in (train, test))
    return static_split(_graph(train, shape), PURCHASED, taken, truth, validate=validate)


def read_ordered(folder: Path, order: Path) -> Split:
    """The training part without the ends of the lists in `order`, and these to find."""
    train, _, shape = _parts(folder)
    past, ends = hold_out_ends(train, order)
    taken, truth = (Adjacency.from_edges(*part, *shape) for part in (past, ends))
    return asked_for(_graph(past, shape), PURCHASED, taken, truth)


def _parts(folder: Path) -> tuple[Rows, Rows, tuple[int, int]]:
    """The pairs of the training part and of the test part; how many users and items."""
    train, test = (
        np.stack([table[name].to_numpy().astype(np.int64) for name in ("user", "item")])
        for table in (pq.read_table(folder / f"{part}.parquet") for part in ("train", "test"))
    )
    num_users, num_items = (np.concatenate([train, test], axis=1).max(axis=1) + 1).tolist()
    return train, test, (num_users, num_items)


def _graph(pairs: Rows, shape: tuple[int, int]) -> HeteroData:
    return graph_of({"User": shape[0], "Product": shape[1]}, {PURCHASED: pairs})


GOWALLA = DataSet(
    "gowalla",
    PURCHASED,
    20,
    read,
    (
        Published("LightGCN", 0.1830, 0.1554),
        Published("GF-CF", 0.1849, 0.1518),
        Published("LightGCN+BSL", 0.1892, 0.1590),
        Published("ChebyCF", 0.1941, 0.1616),
    ),
    read_ordered=read_ordered,
)
YELP2018 = DataSet(
    "yelp2018",
    PURCHASED,
    20,
    read,
    (
        Published("LightGCN", 0.0649, 0.0530),
        Published("GF-CF", 0.0697, 0.0571),
        Published("NESCL", 0.0743, 0.0611),
        Published("LightGCN+BSL", 0.0744, 0.0617),
    ),
    read_ordered=read_ordered,
)
