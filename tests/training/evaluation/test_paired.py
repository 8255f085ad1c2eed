"""The paired test: cases whose answer is known."""

import itertools

import numpy as np
import pytest

from training.evaluation.bootstrap import sign_flip_p_values


def p_of(differences, flips=2000, seed=0):
    columns = np.asarray(differences, np.float64)[:, None]
    return float(sign_flip_p_values(columns, flips=flips, seed=seed)[0])


def test_equal_models():
    assert p_of(np.zeros(40)) == 1


def test_a_model_that_is_better_for_everyone():
    assert p_of(np.full(30, 0.1), flips=999) == 1 / 1000
    assert p_of(np.full(30, -0.1), flips=999) == 1 / 1000


def test_few_query_nodes_by_counting_all_signs():
    # Of the 8 ways to choose the signs of 1, 2 and 4, those whose sum is at least 3 from 0.
    differences = [1, 2, -4 + 4 + 0.0]  # 1, 2 and 0: the sum is 3
    far = [
        abs(sum(sign * one for sign, one in zip(signs, differences, strict=True))) >= 3
        for signs in itertools.product((-1, 1), repeat=3)
    ]
    assert p_of(differences, flips=20_000) == pytest.approx(np.mean(far), abs=0.015)


def test_rounding_does_not_decide():
    # 0.1 + 0.2 - 0.3 is not 0 to a computer; all signs give sums of 0, .2, .4 or .6.
    differences = np.array([0.1, 0.2, 0.3] * 2)
    whole = p_of(differences * 10, flips=20_000, seed=5)
    assert p_of(differences, flips=20_000, seed=5) == whole


def test_without_a_difference_p_is_about_uniform():
    rng = np.random.default_rng(0)
    noise = rng.exponential(1.0, size=(60, 600)) * rng.choice([-1, 1], size=(60, 600))
    p_values = sign_flip_p_values(noise, flips=400, seed=1)
    for level in (0.05, 0.2, 0.5, 0.8):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=0.05)


def test_a_shift_is_found_where_it_is_large_beside_the_noise():
    noise = np.random.default_rng(3).normal(size=(400, 1))
    shifted = sign_flip_p_values(np.hstack([noise, noise + 0.5]), flips=999, seed=0)
    assert shifted[0] > 0.05
    assert shifted[1] == 1 / 1000


def test_it_is_two_sided_and_does_not_depend_on_who_stands_first():
    differences = np.random.default_rng(4).normal(0.1, 1, size=50)
    assert p_of(differences) == p_of(-differences)


def test_query_nodes_that_do_not_count_change_nothing():
    assert p_of([np.nan, np.nan, np.nan]) == 1
    differences = np.random.default_rng(5).normal(0.2, 1, size=200)
    more = np.concatenate([differences, np.full(100, np.nan)])
    assert p_of(more, flips=5000) == pytest.approx(p_of(differences, flips=5000), abs=0.03)
