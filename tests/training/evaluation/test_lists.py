"""What is true of all lists together: fractions worked by hand."""

import math

import numpy as np
import pytest

from training.evaluation.rankers import Catalogue, coverage, diversity, novelty, of_lists


def exposure(*numbers):
    return np.array(numbers, np.float64)


def test_coverage_counts_what_was_shown_at_all():
    assert coverage(exposure(3, 0, 1, 0)) == 2 / 4


def test_novelty_is_the_surprise_of_each_target():
    # With one more event each, the shares are 4/8, 3/8 and 1/8.
    expected = [1, math.log2(8 / 3), 3]
    assert novelty(exposure(3, 2, 0)).tolist() == pytest.approx(expected)


def test_diversity_is_the_share_of_pairs_of_different_categories():
    categories = np.array([0, 0, 1, 2, -1])
    lists = np.array([[0, 1, 2, 3], [0, 1, -1, -1], [4, 0, 2, 4], [4, 0, -1, -1]])
    found = diversity(lists, categories)
    # Of six pairs five differ; of one none; targets without a category are left out.
    assert found[:3].tolist() == pytest.approx([5 / 6, 0, 1])
    assert np.isnan(found[3])


def test_many_lists_are_the_same_as_one_by_one():
    rng = np.random.default_rng(0)
    lists, categories = rng.integers(-1, 50, size=(50_000, 10)), rng.integers(-1, 5, size=50)
    whole = diversity(lists, categories)
    for row in (0, 23_300, 23_301, 49_999):  # both sides of a block's edge
        (alone,) = diversity(lists[row : row + 1], categories)
        assert whole[row] == pytest.approx(alone, nan_ok=True)


def test_all_figures_of_the_first_places():
    catalogue = Catalogue(
        num_events=np.array([3.0, 2, 0, 0]),
        categories=np.array([0, 1, 1, 1]),
        new_items=np.array([False, False, True, False]),
    )
    found = of_lists(np.array([[0, 1, 3], [0, 2, 3]]), catalogue, 2)
    assert found == {
        "coverage@2": 3 / 4,
        "gini@2": pytest.approx(12 / 16 / 2),  # the mean difference of 2 1 1 0, over twice 1
        "novelty@2": pytest.approx((2 * math.log2(9 / 4) + math.log2(9 / 3) + math.log2(9)) / 4),
        "diversity@2": 1,
        "new_items@2": 1 / 4,
    }


def test_what_cannot_be_told_is_left_out():
    plain = Catalogue(num_events=np.array([1.0, 1]))
    assert set(of_lists(np.array([[0, 1]]), plain, 2)) == {"coverage@2", "gini@2", "novelty@2"}
    assert of_lists(np.array([[-1, -1]]), plain, 2) == {}
    alone = Catalogue(num_events=np.array([1.0, 1]), categories=np.array([0, -1]))
    assert "diversity@2" not in of_lists(np.array([[0, 1]]), alone, 2)
