"""Excluding edges of a type: what scripts/bench.py accuracy --exclude does."""

import pytest
import torch
from benchmarks.models import settings_without, without_edges

from graphdb import SCHEMA
from training.config import TrainConfig
from training.data import HeteroData

BOUGHT, MADE_BY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY")


@pytest.fixture
def graph():
    graph = HeteroData()
    for node_type, number in (("User", 2), ("Product", 3), ("Brand", 1)):
        graph[node_type].num_nodes = number
    graph[BOUGHT].edge_index = torch.tensor([[0, 1], [2, 0]])
    graph[MADE_BY].edge_index = torch.tensor([[0, 1, 2], [0, 0, 0]])
    graph[MADE_BY].count = torch.ones(3)
    return graph


def test_an_excluded_edge_type_has_no_edges_and_others_keep_theirs(graph):
    part = without_edges(graph, [MADE_BY])
    assert part[MADE_BY].edge_index.shape == (2, 0)
    assert part[MADE_BY].count.shape == (0,)
    assert torch.equal(part[BOUGHT].edge_index, graph[BOUGHT].edge_index)
    assert part["Brand"].num_nodes == 1
    assert graph[MADE_BY].edge_index.shape == (2, 3)


def test_an_edge_type_that_there_is_not(graph):
    with pytest.raises(ValueError, match="no edges of Product-SOLD_BY-Shop to exclude"):
        without_edges(graph, [SCHEMA.edge_type("SOLD_BY")])


def test_settings_lose_it_both_ways():
    config = TrainConfig.model_validate(
        {
            "svd": {"edge_type_weights": {str(MADE_BY): 0.5}},
            "graph": {
                "supervision": {str(BOUGHT): 1.0, str(MADE_BY): 0.3},
                "relation_weights": {str(MADE_BY): 0.0, f"~{MADE_BY}": 0.0, str(BOUGHT): 2.0},
            },
        }
    )
    left = settings_without(config, [MADE_BY])
    assert left.svd.edge_type_weights == {}
    assert left.graph.supervision == {str(BOUGHT): 1.0}
    assert left.graph.relation_weights == {str(BOUGHT): 2.0}
