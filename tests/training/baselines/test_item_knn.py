"""Item neighbors against a slow oracle."""

import numpy as np
import pytest
import torch
from contracts.baseline import PersonalContract, dense, random_purchases

from graphdb.schema import SCHEMA
from training.baselines import ItemKnn, ItemKnnConfig

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")


class TestItemKnn(PersonalContract):
    @pytest.fixture
    def make(self):
        return lambda target_edge_type: ItemKnn(SCHEMA, target_edge_type)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("repeat_exponent", [0, 1])
@pytest.mark.parametrize(("num_neighbors", "shrinkage"), [(2, 0), (3, 4.5), (50, 10)])
def test_equal_to_a_loop_over_pairs(
    make_graph, monkeypatch, seed, repeat_exponent, num_neighbors, shrinkage
):
    monkeypatch.setattr("training.baselines.base._BLOCK_PRODUCTS", 40)
    graph = random_purchases(make_graph, seed, num_buyers=12, num_users=12)
    taken = dense(graph, repeat_exponent)
    similarity = np.zeros((10, 10))
    for target in range(10):
        cosines = {}
        for other in range(10):
            one, two = taken[:, target], taken[:, other]
            if other != target and one @ two:
                lengths = np.linalg.norm(one) * np.linalg.norm(two)
                cosines[other] = round(one @ two / (lengths + shrinkage), 12)
        for other in sorted(cosines, key=lambda other: (-cosines[other], other))[:num_neighbors]:
            similarity[other, target] = cosines[other]
    config = ItemKnnConfig(
        num_neighbors=num_neighbors, shrinkage=shrinkage, repeat_exponent=repeat_exponent
    )
    found = ItemKnn(SCHEMA, PURCHASED, config).fit(graph).scores(torch.arange(12))
    np.testing.assert_allclose(found, taken @ similarity, rtol=1e-5, atol=1e-6)


def test_worked_out_by_hand(make_graph):
    # Products 0 and 1 share one of their two buyers each: cosine 1/2, or 1 / (2 + 2) shrunk.
    graph = make_graph({"User": 3, "Product": 2}, {PURCHASED: [(0, 0), (0, 1), (1, 0), (2, 1)]})
    for shrinkage, similarity in ((0, 1 / 2), (2, 1 / 4)):
        scorer = ItemKnn(SCHEMA, PURCHASED, ItemKnnConfig(shrinkage=shrinkage)).fit(graph)
        assert scorer.scores(torch.tensor([1])).tolist() == [[0, similarity]]


def test_other_events_of_the_two_ends_count_too(make_graph):
    edges = {PURCHASED: [(0, 0), (1, 1)], VIEWED: [(0, 1), (1, 0)]}
    graph = make_graph({"User": 2, "Product": 2}, edges)
    alone = ItemKnnConfig(event_weights={"VIEWED": 0})
    for config, similarity in ((None, 2 / (2 + 10)), (alone, 0)):
        scorer = ItemKnn(SCHEMA, PURCHASED, config).fit(graph)
        assert scorer.weights.to_dense()[0, 1].item() == pytest.approx(similarity)
