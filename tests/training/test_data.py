"""Snapshot -> HeteroData, against values known beforehand."""

from datetime import UTC, datetime, timedelta

import pytest
import torch

from graphdb.errors import SnapshotError
from graphdb.schema import SCHEMA
from training.data import ALWAYS_S, edge_types_of, load_graph

NODES = {
    "User": {"user_id": ["ann", "bob"]},
    "Product": {"product_id": ["p1", "p2", "p3"]},
    "Brand": {"brand_id": ["acme"]},
}
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
NOON_S = 1_704_110_400
PURCHASES = {
    "source_id": ["ann", "ann", "bob"],
    "target_id": ["p3", "p1", "p3"],
    "at": [NOON, NOON + timedelta(seconds=1.9), datetime(1969, 12, 31, 23, 59, 58, 500_000, UTC)],
    "event_id": ["a", "b", "c"],
    "count": [2, None, 1],
    "value": [None, 3.5, 0.0],
    "discount": [0.5, None, None],
}


@pytest.fixture
def graph(write_world, tmp_path):
    edges = {
        "User-PURCHASED-Product": PURCHASES,
        "User-RATED-Product": {
            "source_id": ["bob"],
            "target_id": ["p2"],
            "at": [NOON],
            "stars": [4.5],
        },
        "Product-MADE_BY-Brand": {
            "source_id": ["p1", "p2"],
            "target_id": ["acme", "acme"],
            "since": [None, NOON],
        },
    }
    return load_graph(write_world(tmp_path / "world", NODES, edges))


def test_node_counts_and_all_types(graph):
    assert set(graph.node_types) == set(SCHEMA.node_types)
    assert [graph[name].num_nodes for name in ("User", "Product", "Brand", "Shop")] == [2, 3, 1, 0]
    assert edge_types_of(graph) == list(SCHEMA.edge_types())
    assert graph.validate()


def test_events_are_sorted_rows_with_seconds_and_numbers(graph):
    bought = graph["User", "PURCHASED", "Product"]
    assert bought.edge_index.tolist() == [[0, 0, 1], [0, 2, 2]]  # ann-p1, ann-p3, bob-p3
    assert bought.edge_index.dtype == bought.at_s.dtype == torch.int64
    assert bought.at_s.tolist() == [NOON_S + 1, NOON_S, -2]  # rounded down, before 1970 too
    assert bought["count"].tolist() == [1.0, 2.0, 1.0]  # empty is one
    assert bought["value"].isnan().tolist() == [False, True, False]  # empty is unknown
    assert bought["value"][[0, 2]].tolist() == [3.5, 0.0]
    assert bought["discount"][1].item() == 0.5
    assert bought["count"].dtype == bought["value"].dtype == torch.float32
    assert graph["User", "RATED", "Product"].stars.tolist() == [4.5]


def test_edges_begin_sometime_or_hold_always(graph):
    made_by = graph["Product", "MADE_BY", "Brand"]
    assert made_by.edge_index.tolist() == [[0, 1], [0, 0]]
    assert made_by.at_s.tolist() == [ALWAYS_S, NOON_S]
    assert "count" not in made_by


def test_types_without_edges_are_there_and_empty(graph):
    viewed = graph["User", "VIEWED", "Product"]
    assert viewed.edge_index.shape == (2, 0) and viewed.edge_index.dtype == torch.int64
    assert viewed.at_s.shape == viewed["count"].shape == (0,)


def test_one_thread_reads_the_same_as_many(planted):
    one, many = load_graph(planted, threads=1), load_graph(planted, threads=8)
    for edge_type in edge_types_of(one):
        assert list(one[edge_type]) == list(many[edge_type])
        for name, tensor in one[edge_type].items():
            assert torch.equal(tensor.nan_to_num(-1), many[edge_type][name].nan_to_num(-1))


def test_dangling_edge_is_an_error(write_world, tmp_path):
    edges = {"Product-MADE_BY-Brand": {"source_id": ["p1"], "target_id": ["gone"]}}
    with pytest.raises(SnapshotError, match="ends at Brand 'gone', which is not in the snapshot"):
        load_graph(write_world(tmp_path / "world", NODES, edges))
