"""`recommend` answers each direction as the question by name does, alone and in a batch."""

import pytest

from graphdb.errors import UnknownIdError

NAMED = {
    ("Brand", "User"): "users_for_brand",
    ("Product", "User"): "users_for_product",
    ("Brand", "Creator"): "creators_for_brand",
    ("Product", "Creator"): "creators_for_product",
    ("Creator", "Product"): "products_for_creator",
    ("Creator", "Brand"): "brands_for_creator",
    ("Creator", "Category"): "categories_for_creator",
    ("User", "Product"): "products_for_user",
    ("User", "Brand"): "brands_for_user",
    ("User", "Creator"): "creators_for_user",
}
QUERIES = {"Brand": "acme", "Product": "pe", "Creator": "cara", "User": "e01"}


@pytest.mark.parametrize(("query_type", "target_type"), NAMED)
def test_recommend_is_the_question_by_name(market, query_type, target_type):
    named = getattr(market, NAMED[query_type, target_type])
    audience = {"new_customers_only": True} if target_type == "User" else {}
    seed = QUERIES[query_type]
    answer = market.recommend(query_type, seed, target_type)
    assert answer == named(seed, **audience)
    assert market.recommend_many(query_type, [seed, seed], target_type) == [answer, answer]


@pytest.mark.parametrize(
    ("query_type", "target_type"), [ends for ends in NAMED if ends[1] != "User"]
)
def test_who_is_unknown_gets_what_is_popular_on_request(market, query_type, target_type):
    queries = [QUERIES[query_type], "nobody"]
    with pytest.raises(UnknownIdError, match="nobody"):
        market.recommend_many(query_type, queries, target_type, on_unknown="error")
    known, unknown = market.recommend_many(query_type, queries, target_type, on_unknown="popular")
    assert known == market.recommend(query_type, queries[0], target_type)
    assert all("popular" in item.reasons[0] for item in unknown)
