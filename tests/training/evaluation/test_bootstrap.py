"""Intervals: what every draw must keep, and how often the truth lies inside."""

import numpy as np
import pytest

from training.evaluation.bootstrap import Bootstrap, estimates


def interval(values, resamples=500, seed=0):
    columns = np.asarray(values, np.float64)[:, None]
    return estimates(columns, Bootstrap(len(columns), resamples, seed).means(columns), fewest=1)[0]


def test_a_draw_is_a_mean_of_as_many_query_nodes_with_replacement():
    # With two queries a draw holds one twice, or both: means of 0, 1/2 and 1, as 1 : 2 : 1.
    drawn = Bootstrap(2, 4000, 0).means(np.array([[0.0], [1.0]]))[:, 0]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [0, 0.5, 1]
    assert counts / 4000 == pytest.approx([1 / 4, 1 / 2, 1 / 4], abs=0.03)


def test_equal_values_leave_no_doubt():
    found = interval([0.3] * 9)
    assert found.mean == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((0.3, 0.3))
    assert found.low <= found.mean <= found.high


def test_one_query_node_is_its_own_interval():
    found = interval([0.7])
    assert found.low == pytest.approx(found.high)


def test_it_is_that_of_the_normal_distribution_where_there_are_many():
    values = np.random.default_rng(1).normal(2.0, 3.0, size=4000)
    found = interval(values, resamples=2000)
    error = values.std() / np.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_95_of_100_intervals_hold_the_truth():
    rng = np.random.default_rng(2)
    values = rng.exponential(1.0, size=(200, 400))  # 400 samples of 200 queries, the truth is 1
    drawn = Bootstrap(200, 400, 3).means(values)
    held = [found.low <= 1 <= found.high for found in estimates(values, drawn)]
    assert 0.91 <= np.mean(held) <= 0.98


def test_query_nodes_that_do_not_count_change_nothing():
    values = np.array([[0.2, 0.2], [np.nan, 0.4], [0.8, 0.8], [np.nan, 0.4]])
    bootstrap = Bootstrap(4, 300, 0)
    drawn = bootstrap.means(values)
    some, every = estimates(values, drawn, fewest=1)
    assert (some.mean, every.mean) == pytest.approx((0.5, 0.45))
    # A draw without any query node that counts has no mean, and is left out.
    empty = np.isnan(drawn[:, 0])
    assert empty.mean() == pytest.approx((1 / 2) ** 4, abs=0.05)
    assert set(np.round(drawn[~empty, 0], 6)) <= {0.2, 0.35, 0.4, 0.5, 0.6, 0.65, 0.8}
    assert not np.isnan(drawn[:, 1]).any()


def test_a_column_without_any_query_node_has_no_estimate():
    values = np.array([[np.nan, 1.0], [np.nan, 1.0]])
    found = estimates(values, Bootstrap(2, 10, 0).means(values), fewest=1)
    assert found[0] is None and found[1] is not None


def test_where_no_draw_holds_a_query_node_that_counts_the_mean_is_all_there_is():
    values = np.full((50, 1), np.nan)
    values[7] = 0.4
    missed = next(seed for seed in range(20) if np.isnan(Bootstrap(50, 1, seed).means(values)))
    (found,) = estimates(values, Bootstrap(50, 1, missed).means(values), fewest=1)
    assert (found.low, found.mean, found.high) == (0.4, 0.4, 0.4)


def test_the_same_seed_gives_the_same_draws_for_every_question():
    values = np.random.default_rng(0).random((50, 2))
    one, same, other = Bootstrap(50, 20, 7), Bootstrap(50, 20, 7), Bootstrap(50, 20, 8)
    assert (one.means(values) == same.means(values)).all()
    assert (one.means(values) != other.means(values)).any()
    # Column by column is the same as side by side, so that models can be compared draw by draw.
    assert one.means(values[:, :1])[:, 0] == pytest.approx(one.means(values)[:, 0])
