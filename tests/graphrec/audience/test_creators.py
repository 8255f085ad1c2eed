"""Creators by what they carry and by who follows and watches them, by hand.

All directions of users less their mean [1/2, 1/2] are [1/2, -1/2] (east) or the opposite (north).
Own directions of cara, carl and cleo less their mean [1/3, 2/3] are 1/3 [-1, 1], the same, and
2/3 [1, -1]; their median length is sqrt(2) / 3. So at typical lengths of 1, with s = sqrt(1/2)
and in units of [s, -s]: cara's fans are 1 and her own side -1, carl's both -1, cleo's own side 2.
"""

import numpy as np
import pytest

from graphdb.errors import QueryError
from graphrec.query.audience.creators import blended
from graphrec.query.audience.fans import Fans
from graphrec.query.audience.matching import creators_for, for_creators
from graphrec.query.options import Question
from graphrec.query.space import Space

EAST = np.array([1, -1]) / np.sqrt(2)


def test_blended_vectors(market):
    found = market._engine.release.audiences.creators()
    # 12 of cara's fans weigh 12 / 22, 2 of carl's 2 / 12; cleo has none; of cora nothing is known.
    units = [12 / 22 - 10 / 22, -1, 2, 0]
    np.testing.assert_allclose(found.vectors, np.outer(units, EAST), atol=1e-6)


def test_a_number_that_all_creators_share_tells_nothing():
    """As where popularity stands beside a model; one of whom it is all that is known is unknown."""
    taste = np.array([[3, 1], [-1, 2], [0, 5], [0, 0]], dtype=np.float32)
    beside = np.concatenate([taste, np.full((4, 1), 7, dtype=np.float32)], axis=1)
    nobody = Fans(np.empty(0, np.int64), np.empty(0), np.empty(0))
    alone, both = (
        blended(Space.of(own), Space.of(own), lambda _: nobody) for own in (taste, beside)
    )
    np.testing.assert_allclose(both.vectors[:, :2], alone.vectors, atol=1e-6)
    assert not both.vectors[:, 2].any()
    assert both.zero.tolist() == [False, False, False, True]


def test_a_creator_is_offered_what_the_fans_like(market):
    cara = [market.bundle.row_of("Creator", "cara")]
    by_own_vector, _ = market.top_rows("Creator", cara, "Product", k=1, exclude_seen=False)
    assert market.bundle.id_of("Product", by_own_vector[0, 0]) == "pn"
    assert market.products_for_creator("cara", exclude_seen=False).ids == ("pe", "pe2", "pn")
    assert market.products_for_creator("cara").ids == ("pe", "pe2")  # she carries pn
    assert market.categories_for_creator("cara").ids == ("yogurt",)
    assert market.brands_for_creator("cara").ids == ("acme",)
    assert market.brands_for_creator("carl", exclude_seen=False).ids == ("bolt", "acme")


def test_creators_for_goods_and_brands(market):
    """Neither those who carry it already nor cora, of whom nothing is known."""
    assert market.creators_for_product("pe").ids == ("cara", "carl")
    assert market.creators_for_product("pe", exclude_seen=False).ids == ("cleo", "cara", "carl")
    assert market.creators_for_brand("acme").ids == ("cara", "carl")
    assert market.creators_for_brand("bolt").ids == ("cleo",)
    assert market.creators_for_product("pe")[0].score == pytest.approx(
        3 * np.sqrt(0.5) * 2 / 22, abs=1e-6
    )


def test_without_fans_the_own_vector_alone_counts(make_market):
    names = ("User-FOLLOWS-Creator", "User-WATCHED-Content", "User-LIKED-Content")
    market = make_market(edges=dict.fromkeys(names, ()))
    assert market.products_for_creator("cara", exclude_seen=False).ids == ("pn", "pe2", "pe")


def test_without_an_own_vector_the_fans_count(make_market):
    market = make_market(vectors={"Creator": [[0, 0], [0, 2], [1, 0], [0, 0]]})
    assert market.products_for_creator("cara").ids == ("pe", "pe2")


def test_ties_to_fans_weigh_as_the_schema_says(market):
    fans = market._engine.release.audiences.fans_of()
    cara, carl = fans(0), fans(1)
    assert cara.weights.tolist() == [2] * 12
    assert cara.chances == pytest.approx([0.5] * 12)
    assert carl.users.tolist() == [12, 13]
    assert carl.weights.tolist() == [1 + 2, 1]  # n01 watched and liked
    assert carl.chances == pytest.approx([1 - 0.9 * 0.7, 0.1])


def test_many_equal_one_by_one(market):
    engine, question = market._engine, Question(exclude_seen=False)
    products, creators = ["pn", "pe", "pn"], ["cleo", "cara"]
    assert creators_for(engine, "Product", products, question) == [
        market.creators_for_product(one, exclude_seen=False) for one in products
    ]
    assert for_creators(engine, creators, "Product", question) == [
        market.products_for_creator(one, exclude_seen=False) for one in creators
    ]


def test_of_a_creator_without_anything_nothing_can_be_told(market):
    with pytest.raises(QueryError, match="knows nothing about Creator 'cora' or any fan"):
        market.products_for_creator("cora")


def test_a_new_release_is_warm(market, make_market):
    """What the old release had worked out, the new one has before it is served."""
    market.creators_for_brand("acme")
    other = make_market(edges={"User-FOLLOWS-Creator": ()})
    market.reload(other.bundle.folder)
    audiences = market._engine.release.audiences
    assert audiences._creators is not None
    assert audiences._directions is None
    assert market.products_for_creator("cara", exclude_seen=False).ids[0] == "pn"
