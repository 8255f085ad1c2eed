"""Groups of queries and targets, counted by hand on a small market."""

import numpy as np
import pytest

from graphdb.schema import SCHEMA
from training.data import load_graph
from training.evaluation.groups import (
    Past,
    ages_of,
    num_events,
    query_groupings,
    target_groupings,
)

PURCHASED, FOLLOWS = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("FOLLOWS", target="Creator")


@pytest.fixture
def past(market, holdout):
    return Past(market, holdout.train_graph, holdout.cutoff_s)


def labels(grouping):
    return [grouping.names[code] if code >= 0 else None for code in grouping.codes.tolist()]


def groups_of(past, target_type, events):
    return {one.dimension: labels(one) for one in target_groupings(past, target_type, events)}


def test_events_are_counted_by_query_node_and_by_target(past):
    queries, targets = num_events(past.graph, PURCHASED)
    assert queries.tolist() == [3, 1, 1, 0]
    assert targets.tolist() == [3, 1, 1, 0, 0]


def test_users_by_activity(past):
    (activity,) = query_groupings(num_events(past.graph, PURCHASED)[0], "User")
    assert activity.dimension == "user activity"
    assert labels(activity) == ["1 to 4 events"] * 3 + ["0 events"]


def test_products(past):
    found = groups_of(past, "Product", num_events(past.graph, PURCHASED)[1])
    assert found == {
        "training events": ["2 to 4 events", "1 event", "1 event", "0 events", "0 events"],
        "price band": ["5 to 10", "10 to 20", "5 to 10", None, None],
        # The top of the tree; without a name the id stands in.
        "category": ["Home", "food", "Home", "Home", None],
        # By the first purchase where no date is given; p4 came after the cut-off.
        "product age": [
            "28 to 90 days",
            "28 to 90 days",
            "below 7 days",
            "not seen before",
            "not seen before",
        ],
        # acme by its date, bolt by its only product.
        "brand age": [
            "365 days or more",
            "365 days or more",
            "below 7 days",
            "not seen before",
            "not seen before",
        ],
        # The larger of kim, who has 150, and lee, whom two follow.
        "creator size": ["100 to 999 followers", "1 to 99 followers", *["no creator"] * 3],
    }


def test_brands_and_creators(past):
    brands = groups_of(past, "Brand", np.array([4.0, 1, 0]))
    assert brands == {
        "training events": ["2 to 4 events", "1 event", "0 events"],
        "brand age": ["365 days or more", "below 7 days", "not seen before"],
    }
    creators = groups_of(past, "Creator", num_events(past.graph, FOLLOWS)[1])
    assert creators == {
        "training events": ["0 events", "2 to 4 events"],
        "creator size": ["100 to 999 followers", "1 to 99 followers"],
    }


def test_ages_are_days_at_the_cut_off(past):
    ages = ages_of(past, "Product")
    assert ages[:3].tolist() == pytest.approx([48, 47, 4], abs=1e-4)
    assert np.isnan(ages[3:]).all()


def test_without_a_cut_off_nothing_has_an_age(past):
    timeless = Past(past.snapshot, past.graph, None)
    assert ages_of(timeless, "Product") is None
    found = groups_of(timeless, "Product", np.arange(5.0))
    assert not {"product age", "brand age"} & set(found)


def test_a_dimension_of_one_group_is_left_out(past):
    assert "training events" not in groups_of(past, "Product", np.zeros(5))


def test_groups_of_one_name_are_told_apart(write_world, tmp_path):
    """Results know a group by its name: two of one name would pass for one."""
    nodes = {
        "Product": {"product_id": ["p1", "p2", "p3", "p4"]},
        "Category": {
            "category_id": ["c1", "c2", "c3", "c4"],
            "name": ["Cups", "Cups", "other", "Tea"],
        },
        "PriceBand": {
            "price_band_id": ["b1", "b2", "b3"],
            "name": ["low", None, "low"],
            "low": [5.0, 10.0, 20.0],
        },
    }
    edges = {
        "Product-IN_CATEGORY-Category": {
            "source_id": ["p1", "p2", "p3", "p4"],
            "target_id": ["c1", "c2", "c3", "c4"],
        },
        "Product-IN_PRICE_BAND-PriceBand": {
            "source_id": ["p1", "p2", "p3"],
            "target_id": ["b1", "b2", "b3"],
        },
    }
    snapshot = write_world(tmp_path / "snapshot", nodes, edges)
    past = Past(snapshot, load_graph(snapshot), None)
    assert groups_of(past, "Product", np.zeros(4)) == {
        "category": ["Cups (c1)", "Cups (c2)", "other (c3)", "Tea"],
        "price band": ["low (b1)", "b2", "low (b3)", None],
    }
