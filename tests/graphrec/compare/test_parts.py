"""The measures by themselves, against values worked by hand and a slow oracle."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.compare.lists import Exposure, agreement, gini

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("a", "b", "changed", "members", "overlap", "rbo"),
    [
        ([1, 2, 3], [1, 2, 3], False, False, 1, 1),
        ([1, 2, 3], [4, 5, 6], True, True, 0, 0),
        # Agreement 0, 1, 1 with weights 1/2, 1/4 and 1/8 + 1/8.
        ([1, 2, 3], [2, 1, 3], True, False, 1, HALF),
        # Agreement 1, 1, 2/3.
        ([1, 2, 3], [1, 2, 4], True, True, Fraction(2, 3), Fraction(3, 4) + Fraction(1, 6)),
        # Agreement 0, 1/2, 1/3.
        ([1, 2, 3], [4, 1, 5], True, True, Fraction(1, 3), Fraction(1, 8) + Fraction(1, 12)),
        # Two lists that end: agreement 1, 1, 1; and one that is longer: 1, 1, 4/5.
        ([1, 2, -1], [1, 2, -1], False, False, 1, 1),
        ([1, 2, -1], [1, 2, 3], True, True, Fraction(2, 3), Fraction(3, 4) + Fraction(1, 5)),
        ([-1, -1, -1], [1, 2, 3], True, True, 0, 0),
    ],
)
def test_agreement_by_hand(a, b, changed, members, overlap, rbo):
    for first, second in ((a, b), (b, a)):
        found = agreement(np.array([first]), np.array([second]), persistence=0.5)
        assert found.changed.tolist() == [changed]
        assert found.members_changed.tolist() == [members]
        assert found.overlap[0] == pytest.approx(float(overlap))
        assert found.rbo[0] == pytest.approx(float(rbo))


LISTS = st.lists(st.integers(0, 12), min_size=1, max_size=8, unique=True)


@given(LISTS, LISTS)
def test_agreement_equals_a_slow_oracle(first, second):
    k, p = 8, 0.9
    a, b = (np.array([one + [-1] * (k - len(one))]) for one in (first, second))
    found = agreement(a, b)
    shares = []
    for depth in range(1, k + 1):
        tops = set(first[:depth]), set(second[:depth])
        shares.append(2 * len(tops[0] & tops[1]) / (len(tops[0]) + len(tops[1])))
    rbo = shares[-1] * p**k + (1 - p) / p * sum(
        share * p**depth for depth, share in enumerate(shares, start=1)
    )
    assert found.rbo[0] == pytest.approx(rbo)
    assert found.overlap[0] == len({*first} & {*second}) / max(len(first), len(second))
    assert found.members_changed[0] == ({*first} != {*second})
    assert found.changed[0] == (first != second)


def test_equal_lists_agree_to_the_last_bit():
    lists = np.random.default_rng(0).permuted(np.tile(np.arange(30), (50, 1)), axis=1)
    found = agreement(lists, lists)
    assert (found.rbo == 1).all() and (found.overlap == 1).all() and not found.changed.any()


def test_exposure_by_hand():
    lists = np.array([[0, 1, 5], [0, 5, -1]])  # node 5 is no target of this release's any more
    new = np.array([False, True, False, False, False, False])
    found = Exposure.of(lists, np.arange(4), new)
    assert (found.places, found.coverage, found.new_items) == (5, 2 / 4, 1 / 5)
    # Counts 0 0 1 2: (-3 x 0 - 1 x 0 + 1 x 1 + 3 x 2) / (4 x 3).
    assert found.gini == pytest.approx(7 / 12)
    assert Exposure.of(np.full((2, 3), -1), np.arange(4), new) == Exposure(0, 0, 0, 0)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20).filter(any))
def test_gini_is_half_the_mean_difference_over_the_mean(counts):
    differences = [abs(one - other) for one in counts for other in counts]
    expected = np.mean(differences) / (2 * np.mean(counts))
    assert gini(np.array(counts)) == pytest.approx(expected)
