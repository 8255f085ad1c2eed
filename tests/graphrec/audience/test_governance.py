"""No rule of a policy can be got round by asking for an audience."""

import pytest

from graphrec import Block, Licence, OwnBlock, Policy
from graphrec.query.audience.portfolio import likely_buyers


def policy(*blocks, **more):
    return Policy(version="1", blocks=blocks, **more)


def ids_of_users(market):
    """Whatever users come out for acme or a list, by every question."""
    return {
        *market.users_for_brand("acme", share=1).ids,
        *market.users_for_product("pe", share=1).ids,
        *market.users_like(["e01", "e02", "n01"], share=1, new_customers_only=False).ids,
    }


def ids_of_creators(market):
    return {
        *market.creators_for_product("pe2", k=99, exclude_seen=False).ids,
        *market.creators_for_brand("acme", k=99, exclude_seen=False).ids,
        *market.creator_portfolio("acme", k=99, exclude_seen=False).ids,
    }


def test_a_blocked_user_never_comes_out(make_market):
    market = make_market(policy=policy(Block(type="User", ids=("e05",), reason="FRAUD")))
    assert "e05" in ids_of_users(make_market())
    assert "e05" not in ids_of_users(market)
    assert market.users_for_brand("acme").trace.excluded == {"FRAUD": 1}
    assert likely_buyers(market._engine, "acme", new_only=False)[0][4] == 0
    before = make_market().reach_curve("Brand", "acme", shares=[1])[0].users
    assert market.reach_curve("Brand", "acme", shares=[1])[0].users == before - 1


def test_a_rule_for_another_scope_holds_for_a_list_of_users_too(make_market):
    block = Block(type="User", ids=("e05",), reason="MINOR", scope=("Product",))
    market = make_market(policy=policy(block))
    assert "e05" in market.users_for_brand("acme", share=1).ids
    assert "e05" not in market.users_for_product("pe", share=1).ids
    assert "e05" not in market.users_like(["e01"], share=1).ids


def test_a_user_who_blocked_the_brand_is_not_its_audience(make_market):
    own = OwnBlock(user="e05", type="Brand", ids=("acme",))
    market = make_market(policy=policy(own_blocks=(own,)))
    assert "e05" not in market.users_for_brand("acme", share=1).ids
    assert "e05" not in market.users_for_product("pe", share=1).ids
    assert "e05" in market.users_for_brand("bolt", share=1).ids
    assert likely_buyers(market._engine, "acme", new_only=False)[0][4] == 0


@pytest.mark.parametrize(
    "block",
    [
        Block(type="Creator", ids=("cara",), reason="BANNED"),
        Block(type="Agency", ids=("stars",), reason="BANNED"),
    ],
)
def test_a_blocked_creator_never_comes_out(make_market, block):
    assert "cara" in ids_of_creators(make_market())
    assert ids_of_creators(make_market(policy=policy(block))) == {"carl", "cleo"}


def test_blocked_products_are_not_offered_to_creators(make_market):
    market = make_market(policy=policy(Block(type="Brand", ids=("acme",), reason="RECALL")))
    assert market.products_for_creator("cara", exclude_seen=False).ids == ("pn",)
    assert market.brands_for_creator("cara", exclude_seen=False).ids == ("bolt",)
    market = make_market(policy=policy(Block(type="Category", ids=("yogurt",), reason="RECALL")))
    assert market.categories_for_creator("cara", exclude_seen=False).ids == ("bread",)


def test_creators_without_a_licence_are_not_chosen(make_market):
    licence = Licence(categories=("yogurt",), holders={"Creator": ("carl",)}, reason="NO_LICENCE")
    market = make_market(policy=policy(licences=(licence,)))
    assert market.creators_for_product("pe2", exclude_seen=False).ids == ("carl",)
    assert market.products_for_creator("cara", exclude_seen=False).ids == ("pn",)
    assert "pe" in market.products_for_creator("carl", exclude_seen=False).ids
