"""Creators by who follows and watches them and by what they carry, by hand.

All users less their mean [1/2, 1/2] are [1/2, -1/2] (east) or the opposite (north). In units of
that step east: cara's followers are 1 and carl's viewers -1. Who scores above average for the own
vectors of cara, carl and cleo stands at -1, -1 and 1; less their mean -1/3 that is -2/3, -2/3, 4/3,
and at the typical length of audiences, 1, it is -1, -1, 2.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graphdb.errors import QueryError
from graphrec.query.audience.creators import (
    OWN_COUNTS_AS,
    SHRINKAGE,
    creator_audiences,
)
from graphrec.query.audience.directions import BlockScale, Followers, shared_blocks
from graphrec.query.audience.matching import DOUBT_COSTS, creators_for, for_creators
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.options import RankOptions

STEP = np.array([0.5, -0.5])
NOBODY = Followers(np.empty(0, np.int64), np.empty(0), np.empty(0))


def test_audiences_by_hand(market):
    """12 follow cara, 2 watched carl, nobody cleo; of cora nothing is known."""
    found = market._engine.release.audiences.creators()
    own, prior = OWN_COUNTS_AS, SHRINKAGE
    steps = [
        (12 - own) / (12 + own + prior),
        (-2 - own) / (2 + own + prior),
        own / (own + prior),
        0,
    ]
    np.testing.assert_allclose(found.space.vectors, np.outer(steps, STEP), atol=1e-6)
    doubt = [prior / (number + own + prior) for number in (12, 2, 0)]
    assert found.doubt == pytest.approx([*doubt, 1])


def test_a_score_is_similarity_to_the_buyers_less_doubt_and_the_niche(market):
    """The buyers of pe are east, where users deviate by 1; cara carries one product, of bread."""
    own, prior = OWN_COUNTS_AS, SHRINKAGE
    scores = {one.id: one.score for one in market.creators_for_product("pn", exclude_seen=False)}
    of_cara = -(12 - own) / (12 + own + prior) - DOUBT_COSTS * prior / (12 + own + prior) + 1 / 6
    of_cleo = -own / (own + prior) - DOUBT_COSTS * prior / (own + prior)
    assert scores["cara"] == pytest.approx(of_cara, abs=1e-6)
    assert scores["cleo"] == pytest.approx(of_cleo, abs=1e-6)


def test_a_brand_is_of_the_categories_of_its_products(market, make_market):
    """Half of acme's products become bread, of which cara and carl carry one each."""
    edges = [("pe", "yogurt"), ("pe2", "bread"), ("pn", "bread")]
    mixed = make_market(edges={"Product-IN_CATEGORY-Category": edges})
    before, after = (
        {one.id: one.score for one in each.creators_for_brand("acme", exclude_seen=False)}
        for each in (market, mixed)
    )
    gained = {name: after[name] - before[name] for name in after}
    assert gained == pytest.approx({"cara": 1 / 12, "carl": 1 / 12, "cleo": -1 / 12}, abs=1e-6)


def test_a_block_that_products_lack_lends_no_length(make_market):
    """Users and creators have a further block, which products and brands lack; cleo has no part.

    Beside it the block of products is short in all creators but cleo, who has no follower.
    """
    beside = {
        "User": [*[[1, 0, 9]] * 12, *[[0, 1, -9]] * 12, [0, 0, 0]],
        "Creator": [[0, 1, 40], [0, 2, -40], [1, 0, 0], [0, 0, 0]],
        "Product": [[3, 0, 0], [2.5, 0.5, 0], [0, 3, 0]],
        "Brand": [[2, 0, 0], [0, 2, 0]],
        "Category": [[0, 1, 0], [1, 0, 0]],
    }
    market = make_market(vectors=beside)
    assert market.creators_for_product("pe").ids == ("cara", "carl")
    found = market._engine.release.audiences.creators().space
    assert not found.vectors[:, 2].any()
    assert found.norms[0] > found.norms[2]


