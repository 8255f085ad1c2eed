"""GF-CF against its formula with dense matrices."""

import numpy as np
import pytest
import torch
from contracts.baseline import PersonalContract, dense, random_purchases

from graphdb.schema import SCHEMA
from training.baselines import GfCf, GfCfConfig

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")


class TestGfCf(PersonalContract):
    @pytest.fixture
    def make(self):
        return lambda target_edge_type: GfCf(SCHEMA, target_edge_type)


def by_formula(taken, low_pass, rank):
    """The paper's section 4.2, literally."""
    queries, targets = taken.sum(1), taken.sum(0)
    scale_queries, damp_targets = (
        np.diag(np.where(sums > 0, np.maximum(sums, 1e-9) ** -0.5, 0))
        for sums in (queries, targets)
    )
    normal = scale_queries @ taken @ damp_targets
    low = np.linalg.svd(normal)[2][:rank]
    ideal = damp_targets @ low.T @ low @ np.diag(targets**0.5)
    return taken @ (normal.T @ normal + low_pass * ideal)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("low_pass", "rank"), [(0.3, 3), (0, 3), (2, 1), (0.3, 256)])
def test_equal_to_the_formula(make_graph, monkeypatch, seed, low_pass, rank):
    monkeypatch.setattr("training.baselines.gf_cf._BLOCK_NUMBERS", 60)
    graph = random_purchases(make_graph, seed, num_buyers=12, num_users=13)
    config = GfCfConfig(low_pass=low_pass, rank=rank)
    found = GfCf(SCHEMA, PURCHASED, config).fit(graph).scores(torch.arange(13))
    expected = by_formula(dense(graph), low_pass, min(rank, 9))  # nine products are bought
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_worked_out_by_hand(make_graph):
    # R = [[1, 1], [0, 1]], sums of queries 2, 1 and of targets 1, 2:
    # R~ = [[1/sqrt2, 1/2], [0, 1/sqrt2]], R~^T R~ = [[1/2, 1/sqrt8], [1/sqrt8, 3/4]]
    graph = make_graph({"User": 2, "Product": 2}, {PURCHASED: [(0, 0), (0, 1), (1, 1)]})
    scorer = GfCf(SCHEMA, PURCHASED, GfCfConfig(low_pass=0)).fit(graph)
    expected = torch.tensor([[1 / 2 + 8**-0.5, 3 / 4 + 8**-0.5], [8**-0.5, 3 / 4]])
    torch.testing.assert_close(scorer.scores(torch.arange(2)), expected)


def test_events_count_once_and_those_of_weight_0_do_not(make_graph):
    bought = [(0, 0, 0, 3), (0, 1), (1, 1)]
    once = make_graph({"User": 2, "Product": 2}, {PURCHASED: [pair[:2] for pair in bought]})
    more = make_graph({"User": 2, "Product": 2}, {PURCHASED: bought, VIEWED: [(1, 0)]})
    config = GfCfConfig(event_weights={"VIEWED": 0})
    found, same = (
        GfCf(SCHEMA, PURCHASED, config).fit(one).scores(torch.arange(2)) for one in (once, more)
    )
    torch.testing.assert_close(found, same)
