"""What scripts/bench.py viewed asks: a purchase with its views, and without them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.data.taobao import FILES, PURCHASED, read
from benchmarks.viewed import AS_PUBLISHED, NOT_VIEWED, ways

from graphdb import SCHEMA
from graphrec.bundle import Adjacency
from training.data import load_graph
from training.pairs import adjacency

VIEWED, CARTED = SCHEMA.edge_type("VIEWED"), SCHEMA.edge_type("CARTED")
PAIRS = {
    "buy_train": [(0, 1), (1, 0)],
    "buy_test": [(0, 2), (1, 3)],
    "cart": [(0, 2), (1, 1)],
    "view": [(0, 1), (0, 2), (0, 3), (1, 0)],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("taobao")
    for name, pairs in PAIRS.items():
        users, items = np.array(pairs, dtype=np.int32).T
        pq.write_table(pa.table({"user": users, "item": items}), folder / f"{name}.parquet")
    return read(folder, tmp_path_factory.mktemp("out"))


def pairs_of(adjacency):
    return [
        (user, int(item))
        for user in range(adjacency.num_sources)
        for item in adjacency.indices[adjacency.indptr[user] : adjacency.indptr[user + 1]]
    ]


def test_rows_are_the_numbers_in_the_files(data):
    snapshot, held = data
    graph = load_graph(snapshot)
    for edge_type, name in FILES.items():
        assert pairs_of(adjacency(graph, edge_type)) == PAIRS[name]
    assert pairs_of(held) == PAIRS["buy_test"]


def test_the_held_out_pairs_keep_their_views_or_lose_them(data):
    snapshot, held = data
    asked = {way: task for way, _, task in ways(load_graph(snapshot), held)}
    before, after = asked[AS_PUBLISHED].target, asked[NOT_VIEWED].target
    assert pairs_of(before.seen) == [(0, 1), (1, 0)]  # what was bought is no answer
    assert pairs_of(adjacency(before.graph, CARTED)) == PAIRS["cart"]
    assert pairs_of(adjacency(after.graph, VIEWED)) == [(0, 1), (0, 3), (1, 0)]
    assert pairs_of(adjacency(after.graph, CARTED)) == [(1, 1)]
    assert pairs_of(after.seen) == [(0, 1), (0, 3), (1, 0), (1, 1)]  # nor what was viewed


def test_purchases_of_the_training_part_can_be_held_out(data):
    snapshot, _ = data
    held = Adjacency.from_edges(np.array([0]), np.array([1]), 2, 4)
    for _, holdout, _ in ways(load_graph(snapshot), held):
        assert pairs_of(adjacency(holdout.train_graph, PURCHASED)) == [(1, 0)]