@pytest.mark.parametrize("query_type", ["Product", "Brand"])
def test_new_creators_without_followers_do_not_win(make_market, query_type):
    """Ten carry pe2 and nobody follows them: their own vectors fit acme and pe perfectly.

    cara carries nothing but has twelve followers like the buyers. The new ones have their places
    by a share for new items, never by short evidence.
    """
    new = [f"new{number}" for number in range(10)]
    market = make_market(
        ids={"Creator": ["cara", "carl", "cleo", "cora", *new]},
        vectors={"Creator": [[0, 1], [0, 2], [0, 1], [0, 0], *[[50, 0]] * 10]},
        edges={
            "Creator-PROMOTES-Product": [("carl", "pn"), *((one, "pe2") for one in new)],
            "Creator-MANAGED_BY-Agency": [],
        },
    )
    asked = {"Product": "pe", "Brand": "acme"}[query_type]
    answer = market.recommend(query_type, asked, "Creator", exclude_seen=False, k=14)
    assert answer.ids[0] == "cara"
    assert set(answer.ids[1:11]) == set(new)  # they fit better than the rest all the same


@given(
    numbers=st.lists(st.integers(0, 300), min_size=2, max_size=6),
    own=hnp.arrays(np.float32, (6, 2), elements=st.sampled_from([-50.0, -1.0, 0.0, 1.0, 50.0])),
)
def test_the_fewer_followers_the_nearer_to_nothing(numbers, own):
    """Whatever own vectors say, none is longer than its evidence beside the prior allows."""
    angles = np.linspace(0, np.pi, 300)
    users = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    followers = [
        Followers(np.arange(number), np.ones(number), np.full(number, 0.5)) for number in numbers
    ]
    spaces = EmbeddingMatrix.of(own[: len(numbers)]), EmbeddingMatrix.of(users)
    found = creator_audiences(*spaces, [np.arange(2)], lambda row: followers[row])
    evidence = np.array(numbers) + OWN_COUNTS_AS
    longest = 2 * evidence / (evidence + SHRINKAGE)  # two users are at most 2 apart
    assert (found.space.norms <= longest + 1e-6).all()
    assert (found.doubt >= SHRINKAGE / (evidence + SHRINKAGE) - 1e-12).all()
    assert (found.doubt <= 1).all()


def test_a_number_that_all_share_tells_nothing():
    """As where popularity stands beside a model; one of whom it is all that is known is unknown."""
    taste = np.array([[3, 1], [-1, 2], [0, 5], [0, 0]], dtype=np.float32)
    beside = np.concatenate([taste, np.full((4, 1), 7, dtype=np.float32)], axis=1)
    users = np.concatenate([taste[:3], np.full((3, 1), 7, dtype=np.float32)], axis=1)
    blocks = [np.array([0, 1]), np.array([2])]
    alone = creator_audiences(
        EmbeddingMatrix.of(taste), EmbeddingMatrix.of(taste[:3]), blocks[:1], lambda _: NOBODY
    ).space
    both = creator_audiences(
        EmbeddingMatrix.of(beside), EmbeddingMatrix.of(users), blocks, lambda _: NOBODY
    ).space
    np.testing.assert_allclose(both.vectors[:, :2], alone.vectors, atol=1e-6)
    assert not both.vectors[:, 2].any()
    assert both.zero.tolist() == [False, False, False, True]


@given(
    hnp.arrays(np.float32, (7, 4), elements=st.integers(-99, 99).map(float)),
    st.sampled_from([0.01, 0.5, 7.0, 300.0]),
)
def test_blocks_keep_their_weights_whatever_their_length(users, factor):
    """A block is as long in root mean square as before, and what multiplies it multiplies it."""
    blocks = [np.array([0, 1]), np.array([2, 3])]
    stretch = np.array([1, 1, factor, factor], np.float32)
    placed = BlockScale.of(users, blocks).placed(users)
    for block in blocks:
        was, now = (np.linalg.norm(each[:, block], axis=1) for each in (users, placed))
        assert (now**2).mean() == pytest.approx((was**2).mean(), rel=1e-6, abs=1e-9)
    longer = BlockScale.of(users * stretch, blocks).placed(users * stretch)
    np.testing.assert_allclose(longer, placed * stretch, rtol=1e-5)


