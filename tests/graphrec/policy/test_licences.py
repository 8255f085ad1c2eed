"""Products that need a licence, and what single users do not want to see."""

from datetime import UTC, datetime

import pytest
from contracts.market import IDS

from graphrec import Exclusion, Licence, OwnBlock, Policy, Recommender


def under(market, *, licences=(), own_blocks=()):
    policy = Policy(version="1", licences=licences, own_blocks=own_blocks)
    return Recommender(market, policy=policy)


def gone(recommender, seed, target):
    everything = {"k": 100, "exclude_seen": False, "include_unsellable": True, "levels": "all"}
    answer = recommender.recommend(*seed, target, **everything)
    return " ".join(sorted(set(IDS[target]) - {seed[1]} - set(answer.ids)))


@pytest.mark.parametrize(
    ("holders", "excluded"),
    [
        ({"Shop": ["s0", "s1"]}, ""),
        ({"Shop": "s1"}, "p0 p2"),  # s0 sells p0 too, and p2
        ({"Brand": "b0"}, "p1"),
        ({"Brand": ["b0", "b1"], "Shop": "s1"}, "p0 p2"),
        ({"Shop": ["nobody"]}, "p0 p1 p2"),
    ],
)
def test_products_need_sellers_and_makers_with_the_licence(market, holders, excluded):
    licence = Licence(categories="drinks", holders=holders)
    recommender = under(market, licences=[licence])
    for seed in (("User", "u2"), ("Creator", "c0"), ("Product", "p5"), ("Brand", "b2")):
        assert gone(recommender, seed, "Product") == excluded


def test_products_of_unknown_makers_count_as_unlicensed(market):
    recommender = under(
        market, licences=[Licence(categories=["toys", "food"], holders={"Brand": ["b0", "b1"]})]
    )
    assert gone(recommender, ("User", "u2"), "Product") == "p5"


def test_a_creator_without_the_licence_neither_gets_such_products_nor_carries_them(market):
    recommender = under(market, licences=[Licence(categories="drinks", holders={"Creator": "c0"})])
    assert gone(recommender, ("Creator", "c0"), "Product") == ""
    assert gone(recommender, ("Creator", "c1"), "Product") == "p0 p1 p2"
    assert gone(recommender, ("Creator", "c1"), "Category") == "drinks wine"
    assert gone(recommender, ("Product", "p1"), "Creator") == "c1 c2"
    assert gone(recommender, ("Product", "p4"), "Creator") == ""
    assert gone(recommender, ("Category", "wine"), "Creator") == "c1 c2"
    assert gone(recommender, ("User", "u2"), "Product") == "", "people need no licence"


def test_a_missing_licence_is_a_reason(market):
    end = datetime(2100, 1, 1, tzinfo=UTC)
    recommender = under(
        market,
        licences=[Licence(categories="drinks", holders={"Brand": "b0"}, note="law", until=end)],
    )
    assert recommender.explain_exclusion("Product", "p1") == (
        Exclusion("NO_LICENCE", ("Category", "drinks"), "law", until=end),
    )
    assert recommender.products_for_user("u2").trace.excluded == {"NO_LICENCE": 1}


def test_own_blocks_hold_for_their_user_alone(market):
    recommender = under(
        market,
        own_blocks=[
            OwnBlock(user="u2", type="Brand", ids=["b1", "b77"]),
            OwnBlock(user="u2", type="Creator", ids="c1"),
            OwnBlock(user="u77", type="Creator", ids="c1"),
        ],
    )
    assert gone(recommender, ("User", "u2"), "Product") == "p0 p1 p3 p4"  # with those of shop s1
    assert gone(recommender, ("User", "u2"), "Brand") == "b1"
    assert gone(recommender, ("User", "u2"), "Content") == "v1 v2"
    for target in ("Product", "Brand", "Content", "Creator"):
        assert gone(recommender, ("User", "u1"), target) == ""
    assert recommender.unknown_policy_ids == {"Brand": 1, "User": 1}


def test_who_blocked_something_is_no_audience_for_it(market):
    recommender = under(market, own_blocks=[OwnBlock(user="u2", type="Brand", ids="b1")])
    for seed in (("Brand", "b1"), ("Product", "p3"), ("Product", "p0"), ("Shop", "s1")):
        assert gone(recommender, seed, "User") == "u2"
    for seed in (("Brand", "b2"), ("Product", "p5"), ("Creator", "c1")):
        assert gone(recommender, seed, "User") == ""


def test_own_blocks_are_told_only_of_their_user(market):
    recommender = under(market, own_blocks=[OwnBlock(user="u2", type="Brand", ids="b1")])
    assert recommender.explain_exclusion("Product", "p3") == ()
    assert recommender.explain_exclusion("Product", "p3", query=("User", "u1")) == ()
    assert recommender.explain_exclusion("Product", "p3", query=("User", "u2")) == (
        Exclusion("OWN_BLOCK", ("User", "u2")),
    )
    assert recommender.explain_exclusion("User", "u2", query=("Product", "p3")) == (
        Exclusion("OWN_BLOCK", ("User", "u2")),
    )


def test_a_creators_missing_licence_is_told_for_the_pair(market):
    recommender = under(market, licences=[Licence(categories="drinks", holders={"Creator": "c0"})])
    missing = (Exclusion("NO_LICENCE", ("Category", "drinks")),)
    assert recommender.explain_exclusion("Product", "p1") == ()
    assert recommender.explain_exclusion("Product", "p1", query=("Creator", "c0")) == ()
    assert recommender.explain_exclusion("Product", "p1", query=("Creator", "c1")) == missing
    assert recommender.explain_exclusion("Creator", "c1", query=("Product", "p1")) == missing
    assert recommender.explain_exclusion("Category", "wine", query=("Creator", "c1")) == missing
    assert recommender.explain_exclusion("Creator", "c1", query=("Product", "p4")) == ()
