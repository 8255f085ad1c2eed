"""Metrics: fractions worked by hand, a slow oracle, and the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import NotEnoughDataError, TrainingError
from graphrec import Adjacency
from training.evaluation.metrics import gain_ndcg_at_k, ndcg_at_k, recall_at_k

NUM_TARGETS = 12


def truth_of(lists):
    """True targets per seed row."""
    sources = [seed for seed, targets in enumerate(lists) for _ in targets]
    targets = [target for targets in lists for target in targets]
    return Adjacency.from_edges(
        np.array(sources, np.int64), np.array(targets, np.int64), len(lists), NUM_TARGETS
    )


def ranked(*lists):
    return np.array(lists, dtype=np.int64)


def measure(lists, truth, k, seeds=None):
    seeds = np.arange(len(lists)) if seeds is None else np.array(seeds)
    return (
        recall_at_k(lists, seeds, truth_of(truth), k),
        ndcg_at_k(lists, seeds, truth_of(truth), k),
    )


D1, D2, D3 = 1.0, 1 / math.log2(3), 1 / 2


def test_by_hand():
    # Seed 0 finds 2 of 3, at ranks 1 and 3; seed 1 finds its only one at rank 2.
    lists = ranked([5, 0, 6], [0, 7, 1])
    recall, ndcg = measure(lists, [[5, 6, 9], [7]], 3)
    assert recall == pytest.approx((2 / 3 + 1) / 2)
    assert ndcg == pytest.approx(((D1 + D3) / (D1 + D2 + D3) + D2 / D1) / 2)


def test_a_perfect_list_has_ndcg_1_although_recall_cannot_reach_1():
    recall, ndcg = measure(ranked([1, 2]), [[1, 2, 3, 4]], 2)
    assert (recall, ndcg) == (pytest.approx(1 / 2), pytest.approx(1))


def test_k_cuts_the_list():
    recall, ndcg = measure(ranked([0, 1, 2]), [[1, 2]], 2)
    assert (recall, ndcg) == (pytest.approx(1 / 2), pytest.approx(D2 / (D1 + D2)))


def test_k_beyond_the_list_counts_misses():
    recall, ndcg = measure(ranked([1]), [[1, 2]], 5)
    assert (recall, ndcg) == (pytest.approx(1 / 2), pytest.approx(D1 / (D1 + D2)))


def test_padding_never_hits():
    # A key of seed 1 minus one would be the last target of seed 0.
    recall, _ = measure(ranked([0, -1], [-1, -1]), [[NUM_TARGETS - 1], [3]], 2)
    assert recall == 0


def test_a_target_twice_counts_once():
    recall, ndcg = measure(ranked([4, 4, 4]), [[4, 5]], 3)
    assert (recall, ndcg) == (pytest.approx(1 / 2), pytest.approx(D1 / (D1 + D2)))


def test_seeds_without_truth_do_not_count():
    recall, _ = measure(ranked([1], [1], [1]), [[1], [], [2]], 1)
    assert recall == pytest.approx(1 / 2)


def test_lists_belong_to_their_seed_rows():
    recall, _ = measure(ranked([7], [8]), [[8], [], [7]], 1, seeds=[2, 0])
    assert recall == 1


def test_nobody_with_truth():
    with pytest.raises(NotEnoughDataError, match="none of 1 seeds has anything true to find"):
        measure(ranked([1]), [[]], 1)


def test_k_below_1():
    with pytest.raises(TrainingError, match="k is 0; expected 1 or more"):
        measure(ranked([1]), [[1]], 0)


targets = st.integers(0, NUM_TARGETS - 1)


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(-1, NUM_TARGETS - 1), min_size=6, max_size=6),
            st.sets(targets, min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 9),
)
def test_equals_a_slow_oracle(cases, k):
    recalls, ndcgs = [], []
    for found, true in cases:
        seen, hits = set(), []
        for rank, target in enumerate(found[:k], start=1):
            if target in true and target not in seen:
                hits.append(rank)
            seen.add(target)
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(true)) + 1))
        recalls.append(len(hits) / len(true))
        ndcgs.append(sum(1 / math.log2(rank + 1) for rank in hits) / ideal)
    recall, ndcg = measure(ranked(*[f for f, _ in cases]), [sorted(t) for _, t in cases], k)
    assert recall == pytest.approx(sum(recalls) / len(cases))
    assert ndcg == pytest.approx(sum(ndcgs) / len(cases))


def gain_ndcg(lists, truth, gains, k, seeds=None):
    seeds = np.arange(len(lists)) if seeds is None else np.array(seeds)
    return gain_ndcg_at_k(lists, seeds, truth_of(truth), np.array(gains, np.float64), k)


def test_gains_by_hand():
    # Seed 0 finds gains 4 and 2 at ranks 1 and 3, of 8, 4 and 2; seed 1 its only one at rank 2.
    found = gain_ndcg(ranked([6, 0, 5], [0, 7, 1]), [[5, 6, 9], [7]], [2, 4, 8, 3], 3)
    assert found == pytest.approx(((4 + 2 * D3) / (8 + 4 * D2 + 2 * D3) + D2) / 2)


def test_a_target_that_stands_twice_brings_its_gain_once():
    assert gain_ndcg(ranked([5, 5]), [[5, 6]], [1, 1], 2) == pytest.approx(D1 / (D1 + D2))


def test_seeds_without_a_gain_do_not_count():
    assert gain_ndcg(ranked([5], [6]), [[5], [6]], [0, 2], 1) == 1
    with pytest.raises(NotEnoughDataError, match="none of 2 seeds has anything to gain"):
        gain_ndcg(ranked([5], [6]), [[5], [6]], [0, 0], 1)


@given(st.data())
def test_equal_gains_are_plain_ndcg(data):
    truth = data.draw(st.lists(st.sets(st.integers(0, 11), max_size=5), min_size=1, max_size=4))
    order = st.permutations(range(NUM_TARGETS))
    lists = ranked(*(data.draw(order)[:6] for _ in truth))
    if any(truth):
        for k in (1, 3, 9):
            gains = [2.5] * sum(map(len, truth))
            plain = measure(lists, [sorted(found) for found in truth], k)[1]
            assert gain_ndcg(lists, truth, gains, k) == pytest.approx(plain)


@pytest.mark.parametrize("gain", [-1.0, math.nan, math.inf])
def test_gains_that_are_none(gain):
    with pytest.raises(TrainingError, match="negative or no number; expected 0 or more"):
        gain_ndcg(ranked([5]), [[5]], [gain], 1)
    with pytest.raises(TrainingError, match="k is 0"):
        gain_ndcg(ranked([5]), [[5]], [1.0], 0)
