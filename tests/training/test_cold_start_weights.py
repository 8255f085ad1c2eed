"""Weights of guesses: against SciPy, and where the answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from training.cold_start import least_squares_weights


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_they_equal_those_of_scipy(seed, number):
    rng = np.random.default_rng(seed)
    guesses = {str(at): rng.normal(size=(4, 3)) for at in range(number)}
    truth = rng.normal(size=(4, 3))
    columns = np.stack([guess.ravel() for guess in guesses.values()], axis=1)
    ridge = np.diag(np.sqrt(1e-2 * (columns**2).sum(0)))
    right = np.concatenate([truth.ravel(), np.zeros(number)])
    expected = nnls(np.concatenate([columns, ridge]), right)[0]
    found = least_squares_weights(guesses, truth)
    np.testing.assert_allclose([found.get(name, 0) for name in guesses], expected, atol=1e-6)


def test_equal_guesses_share_the_weight():
    truth = np.eye(3)
    found = least_squares_weights({"one": truth, "other": truth}, truth)
    assert found["one"] == pytest.approx(found["other"], rel=1e-3)
    assert sum(found.values()) == pytest.approx(1, abs=0.01)


def test_a_guess_of_nothing_gets_no_weight():
    assert least_squares_weights({"none": np.zeros((2, 2))}, np.eye(2)) == {}
    assert least_squares_weights({}, np.eye(2)) == {}
