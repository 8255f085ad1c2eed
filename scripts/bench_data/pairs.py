"""Gowalla and Yelp2018, the LightGCN split: who was where, and nothing else."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bench_data.base import DataSet, Published, Split, graph_of, static_split
from graphdb import SCHEMA
from graphrec.bundle import Adjacency

PURCHASED = SCHEMA.edge_type("PURCHASED")


def read(folder: Path, validate: bool) -> Split:
    """From train.parquet and test.parquet of (user, item)."""
    train, test = (
        np.stack([table[name].to_numpy().astype(np.int64) for name in ("user", "item")])
        for table in (pq.read_table(folder / f"{part}.parquet") for part in ("train", "test"))
    )
    num_users, num_items = (np.concatenate([train, test], axis=1).max(axis=1) + 1).tolist()
    graph = graph_of({"User": num_users, "Product": num_items}, {PURCHASED: train})
    taken, truth = (Adjacency.from_edges(*part, num_users, num_items) for part in (train, test))
    return static_split(graph, PURCHASED, taken, truth, validate=validate)


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
)
