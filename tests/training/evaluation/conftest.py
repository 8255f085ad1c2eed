"""A small market whose groups, tasks and gains can be counted by hand."""

from datetime import UTC, datetime

import pytest

from graphdb.schema import SCHEMA
from training.data import DAY_S, load_graph
from training.splitting.split import hold_out_last

DAY_0_S = 1_700_006_400  # the first second of a day
PURCHASED = SCHEMA.edge_type("PURCHASED")


def moment(day):
    return datetime.fromtimestamp(DAY_0_S + day * DAY_S + 60, UTC)


def connected(text):
    """Columns of 'a-b c-d'."""
    pairs = [pair.split("-") for pair in text.split()]
    return {"source_id": [one for one, _ in pairs], "target_id": [two for _, two in pairs]}


def happened(text, **more):
    """Columns of events 'a-b@day'; `more` holds further columns."""
    lines = [line.split("@") for line in text.split()]
    return {
        **connected(" ".join(pair for pair, _ in lines)),
        "at": [moment(int(day)) for _, day in lines],
        **more,
    }


@pytest.fixture(scope="package")
def market(write_world, tmp_path_factory):
    """Held out are the days from 50 on. p1 and p2 are acme's, p3 bolt's, p4 cole's, p5 nobody's.

    Past: ann bought p1 twice and p2, bob p1, cat p3. Future: ann p1 again and p3 (new, of a new
    brand), bob p4 (new, of a new brand) and p2 (new, of an old brand).
    """
    nodes = {
        "User": {"user_id": ["ann", "bob", "cat", "dan"]},
        "Product": {
            "product_id": ["p1", "p2", "p3", "p4", "p5"],
            "created_at": [None, None, moment(45), moment(52), None],
        },
        "Brand": {"brand_id": ["acme", "bolt", "cole"], "created_at": [moment(-400), None, None]},
        "Category": {
            "category_id": ["cups", "food", "home", "tea"],
            "name": ["Cups", None, "Home", "Tea"],
        },
        "PriceBand": {
            "price_band_id": ["10-20", "5-10"],
            "name": ["10 to 20", "5 to 10"],
            "low": [10.0, 5.0],
        },
        "Creator": {"creator_id": ["kim", "lee"], "followers": [150, None]},
        "Content": {"content_id": ["clip"]},
    }
    sold = "ann-p1@1 ann-p1@30 ann-p2@2 bob-p1@3 cat-p3@46 ann-p1@51 ann-p3@52 bob-p4@53 bob-p2@77"
    edges = {
        "User-PURCHASED-Product": happened(
            sold,
            event_id=[str(number) for number in range(9)],
            value=[9.0, 9, 9, 9, 9, 20, 5, 8, None],
        ),
        "User-RETURNED-Product": happened(
            "ann-p1@55 ann-p2@56", event_id=["0", "1"], value=[4.0, 7]
        ),
        "User-FOLLOWS-Creator": happened("ann-lee@5 bob-lee@6 ann-kim@60"),
        "User-WATCHED-Content": happened("ann-clip@60", event_id=["0"]),
        "Creator-PROMOTES-Product": connected("kim-p1 lee-p1 lee-p2"),
        "Product-MADE_BY-Brand": connected("p1-acme p2-acme p3-bolt p4-cole"),
        "Product-IN_CATEGORY-Category": connected("p1-cups p2-tea p3-cups p4-home"),
        "Category-CHILD_OF-Category": connected("cups-home tea-food"),
        "Product-IN_PRICE_BAND-PriceBand": {
            "source_id": ["p1", "p2", "p3"],
            "target_id": ["5-10", "10-20", "5-10"],
        },
    }
    return write_world(tmp_path_factory.mktemp("market") / "snapshot", nodes, edges)


@pytest.fixture(scope="package")
def whole(market):
    return load_graph(market)


@pytest.fixture(scope="package")
def holdout(whole):
    found = hold_out_last(whole, PURCHASED, 28)
    assert DAY_0_S + 49 * DAY_S < found.cutoff_s < DAY_0_S + 51 * DAY_S
    return found
