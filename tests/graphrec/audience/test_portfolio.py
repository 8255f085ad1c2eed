"""Creators whose followers overlap: the set that reaches most is not that of the nearest."""

import numpy as np
import pytest

from graphdb.errors import QueryError, UnknownIdError
from graphrec import Filters
from graphrec.query.audience.portfolio import Coverage, likely_buyers

EAST = [f"e{number:02}" for number in range(1, 13)]
CREATORS = ["other", "twin1", "twin2"]


@pytest.fixture
def market(make_market):
    """The twins are followed by the same seven who like east, the other one by another five."""
    follows = [(user, twin) for user in EAST[:7] for twin in ("twin1", "twin2")]
    return make_market(
        ids={"Creator": CREATORS},
        vectors={"Creator": [[1, 1], [2, 0], [2, 0]]},
        edges={
            "User-FOLLOWS-Creator": [*follows, *((user, "other") for user in EAST[7:])],
            "Creator-PROMOTES-Product": [],
            "Creator-PUBLISHED-Content": [],
            "Creator-MANAGED_BY-Agency": [],
        },
    )


def reach(market, creators, brand="acme"):
    followers_of, bundle = market._engine.release.audiences.followers_of(), market.bundle
    followers = [followers_of(bundle.row_of("Creator", one)) for one in creators]
    likely = likely_buyers(market._engine, brand, new_only=False)[0]
    coverage = Coverage(
        likely, [one.users for one in followers], [one.chances for one in followers]
    )
    return coverage.reach(range(len(followers)))


def test_a_portfolio_reaches_more_than_the_nearest(market):
    nearest = market.creators_for_brand("acme", k=2).ids
    found = market.creator_portfolio("acme", k=2)
    assert nearest == ("twin1", "twin2")
    assert found.ids == ("twin1", "other")
    assert found.reach == pytest.approx(reach(market, found.ids))
    assert found.reach > 1.1 * reach(market, nearest)
    # Followers see a creator with a chance of 1/2.
    likely = likely_buyers(market._engine, "acme", new_only=False)[0]
    gains = [likely[:7].sum() / 2, likely[7:12].sum() / 2]
    assert [pick.gain for pick in found.picks] == pytest.approx(gains)
    assert [pick.reach for pick in found.picks] == pytest.approx([gains[0], sum(gains)])
    # twin2 would add the other half to half of those who miss twin1; the bound has room for it.
    assert found.bound == pytest.approx(sum(gains) + gains[0] / 2)


def test_ranks_scores_and_fields_are_those_of_the_question(market):
    found = market.creator_portfolio("acme", k=3)
    scores = {item.id: item.score for item in market.creators_for_brand("acme")}
    assert [pick.creator.rank for pick in found.picks] == [1, 2, 3]
    assert {pick.creator.id: pick.creator.score for pick in found.picks} == scores
    document = found.to_dict()
    assert document["brand"] == "acme"
    assert document["cost"] is None
    assert [one["id"] for one in document["creators"]] == list(found.ids)


@pytest.mark.parametrize("new_only", [False, True])
def test_likely_buyers_are_those_that_held_out_days_told(market, new_only):
    likely, days = likely_buyers(market._engine, "acme", new_only=new_only)
    answer = market.users_for_brand("acme", k=25, new_customers_only=new_only)
    told = {market.bundle.row_of("User", item.id): item.score for item in answer}
    assert (likely.nonzero()[0].tolist(), days) == (sorted(told), 28)
    assert {row: likely[row] for row in told} == told
    assert market.creator_portfolio("acme", k=2).window_days == 28


def test_likely_buyers_without_a_holdout(make_market):
    """East is likelier than north; the two known buyers of 24 users set how likely."""
    market = make_market(audiences={})
    likely, days = likely_buyers(market._engine, "acme", new_only=False)
    assert likely[0] > likely[12] > 0
    assert likely[24] == 0  # of zed nothing is known
    assert likely[0] < 0.5
    new = likely_buyers(market._engine, "acme", new_only=True)[0]
    assert np.flatnonzero(new == 0).tolist() == [0, 1, 24]
    assert new[2:24].tolist() == likely[2:24].tolist()
    assert days is market.creator_portfolio("acme", k=2).window_days is None


