"""iALS: the library does the paper's sum, quietly and the same with any number of threads."""

import sys

import numpy as np
import pytest
import torch
from contracts.baseline import PersonalContract

from graphdb.errors import TrainingError
from graphdb.schema import SCHEMA
from training import extras
from training.baselines import Ials, IalsConfig
from training.baselines import ials as module
from training.data import load_graph

PURCHASED = SCHEMA.edge_type("PURCHASED")


class TestIals(PersonalContract):
    @pytest.fixture
    def make(self):
        config = IalsConfig(dim=8, regularisation=1)
        return lambda target_edge_type: Ials(SCHEMA, target_edge_type, config)


def test_threads_do_not_matter_and_the_seed_does(planted):
    graph = load_graph(planted)
    rows = torch.arange(240)
    one, four, other = (
        Ials(SCHEMA, PURCHASED, IalsConfig(dim=8, **settings)).fit(graph).scores(rows)
        for settings in ({}, {"threads": 4}, {"seed": 1})
    )
    assert torch.equal(one, four)
    assert not torch.allclose(one, other)


def test_it_ends_where_neither_side_can_do_better(make_graph):
    """At the end every vector solves the paper's equation 4 given those of the other side."""
    rng = np.random.default_rng(0)
    events = [(u, p, 0, int(rng.integers(1, 4))) for u in range(9) for p in rng.permutation(7)[:3]]
    graph = make_graph({"User": 9, "Product": 7}, {PURCHASED: events})
    settings = {"dim": 2, "regularisation": 0.5, "confidence": 4.0, "repeat_exponent": 1.0}
    scorer = Ials(SCHEMA, PURCHASED, IalsConfig(iterations=500, **settings)).fit(graph)
    weights = np.zeros((9, 7))
    for user, product, _, count in events:
        weights[user, product] += 5 * np.log1p(count)
    products = scorer.targets.double().numpy()
    for user in range(9):
        confidence = np.diag(1 + 4 * weights[user])
        left = products.T @ confidence @ products + 0.5 * np.eye(2)
        right = products.T @ confidence @ (weights[user] > 0)
        np.testing.assert_allclose(scorer.queries[user], np.linalg.solve(left, right), atol=1e-3)


def test_without_the_library_it_says_what_to_install(make_graph, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", {}.get)
    with pytest.raises(TrainingError, match=r"iALS needs implicit, .*; install graphrec\[baseli"):
        Ials(SCHEMA, PURCHASED).fit(make_graph({"User": 1, "Product": 1}, {PURCHASED: [(0, 0)]}))


def test_the_library_is_loaded_only_when_it_is_needed():
    assert "training.baselines.ials" in sys.modules
    assert not hasattr(module, "AlternatingLeastSquares")
