"""Lazy greedy against brute force and plain greedy, on small random cases."""

from itertools import combinations, pairwise
from math import e

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.query.audience.portfolio import Coverage, best_of, best_within

ROUNDING = 1e-9


@st.composite
def coverages(draw):
    num_users = draw(st.integers(1, 6))
    part = st.floats(0, 1)
    weights = draw(st.lists(part, min_size=num_users, max_size=num_users))
    users, chances = [], []
    for _ in range(draw(st.integers(1, 6))):
        some = sorted(draw(st.sets(st.integers(0, num_users - 1))))
        users.append(np.array(some, dtype=np.int64))
        chances.append(np.array(draw(st.lists(part, min_size=len(some), max_size=len(some)))))
    return Coverage(np.array(weights), users, [chance.astype(float) for chance in chances])


def reach(coverage, chosen):
    """Straight from the definition."""
    total = 0.0
    for user, weight in enumerate(coverage.weights):
        missed = 1.0
        for candidate in chosen:
            for other, chance in zip(
                coverage.users[candidate], coverage.chances[candidate], strict=True
            ):
                missed *= 1 - chance if other == user else 1
        total += weight * (1 - missed)
    return total


def best(coverage, allowed):
    """The reach of the best allowed set."""
    return max(
        reach(coverage, some)
        for size in range(len(coverage) + 1)
        for some in combinations(range(len(coverage)), size)
        if allowed(some)
    )


def plain_greedy(coverage, k):
    chosen = []
    for _ in range(min(k, len(coverage))):
        gains = [
            -1.0 if one in chosen else reach(coverage, [*chosen, one]) - reach(coverage, chosen)
            for one in range(len(coverage))
        ]
        chosen.append(int(np.argmax(gains)))
    return chosen


@given(coverages(), st.integers(1, 4))
def test_a_number_of_candidates(coverage, k):
    found = best_of(coverage, k)
    most = best(coverage, lambda some: len(some) <= k)
    assert len(set(found.candidates)) == len(found.candidates) <= k
    assert found.reach == pytest.approx(reach(coverage, found.candidates), abs=ROUNDING)
    assert found.reach >= (1 - 1 / e) * most - ROUNDING
    assert found.reach - ROUNDING <= most <= found.bound + ROUNDING
    assert found.reach == pytest.approx(reach(coverage, plain_greedy(coverage, k)), abs=ROUNDING)
    assert all(before >= after - ROUNDING for before, after in pairwise(found.gains))


@given(coverages(), st.data())
def test_a_budget(coverage, data):
    size = len(coverage)
    costs = np.array(
        data.draw(st.lists(st.sampled_from([0.1, 0.5, 1.0, 2.5]), min_size=size, max_size=size))
    )
    budget = data.draw(st.sampled_from([0.05, 0.3, 1.0, 3.0]))
    found = best_within(coverage, budget, costs)
    most = best(coverage, lambda some: costs[list(some)].sum() <= budget + ROUNDING)
    assert costs[list(found.candidates)].sum() <= budget + ROUNDING
    assert found.reach == pytest.approx(reach(coverage, found.candidates), abs=ROUNDING)
    assert found.reach >= (1 - 1 / e) / 2 * most - ROUNDING
    assert found.reach - ROUNDING <= most <= found.bound + ROUNDING


def of_sets(*sets):
    """Candidates that surely reach the users of their set, each of weight 1."""
    users = [np.array(sorted(some), dtype=np.int64) for some in sets]
    return Coverage(np.ones(10), users, [np.ones(len(some)) for some in users])


def test_equal_gains_go_by_position():
    assert best_of(of_sets({0, 1}, {2, 3}, {4, 5}), 2).candidates == (0, 1)


def test_who_adds_nothing_is_left_out():
    found = best_of(of_sets({0, 1, 2}, {0, 1}, {2}, set()), 4)
    assert (found.candidates, found.gains, found.bound) == ((0,), (3,), 3)


def test_each_of_the_two_greedy_choices_can_be_the_better_one():
    """By gain the large one, alone; per cost the small ones, after which it does not fit."""
    large_wins = of_sets({0, 1, 2, 3}, {4, 5})
    assert best_within(large_wins, 4, np.array([4.0, 1.0])).candidates == (0,)
    small_win = of_sets({0, 1, 2}, {3, 4}, {5, 6})
    assert best_within(small_win, 2, np.array([2.0, 1.0, 1.0])).candidates == (1, 2)


def test_a_budget_can_be_spent_to_the_last_tenth():
    found = best_within(of_sets({0}, {1}, {2}), 0.3, np.array([0.1, 0.1, 0.1]))
    assert found.candidates == (0, 1, 2)


def test_nobody_to_choose_from():
    none = Coverage(np.ones(2), [], [])
    assert best_of(none, 3).candidates == best_within(none, 3, np.empty(0)).candidates == ()
    assert best_of(none, 3).bound == 0
