"""Every filter on every type it works on; the market is drawn in contracts/market.py."""

from datetime import UTC, datetime

import pytest
from contracts.market import IDS, make_market

from graphdb.errors import InvalidFilterError, QueryError
from graphdb.schema import SCHEMA
from graphrec import Filters, Recommender
from graphrec.query.metapaths import FILTER_PATHS, NAMED


@pytest.fixture(scope="module")
def recommender(market):
    return Recommender(market)


def passing(recommender, target, **filters):
    """Who comes out, asked for a node that is never the target itself."""
    seed = ("User", "u2") if target != "User" else ("Brand", "b2")
    answer = recommender.recommend(
        *seed,
        target,
        k=100,
        filters=Filters(**filters),
        exclude_seen=False,
        include_unsellable=True,
        levels="all",
    )
    return " ".join(sorted(answer.ids))


@pytest.mark.parametrize(
    ("filters", "products"),
    [
        ({"ids": ["p2", "p6"]}, "p2 p6"),
        ({"ids": ["Kite"]}, "p5"),
        ({"categories": "drinks"}, "p0 p1 p2"),
        ({"brands": ["b0", "Bam"]}, "p0 p2 p5"),
        ({"shops": "s1"}, "p0 p1 p3"),
        ({"shops": ["s0", "s2"]}, "p0 p2 p4 p5"),
        ({"tags": "t0"}, "p1 p4"),
        ({"creators": "c0"}, "p0"),
        ({"creators": "c1"}, "p2 p4"),  # p2 in a video only
        ({"creators": "c2"}, ""),
        ({"price_max": 3}, "p2 p3 p6"),
        ({"status": "active"}, "p0 p3 p5 p6"),
        ({"status": ["withdrawn", "out_of_stock"]}, "p1 p4"),
        ({"in_stock": True}, "p0 p2 p5 p6"),  # p3 has a stock of 0, that of p5 is not known
        ({"in_stock": False}, "p1 p3 p4"),
        ({"listed_since": datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC)}, "p4 p5"),
        ({"properties": {"title": ["Red", "Bear"]}}, "p0 p4"),
        ({"properties": {"stock": {"min": 3, "max": 5}}}, "p0 p1"),
        ({"properties": {"stock": 7, "price": {"max": 2.5}}}, "p2"),
        ({"exclude": {"brands": "b1"}}, "p0 p2 p5 p6"),
        ({"exclude": {"brands": "b1", "categories": "toys"}}, "p0 p2 p6"),  # either is enough
        ({"exclude": {"price_min": 3, "price_max": 8}}, "p0 p2 p3 p5"),  # a range is one filter
        ({"categories": "food", "exclude": {"shops": "s0"}}, "p1 p3"),
        ({"exclude": {"exclude": {"brands": "b1"}}}, "p1 p3 p4"),
    ],
)
def test_products(recommender, filters, products):
    assert passing(recommender, "Product", **filters) == products


@pytest.mark.parametrize(
    ("target", "filters", "expected"),
    [
        ("Creator", {"categories": "drinks"}, "c0 c1"),
        ("Creator", {"categories": "toys"}, "c1"),
        ("Creator", {"brands": "b0"}, "c0 c1"),
        ("Creator", {"shops": "s2"}, "c1"),
        ("Creator", {"tags": "t0"}, "c1"),
        ("Creator", {"agencies": "a0"}, "c0 c1"),
        ("Creator", {"creators": ["c0", "Cora"]}, "c0 c2"),
        ("Creator", {"properties": {"followers": {"min": 100}}}, "c1"),
        ("Creator", {"properties": {"followers": {"max": 1000}}}, "c0 c1"),  # unknown never passes
        ("Creator", {"exclude": {"agencies": "a0"}}, "c2"),
        ("Content", {"categories": "drinks"}, "v0 v2"),
        ("Content", {"creators": "c1"}, "v1 v2"),
        ("Content", {"brands": "b1"}, "v1"),
        ("Content", {"shops": "s0"}, "v0 v2"),
        ("Brand", {"categories": "toys"}, "b1 b2"),
        ("Brand", {"brands": "b0"}, "b0"),
        ("Brand", {"shops": "s1"}, "b0 b1"),
        ("Brand", {"creators": "c1"}, "b0 b1"),
        ("Brand", {"properties": {"private_label": False}}, "b1"),
        ("Shop", {"categories": "wine"}, "s0 s1"),
        ("Shop", {"brands": "b2"}, "s2"),
        ("Shop", {"shops": "s0"}, "s0"),
        ("Category", {"categories": "drinks"}, "drinks wine"),
        ("Agency", {"agencies": "a0"}, "a0"),
        ("User", {"properties": {"city": "Graz"}}, "u0"),
        ("User", {"ids": ["u0", "u2"]}, "u0 u2"),
    ],
)
def test_other_targets(recommender, target, filters, expected):
    assert passing(recommender, target, **filters) == expected


