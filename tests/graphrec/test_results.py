import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest

from graphdb import SCHEMA
from graphrec import Filters


def reasons(answer):
    return {item.id: item.reasons for item in answer}


def test_reasons_for_products(recommender):
    answer = recommender.products_for_user("ann", exclude_seen=False)
    assert reasons(answer) == {
        "p1": ("bought before: 2017-11-01", "bought 2 products of Acme"),  # in Yogurt itself alone
        "p2": ("bought 2 products of Acme", "bought 1 product in Yogurt"),
        "p3": ("nothing of its brand or category bought yet",),
        "p4": ("nothing of its brand or category bought yet",),
        "p5": (
            "bought before: 2 times, last 2017-11-26",
            "bought 2 products of Acme",
            "bought 2 products in Dairy",
        ),
        "p6": ("nothing of its brand or category bought yet",),
    }


def test_reasons_for_brands_and_their_users(recommender):
    bought = ("bought 2 of its products", "bought 2 products in Dairy, which it offers")
    assert reasons(recommender.brands_for_user("ann", exclude_seen=False)) == {
        "acme": bought,
        "bolt": ("never bought from it",),
    }
    assert reasons(recommender.users_for_brand("acme")) == {
        "ann": bought,
        "bob": ("never bought from it",),
        "cat": bought,
    }


def test_reasons_for_the_users_of_a_product(recommender):
    answer = recommender.recommend("Product", "p4", "User", exclude_seen=False)
    assert reasons(answer) == {
        "cat": ("bought before: 2017-11-22",),
        "bob": ("bought 1 product of Bolt", "bought 1 product in Bread"),
        "ann": ("nothing of its brand or category bought yet",),
    }


def test_reasons_without_evidence_do_not_say_when(make_recommender, content):
    purchased = SCHEMA.edge_type("PURCHASED")
    plain = replace(content["edges"][purchased], evidence=None)
    changed = make_recommender(edges={**content["edges"], purchased: plain})
    assert reasons(changed.products_for_user("ann", exclude_seen=False))["p5"][0] == "bought before"


def test_reasons_for_categories(make_recommender, content):
    vectors = {**content["vectors"], "Category": np.ones((6, 2), dtype=np.float32)}
    answer = make_recommender(vectors=vectors).recommend(
        "User", "ann", "Category", exclude_seen=False, levels="all"
    )
    # ann's p1 stands in Yogurt and p5 in Dairy, which Yogurt is a part of.
    assert reasons(answer)["dairy"] == reasons(answer)["food"] == ("bought 2 products in it",)
    assert reasons(answer)["yogurt"] == ("bought 1 product in it",)
    assert reasons(answer)["bread"] == ("never bought in it",)


def test_reasons_for_similar_products(recommender):
    assert reasons(recommender.similar_products("p1")) == {
        "p2": ("same brand Acme", "same category Yogurt"),
        "p5": ("same brand Acme", "1 buyer in common"),
        "p4": ("close in what was learned; no direct connection",),
        "p3": ("close in what was learned; no direct connection",),
    }
    assert reasons(recommender.similar("Brand", "acme")) == {"bolt": ("1 buyer in common",)}


def test_a_product_in_several_categories_counts_once(make_recommender, content):
    edge_type = next(name for name in content["edges"] if name.relation == "IN_CATEGORY")
    products, categories = np.array([0, 0, 1, 1, 4]), np.array([1, 5, 1, 5, 5])
    edges = type(content["edges"][edge_type]).from_edges(products, categories, 6, 6)
    recommender = make_recommender(edges={**content["edges"], edge_type: edges})
    kefir = recommender.products_for_user("ann")[0]
    assert kefir.fields["category"] == "Dairy, Yogurt"
    assert kefir.reasons[-1] == "bought 2 products in Yogurt"  # p1 and p5, not three


def test_fields(recommender):
    assert dict(recommender.products_for_user("ann", exclude_seen=False)[0].fields) == {
        "title": "East Yogurt",
        "brand": "Acme",
        "category": "Yogurt",
        "price": 1.0,
        "size": "6 OZ",
    }
    assert list(recommender.products_for_user("ann")[3].fields) == ["title", "brand", "category"]
    brand = recommender.brands_for_user("bob")[0]
    assert dict(brand.fields) == {"name": "Acme", "private_label": False, "products": 3}
    users = {item.id: dict(item.fields) for item in recommender.users_for_brand("acme")}
    assert users == {"ann": {"age_band": "25-34"}, "bob": {}, "cat": {"city": "Graz"}}
    assert recommender.fields("Category", "food") == {"name": "Food"}


def test_a_brand_without_a_name_shows_its_id(make_recommender, content, make_node_table):
    nodes = {**content["nodes"], "Brand": make_node_table("Brand", {"acme": {}, "bolt": {}})}
    recommender = make_recommender(nodes=nodes)
    assert recommender.fields("Product", "p1")["brand"] == "acme"


def test_an_answer_is_a_sequence(recommender):
    answer = recommender.products_for_user("ann", k=3)
    assert len(answer) == 3
    assert [item.id for item in answer] == ["p2", "p4", "p3"] == list(answer.ids)
    assert (answer[0].id, answer[-1].id) == ("p2", "p3")
    assert [item.id for item in answer[1:]] == ["p4", "p3"]
    assert answer[1] in answer
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer[0].rank = 7


def test_to_dicts(recommender):
    answer = recommender.products_for_user("ann", k=1)
    assert answer.to_dicts() == [
        {
            "rank": 1,
            "type": "Product",
            "id": "p2",
            "score": 3.0,
            "fields": {
                "title": "East Kefir",
                "brand": "Acme",
                "category": "Yogurt",
                "price": 2.0,
            },
            "reasons": [
                "bought 2 products of Acme",
                "bought 1 product in Yogurt",
            ],
        }
    ]
    assert json.loads(json.dumps(answer.to_dicts())) == answer.to_dicts()


def test_to_arrow(recommender):
    table = recommender.products_for_user("ann").to_arrow()
    assert table["query_id"].to_pylist() == ["ann"] * 4
    assert table["id"].to_pylist() == ["p2", "p4", "p3", "p6"]
    assert table["rank"].to_pylist() == [1, 2, 3, 4]
    assert table["score"].to_pylist() == [3.0, 1.0, 0.0, 0.0]
    assert table["price"].to_pylist() == [2.0, 4.0, 3.0, None]
    assert table["reasons"].to_pylist()[1][0] == "nothing of its brand or category bought yet"


def test_an_empty_answer(recommender):
    answer = recommender.products_for_user("ann", filters=Filters(price_min=9))
    assert not answer
    assert answer.to_dicts() == []
    assert answer.to_arrow().num_rows == 0
    assert answer.to_arrow().column_names[:3] == ["query_type", "query_id", "rank"]
