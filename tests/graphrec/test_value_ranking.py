"""Rankings that lean towards value: as a plain sort of all targets has them, under every rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import QueryError
from graphrec import Recommender
from graphrec.query.embeddings import EmbeddingMatrix, Similarity, ValueProposer
from graphrec.query.topk import planned_top_k, top_k
from graphrec.query.value import value_adjusted, value_factors, values_of


def oracle(queries, targets, factors, k, allowed):
    """Scores in float64, sorted: best first, then lowest row."""
    rows, scores = [], []
    for seed in queries:
        scored = (targets.astype(np.float64) * seed.astype(np.float64)).sum(axis=1)
        scored = np.where(scored < 0, scored / factors, scored * factors)
        order = sorted(np.flatnonzero(allowed), key=lambda row: (-scored[row], row))[:k]
        rows.append(order + [-1] * (k - len(order)))
        scores.append([scored[row] for row in order] + [-np.inf] * (k - len(order)))
    return rows, scores


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 12),
    st.sampled_from([0.0, 1e-3, 0.5, 1.0]),
    st.sampled_from([1e-20, 1e-3, 1.0, 1e15]),
    st.sampled_from([0.1, 0.6, 1.0]),
)
def test_it_is_the_plain_sort_of_all(seed, num_targets, k, weight, scale, passing):
    draw = np.random.default_rng(seed)
    targets = (draw.integers(-3, 4, (num_targets, 3)) * scale).astype(np.float32)
    queries = draw.normal(size=(4, 3)).astype(np.float32)
    value = draw.lognormal(0, 2, num_targets)
    value[draw.random(num_targets) < 0.2] = 1e-6
    factors = value_factors(value, weight)
    allowed = draw.random(num_targets) < passing
    rows, scores, _ = planned_top_k(
        EmbeddingMatrix.of(queries),
        np.arange(4),
        EmbeddingMatrix.of(targets),
        k=k,
        mask=allowed,
        factors=factors,
    )
    wanted_rows, wanted_scores = oracle(queries, targets, factors, k, allowed)
    assert rows.tolist() == wanted_rows
    assert scores.tolist() == wanted_scores


def test_few_are_proposed_among_many():
    """The bound on rounding is tight enough that nearly all targets are left out."""
    draw = np.random.default_rng(0)
    targets = EmbeddingMatrix.of(draw.normal(size=(20_000, 64)).astype(np.float32))
    queries = EmbeddingMatrix.of(draw.normal(size=(8, 64)).astype(np.float32))
    factors = value_factors(draw.lognormal(0, 1, 20_000), 0.7)
    proposer = ValueProposer(targets, 10, factors, None, gather=False)
    positions, _ = proposer.propose(queries, np.arange(8), [])
    assert 80 <= len(positions) < 120


def test_no_weight_is_affinity_to_the_last_bit():
    draw = np.random.default_rng(1)
    targets = EmbeddingMatrix.of(draw.normal(size=(500, 16)).astype(np.float32))
    queries = EmbeddingMatrix.of(draw.normal(size=(20, 16)).astype(np.float32))
    plain = top_k(queries, np.arange(20), targets, k=10, similarity=Similarity.DOT)
    rows, scores, _ = planned_top_k(
        queries, np.arange(20), targets, k=10, factors=value_factors(np.full(500, 3.0), 0.0)
    )
    assert (rows == plain[0]).all() and (scores == plain[1]).all()


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_a_question_with_a_value_weight(recommender, weight):
    value = values_of(recommender.bundle, "Product")
    plain = recommender.products_for_user("ann", exclude_seen=False)
    affinity = {item.id: item.score for item in plain}
    ids = sorted(affinity)
    moved = value_adjusted([affinity[one] for one in ids], value, weight)
    answer = recommender.products_for_user("ann", exclude_seen=False, value_weight=weight)
    expected = sorted(zip((-moved).tolist(), ids, strict=True))
    assert [(-item.score, item.id) for item in answer] == expected
    assert (answer == plain) is (weight == 0)


def test_values_that_cannot_be(market):
    recommender = Recommender(market)
    for weight in (-0.1, 1.1, "much", True, float("nan")):
        with pytest.raises(QueryError, match=r"value_weight is .*expected from 0"):
            recommender.products_for_user("u2", value_weight=weight)
    with pytest.raises(QueryError, match="has no quality for Product"):
        recommender.products_for_user("u2", value_weight=0.5)
