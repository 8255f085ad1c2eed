"""EASE against dense formulas and the problem that it solves; its low-rank form against it."""

import numpy as np
import pytest
import torch
from contracts.baseline import PersonalContract, dense, random_purchases

from graphdb.errors import TrainingError
from graphdb.schema import SCHEMA
from training.baselines import Ease, EaseConfig, LowRankEase, LowRankEaseConfig
from training.data import load_graph

PURCHASED = SCHEMA.edge_type("PURCHASED")


class TestEase(PersonalContract):
    @pytest.fixture
    def make(self):
        return lambda target_edge_type: Ease(SCHEMA, target_edge_type)


class TestEaseWithQueriesWeighed(PersonalContract):
    @pytest.fixture
    def make(self):
        config = EaseConfig(query_exponent=0.5, regularisation=1, precision="float64")
        return lambda target_edge_type: Ease(SCHEMA, target_edge_type, config)


class TestLowRankEase(PersonalContract):
    @pytest.fixture
    def make(self):
        return lambda target_edge_type: LowRankEase(
            SCHEMA, target_edge_type, LowRankEaseConfig(rank=16)
        )


@pytest.fixture
def graph(make_graph):
    return random_purchases(make_graph, 3, num_buyers=14, num_users=15)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("regularisation", "repeat_exponent"), [(0.5, 0), (20, 0), (20, 1)])
def test_every_column_is_a_ridge_regression_on_the_others(
    graph, monkeypatch, precision, regularisation, repeat_exponent
):
    """The problem itself, target by target, without the target among what explains it."""
    monkeypatch.setattr("training.baselines.base._BLOCK_PRODUCTS", 40)
    taken = dense(graph, repeat_exponent)
    weights = np.zeros((10, 10))
    for target in range(10):
        others = [other for other in range(10) if other != target]
        gram = taken[:, others].T @ taken[:, others] + regularisation * np.eye(9)
        weights[others, target] = np.linalg.solve(gram, taken[:, others].T @ taken[:, target])
    config = EaseConfig(
        regularisation=regularisation, repeat_exponent=repeat_exponent, precision=precision
    )
    scorer = Ease(SCHEMA, PURCHASED, config).fit(graph)
    np.testing.assert_allclose(scorer.weights, weights, atol=1e-5)
    np.testing.assert_allclose(scorer.scores(torch.arange(15)), taken @ weights, atol=1e-4)


@pytest.mark.parametrize("query_exponent", [0, 0.5, 1])
def test_full_rank_is_ease(graph, query_exponent):
    settings = {"regularisation": 2.0, "query_exponent": query_exponent}
    exact = Ease(SCHEMA, PURCHASED, EaseConfig(precision="float64", **settings)).fit(graph)
    found = LowRankEase(SCHEMA, PURCHASED, LowRankEaseConfig(**settings)).fit(graph)
    rows = torch.arange(15)
    torch.testing.assert_close(found.scores(rows), exact.scores(rows), atol=1e-4, rtol=0)


def test_low_rank_equals_a_dense_inverse(graph):
    rank, regularisation = 4, 3.0
    taken = dense(graph)
    sums = taken.sum(axis=0)
    root = np.sqrt(np.where(sums > 0, sums, 1))
    _, values, right = np.linalg.svd(taken / root, full_matrices=False)
    factor = root[:, None] * right[:rank].T * values[:rank]
    gram = taken.T @ taken
    low = factor @ factor.T
    low += np.diag(np.diag(gram) - np.diag(low) + regularisation)
    inverse = np.linalg.inv(low)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    config = LowRankEaseConfig(
        rank=rank, regularisation=regularisation, query_exponent=0, power_iterations=40
    )
    found = LowRankEase(SCHEMA, PURCHASED, config).fit(graph).scores(torch.arange(15))
    np.testing.assert_allclose(found, taken @ weights, atol=1e-4)


def test_a_row_divided_by_its_sum_speaks_less(graph):
    weighed = dense(graph) / np.maximum(dense(graph).sum(axis=1, keepdims=True), 1) ** 0.5
    inverse = np.linalg.inv(weighed.T @ weighed + np.eye(10))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    config = EaseConfig(query_exponent=0.5, regularisation=1)
    scorer = Ease(SCHEMA, PURCHASED, config).fit(graph)
    np.testing.assert_allclose(scorer.scores(torch.arange(15)), weighed @ weights, atol=1e-5)


def test_more_rank_comes_nearer_to_ease(planted):
    graph = load_graph(planted)
    rows = torch.arange(240)
    settings = {"regularisation": 20.0, "query_exponent": 0.0}
    exact = Ease(SCHEMA, PURCHASED, EaseConfig(**settings)).fit(graph).scores(rows)
    away = []
    for rank in (4, 60, 160):
        config = LowRankEaseConfig(rank=rank, **settings)
        found = LowRankEase(SCHEMA, PURCHASED, config).fit(graph).scores(rows)
        away.append((found - exact).abs().mean())
    assert away[0] > 1.2 * away[1] > 2 * away[2]
    assert away[2] < 1e-4


def test_too_many_targets_are_refused_with_numbers(make_graph):
    graph = make_graph({"User": 1, "Product": 100_000}, {PURCHASED: [(0, 0)]})
    message = (
        r"EASE needs 80.0 GB for 100,000 targets in float32; expected at most memory_gb = 8; "
        r"raise memory_gb if there is enough memory, or use LowRankEase"
    )
    with pytest.raises(TrainingError, match=message):
        Ease(SCHEMA, PURCHASED).fit(graph)
    with pytest.raises(TrainingError, match=r"needs 160\.0 GB for 100,000 targets in float64"):
        Ease(SCHEMA, PURCHASED, EaseConfig(precision="float64")).fit(graph)


def test_too_little_regularisation_for_the_precision(make_graph):
    twins = [(user, product) for user in range(400) for product in range(2)]
    graph = make_graph({"User": 400, "Product": 2}, {PURCHASED: twins})
    with pytest.raises(TrainingError, match=r"1e-08 cannot be inverted in float32; raise"):
        Ease(SCHEMA, PURCHASED, EaseConfig(regularisation=1e-8)).fit(graph)
    Ease(SCHEMA, PURCHASED, EaseConfig(regularisation=1e-8, precision="float64")).fit(graph)