@pytest.mark.parametrize(
    ("target", "filters", "message"),
    [
        ("Creator", {"price_max": 3}, "'price_max' does not work on Creator.*expected Product"),
        ("User", {"categories": "toys"}, "'categories' does not work on User targets"),
        ("Product", {"agencies": "a0"}, "'agencies' does not work on Product.*Creator or Agency"),
        ("Product", {"exclude": {"agencies": "a0"}}, "'agencies' does not work on Product"),
        ("Product", {"shops": "s9"}, "filter 'shops': no Shop has the id or name 's9'"),
        ("Creator", {"creators": "Clea"}, "no Creator has the.*'Clea'; did you mean 'Cleo'"),
        ("Product", {"ids": "p9"}, "filter 'ids': no Product has the id or name 'p9'"),
        (
            "Creator",
            {"properties": {"folowers": 1}},
            "no property 'folowers'.*did you mean 'followers'",
        ),
        (
            "Creator",
            {"properties": {"followers": "many"}},
            "'followers' of Creator cannot be 'many'.*int",
        ),
        (
            "Creator",
            {"properties": {"followers": True}},
            "'followers' of Creator cannot be True.*an? int",
        ),
        ("Brand", {"properties": {"private_label": 1}}, "'private_label'.*cannot be 1.*a bool"),
        ("Brand", {"properties": {"name": {"min": "a"}}}, "'name' of Brand is a string.*no range"),
        ("Product", {"status": "activ"}, "cannot be 'activ'.*did you mean 'active'"),
        (
            "Product",
            {"properties": {"created_at": {"min": datetime(2020, 1, 1)}}},
            "has no timezone",
        ),
    ],
)
def test_filters_that_do_not_fit(recommender, target, filters, message):
    with pytest.raises(InvalidFilterError, match=message):
        passing(recommender, target, **filters)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"listed_since": datetime(2020, 1, 1)}, "'listed_since' cannot be.*timezone"),
        ({"in_stock": "yes"}, "'in_stock' cannot be 'yes'"),
        ({"properties": {"followers": {}}}, r"'properties.0.1' cannot be {}.*give a value, a list"),
        ({"on_missing": "warn"}, "'on_missing' cannot be 'warn'"),
        ({"properties": {"followers": {"mn": 1}}}, r"'properties.0.1.mn'"),
        ({"exclude": {"brand": "b0"}}, "no filter 'brand'.*did you mean 'brands'"),
    ],
)
def test_values_that_cannot_be_filters(filters, message):
    with pytest.raises(InvalidFilterError, match=message):
        Filters(**filters)


def test_true_and_one_are_told_apart_even_when_remembered(recommender):
    assert passing(recommender, "Brand", properties={"private_label": True}) == "b0"
    with pytest.raises(InvalidFilterError, match="cannot be 1"):
        passing(recommender, "Brand", properties={"private_label": 1})


def test_the_metapaths_of_filters_fit_the_schema():
    """Every one runs along edge types that the schema has, from the named type to the target."""
    for (field, target), paths in FILTER_PATHS.items():
        for path in paths:
            assert (path.source, path.target) == (NAMED[field], target)
            assert set(path.edge_types) <= set(SCHEMA.edge_types())


def test_edges_that_the_bundle_lacks_are_said(market, tmp_path):
    edges = {edge_type: market.edges(edge_type) for edge_type in market.edge_types}
    del edges[SCHEMA.edge_type("SOLD_BY")]
    del edges[SCHEMA.edge_type("PUBLISHED")]
    recommender = Recommender(make_market(tmp_path / "less", edges=edges))
    with pytest.raises(QueryError, match="does not have the edges Product-SOLD_BY-Shop"):
        passing(recommender, "Product", shops="s1")
    # One of two metapaths is enough.
    assert passing(recommender, "Creator", categories="drinks") == "c0"


def test_masks_are_remembered_but_not_without_end(market, monkeypatch):
    monkeypatch.setattr("graphrec.query.filters._MOST_KEPT_BYTES", 20)
    recommender = Recommender(market)
    for _ in range(2):
        for product in IDS["Product"]:
            assert passing(recommender, "Product", ids=product) == product
    kept = recommender._engine.release.filter_masks._kept
    assert len(kept) == 2, "of seven bytes each"
