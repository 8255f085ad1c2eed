"""Popularity against exposure, by values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import InsufficientDataError, TrainingError
from graphrec.bundle import Adjacency
from training.evaluation.rankers import exposure

# Two never taken; 1 + 1 + 2 events, then 4: halves.
POPULARITY = np.array([4, 0, 1, 2, 1, 0])
TRUTH = Adjacency.from_edges(np.array([0, 0, 1, 1]), np.array([0, 3, 0, 5]), 2, 6)


def test_worked_out_by_hand():
    lists = {
        "what sells": np.array([[0, 3], [0, -1]]),
        "all alike": np.array([[0, 1, 2], [3, 4, 5]]),
    }
    points = exposure(lists, TRUTH, POPULARITY, 2)
    assert [(point.popularity, point.num_targets, point.bought) for point in points] == [
        (0, 2, 1 / 4),
        (4 / 3, 3, 1 / 4),
        (4, 1, 2 / 4),
    ]
    assert [point.shown for point in points] == [
        {"what sells": 0, "all alike": 2 / 6},
        {"what sells": 1 / 3, "all alike": 3 / 6},
        {"what sells": 2 / 3, "all alike": 1 / 6},
    ]


def test_equals_stay_together_and_bins_that_nobody_is_in_are_left_out():
    # events 2, 2, 2, 2 of one level and 92 of one target: the level lies in the first tenth
    popularity = np.array([2, 2, 92, 2, 2])
    truth = Adjacency.from_edges(np.array([0]), np.array([1]), 1, 5)
    points = exposure({"m": np.array([[2]])}, truth, popularity, 10)
    assert [(point.num_targets, point.shown["m"], point.bought) for point in points] == [
        (4, 0, 1),
        (1, 1, 0),
    ]


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 8))
def test_each_in_one_bin_and_shares_sum_to_1(popularity, bins):
    popularity = np.array([1, *popularity])
    number = len(popularity)
    truth = Adjacency.from_edges(np.zeros(number, int), np.arange(number), 1, number)
    # shown as often as taken
    ranked = np.repeat(np.arange(number), popularity)[None]
    points = exposure({"m": ranked}, truth, popularity, bins)
    assert sum(point.num_targets for point in points) == number
    assert sum(point.bought for point in points) == pytest.approx(1)
    assert sum(point.shown["m"] for point in points) == pytest.approx(1)
    levels = [point.popularity for point in points]
    assert levels == sorted(set(levels))
    # a bin misses its 1 / bins by no more than the two levels at its ends
    biggest = max(level * (popularity == level).sum() for level in popularity) / popularity.sum()
    for point in points:
        assert point.shown["m"] <= 1 / bins + biggest + 1e-9


def test_what_cannot_be_told():
    lists = {"m": np.array([[0]])}
    with pytest.raises(TrainingError, match="bins is 0; expected 1 or more"):
        exposure(lists, TRUTH, POPULARITY, 0)
    with pytest.raises(TrainingError, match="popularities of 5 targets; expected the 6"):
        exposure(lists, TRUTH, POPULARITY[:5], 2)
    with pytest.raises(InsufficientDataError, match="no target has an event"):
        exposure(lists, TRUTH, np.zeros(6, int), 2)
    with pytest.raises(InsufficientDataError, match="the lists of m are empty"):
        exposure({"m": np.array([[-1]])}, TRUTH, POPULARITY, 2)
    nothing = Adjacency.from_edges(np.array([], int), np.array([], int), 2, 6)
    with pytest.raises(InsufficientDataError, match="the lists of the holdout are empty"):
        exposure(lists, nothing, POPULARITY, 2)