def test_blocks_are_columns_of_the_same_types():
    """One column is used by no type, one by users alone: neither says how users and products fit"""
    spaces = {
        "User": EmbeddingMatrix.of(np.array([[1, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0]], np.float32)),
        "Product": EmbeddingMatrix.of(np.array([[1, 1, 0, 0, 1, 1]], np.float32)),
        "Brand": EmbeddingMatrix.of(np.array([[1, 1, 0, 0, 0, 0]], np.float32)),
        "Content": EmbeddingMatrix.of(np.array([[0, 0, 1, 0, 0, 0]], np.float32)),
    }
    found = shared_blocks(spaces, "User", "Product")
    assert [columns.tolist() for columns in found] == [[0, 1], [4, 5]]
    assert shared_blocks(spaces, "Brand", "Content") == []


def test_a_creator_is_offered_what_the_followers_like(market):
    cara = [market.bundle.row_of("Creator", "cara")]
    by_own_vector, _ = market.top_rows("Creator", cara, "Product", k=1, exclude_seen=False)
    assert market.bundle.id_of("Product", by_own_vector[0, 0]) == "pn"
    assert market.products_for_creator("cara", exclude_seen=False).ids == ("pe", "pe2", "pn")
    assert market.products_for_creator("cara").ids == ("pe", "pe2")  # she carries pn
    assert market.categories_for_creator("cara").ids == ("yogurt",)
    assert market.brands_for_creator("cara").ids == ("acme",)
    assert market.brands_for_creator("carl", exclude_seen=False).ids == ("bolt", "acme")


def test_creators_for_products_and_brands(market):
    """Neither those who carry it already nor cora, of whom nothing is known."""
    assert market.creators_for_product("pe").ids == ("cara", "carl")
    assert market.creators_for_product("pe", exclude_seen=False).ids == ("cara", "cleo", "carl")
    assert market.creators_for_brand("acme").ids == ("cara", "carl")
    assert market.creators_for_brand("bolt").ids == ("cleo",)


def test_without_followers_the_own_vector_alone_counts(make_market):
    names = ("User-FOLLOWS-Creator", "User-WATCHED-Content", "User-LIKED-Content")
    market = make_market(edges=dict.fromkeys(names, ()))
    assert market.products_for_creator("cara", exclude_seen=False).ids == ("pn", "pe2", "pe")


def test_without_an_own_vector_the_followers_count(make_market):
    market = make_market(vectors={"Creator": [[0, 0], [0, 2], [1, 0], [0, 0]]})
    assert market.products_for_creator("cara").ids == ("pe", "pe2")


def test_edges_to_followers_weigh_as_the_schema_says(market):
    followers = market._engine.release.audiences.followers_of()
    cara, carl = followers(0), followers(1)
    assert cara.weights.tolist() == [2] * 12
    assert cara.chances == pytest.approx([0.5] * 12)
    assert carl.users.tolist() == [12, 13]
    assert carl.weights.tolist() == [1 + 2, 1]  # n01 watched and liked
    assert carl.chances == pytest.approx([1 - 0.9 * 0.7, 0.1])


def test_many_equal_one_by_one(market):
    engine, question = market._engine, RankOptions(exclude_seen=False)
    products, creators = ["pn", "pe", "pn"], ["cleo", "cara"]
    assert creators_for(engine, "Product", products, question) == [
        market.creators_for_product(one, exclude_seen=False) for one in products
    ]
    assert for_creators(engine, creators, "Product", question) == [
        market.products_for_creator(one, exclude_seen=False) for one in creators
    ]


def test_of_a_creator_without_anything_nothing_can_be_told(market):
    with pytest.raises(QueryError, match="knows nothing about Creator 'cora' or any follower"):
        market.products_for_creator("cora")


def test_a_new_release_is_warm(market, make_market):
    """What the old release had worked out, the new one has before it is served."""
    market.creators_for_brand("acme")
    other = make_market(edges={"User-FOLLOWS-Creator": ()})
    market.reload(other.bundle.folder)
    audiences = market._engine.release.audiences
    assert audiences._carriers is not None
    assert audiences._users is None
    assert market.products_for_creator("cara", exclude_seen=False).ids[0] == "pn"
