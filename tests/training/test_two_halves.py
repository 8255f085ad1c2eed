"""Two encoders side by side."""

from dataclasses import dataclass

import numpy as np
import pytest

from training.encoders import ConcatEncoder, Vectors
from training.encoders.concat import score_spread


@dataclass
class Fixed:
    vectors: Vectors

    def fit(self, graph):  # noqa: ARG002 - an encoder that knows already
        return self.vectors


def random(sizes, dim, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, dim)).astype(np.float32) * (1 + seed) for name, n in sizes}


@pytest.fixture
def halves():
    first = random([("User", 30), ("Product", 50), ("Brand", 7)], 6, 1)
    second = random([("User", 30), ("Product", 50), ("Tag", 5)], 4, 2)
    return first, second


@pytest.mark.parametrize("balance", [0.5, 3.0])
def test_scores_add_up_with_the_weight(halves, balance):
    first, second = halves
    joined = ConcatEncoder(Fixed(first), Fixed(second), "User", balance).fit(None)
    one, two = (half["User"] @ half["Product"].T for half in halves)
    expected = one / one.std(axis=1).mean() + balance * two / two.std(axis=1).mean()
    np.testing.assert_allclose(joined["User"] @ joined["Product"].T, expected, atol=1e-4)


def test_even_lengths_change_no_score(halves):
    first, second = halves
    first["User"] *= 40
    shared, even = (
        ConcatEncoder(Fixed(first), Fixed(second), "User", 2.0, even_lengths=even).fit(None)
        for even in (False, True)
    )
    for name in ("Product", "Brand", "Tag"):
        expected = shared["User"] @ shared[name].T
        np.testing.assert_allclose(even["User"] @ even[name].T, expected, rtol=1e-3, atol=1e-4)
    for half in (slice(6), slice(6, None)):
        lengths = {name: np.sqrt((even[name][:, half] ** 2).sum(1).mean()) for name in even}
        users = pytest.approx(lengths.pop("User"), rel=1e-4)
        assert users in list(lengths.values())  # that of the type over which scores spread most
    longer = np.linalg.norm(shared["User"][:, :6]) / np.linalg.norm(shared["Product"][:, :6])
    assert longer > 10


def test_what_only_one_half_knows_is_scored_by_it_alone(halves):
    first, second = halves
    joined = ConcatEncoder(Fixed(first), Fixed(second), "User", 2.0).fit(None)
    assert {name: vectors.shape for name, vectors in joined.items()} == {
        "User": (30, 10),
        "Product": (50, 10),
        "Brand": (7, 10),
        "Tag": (5, 10),
    }
    for name, half, spread in (("Brand", first, 1.0), ("Tag", second, 2.0)):
        scores = half["User"] @ half[name].T
        expected = spread * scores / scores.std(axis=1).mean()
        np.testing.assert_allclose(joined["User"] @ joined[name].T, expected, atol=1e-4)


def test_a_half_that_knows_nothing_changes_no_order(halves):
    first, second = halves
    silent = {name: np.zeros_like(vectors) for name, vectors in second.items()}
    joined = ConcatEncoder(Fixed(first), Fixed(silent), "User", 2.0).fit(None)
    alone = first["User"] @ first["Product"].T
    order = np.argsort(joined["User"] @ joined["Product"].T, axis=1)
    np.testing.assert_array_equal(order, np.argsort(alone, axis=1))


def test_the_spread_is_the_mean_deviation_of_the_scores(halves):
    first, _ = halves
    scores = first["User"] @ first["Product"].T
    assert score_spread(first["User"], first["Product"]) == pytest.approx(
        scores.std(axis=1).mean(), rel=1e-4
    )
