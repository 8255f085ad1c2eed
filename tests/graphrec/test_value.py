"""Value weighting: its two ends, and what must hold between them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import QueryError
from graphrec import write_bundle
from graphrec.query.value import LEAST, net_value, value_adjusted, values_in, values_of

weights = st.floats(0, 1)
sides = st.integers(1, 40).flatmap(
    lambda size: st.tuples(
        st.lists(st.floats(-50, 50), min_size=size, max_size=size),
        st.lists(st.floats(LEAST, 1e3), min_size=size, max_size=size),
    )
)


@given(sides)
def test_weight_0_is_the_affinity_to_the_last_bit(world):
    affinity, value = world
    assert value_adjusted(affinity, value, 0).tolist() == affinity


@given(sides)
def test_weight_1_is_affinity_times_value(world):
    affinity, value = (np.abs(side) for side in world)
    assert value_adjusted(affinity, value, 1).tolist() == (affinity * value).tolist()


@given(weights, st.floats(-50, 50), st.floats(0, 9), st.floats(LEAST, 1e3), st.floats(1, 9))
def test_more_of_either_is_never_less(weight, affinity, more, value, times):
    (score,) = value_adjusted([affinity], [value], weight)
    assert value_adjusted([affinity + more], [value], weight)[0] >= score
    # a power's last bits may be rounded down
    assert value_adjusted([affinity], [value * times], weight)[0] >= score - 1e-9 * abs(score)


@given(sides, weights, st.floats(1e-3, 1e3))
def test_a_currency_changes_no_order(world, weight, rate):
    affinity, prices = world
    quality = np.linspace(0.2, 1, len(prices))
    here, there = (
        value_adjusted(affinity, net_value(quality, money=np.array(prices) * factor), weight)
        for factor in (1.0, rate)
    )
    assert there == pytest.approx(here, rel=1e-6)


@given(sides, st.integers(1, 10), weights, weights)
def test_the_best_k_are_worth_more_and_fit_less_the_larger_the_weight(world, k, one, other):
    affinity, value = np.maximum(np.abs(world[0]), 1e-3), np.array(world[1])
    lists = [
        np.argsort(-value_adjusted(affinity, value, weight), kind="stable")[:k]
        for weight in sorted([one, other])
    ]
    worth, fit = ([np.log(side[chosen]).sum() for chosen in lists] for side in (value, affinity))
    # Where scores edge but for rounding, either may stand in the list.
    slack = 1e-6 / max(abs(one - other), 1e-3)
    assert worth[1] >= worth[0] - slack
    assert fit[1] <= fit[0] + slack


@given(sides, weights)
def test_positive_scores_are_a_dot_product_with_longer_vectors(world, weight):
    affinity, value = np.abs(world[0]), np.array(world[1])
    seed, targets = np.array([2.0, 1.0]), np.stack([affinity / 4, affinity / 2], axis=1)
    longer = targets * (value**weight)[:, None]
    assert longer @ seed == pytest.approx(value_adjusted(targets @ seed, value, weight))


def test_rows_of_several_query_nodes_are_adjusted_like_each_alone():
    affinity, value = np.array([[1.0, -2.0, 3.0], [0.0, 5.0, -1.0]]), np.array([0.5, 2.0, 1.0])
    both = value_adjusted(affinity, value, 0.3)
    for row in range(2):
        assert both[row].tolist() == value_adjusted(affinity[row], value, 0.3).tolist()


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weights_that_are_none(weight):
    with pytest.raises(QueryError, match=r"value_weight is .*; expected from 0"):
        value_adjusted([1.0], [1.0], weight)


def test_net_value_by_hand():
    value = net_value([0.5, 1.0, 0.8], return_rate=[0.0, 0.5, 0.5], money=[4.0, 2.0, 10.0])
    assert value.tolist() == [2 / 2, 1 / 2, 4 / 2]  # 2, 1 and 4, in units of the middle one


def test_what_is_not_known_of_the_money_is_the_median():
    nan = float("nan")
    known, unknown = (
        net_value([0.5] * 3, money=[1.0, 3.0, 9.0]),
        net_value([0.5] * 2, money=[nan] * 2),
    )
    assert net_value([0.5] * 4, money=[1.0, 3.0, 9.0, nan]).tolist() == [*known, known[1]]
    assert unknown.tolist() == [1.0, 1.0]


def test_what_is_free_or_always_comes_back_is_worth_next_to_nothing():
    value = net_value([0.5, 0.5, 0.5, 0.0], return_rate=[0, 1, 0, 0], money=[0.0, 1.0, 1.0, 1.0])
    assert value.tolist() == [LEAST, LEAST, 1.0, LEAST]
    assert net_value([], money=[]).tolist() == []


def test_values_in_a_bundle(tmp_path, content):
    bundle = write_bundle(tmp_path / "b", **content)
    # p6 has no price: it counts as the median of the others, 3
    worth = np.array([0.9 * 1, 0.8 * 2, 0.7 * 3, 0.6 * 4, 0.5 * 5, 0.4 * 3]) * np.array(
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    )
    assert values_of(bundle, "Product") == pytest.approx(worth / np.median(worth))
    paid = pa.array([10.0, None, None, None, None, 6.0])
    table = content["quality"]["Product"].table
    table = table.set_column(table.column_names.index("paid_per_order"), "paid_per_order", paid)
    orders = values_in(table, bundle.attributes("Product")["price"])
    worth[[0, 5]] = [0.9 * 10 * 0.9, 0.4 * 6 * 0.4]
    assert orders == pytest.approx(worth / np.median(worth))
    without_prices = values_in(table, None)
    assert without_prices[2] / without_prices[3] == pytest.approx(0.7**2 / 0.6**2)
    with pytest.raises(QueryError, match="has no quality for Brand"):
        values_of(bundle, "Brand")
