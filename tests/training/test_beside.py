"""A block for some types: the others' scores stay, and its own spread as they are told to."""

import numpy as np
import pytest

from training.encoders.concat import beside, score_spread


@pytest.fixture
def first():
    rng = np.random.default_rng(1)
    sizes = {"User": 6, "Product": 5, "Content": 4}
    return {name: rng.normal(size=(size, 3)).astype("f4") for name, size in sizes.items()}


@pytest.fixture
def second():
    rng = np.random.default_rng(2)
    sizes = {"User": 6, "Content": 4, "Creator": 3}
    return {name: rng.normal(size=(size, 2)).astype("f4") for name, size in sizes.items()}


def scores(vectors, target):
    return vectors["User"] @ vectors[target].T


def test_scores_are_a_sum_with_the_spread_that_was_asked_for(first, second):
    joined = beside(first, second, "User", 2.0, 0.25)
    apart = scores(joined, "Content") - scores(first, "Content")
    expected = scores(second, "Content")
    factor = 2 * score_spread(first["User"], first["Content"])
    factor /= score_spread(second["User"], second["Content"])
    np.testing.assert_allclose(apart, factor * expected, rtol=1e-4, atol=1e-5)


def test_what_the_second_does_not_know_is_scored_as_before(first, second):
    joined = beside(first, second, "User", 2.0, 0.25)
    np.testing.assert_array_equal(scores(joined, "Product"), scores(first, "Product"))


def test_what_only_the_second_knows_is_ordered_by_it(first, second):
    joined = beside(first, second, "User", 2.0, 0.25)
    ratio = scores(joined, "Creator") / scores(second, "Creator")
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


def test_the_share_decides_lengths_and_no_scores(first, second):
    short, long = (beside(first, second, "User", 2.0, share) for share in (0.1, 1.0))
    np.testing.assert_allclose(scores(short, "Content"), scores(long, "Content"), rtol=1e-3)
    lengths = [np.sqrt(np.square(part).sum(1).mean()) for part in np.split(long["User"], [3], 1)]
    assert lengths[1] == pytest.approx(lengths[0], rel=1e-4)
    assert np.square(short["User"][:, 3:]).sum() < np.square(long["User"][:, 3:]).sum()


def test_an_empty_second_adds_nothing(first):
    assert beside(first, {}, "User", 2.0, 0.25) is first
