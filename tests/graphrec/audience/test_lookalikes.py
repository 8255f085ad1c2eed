"""Lookalikes in the small world of ann, bob and cat, by hand.

The known users [1, 0], [0, 1] and [1, 1] have the mean [2/3, 2/3]. Along d = [1, -1] / sqrt(2) and
s = [1, 1] / sqrt(2) they vary by 1/3 and 1/9. The products' mean x x^T is 10/3 and 20/3 there, so
in their scores users vary by 10/9 and 20/27; the ridge is 3 times the mean of these, 25/9. So what
tells a way between two means is (10/3) / (10/9 + 25/9) = 6/7 of it along d, and 36/19 along s.
ann bought two products, bob one and cat three: of each as much counts as n / (n + 2) says, and all
are stretched alike, such that their squared distances from the mean have the sum that they had.
"""

from math import sqrt

import numpy as np
import pytest

from graphdb.errors import QueryError, UnknownIdError
from graphdb.schema_types import EdgeType
from graphrec import Filters
from graphrec.query.audience.directions import Directions
from graphrec.query.audience.lookalike import Size, lookalikes
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.options import RankOptions

PURCHASED = EdgeType("User", "PURCHASED", "Product")
TELLING = np.array([6 / 7, 36 / 19])
VARIANCES = np.array([1 / 3, 1 / 9])
USERS = {  # less the mean, along d and s
    "ann": np.array([1, -1 / 3]) / sqrt(2),
    "bob": np.array([-1, -1 / 3]) / sqrt(2),
    "cat": np.array([0, 2 / 3]) / sqrt(2),
}
BOUGHT = {"ann": 2, "bob": 1, "cat": 3}
OWN = {"acme": np.array([2, 2]) / sqrt(2), "p3": np.array([-4, 4]) / sqrt(2)}


def deviation(vector):
    return sqrt(VARIANCES @ vector**2)


def expected(members, own=None, bought=BOUGHT):
    """Similarities by user: buyers of equal weight, the own vector like 30 of them."""
    number = len(members)
    way = sum((USERS[one] for one in members), np.zeros(2)) / max(number, 1)
    vector = TELLING * way / deviation(TELLING * way) if number else np.zeros(2)
    if own is not None:
        share = number / (number + 30)
        vector = share * vector + (1 - share) * OWN[own] / deviation(OWN[own])
    shares = {one: bought[one] / (bought[one] + 2) for one in USERS}
    before = sum(at @ at for at in USERS.values())
    after = sum(shares[one] ** 2 * at @ at for one, at in USERS.items())
    stretch = sqrt(before / after) / deviation(vector)
    found = {one: stretch * shares[one] * vector @ at for one, at in USERS.items()}
    return sorted(found.items(), key=lambda pair: -pair[1])


def scored(answer):
    return [(item.id, pytest.approx(item.score, abs=1e-6)) for item in answer]


