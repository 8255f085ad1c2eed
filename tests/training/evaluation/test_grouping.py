"""Groups: steps of a number, and the heaviest names."""

import numpy as np
import pytest

from training.evaluation.groups import MOST_GROUPS, by_name, by_steps


def test_steps_of_a_number():
    numbers = np.array([0, 1, 2, 4, 5, 9, 10, 1234, np.nan])
    found = by_steps("training events", numbers, (1, 2, 5, 10), "event", "unknown")
    assert found.names == (
        "0 events",
        "1 event",
        "2 to 4 events",
        "5 to 9 events",
        "10 events or more",
        "unknown",
    )
    assert found.codes.tolist() == [0, 1, 2, 2, 3, 3, 4, 4, 5]


def test_large_steps_can_be_read():
    found = by_steps("size", np.array([0.0]), (1_000, 10_000), "follower", "none")
    assert found.names == (
        "below 1,000 followers",
        "1,000 to 9,999 followers",
        "10,000 followers or more",
        "none",
    )


def test_names_stand_by_weight():
    labels = np.array([0, 1, 1, 2, -1])
    found = by_name("category", labels, ["a", "b", "c", "empty"], np.array([5.0, 1, 1, 9, 99]))
    assert found.names == ("c", "a", "b")
    assert found.codes.tolist() == [1, 2, 2, 0, -1]


def test_names_in_their_own_order():
    labels = np.array([2, 0])
    weights = np.array([9.0, 1])
    found = by_name("price band", labels, ["low", "no", "high"], weights, keep_order=True)
    assert found.names == ("low", "high")
    assert found.codes.tolist() == [1, 0]


@pytest.mark.parametrize("keep_order", [False, True])
def test_the_rest_is_summed_up(keep_order):
    number = MOST_GROUPS + 3
    labels = np.arange(number)
    weights = np.arange(number, dtype=np.float64)
    names = [f"n{label}" for label in labels]
    found = by_name("category", labels, names, weights, keep_order=keep_order)
    assert len(found.names) == MOST_GROUPS
    assert found.names[-1] == "other"
    # The four lightest ones.
    assert np.flatnonzero(found.codes == MOST_GROUPS - 1).tolist() == [0, 1, 2, 3]
    assert (found.names[0] == "n4") == keep_order


def test_as_many_as_there_may_be_are_all_named():
    labels = np.arange(MOST_GROUPS)
    found = by_name("category", labels, [str(label) for label in labels], np.ones(MOST_GROUPS))
    assert "other" not in found.names
    assert len(found.names) == MOST_GROUPS
