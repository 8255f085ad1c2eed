"""Encoders concatenated: what their scores and lengths are."""

import numpy as np
import pytest

from graphdb.errors import TrainingError
from training.encoders import ConcatEncoder, FittedVectors
from training.encoders.concat import score_spread


def random(sizes, dim, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, dim)).astype(np.float32) * (1 + seed) for name, n in sizes}


def concatenated(parts, weights, lengths="shared", **options):
    encoders = [FittedVectors(part) for part in parts]
    return ConcatEncoder(encoders, weights, "User", lengths, **options).fit(None)


@pytest.fixture
def parts():
    first = random([("User", 30), ("Product", 50), ("Brand", 7)], 6, 1)
    second = random([("User", 30), ("Product", 50), ("Tag", 5)], 4, 2)
    return first, second


@pytest.mark.parametrize("lengths", ["shared", "even"])
@pytest.mark.parametrize("weights", [(1.0, 0.5), (1.0, 3.0), (2.0, 1.0), (1.0, 2.0, 0.5)])
def test_scores_add_up_with_the_weights(parts, weights, lengths):
    every = [*parts, random([("User", 30), ("Product", 50)], 3, 3)][: len(weights)]
    joined = concatenated(every, weights, lengths)
    scores = [part["User"] @ part["Product"].T for part in every]
    expected = sum(
        weight * one / one.std(axis=1).mean() for weight, one in zip(weights, scores, strict=True)
    )
    np.testing.assert_allclose(joined["User"] @ joined["Product"].T, expected, atol=1e-4)


def test_even_lengths_change_no_score(parts):
    first, second = parts
    first["User"] *= 40
    shared, even = (
        concatenated((first, second), (1.0, 2.0), lengths) for lengths in ("shared", "even")
    )
    for name in ("Product", "Brand", "Tag"):
        expected = shared["User"] @ shared[name].T
        np.testing.assert_allclose(even["User"] @ even[name].T, expected, rtol=1e-3, atol=1e-4)
    for block in (slice(6), slice(6, None)):
        lengths = {name: np.sqrt((even[name][:, block] ** 2).sum(1).mean()) for name in even}
        users = pytest.approx(lengths.pop("User"), rel=1e-4)
        assert users in list(lengths.values())  # that of the type over which scores spread most
    longer = np.linalg.norm(shared["User"][:, :6]) / np.linalg.norm(shared["Product"][:, :6])
    assert longer > 10


def test_what_only_one_part_knows_is_scored_by_it_alone(parts):
    first, second = parts
    joined = concatenated((first, second), (1.0, 2.0))
    assert {name: vectors.shape for name, vectors in joined.items()} == {
        "User": (30, 10),
        "Product": (50, 10),
        "Brand": (7, 10),
        "Tag": (5, 10),
    }
    for name, part, spread in (("Brand", first, 1.0), ("Tag", second, 2.0)):
        scores = part["User"] @ part[name].T
        expected = spread * scores / scores.std(axis=1).mean()
        np.testing.assert_allclose(joined["User"] @ joined[name].T, expected, atol=1e-4)


def test_a_part_that_knows_nothing_changes_no_order(parts):
    first, second = parts
    silent = {name: np.zeros_like(vectors) for name, vectors in second.items()}
    joined = concatenated((first, silent), (1.0, 2.0))
    alone = first["User"] @ first["Product"].T
    order = np.argsort(joined["User"] @ joined["Product"].T, axis=1)
    np.testing.assert_array_equal(order, np.argsort(alone, axis=1))


def test_the_spread_is_the_mean_deviation_of_the_scores(parts):
    first, _ = parts
    scores = first["User"] @ first["Product"].T
    assert score_spread(first["User"], first["Product"]) == pytest.approx(
        scores.std(axis=1).mean(), rel=1e-4
    )


class TestShareOfTheFirst:
    """A number for `lengths`: the first part stays, and the others get a share of its length."""

    def scores(self, vectors, target):
        return vectors["User"] @ vectors[target].T

    def test_scores_are_a_sum_with_the_spread_that_was_asked_for(self, parts):
        first, second = parts
        joined = concatenated(parts, (1.0, 2.0), 0.25)
        for name, vectors in first.items():
            np.testing.assert_array_equal(joined[name][:, :6], vectors)
        added = self.scores(joined, "Product") - self.scores(first, "Product")
        factor = 2 * score_spread(first["User"], first["Product"])
        factor /= score_spread(second["User"], second["Product"])
        expected = factor * self.scores(second, "Product")
        np.testing.assert_allclose(added, expected, rtol=1e-3, atol=1e-3)

    def test_only_the_ratio_of_the_weights_counts(self, parts):
        one, other = (concatenated(parts, weights, 0.25) for weights in ((1.0, 2.0), (3.0, 6.0)))
        for name, vectors in one.items():
            np.testing.assert_array_equal(vectors, other[name])

    def test_what_the_second_does_not_know_is_scored_as_before(self, parts):
        joined = concatenated(parts, (1.0, 2.0), 0.25)
        np.testing.assert_array_equal(self.scores(joined, "Brand"), self.scores(parts[0], "Brand"))

    def test_what_only_the_second_knows_is_ordered_by_it(self, parts):
        joined = concatenated(parts, (1.0, 2.0), 0.25)
        np.testing.assert_array_equal(joined["Tag"][:, 6:], parts[1]["Tag"])
        ratio = self.scores(joined, "Tag") / self.scores(parts[1], "Tag")
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)

    def test_the_share_decides_lengths_and_no_scores(self, parts):
        short, long = (concatenated(parts, (1.0, 2.0), share) for share in (0.1, 1.0))
        np.testing.assert_allclose(
            self.scores(short, "Product"), self.scores(long, "Product"), rtol=1e-3, atol=1e-3
        )
        for joined, share in ((short, 0.1), (long, 1.0)):
            own, added = (
                np.sqrt(np.square(part).sum(1).mean()) for part in np.split(joined["User"], [6], 1)
            )
            assert added == pytest.approx(share * own, rel=1e-4)


@pytest.mark.parametrize("lengths", ["shared", "even", 0.1])
def test_a_part_without_vectors_adds_nothing(parts, lengths):
    first, _ = parts
    assert concatenated((first, {}), (1.0, 2.0), lengths) is first
    assert concatenated((first,), (1.0,), lengths) is first
    assert concatenated(({}, {}), (1.0, 1.0), lengths, known_queries_only=True) == {}


def test_query_nodes_that_the_first_part_does_not_know_stay_zero(parts):
    first, _ = parts
    first["User"][3] = 0
    constant = {"User": np.ones((30, 1), np.float32), "Product": random([("P", 50)], 1, 4)["P"]}
    known = concatenated((first, constant), (1.0, 1.0), known_queries_only=True)
    assert not known["User"][3].any()
    assert known["User"][4, 6] != 0
    assert concatenated((first, constant), (1.0, 1.0))["User"][3].any()
    assert constant["User"].all()  # nothing is changed in place


@pytest.mark.parametrize(
    ("num", "weights"), [(2, (1.0,)), (2, (1.0, 0.0)), (2, (1.0, -1.0)), (0, ())]
)
def test_every_part_has_a_weight_above_zero(parts, num, weights):
    with pytest.raises(TrainingError, match=r"encoders have the weights .*one weight above 0 for"):
        ConcatEncoder([FittedVectors(part) for part in parts[:num]], weights, "User")