def test_users_are_measured_by_their_scores():
    users = EmbeddingMatrix.of(np.array([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=np.float32))
    products = EmbeddingMatrix.of(
        np.array([[4, 0], [3, 1], [0, 4], [1, 3], [2, 2], [0, 0]], np.float32)
    )
    found = Directions.of(users, products)
    np.testing.assert_allclose(found.mean, [2 / 3, 2 / 3], atol=1e-15)
    for place, axis in enumerate(([1.0, -1.0], [1.0, 1.0])):
        np.testing.assert_allclose(found.telling @ axis, TELLING[place] * np.array(axis))
        unit = np.array(axis) / sqrt(2)
        assert found.deviation(unit) == pytest.approx(sqrt(VARIANCES[place]))


def test_it_does_not_matter_on_which_side_a_number_is_large():
    """Two halves of a vector: scores are the same, so likenesses are."""
    random = np.random.default_rng(0)
    users, products = (random.normal(size=(size, 6)).astype(np.float32) for size in (50, 80))
    factors = np.array([1, 1, 1, 64, 64, 64], dtype=np.float32)
    told = Directions.of(EmbeddingMatrix.of(users), EmbeddingMatrix.of(products))
    scaled = Directions.of(
        EmbeddingMatrix.of(users * factors), EmbeddingMatrix.of(products / factors)
    )
    group = users[:7].astype(np.float64).mean(axis=0)
    above = (users - told.mean) @ told.towards(group)
    again = (users * factors - scaled.mean) @ scaled.towards(group * factors)
    np.testing.assert_allclose(above, again, rtol=1e-4, atol=1e-5)


def test_users_who_do_not_differ_tell_nothing():
    users = EmbeddingMatrix.of(np.array([[1, 2], [1, 2]], dtype=np.float32))
    found = Directions.of(users, users)
    assert found.towards(np.array([1.0, 2.0])).tolist() == [0, 0]
    assert found.levelled(np.array([3.0, 4.0])).tolist() == [0, 0]


def test_the_less_is_known_of_a_user_the_nearer_the_average():
    alike = [[3, 1]] * 4  # who met nothing, 1, 4 and 20 products
    vectors = EmbeddingMatrix.of(np.array([*alike, [-3, 1], [0, 2], [0, 0]], np.float32))
    found = Directions.of(vectors)
    users = found.shrunk(vectors, np.array([0.0, 1, 4, 20, 9, 9, 9]))
    away = users.vectors[:6] - found.mean
    above = away @ (vectors.vectors[0] - found.mean)
    assert above[0] == above[1] < above[2] < above[3]
    before = vectors.vectors[:6] - found.mean
    assert (away**2).sum() == pytest.approx((before**2).sum())  # all together differ as before
    assert users.zero.tolist() == [False] * 6 + [True]
    same = found.shrunk(vectors, np.full(7, 9.0))
    np.testing.assert_allclose(same.vectors, vectors.vectors, atol=1e-6)


def test_users_are_scored_by_similarity_to_the_buyers(recommender):
    answer = recommender.users_for_brand("acme")
    assert scored(answer) == expected(["ann", "cat"], "acme")
    assert [item.rank for item in answer] == [1, 2, 3]
    assert (answer.query_type, answer.query_id, answer.target_type) == ("Brand", "acme", "User")
    assert scored(recommender.users_for_product("p3")) == expected(["bob"], "p3")
    assert (answer.trace.score_kind, answer.trace.score_days) == ("similarity", None)


def test_new_customers_only(recommender):
    assert recommender.users_for_brand("acme", new_customers_only=True).ids == ("bob",)
    assert recommender.users_for_product("p3", new_customers_only=True).ids == ("cat", "ann")
    assert recommender.users_for_product("p3").ids == ("cat", "bob", "ann")


def test_without_buyers_the_own_vector_tells(make_recommender, content):
    edges = {name: edge for name, edge in content["edges"].items() if name != PURCHASED}
    answer = make_recommender(edges=edges).users_for_brand("acme")
    assert scored(answer) == expected([], "acme", dict.fromkeys(USERS, 1))


def test_users_like(recommender):
    answer = recommender.users_like(["ann"])
    everyone = recommender.users_like(["ann", "ann"], new_customers_only=False)
    assert scored(everyone) == expected(["ann"])
    assert scored(answer) == expected(["ann"])[1:]
    assert (answer.query_type, answer.query_id) == ("", "")


def test_size_as_number_or_share(recommender):
    def ids(**options):
        return recommender.users_for_brand("acme", **options).ids

    assert ids(k=2) == ids(share=0.5) == ("cat", "ann")  # half of four users
    assert ids(share=0.01) == ("cat",)
    assert ids(share=1) == ids(k=100) == ("cat", "ann", "bob")
    assert recommender.users_like(["bob"], share=0.25).ids == ("cat",)


def test_least_score(recommender):
    first, second, last = recommender.users_for_brand("acme")
    answer = recommender.users_for_brand("acme", min_score=(first.score + second.score) / 2)
    assert answer.ids == ("cat",)
    assert last.score < 0
    assert recommender.users_for_brand("acme", min_score=last.score).ids == ("cat", "ann", "bob")
    assert recommender.users_for_brand("acme", min_score=answer[0].score).ids == ("cat",)
    assert recommender.users_for_brand("acme", min_score=9).ids == ()


def test_filters_hold(recommender):
    filters = Filters(properties={"city": "Graz"})
    assert recommender.users_for_brand("acme", filters=filters).ids == ("cat",)
    assert recommender.users_like(["bob"], filters=filters).ids == ("cat",)


def test_many_equal_one_by_one(recommender):
    engine, question = recommender._engine, RankOptions(exclude_seen=False)
    together = lookalikes(engine, "Brand", ["bolt", "acme", "bolt"], Size(share=1), question)
    assert together == [
        recommender.users_for_brand(one, share=1) for one in ("bolt", "acme", "bolt")
    ]


def test_rows_are_what_is_answered(recommender):
    rows, scores = recommender.lookalike_rows("Brand", ["bolt", "acme"], k=4)
    assert rows.tolist() == [[2, 1, 0, -1], [2, 0, 1, -1]]
    answer = recommender.users_for_brand("acme", k=4)
    assert scores[1].tolist() == [*(item.score for item in answer), -np.inf]
    least = (answer[0].score + answer[1].score) / 2
    likely, _ = recommender.lookalike_rows("Brand", ["acme"], k=2, min_score=least)
    assert likely.tolist() == [[2, -1]]
    new, _ = recommender.lookalike_rows("Brand", ["acme"], k=2, new_customers_only=True)
    assert new.tolist() == [[1, -1]]


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda r: r.users_for_brand("acme", k=3, share=0.1), QueryError, "k=3.*share=0.1 at once"),
        (lambda r: r.users_for_brand("acme", share=0), QueryError, "share is 0; expected above 0"),
        (lambda r: r.users_for_brand("acme", share=1.5), QueryError, "share is 1.5"),
        (lambda r: r.users_for_brand("acme", min_score=np.nan), QueryError, "min_score is nan"),
        (lambda r: r.users_for_brand("acme", k=0), QueryError, "k is 0"),
        (lambda r: r.users_for_brand("acme", exclude_sen=True), QueryError, "no option"),
        (lambda r: r.users_for_brand("none"), UnknownIdError, "no Brand has the id 'none'"),
        (lambda r: r.users_for_product("p6"), QueryError, "tells the audience of Product 'p6'"),
        (lambda r: r.users_like(["dan"]), QueryError, "tells the audience of 1 users"),
        (lambda r: r.users_like([]), QueryError, "tells the audience of 0 users"),
        (lambda r: r.users_like(["ann", "bob", "cat"]), QueryError, "of 3 users from all"),
        (lambda r: r.users_like(["zoe"]), UnknownIdError, "no User has the id 'zoe'"),
        (lambda r: r.reach_curve("Product", "p3"), QueryError, "no held-out figures of audiences"),
        (lambda r: r.reach_curve("Category", "food"), QueryError, "a Category has no buyers"),
    ],
)
def test_questions_without_an_answer(recommender, ask, error, message):
    with pytest.raises(error, match=message):
        ask(recommender)
