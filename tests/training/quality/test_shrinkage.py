"""Prior strengths: found again where they were planted, and never less likely than any other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.quality.shrinkage import (
    HIGHEST,
    LOWEST,
    Sums,
    likeliest_strength,
    shrunk,
    variance_within,
)


def beta_binomial(totals, num, expected, strength):
    """The logarithm of the likelihood, term by term."""

    def log_beta(a, b):
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    return sum(
        log_beta(strength * m + k, strength * (1 - m) + n - k)
        - log_beta(strength * m, strength * (1 - m))
        for k, n, m in zip(totals, num, expected, strict=True)
        if n
    )


def normal(totals, num, expected, strength, variance):
    return sum(
        -0.5
        * (
            math.log(variance * (1 / n + 1 / strength))
            + (y / n - m) ** 2 / (variance * (1 / n + 1 / strength))
        )
        for y, n, m in zip(totals, num, expected, strict=True)
        if n
    )


def as_sums(rows, *, squares=False):
    totals, num = np.array(rows, dtype=np.float64).reshape(-1, 2).T
    return Sums(totals, num, totals**2 if squares else None)


counts = st.tuples(st.integers(0, 30), st.floats(0, 1)).map(lambda c: (round(c[0] * c[1]), c[0]))
strengths = [float(s) for s in np.geomspace(LOWEST * 1.01, HIGHEST / 1.01, 60)]


@settings(max_examples=40, deadline=None)
@given(st.lists(counts, min_size=1, max_size=12), st.floats(0.05, 0.95))
def test_no_strength_makes_counts_more_likely(rows, mean):
    sums, expected = as_sums(rows), np.full(len(rows), mean)
    found = likeliest_strength(sums, expected)
    best = beta_binomial(sums.totals, sums.num, expected, found)
    # Far out the likelihood is flat, down to where lgamma's own rounding is larger.
    for other in strengths:
        assert best >= beta_binomial(sums.totals, sums.num, expected, other) - 1e-5


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.integers(0, 30)), min_size=1, max_size=12),
    st.floats(0.1, 9),
)
def test_no_strength_makes_means_more_likely(rows, variance):
    sums, expected = as_sums(rows), np.zeros(len(rows))
    found = likeliest_strength(sums, expected, variance)
    best = normal(sums.totals, sums.num, expected, found, variance)
    on_grid = [normal(sums.totals, sums.num, expected, other, variance) for other in strengths]
    assert best >= max(on_grid) - 1e-2 * (1 + abs(best))  # it may have two summits


@pytest.mark.parametrize("planted", [3.0, 40.0, 300.0])
def test_the_strength_of_planted_rates_is_found(planted):
    rng = np.random.default_rng(1)
    expected = rng.choice([0.05, 0.2, 0.4], 20_000)
    num = rng.geometric(0.02, 20_000).astype(np.float64)
    rates = rng.beta(planted * expected, planted * (1 - expected))
    sums = Sums(rng.binomial(num.astype(int), rates).astype(np.float64), num)
    assert likeliest_strength(sums, expected) == pytest.approx(planted, rel=0.1)
    # What it is for: nearer to the true rates than either of the two that it stands between.
    errors = [
        np.mean((guess - rates) ** 2)
        for guess in (shrunk(sums, expected, planted), sums.totals / num, expected)
    ]
    assert errors[0] < min(errors[1:])


def test_the_strength_of_planted_means_is_found():
    rng = np.random.default_rng(2)
    num = rng.geometric(0.1, 20_000).astype(np.float64)
    means = rng.normal(3.5, math.sqrt(0.8 / 5), 20_000)
    ratings = rng.normal(np.repeat(means, num.astype(int)), math.sqrt(0.8))
    owners = np.repeat(np.arange(20_000), num.astype(int))
    sums = Sums(np.bincount(owners, ratings), num, np.bincount(owners, ratings**2))
    variance = variance_within(sums)
    assert variance == pytest.approx(0.8, rel=0.02)
    expected = np.full(20_000, sums.mean)
    assert likeliest_strength(sums, expected, variance) == pytest.approx(5, rel=0.1)


def test_nodes_that_differ_by_chance_alone_are_not_believed():
    rng = np.random.default_rng(3)
    num = np.full(5_000, 20.0)
    sums = Sums(rng.binomial(20, 0.3, 5_000).astype(np.float64), num)
    expected = np.full(5_000, 0.3)
    estimates = shrunk(sums, expected, likeliest_strength(sums, expected))
    assert np.std(estimates) < np.std(sums.totals / num) / 10


def test_nodes_that_are_all_or_nothing_are_believed_at_once():
    sums = Sums(np.array([50.0, 0.0] * 20), np.full(40, 50.0))
    assert likeliest_strength(sums, np.full(40, 0.5)) < 0.2


@pytest.mark.parametrize("expected", [0.0, 1.0])
def test_what_never_or_always_happens_keeps_its_rate(expected):
    sums = Sums(np.full(3, 4 * expected), np.full(3, 4.0))
    strength = likeliest_strength(sums, np.full(3, expected))
    assert shrunk(sums, np.full(3, expected), strength).tolist() == [expected] * 3


def test_without_observations_there_is_only_what_is_expected():
    sums = Sums(np.zeros(2), np.zeros(2))
    assert likeliest_strength(sums, np.array([0.2, 0.4])) == HIGHEST
    assert shrunk(sums, np.array([0.2, 0.4]), HIGHEST).tolist() == [0.2, 0.4]
    assert sums.mean == 0


def test_an_estimate_by_hand():
    sums = Sums(np.array([1.0, 0.0, 10.0]), np.array([2.0, 0.0, 10.0]))
    assert shrunk(sums, np.full(3, 0.1), 10.0).tolist() == pytest.approx([2 / 12, 0.1, 11 / 20])


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ([[1, 3], [5]], 2.0),  # 1 and 3 lie 1 off their mean: 2, over one degree of freedom
        ([[2], [4]], 1.0),  # none has two: around the mean of all
        ([[4, 4], [4]], 0.0),
        ([[], []], 0.0),
    ],
)
def test_variance_by_hand(ratings, expected):
    sums = Sums(
        np.array([float(sum(r)) for r in ratings]),
        np.array([float(len(r)) for r in ratings]),
        np.array([float(sum(s * s for s in r)) for r in ratings]),
    )
    assert variance_within(sums) == pytest.approx(expected)
    if not expected:
        assert likeliest_strength(sums, np.full(2, 4.0), 0.0) == HIGHEST


def test_of_very_many_nodes_an_even_part_decides():
    rng = np.random.default_rng(4)
    rates = rng.beta(2, 8, 450_000)
    sums = Sums(rng.binomial(12, rates).astype(np.float64), np.full(450_000, 12.0))
    assert likeliest_strength(sums, np.full(450_000, 0.2)) == pytest.approx(10, rel=0.05)