def test_those_who_bought_before_need_not_count(market):
    found = market.creator_portfolio("acme", k=2, new_customers_only=True)
    each = likely_buyers(market._engine, "acme", new_only=True)[0][5]
    assert [pick.gain for pick in found.picks] == pytest.approx([2.5 * each, 2.5 * each])


def test_a_budget(market):
    def ids(budget, **costs):
        return market.creator_portfolio("acme", budget=budget, costs=costs).ids

    assert ids(3, twin1=3, twin2=3, other=1) == ("twin1",)  # 3.5 against 2.5
    assert ids(3, twin1=3, twin2=2, other=1) == ("other", "twin2")
    assert ids(0.5, twin1=3, twin2=2, other=1) == ()
    found = market.creator_portfolio("acme", budget=4, costs=dict.fromkeys(CREATORS, 2))
    assert (found.ids, found.cost, found.picks[0].cost) == (("twin1", "other"), 4, 2)


def test_who_carries_the_brand_and_who_is_filtered_out_is_no_candidate(make_market, market):
    filters = Filters(ids=("twin2", "other"))
    assert market.creator_portfolio("acme", k=3, filters=filters).ids == ("twin2", "other")
    carl_and_cara = make_market()  # cleo carries acme, of cora nothing is known
    found = carl_and_cara.creator_portfolio("acme", k=5)
    assert found.ids == ("cara", "carl")
    everyone = carl_and_cara.creator_portfolio("acme", k=5, exclude_seen=False)
    assert everyone.ids == found.ids  # cleo has no followers and reaches nobody


def test_portfolios_and_reach_curves_are_tables(market):
    found = market.creator_portfolio("acme", budget=4, costs=dict.fromkeys(CREATORS, 2))
    table = found.to_arrow()
    assert table.select(["id", "rank", "gain", "reach", "cost"]).to_pylist() == [
        {
            "id": pick.creator.id,
            "rank": place,
            "gain": pick.gain,
            "reach": pick.reach,
            "cost": 2.0,
        }
        for place, pick in enumerate(found.picks, start=1)
    ]
    none = market.creator_portfolio("acme", k=3, filters=Filters(ids=[]))
    assert none.to_arrow().schema == table.schema and none.to_arrow().num_rows == 0
    assert repr(found).startswith("<2 creators for Brand 'acme', reach ")
    curve = market.reach_curve("Brand", "acme", shares=[0.5, 1])
    assert curve.to_arrow().to_pylist() == curve.to_dict()["points"]
    assert repr(curve) == "<2 audience sizes, buying within 28 days: 50%, 100%>"
    for shown in (found, curve):
        assert shown._repr_html_().count("<tr>") == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "k=None.*budget=None; expected one of the two"),
        ({"k": 2, "budget": 5, "costs": {"twin1": 1}}, "k=2 creators within budget=5"),
        ({"budget": 5}, "a budget needs costs"),
        ({"k": 2, "costs": {"twin1": 1}}, "a budget needs costs, and costs a budget"),
        ({"k": 0}, "k is 0"),
        ({"budget": 0, "costs": {"twin1": 1}}, "the budget is 0; expected above 0"),
        ({"budget": 1, "costs": {"twin1": -1}}, "the cost of 'twin1' is -1"),
        ({"budget": 1, "costs": {"twin1": float("nan")}}, "the cost of 'twin1' is nan"),
        ({"budget": 1, "costs": {"twin1": 1}}, "no cost for 2 of 3 creators, such as 'twin2'"),
    ],
)
def test_wrong_questions(market, options, message):
    with pytest.raises(QueryError, match=message):
        market.creator_portfolio("acme", **options)


def test_an_unknown_brand(market):
    with pytest.raises(UnknownIdError, match="no Brand has the id 'none'"):
        market.creator_portfolio("none", k=1)
