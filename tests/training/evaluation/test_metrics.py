"""Metrics: fractions worked by hand, a slow oracle, and the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import InsufficientDataError, TrainingError
from graphrec import Adjacency
from training.evaluation.metrics import (
    METRICS,
    Hits,
    gain_ndcg_at_k,
    ndcg_at_k,
    per_query,
    recall_at_k,
)

NUM_TARGETS = 12


def truth_of(lists):
    """True targets per query node row."""
    sources = [seed for seed, targets in enumerate(lists) for _ in targets]
    targets = [target for targets in lists for target in targets]
    return Adjacency.from_edges(
        np.array(sources, np.int64), np.array(targets, np.int64), len(lists), NUM_TARGETS
    )


def ranked(*lists):
    return np.array(lists, dtype=np.int64)


def measure(lists, truth, k, queries=None):
    queries = np.arange(len(lists)) if queries is None else np.array(queries)
    return (
        recall_at_k(lists, queries, truth_of(truth), k),
        ndcg_at_k(lists, queries, truth_of(truth), k),
    )


D1, D2, D3 = 1.0, 1 / math.log2(3), 1 / 2


def test_by_hand():
    # Query node 0 finds 2 of 3, at ranks 1 and 3; seed 1 finds its only one at rank 2.
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


def test_query_nodes_without_truth_do_not_count():
    recall, _ = measure(ranked([1], [1], [1]), [[1], [], [2]], 1)
    assert recall == pytest.approx(1 / 2)


def test_lists_belong_to_their_query_node_rows():
    recall, _ = measure(ranked([7], [8]), [[8], [], [7]], 1, queries=[2, 0])
    assert recall == 1


def test_nobody_with_truth():
    with pytest.raises(InsufficientDataError, match="none of 1 queries has true targets"):
        measure(ranked([1]), [[]], 1)


def test_k_below_1():
    with pytest.raises(TrainingError, match="k is 0; expected 1 or more"):
        measure(ranked([1]), [[1]], 0)


targets = st.integers(0, NUM_TARGETS - 1)


def every_metric(lists, truth, ks, gains=None, queries=None):
    queries = np.arange(len(lists)) if queries is None else np.array(queries)
    gains = None if gains is None else np.array(gains, np.float64)
    return per_query(Hits.of(lists, queries, truth_of(truth), gains), ks)


def test_every_metric_by_hand():
    # Query node 0 finds 2 of 3, at ranks 2 and 3, with gains 1 and 4 of 1, 2 and 4; seed 1 finds
    # nothing.
    lists = ranked([0, 5, 9, 1], [0, 1, 2, 3])
    found = every_metric(lists, [[5, 6, 9], [7]], [1, 3, 4], [1, 2, 4, 8])
    by_hand = {
        "recall": ([0, 0], [2 / 3, 0], [2 / 3, 0]),
        "precision": ([0, 0], [2 / 3, 0], [2 / 4, 0]),
        "hit_rate": ([0, 0], [1, 0], [1, 0]),
        "mrr": ([0, 0], [1 / 2, 0], [1 / 2, 0]),
        "map": ([0, 0], [(1 / 2 + 2 / 3) / 3, 0], [(1 / 2 + 2 / 3) / 3, 0]),
        "ndcg": ([0, 0], *[[(D2 + D3) / (D1 + D2 + D3), 0]] * 2),
        "value_ndcg": ([0, 0], *[[(D2 + 4 * D3) / (4 + 2 * D2 + D3), 0]] * 2),
    }
    assert set(by_hand) == set(METRICS)
    for name, values in by_hand.items():
        for k, expected in zip([1, 3, 4], values, strict=True):
            assert found[f"{name}@{k}"].tolist() == pytest.approx(expected), (name, k)


def test_map_divides_by_what_the_list_could_hold():
    found = every_metric(ranked([1, 2]), [[1, 2, 3, 4]], [2])
    assert found["map@2"].tolist() == [1]


def test_what_is_not_known_is_not_there():
    found = every_metric(ranked([1]), [[1]], [1])
    assert "value_ndcg@1" not in found


def test_a_query_node_that_does_not_count_has_no_number():
    found = every_metric(ranked([1], [1]), [[], [1]], [1], [0])
    for name, values in found.items():
        assert np.isnan(values).tolist() == [True, name == "value_ndcg@1"], name


def test_lists_of_nobody_and_of_nothing():
    nobody = every_metric(np.empty((0, 3), np.int64), [], [3])
    assert all(len(values) == 0 for values in nobody.values())
    nothing = every_metric(np.empty((2, 0), np.int64), [[1], [2]], [3])
    assert all(values.tolist() == [0, 0] for values in nothing.values())


def test_only_some_had_to_be_found():
    # Targets below 6 alone: seed 0 finds 5 at rank 2 of one, seed 1 had none of them to find.
    queries = np.arange(2)
    hits = Hits.of(ranked([9, 5], [7, 0]), queries, truth_of([[5, 9], [7]]), np.array([3.0, 1, 1]))
    some = hits.within(hits.targets < 6)
    found = per_query(some, [2])
    assert some.num_true.tolist() == [1, 0]
    assert found["recall@2"][0] == 1
    assert found["ndcg@2"][0] == pytest.approx(D2)
    assert found["value_ndcg@2"][0] == pytest.approx(D2)
    assert all(np.isnan(values[1]) for values in found.values())


targets = st.integers(0, NUM_TARGETS - 1)


def slow(found, true, k):
    """Every metric of one list, as one would write it down; `true` is {target: gain}."""
    seen, hits = set(), []
    for rank, target in enumerate(found[:k], start=1):
        if target in true and target not in seen:
            hits.append((rank, true[target]))
        seen.add(target)
    reached = min(k, len(true))
    ideal = sorted(true.values(), reverse=True)[:k]
    most = sum(gain / math.log2(rank + 1) for rank, gain in enumerate(ideal, start=1))
    return {
        "recall": len(hits) / len(true),
        "precision": len(hits) / k,
        "hit_rate": float(bool(hits)),
        "mrr": 1 / hits[0][0] if hits else 0,
        "map": sum(nth / rank for nth, (rank, _) in enumerate(hits, start=1)) / reached,
        "ndcg": sum(1 / math.log2(rank + 1) for rank, _ in hits)
        / sum(1 / math.log2(rank + 1) for rank in range(1, reached + 1)),
        "value_ndcg": sum(gain / math.log2(rank + 1) for rank, gain in hits) / most
        if most
        else math.nan,
    }


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(-1, NUM_TARGETS - 1), min_size=6, max_size=6),
            st.dictionaries(targets, st.integers(0, 5), min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sets(st.integers(1, 9), min_size=1, max_size=3),
)
def test_equals_a_slow_oracle(cases, ks):
    lists = ranked(*[found for found, _ in cases])
    true = [sorted(gains) for _, gains in cases]
    gains = [gains[target] for _, gains in cases for target in sorted(gains)]
    found = every_metric(lists, true, sorted(ks), gains)
    for k in ks:
        for seed, (one, of_one) in enumerate(cases):
            for name, value in slow(one, of_one, k).items():
                assert found[f"{name}@{k}"][seed] == pytest.approx(value, nan_ok=True), (name, k)
    recalls = [slow(one, of_one, k)["recall"] for one, of_one in cases]
    assert measure(lists, true, k)[0] == pytest.approx(sum(recalls) / len(cases))


def gain_ndcg(lists, truth, gains, k, queries=None):
    queries = np.arange(len(lists)) if queries is None else np.array(queries)
    return gain_ndcg_at_k(lists, queries, truth_of(truth), np.array(gains, np.float64), k)


def test_gains_by_hand():
    # Query node 0 finds gains 4 and 2 at ranks 1 and 3, of 8, 4 and 2; seed 1 its only one at rank
    # 2.
    found = gain_ndcg(ranked([6, 0, 5], [0, 7, 1]), [[5, 6, 9], [7]], [2, 4, 8, 3], 3)
    assert found == pytest.approx(((4 + 2 * D3) / (8 + 4 * D2 + 2 * D3) + D2) / 2)


def test_a_target_that_stands_twice_brings_its_gain_once():
    assert gain_ndcg(ranked([5, 5]), [[5, 6]], [1, 1], 2) == pytest.approx(D1 / (D1 + D2))


def test_query_nodes_without_a_gain_do_not_count():
    assert gain_ndcg(ranked([5], [6]), [[5], [6]], [0, 2], 1) == 1
    with pytest.raises(InsufficientDataError, match="none of 2 queries has a gain"):
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
    with pytest.raises(TrainingError, match="negative or NaN; expected 0 or more"):
        gain_ndcg(ranked([5]), [[5]], [gain], 1)
    with pytest.raises(TrainingError, match="k is 0"):
        gain_ndcg(ranked([5]), [[5]], [1.0], 0)
