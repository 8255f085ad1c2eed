"""Lookalikes in the small world of ann, bob and cat, by hand.

The known users [1, 0], [0, 1] and [1, 1] have the mean [2/3, 2/3]. They differ by 1/3 along
[1, -1] / sqrt(2) and by 1/9 along [1, 1] / sqrt(2), on average 2/9: only the first is kept, and
every audience's vector lies in it.
"""

from math import exp, sqrt

import numpy as np
import pytest

from graphdb.errors import QueryError, UnknownIdError
from graphdb.schema_types import EdgeType
from graphrec import Filters
from graphrec.query.audience.directions import Directions
from graphrec.query.audience.lookalikes import Size, lookalikes
from graphrec.query.options import Question
from graphrec.query.space import Space

PURCHASED = EdgeType("User", "PURCHASED", "Product")
ANN, CAT, BOB = sqrt(3 / 2), 0.0, -sqrt(3 / 2)  # standard deviations east of the mean


def likeness(above, separation):
    return 1 / (1 + exp(-separation * (above - separation / 2)))


def scored(answer):
    return [(item.id, pytest.approx(item.score, abs=1e-6)) for item in answer]


def test_only_directions_of_more_than_average_variance_are_kept():
    users = Space.of(np.array([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=np.float32))
    found = Directions.of(users)
    np.testing.assert_allclose(found.mean, [2 / 3, 2 / 3], atol=1e-15)
    np.testing.assert_allclose(found.variances, [1 / 3], atol=1e-15)
    np.testing.assert_allclose(found.along(np.array([2.0, 0.0])), [1, -1], atol=1e-15)
    assert found.deviation(np.array([1.0, -1.0])) == pytest.approx(sqrt(2 / 3))


def test_directions_of_equal_variance_are_kept_together():
    users = np.array([[3, 0], [-3, 0], [0, 3], [0, -3]], dtype=np.float32)
    assert Directions.of(Space.of(users)).axes.shape == (2, 2)


def test_users_are_scored_by_likeness_to_the_buyers(recommender):
    """Buyers of acme are ann and cat: their mean is sqrt(3/8) deviations east."""
    separation = (2 * sqrt(3 / 8) + 30) / 32
    expected = [(one, likeness(at, separation)) for one, at in (("ann", ANN), ("cat", CAT))]
    answer = recommender.users_for_brand("acme")
    assert scored(answer)[:2] == expected
    assert scored(answer)[2] == ("bob", likeness(BOB, separation))
    assert [item.rank for item in answer] == [1, 2, 3]
    assert (answer.seed_type, answer.seed_id, answer.target_type) == ("Brand", "acme", "User")


def test_new_customers_only(recommender):
    assert recommender.users_for_brand("acme", new_customers_only=True).ids == ("bob",)
    assert recommender.users_for_product("p3", new_customers_only=True).ids == ("cat", "ann")
    assert recommender.users_for_product("p3").ids == ("bob", "cat", "ann")


def test_without_buyers_the_own_vector_tells(make_recommender, content):
    edges = {name: tie for name, tie in content["edges"].items() if name != PURCHASED}
    answer = make_recommender(edges=edges).users_for_brand("acme")
    expected = [("ann", likeness(ANN, 1)), ("cat", likeness(CAT, 1)), ("bob", likeness(BOB, 1))]
    assert scored(answer) == expected


def test_users_like(recommender):
    separation = (sqrt(3 / 2) + 30) / 31
    answer = recommender.users_like(["ann"])
    assert scored(answer) == [
        ("cat", likeness(CAT, separation)),
        ("bob", likeness(BOB, separation)),
    ]
    assert (answer.seed_type, answer.seed_id) == ("", "")
    everyone = recommender.users_like(["ann", "ann"], new_customers_only=False)
    assert everyone.ids == ("ann", "cat", "bob")
    assert scored(everyone)[1:] == [(one.id, one.score) for one in answer]


def test_size_as_number_or_share(recommender):
    def ids(**options):
        return recommender.users_for_brand("acme", **options).ids

    assert ids(k=2) == ids(share=0.5) == ("ann", "cat")  # half of four users
    assert ids(share=0.01) == ("ann",)
    assert ids(share=1) == ids(k=100) == ("ann", "cat", "bob")
    assert recommender.users_like(["bob"], share=0.25).ids == ("cat",)


def test_least_likeness(recommender):
    answer = recommender.users_for_brand("acme", min_score=0.5)
    assert answer.ids == ("ann",)
    assert recommender.users_for_brand("acme", min_score=answer[0].score).ids == ("ann",)
    assert recommender.users_for_brand("acme", min_score=1).ids == ()


def test_filters_hold(recommender):
    filters = Filters(properties={"city": "Graz"})
    assert recommender.users_for_brand("acme", filters=filters).ids == ("cat",)
    assert recommender.users_like(["bob"], filters=filters).ids == ("cat",)


def test_reach_curve(recommender):
    """Of ann and cat, cat is kept back and looked for among her and bob."""
    half, whole = recommender.reach_curve("Brand", "acme", shares=(0.5, 1))
    assert (half.users, half.found, half.precision, half.recall, half.lift) == (1, 1, 1, 1, 2)
    assert (whole.users, whole.found, whole.precision, whole.recall) == (2, 1, 0.5, 1)
    assert whole.lift == 1
    separation = (sqrt(3 / 2) + 30) / 31
    assert half.min_score == pytest.approx(likeness(CAT, separation), abs=1e-6)
    assert half.to_dict()["precision"] == 1


def test_many_equal_one_by_one(recommender):
    engine, question = recommender._engine, Question(exclude_seen=False)
    together = lookalikes(engine, "Brand", ["bolt", "acme", "bolt"], Size(share=1), question)
    assert together == [
        recommender.users_for_brand(one, share=1) for one in ("bolt", "acme", "bolt")
    ]


def test_rows_are_what_is_answered(recommender):
    rows, scores = recommender.lookalike_rows("Brand", ["bolt", "acme"], k=4)
    assert rows.tolist() == [[1, 2, 0, -1], [0, 2, 1, -1]]
    answer = recommender.users_for_brand("acme", k=4)
    assert scores[1].tolist() == [*(item.score for item in answer), -np.inf]
    likely, _ = recommender.lookalike_rows("Brand", ["acme"], k=2, min_score=0.5)
    assert likely.tolist() == [[0, -1]]
    new, _ = recommender.lookalike_rows("Brand", ["acme"], k=2, new_customers_only=True)
    assert new.tolist() == [[1, -1]]


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda r: r.users_for_brand("acme", k=3, share=0.1), QueryError, "k=3.*share=0.1 at once"),
        (lambda r: r.users_for_brand("acme", share=0), QueryError, "share is 0; expected above 0"),
        (lambda r: r.users_for_brand("acme", share=1.5), QueryError, "share is 1.5"),
        (lambda r: r.users_for_brand("acme", min_score=2), QueryError, "min_score is 2"),
        (lambda r: r.users_for_brand("acme", k=0), QueryError, "k is 0"),
        (lambda r: r.users_for_brand("acme", exclude_sen=True), QueryError, "no option"),
        (lambda r: r.users_for_brand("none"), UnknownIdError, "no Brand has the id 'none'"),
        (lambda r: r.users_for_product("p6"), QueryError, "tells the audience of Product 'p6'"),
        (lambda r: r.users_like(["dan"]), QueryError, "tells the audience of 1 users"),
        (lambda r: r.users_like([]), QueryError, "tells the audience of 0 users"),
        (lambda r: r.users_like(["ann", "bob", "cat"]), QueryError, "of 3 users from all"),
        (lambda r: r.users_like(["zoe"]), UnknownIdError, "no User has the id 'zoe'"),
        (lambda r: r.reach_curve("Product", "p3"), QueryError, "1 buyers of Product 'p3'"),
        (lambda r: r.reach_curve("Category", "food"), QueryError, "a Category has no buyers"),
        (lambda r: r.reach_curve("Brand", "acme", shares=[2]), QueryError, "a share is 2"),
    ],
)
def test_questions_without_an_answer(recommender, ask, error, message):
    with pytest.raises(error, match=message):
        ask(recommender)
