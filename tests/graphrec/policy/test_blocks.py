"""What a block takes away, and what is said of it; the market is drawn in contracts/market.py."""

from datetime import UTC, datetime, timedelta

import pytest
from contracts.market import IDS

from graphrec import Block, Exclusion, Filters, Policy, PolicyError, Recommender, UnknownIdError

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def under(market, *blocks, now=NEW_YEAR):
    return Recommender(market, policy=Policy(version="7", blocks=blocks), clock=lambda: now)


def gone(recommender, target, seed=("User", "u2")):
    everything = {"k": 100, "exclude_seen": False, "include_unsellable": True, "levels": "all"}
    answer = recommender.recommend(*seed, target, **everything)
    return " ".join(sorted(set(IDS[target]) - set(answer.ids)))


@pytest.mark.parametrize(
    ("block", "products", "others"),
    [
        (("Product", "p3"), "p3", {}),
        (("Product", ["p3", "p5"]), "p3 p5", {}),
        (("Brand", "b2"), "p5", {"Brand": "b2"}),
        # With b0 goes its shop s0; p0, which s1 sells too, goes with it.
        (("Brand", "b0"), "p0 p2", {"Brand": "b0", "Shop": "s0"}),
        (("Shop", "s1"), "p0 p1 p3", {"Shop": "s1"}),
        (("Creator", "c1"), "", {"Creator": "c1", "Content": "v1 v2"}),
        (("Agency", "a0"), "", {"Agency": "a0", "Creator": "c0 c1", "Content": "v0 v1 v2"}),
        (("Category", "drinks"), "p0 p1 p2", {"Category": "drinks wine"}),
        (("Tag", "t0"), "p1 p4", {"Tag": "t0"}),
        (("User", "u1"), "", {"User": "u1"}),
        (("Content", "v0"), "", {"Content": "v0"}),
    ],
)
def test_a_block_takes_what_belongs_to_it(market, block, products, others):
    recommender = under(market, Block(type=block[0], ids=block[1], reason="BANNED"))
    found = {target: gone(recommender, target) for target in IDS if target != "User"}
    found["User"] = gone(recommender, "User", ("Brand", "b1"))
    assert found == {**dict.fromkeys(IDS, ""), "Product": products, **others}


def test_blocks_may_name_properties(market):
    where = {"status": ["withdrawn", "out_of_stock"]}
    recommender = under(market, Block(type="Product", where=where, reason="GONE"))
    assert gone(recommender, "Product") == "p1 p4"
    recommender = under(
        market, Block(type="Creator", where={"followers": {"max": 100}}, reason="SMALL")
    )
    assert (gone(recommender, "Creator"), gone(recommender, "Content")) == ("c0", "v0")


def test_a_block_holds_in_its_scope(market):
    block = Block(type="Product", ids="p3", reason="NOT_FOR_SHOPPERS", scope="User")
    recommender = under(market, block)
    assert gone(recommender, "Product") == "p3"
    assert gone(recommender, "Product", ("Creator", "c2")) == ""
    assert "p3" in recommender.similar_products("p2", include_unsellable=True).ids
    # A vector could be anybody's, so every scope holds for it.
    vector = recommender.bundle.vectors("Creator")[0]
    found = recommender.recommend_vector(vector, "Product", include_unsellable=True)
    assert "p3" not in found.ids and "p1" in found.ids


def test_a_block_begins_and_ends_by_the_clock(market):
    day = timedelta(days=1)
    block = Block(type="Product", ids="p3", reason="RECALLED", since=NEW_YEAR, until=NEW_YEAR + day)
    now = [NEW_YEAR - day]
    policy = Policy(version="7", blocks=[block])
    recommender = Recommender(market, policy=policy, clock=lambda: now[0])
    moments = [-day, timedelta(0), day - timedelta(microseconds=1), day, timedelta(0)]
    found = []
    for moment in moments:
        now[0] = NEW_YEAR + moment
        found.append(gone(recommender, "Product"))
    assert found == ["", "p3", "p3", "", "p3"]


