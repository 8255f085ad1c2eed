"""Filters are exact at their bounds, in the unit that is shown, whatever noise a column holds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb import SCHEMA
from graphrec import Adjacency, Block, Filters, Policy, QueryError, Recommender, write_bundle
from graphrec.query.audience.portfolio import Budget, Coverage, best_within

CENTS = np.arange(1, 100_001)
MEANT = CENTS / 100
WAYS = {
    "as written": MEANT,
    "cents times .01": CENTS * 0.01,
    "float32": MEANT.astype(np.float32).astype(np.float64),
    "one bit too high": np.nextafter(MEANT, np.inf),
    "one bit too low": np.nextafter(MEANT, 0),
    "with tax taken off again": MEANT * 1.19 / 1.19,
}
BOUNDS = [  # the same bound, as programs come by it
    lambda cents: cents / 100,
    lambda cents: cents * 0.01,
    lambda cents: Decimal(int(cents)) / 100,
    lambda cents: np.float32(cents / 100),
    lambda cents: float(np.float32(cents / 100)),
]


@pytest.fixture(scope="module", params=WAYS)
def shelf(request, tmp_path_factory, make_node_table):
    """100,000 products whose ids are their prices in cents."""
    nodes = {
        f"{cents:06}": {"price": price}
        for cents, price in zip(CENTS, WAYS[request.param], strict=True)
    }
    content = make_shelf_world(make_node_table, nodes)
    return Recommender(write_bundle(tmp_path_factory.mktemp("shelf") / "bundle", **content))


def make_shelf_world(make_node_table, products):
    users = make_node_table("User", {"ann": {}})
    bought = SCHEMA.parse_edge_type("User-PURCHASED-Product")
    none = np.array([], dtype=np.int64)
    return {
        "schema": SCHEMA,
        "snapshot_id": "shelf",
        "cutoff": None,
        "nodes": {"User": users, "Product": make_node_table("Product", products)},
        "vectors": {
            "User": np.ones((1, 1), np.float32),
            "Product": np.ones((len(products), 1), np.float32),
        },
        "edges": {bought: Adjacency.from_edges(none, none, 1, len(products))},
        "config": {},
        "metrics": {},
    }


def passing(recommender, **filters):
    mask = recommender._engine.release.filter_masks.passing(Filters(**filters), "Product").mask
    return set(CENTS[mask].tolist())


def test_every_price_is_shown_and_compared_as_written(shelf):
    assert shelf._engine.release.columns.numbers("Product", "price").tolist() == MEANT.tolist()
    for cents in (1, 995, 1699, 10_095, 99_999):
        assert shelf.fields("Product", f"{cents:06}")["price"] == cents / 100


@settings(max_examples=40)
@given(st.integers(1, 99_999), st.sampled_from(BOUNDS))
def test_bounds_are_exact(shelf, cents, bound):
    up_to, below = (
        passing(shelf, price_max=bound(cents)),
        passing(shelf, price_max=bound(cents - 1)),
    )
    assert cents in up_to and cents not in below and up_to - below == {cents}
    at_least = passing(shelf, price_min=bound(cents))
    assert min(at_least) == cents and len(at_least) == len(CENTS) - cents + 1
    assert passing(shelf, price_min=bound(cents), price_max=bound(cents)) == {cents}
    price = float(bound(cents))
    assert passing(shelf, properties={"price": price}) == {cents}
    assert passing(shelf, properties={"price": {"min": price, "max": price}}) == {cents}


@pytest.mark.parametrize("cents", [995, 1699, 1799, 2000, 1095, 29, 57, 58, 113, 114, 115, 116])
def test_policies_are_exact_too(shelf, cents):
    where = {"price": {"min": cents * 0.01, "max": cents / 100}}
    rule = Block(type="Product", where=where, reason="X")
    shelf.set_policy(Policy(version="1", blocks=[rule]))
    assert shelf.products_for_user("ann").trace.excluded == {"X": 1}
    shelf.set_policy(None)


@settings(max_examples=25)
@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_moments_are_exact_to_the_microsecond(tmp_path_factory, make_node_table, moment):
    products = {
        name: {"created_at": moment + timedelta(microseconds=late)}
        for name, late in (("a", -1), ("b", 0), ("c", 1))
    }
    folder = tmp_path_factory.mktemp("moments") / "bundle"
    recommender = Recommender(write_bundle(folder, **make_shelf_world(make_node_table, products)))
    found = recommender.products_for_user("ann", filters=Filters(listed_since=moment))
    assert found.ids == ("b", "c")


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=8), st.sampled_from([0, -1]))
def test_a_budget_of_what_all_cost_is_enough_and_a_cent_less_is_not(cents, short):
    """Every candidate reaches a user of its own."""
    users = [np.array([user]) for user in range(len(cents))]
    coverage = Coverage(np.ones(len(cents)), users, [np.ones(1)] * len(cents))
    budget = (sum(cents) + short) / 100
    chosen = best_within(coverage, budget, np.array(cents) * 0.01) if budget > 0 else None
    assert chosen is None or (len(chosen.candidates) == len(cents)) == (short == 0)


def test_large_budgets_are_exact():
    coverage = Coverage(np.ones(2), [np.array([0]), np.array([1])], [np.ones(1)] * 2)
    costs = np.array([600_000_000.00, 400_000_000.50])
    assert len(best_within(coverage, 1_000_000_000.00, costs).candidates) == 1
    assert len(best_within(coverage, 1_000_000_000.50, costs).candidates) == 2


def test_the_cost_of_a_portfolio_is_a_sum_of_cents(market):
    found = Recommender(market).creator_portfolio(
        "b2", budget=0.3, costs={"c0": 0.1, "c1": 0.2, "c2": 0.1}, exclude_seen=False
    )
    assert found.cost in (0.1, 0.2, 0.3)
    with pytest.raises(QueryError, match="the budget is nan"):
        Budget(money=float("nan"), costs={})
    assert pa.array([found.cost]).type == pa.float64()
