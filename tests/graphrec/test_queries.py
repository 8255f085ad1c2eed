"""Questions to the small world of conftest.py, whose answers are worked out by hand."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from graphdb.errors import QueryError, SchemaError, UnknownIdError
from graphdb.schema_types import EdgeType
from graphrec import Filters, Recommender

PURCHASED = EdgeType("User", "PURCHASED", "Product")
MADE_BY = EdgeType("Product", "MADE_BY", "Brand")


def without(content, edge_type):
    return {name: edges for name, edges in content["edges"].items() if name != edge_type}


def scored(answer):
    return [(item.id, item.score) for item in answer]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("ann", [("p2", 3), ("p4", 1), ("p3", 0), ("p6", 0)]),  # not p1 and p5, which ann bought
        ("bob", [("p4", 3), ("p5", 2), ("p2", 1), ("p1", 0), ("p6", 0)]),
        ("cat", [("p1", 4), ("p3", 4), ("p6", 0)]),
    ],
)
def test_products_for_user(recommender, user, expected):
    answer = recommender.products_for_user(user)
    assert scored(answer) == expected
    assert [item.rank for item in answer] == list(range(1, len(expected) + 1))
    assert (answer.query_type, answer.query_id, answer.target_type) == ("User", user, "Product")


def test_products_for_user_with_bought_ones(recommender):
    answer = recommender.products_for_user("ann", exclude_seen=False)
    assert answer.ids == ("p1", "p2", "p5", "p4", "p3", "p6")


def test_k_cuts_and_never_pads(recommender):
    assert recommender.products_for_user("ann", k=2).ids == ("p2", "p4")
    assert len(recommender.products_for_user("ann", k=10**6)) == 4


@pytest.mark.parametrize(
    ("user", "unseen", "all_brands"),
    [
        ("ann", ("bolt",), ("acme", "bolt")),
        ("bob", ("acme",), ("bolt", "acme")),
        ("cat", (), ("acme", "bolt")),  # bought from both
    ],
)
def test_brands_for_user(recommender, user, unseen, all_brands):
    assert recommender.brands_for_user(user).ids == unseen
    assert recommender.brands_for_user(user, exclude_seen=False).ids == all_brands


@pytest.mark.parametrize(
    ("brand", "everyone", "new_customers"),
    [
        # dan follows acme, but nothing is known of him: he is like nobody.
        ("acme", ("cat", "ann", "bob"), ("bob",)),
        ("bolt", ("cat", "bob", "ann"), ("ann",)),
    ],
)
def test_users_for_brand(recommender, brand, everyone, new_customers):
    assert recommender.users_for_brand(brand).ids == everyone
    assert recommender.users_for_brand(brand, new_customers_only=True).ids == new_customers


def test_users_for_product_leaves_out_buyers_and_who_is_unknown(recommender):
    assert recommender.recommend("Product", "p3", "User").ids == ("cat", "ann")


def test_categories_for_user(make_recommender, content):
    vectors = {**content["vectors"], "Category": np.ones((6, 2), dtype=np.float32)}
    recommender = make_recommender(vectors=vectors)
    answer = recommender.recommend("User", "ann", "Category")  # ann bought yogurt and dairy
    assert answer.ids == ("bread", "other-d", "other-f")


def test_a_node_is_never_its_own_recommendation(recommender):
    assert recommender.recommend("User", "ann", "User").ids == ("cat", "bob", "dan")
    assert recommender.recommend("User", "ann", "User", exclude_seen=False).ids == (
        ("cat", "bob", "dan")
    )


def test_similar_products_go_by_direction_not_by_length(recommender):
    """Product lengths are 4, √10, 4, √10, √8; their median √10 damps each."""
    answer = recommender.similar_products("p1")
    assert answer.ids == ("p2", "p5", "p4", "p3")  # neither p1 itself nor p6, whose vector is zero
    mine, root = 4 + 10**0.5, 10**0.5
    expected = [12 / mine / (2 * root), 8 / mine / (8**0.5 + root), 4 / mine / (2 * root), 0]
    assert [item.score for item in answer] == pytest.approx(expected, abs=1e-15)


def test_similar_with_filters(recommender):
    filters = Filters(brands="Acme", price_max=4)
    assert recommender.similar_products("p1", filters=filters).ids == ("p2",)


def test_similar_of_any_type(recommender):
    # Two brands differ from their mean in opposite ways; both are of typical length.
    ((name, score),) = scored(recommender.similar("Brand", "acme"))
    assert (name, score) == ("bolt", pytest.approx(-1 / 4, abs=1e-3))
    assert recommender.similar("User", "ann").ids == ("cat", "bob")


def test_seen(recommender):
    assert recommender.seen("User", "cat", "Product") == ("p2", "p4", "p5")
    assert recommender.seen("User", "cat", "Category") == ("bread", "dairy", "food", "yogurt")
    assert recommender.seen("Brand", "acme", "User") == ("ann", "cat")
    assert recommender.seen("Brand", "acme", "Brand") == ()


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda r: r.products_for_user("zoe"), UnknownIdError, "no User has the id 'zoe'"),
        (lambda r: r.similar_products("ann"), UnknownIdError, "no Product has the id 'ann'"),
        (
            lambda r: r.products_for_user("dan"),
            QueryError,
            "knows nothing about User 'dan': its vector is zero; train on a snapshot",
        ),
        (
            lambda r: r.recommend_many("User", ["ann", "dan"], "Product", on_unknown="error"),
            QueryError,
            "knows nothing about User 'dan'",
        ),
        (lambda r: r.similar_products("p6"), QueryError, "knows nothing about Product 'p6'"),
        (
            lambda r: r.recommend("User", "ann", "Category"),
            QueryError,
            "no vectors for Category; expected one of Brand, Product, User",
        ),
        (lambda r: r.recommend("Category", "food", "User"), QueryError, "no vectors for Category"),
        (lambda r: r.recommend("User", "ann", "Shop"), QueryError, "has no Shop nodes"),
        (lambda r: r.recommend("Usr", "ann", "Product"), SchemaError, "did you mean 'User'"),
        (lambda r: r.products_for_user("ann", k=0), QueryError, "k is 0; expected a whole number"),
        (lambda r: r.products_for_user("ann", k=2.5), QueryError, "k is 2.5"),
        (
            lambda r: r.top_rows("User", np.array([4]), "Brand", k=1, exclude_seen=False),
            QueryError,
            "there is no User row 4; expected 0 to 3",
        ),
        (
            lambda r: r.top_rows("User", np.array([-1]), "Brand", k=1, exclude_seen=False),
            QueryError,
            "there is no User row -1",
        ),
    ],
)
def test_questions_without_an_answer(recommender, ask, error, message):
    with pytest.raises(error, match=message):
        ask(recommender)


def test_without_purchases_what_was_bought_is_unknown(make_recommender, content):
    recommender = make_recommender(edges=without(content, PURCHASED))
    for target in ("Product", "Brand"):
        with pytest.raises(QueryError, match=f"PURCHASED.*which {target} nodes a User has seen is"):
            recommender.recommend("User", "ann", target)
    with pytest.raises(QueryError, match=r"PURCHASED.*is unknown; .*exclude_seen=False"):
        recommender.seen("User", "ann", "Product")
    answer = recommender.products_for_user("ann", exclude_seen=False)
    assert answer.ids[:2] == ("p1", "p2")
    assert answer[0].reasons == ("close in what was learned; no direct connection",)


def test_without_brands_products_still_come_out(make_recommender, content):
    recommender = make_recommender(edges=without(content, MADE_BY))
    answer = recommender.products_for_user("ann")
    assert answer.ids == ("p2", "p4", "p3", "p6")
    assert "brand" not in answer[0].fields
    assert answer[0].reasons == ("bought 1 product in Yogurt",)
    assert recommender.similar_products("p1")[0].reasons == ("same category Yogurt",)
    with pytest.raises(QueryError, match="does not have the edges Product-MADE_BY-Brand"):
        recommender.products_for_user("ann", filters=Filters(brands="acme"))
    with pytest.raises(QueryError, match="lacks edges of MADE_BY and PURCHASED"):
        recommender.users_for_brand("acme", new_customers_only=True)


def test_top_rows_are_what_recommend_serves(recommender):
    rows, scores = recommender.top_rows(
        "User", np.array([2, 3, 0]), "Product", k=4, exclude_seen=True
    )
    # cat, then dan, about whom nothing is known, then ann
    assert rows.tolist() == [[0, 2, 5, -1], [-1] * 4, [1, 3, 2, 5]]
    none = -np.inf
    assert scores.tolist() == [[4, 4, 0, none], [none] * 4, [3, 1, 0, 0]]


def test_many_equals_one_by_one(recommender):
    users = ["cat", "ann", "bob", "ann"]
    filters = Filters(price_min=1)
    together = recommender.recommend_many("User", users, "Product", k=3, filters=filters)
    assert together == [
        recommender.recommend("User", user, "Product", k=3, filters=filters) for user in users
    ]
    assert recommender.recommend_many("User", [], "Product") == []


def test_threads_do_not_disturb_each_other(world_path):
    fresh = Recommender.open(world_path)
    questions = [("Brand", "acme", "User"), ("Product", "p3", "User"), ("User", "ann", "Brand")]
    expected = [Recommender.open(world_path).recommend(*question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda question: fresh.recommend(*question), questions * 20))
    assert answers == expected * 20