def test_no_question_gets_around_a_block(market):
    recommender = under(
        market,
        Block(type="Product", ids="p2", reason="RECALLED"),
        Block(type="Creator", ids="c1", reason="SUSPENDED"),
        Block(type="Brand", ids="b2", reason="FAKES"),
        Block(type="User", ids="u1", reason="CLOSED"),
    )
    only = Filters(ids="p2")
    vector = recommender.bundle.vectors("Product")[2]
    answers = [
        recommender.products_for_user("u2", filters=only),
        recommender.products_for_creator("c2", filters=only, exclude_seen=False),
        recommender.similar_products("p0", filters=only),
        recommender.recommend_vector(vector, "Product", filters=only),
        recommender.recommend("Product", "p2", "Product", filters=only),
        recommender.creators_for_user("u2", filters=Filters(ids="c1")),
        recommender.creators_for_product("p0", filters=Filters(ids="c1")),
        recommender.creators_for_brand("b1", filters=Filters(ids="c1")),
        recommender.similar_creators("c0", filters=Filters(ids="c1")),
        recommender.contents_for_user("u2", filters=Filters(creators="c1")),
        recommender.brands_for_user("u2", filters=Filters(ids="b2")),
        recommender.brands_for_creator("c2", filters=Filters(ids="b2")),
        recommender.similar_brands("b0", filters=Filters(ids="b2")),
        recommender.users_for_brand("b0", filters=Filters(ids="u1")),
        recommender.users_for_product("p0", filters=Filters(ids="u1")),
        recommender.similar_users("u0", filters=Filters(ids="u1")),
    ]
    assert [answer.ids for answer in answers] == [()] * len(answers)


def test_every_exclusion_has_its_reason(market):
    recommender = under(
        market,
        Block(type="Brand", ids="b1", reason="FAKES", note="court order"),
        Block(type="Product", ids="p3", reason="RECALLED", scope=["User"]),
    )
    assert recommender.explain_exclusion("Product", "p3") == (
        Exclusion("FAKES", ("Brand", "b1"), "court order"),
        Exclusion("RECALLED", ("Product", "p3"), scope=("User",)),
    )
    for_creators = recommender.explain_exclusion("Product", "p3", query=("Creator", "c0"))
    assert [one.reason for one in for_creators] == ["FAKES"]
    assert recommender.explain_exclusion("Product", "p5") == ()
    assert recommender.explain_exclusion("Shop", "s1")[0].because_of == ("Brand", "b1")
    with pytest.raises(UnknownIdError, match="no Product has the id 'p9'"):
        recommender.explain_exclusion("Product", "p9")


def test_exclusions_are_counted_by_reason(market):
    recommender = under(
        market,
        Block(type="Brand", ids="b1", reason="FAKES"),
        Block(type="Product", ids=["p3", "p5"], reason="RECALLED", scope="User"),
    )
    # b1 makes p1 p3 p4, and its shop s1 sells p0 too; p3 counts for both reasons.
    trace = recommender.products_for_user("u2").trace
    assert trace.excluded == {"FAKES": 4, "RECALLED": 2}
    assert (trace.policy_version, trace.num_targets, trace.num_candidates) == ("7", 7, 2)
    assert recommender.similar_products("p2").trace.excluded == {"FAKES": 4}
    assert recommender.products_for_user("u2", filters=Filters(ids="p2")).trace.num_candidates == 1


def test_without_a_policy_nothing_is_excluded(market):
    recommender = Recommender(market)
    trace = recommender.products_for_user("u2", include_unsellable=True).trace
    assert (trace.policy_version, trace.excluded, trace.num_candidates) == (None, {}, 7)
    assert recommender.explain_exclusion("Product", "p3") == ()
    assert recommender.policy is None


def test_ids_that_are_not_there_yet_do_no_harm(market):
    block = Block(type="Product", ids=["p3", "p99"], reason="RECALLED")
    bands = Block(type="PriceBand", ids="5-10", reason="X", allow_unknown=True)
    recommender = under(market, block, bands)
    assert gone(recommender, "Product") == "p3"
    assert recommender.unknown_policy_ids == {"Product": 1, "PriceBand": 1}
    assert recommender.policy_warnings == (
        "the bundle does not hold 1 Product ids of the policy, 'p99'",
        "the bundle does not hold 1 PriceBand ids of the policy, '5-10'",
    )


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "Produkt", "ids": "p1"}, "unknown node type 'Produkt'.*did you mean 'Product'"),
        ({"type": "Product", "where": {"prize": 3}}, "no property 'prize'.*did you mean 'price'"),
        ({"type": "Product", "where": {"price": "3"}}, "'price' of Product cannot be '3'.*float"),
        ({"type": "Product", "ids": "p1", "scope": "Usr"}, "unknown node type 'Usr'"),
    ],
)
def test_rules_that_do_not_fit_the_schema_are_refused(market, block, message):
    policy = Policy(version="8", blocks=[Block(**block, reason="X")])
    with pytest.raises(PolicyError, match=message):
        Recommender(market, policy=policy)
    recommender = under(market, Block(type="Product", ids="p3", reason="RECALLED"))
    with pytest.raises(PolicyError, match=message):
        recommender.set_policy(policy)
    assert recommender.policy.version == "7"
    assert gone(recommender, "Product") == "p3"
