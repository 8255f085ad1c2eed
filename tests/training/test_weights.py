"""The user x product matrix and the ways from products, by hand."""

import math

import pytest
import torch

from graphdb.errors import InsufficientDataError, SchemaError
from graphdb.schema import SCHEMA
from training.data import (
    DAY_S,
    event_weights,
    incidence,
    interaction_matrix,
    membership,
    side_edge_types,
)

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
RETURNED = SCHEMA.edge_type("RETURNED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
IN_CATEGORY = SCHEMA.edge_type("IN_CATEGORY")
CHILD_OF = SCHEMA.edge_type("CHILD_OF")
PROMOTES = SCHEMA.edge_type("PROMOTES")
ALSO_BOUGHT = SCHEMA.edge_type("ALSO_BOUGHT")
LN2, LN4 = math.log(2), math.log(4)


def test_weights_come_from_the_schema_and_can_be_replaced():
    weights = event_weights(SCHEMA, PURCHASED, {"VIEWED": 0, "RATED": 2.5})
    assert {edge_type.relation: weight for edge_type, weight in weights.items()} == {
        "CARTED": 3,
        "PURCHASED": 5,
        "RETURNED": -4,
        "RATED": 2.5,
    }


def test_a_relation_between_other_types_has_no_event_weight():
    with pytest.raises(
        SchemaError, match=r"no relation 'LIKES' connects User to Product; .*expected"
    ):
        event_weights(SCHEMA, PURCHASED, {"LIKES": 1})
    with pytest.raises(SchemaError, match="did you mean 'VIEWED'"):
        event_weights(SCHEMA, PURCHASED, {"VIEWD": 1})


def test_pairs_sum_over_events_and_relations(make_graph):
    graph = make_graph(
        {"User": 2, "Product": 3},
        {
            PURCHASED: [(0, 1, 0, 1), (0, 1, 0, 3), (0, 0, 0, 1), (1, 2, 0, 1)],
            VIEWED: [(0, 1, 0, 1), (1, 0, 0, 3)],
            RETURNED: [(0, 0, 0, 1), (1, 2, 0, 3)],
        },
    )
    matrix = interaction_matrix(graph, {PURCHASED: 5, VIEWED: 1, RETURNED: -4})
    expected = [
        [5 * LN2 - 4 * LN2, 5 * LN2 + 5 * LN4 + LN2, 0],
        [LN4, 0, 0],  # returned more than bought: no edge, not a negative one
    ]
    torch.testing.assert_close(matrix.to_dense(), torch.tensor(expected).double())
    assert matrix.is_coalesced() and matrix.values().numel() == 3


def test_half_life_counts_back_from_the_newest_event_of_all(make_graph):
    day = 10 * DAY_S
    graph = make_graph(
        {"User": 1, "Product": 3},
        {
            PURCHASED: [(0, 0, 0, 1), (0, 1, day, 1), (0, 0, day, 1)],
            VIEWED: [(0, 2, 2 * day, 1)],
        },
    )
    matrix = interaction_matrix(graph, {PURCHASED: 4, VIEWED: 1}, half_life_days=10)
    expected = [[4 * LN2 * (1 / 4 + 1 / 2), 4 * LN2 / 2, LN2]]
    torch.testing.assert_close(matrix.to_dense(), torch.tensor(expected).double())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({PURCHASED: 5}, "no events of User-PURCHASED-Product to train on"),
        ({}, "no events of any relation"),
        ({RETURNED: -4}, "no pair has a positive weight"),
    ],
)
def test_nothing_to_learn_from(make_graph, weights, message):
    edges = {PURCHASED: [], RETURNED: [(0, 0, 0, 1)]}
    with pytest.raises(InsufficientDataError, match=message):
        interaction_matrix(make_graph({"User": 1, "Product": 1}, edges), weights)


def test_incidence_counts_a_pair_once(make_graph):
    graph = make_graph({"Product": 2, "Brand": 1}, {MADE_BY: [(1, 0), (1, 0)]})
    assert incidence(graph, MADE_BY).to_dense().tolist() == [[0], [1]]


def test_products_share_themselves_out_and_count_in_full_further_up(make_graph):
    graph = make_graph(
        {"Product": 3, "Category": 4},  # 0 food > 1 dairy > 2 yogurt, 0 food > 3 bread
        {
            IN_CATEGORY: [(0, 2), (1, 2), (1, 3)],
            CHILD_OF: [(1, 0), (2, 1), (3, 0)],
        },
    )
    assert membership(graph, IN_CATEGORY, "Product").to_dense().tolist() == [
        [1, 1, 1, 0],
        [1, 0.5, 0.5, 0.5],
        [0, 0, 0, 0],
    ]


def test_a_ring_of_categories_ends(make_graph):
    graph = make_graph(
        {"Product": 1, "Category": 2}, {IN_CATEGORY: [(0, 0)], CHILD_OF: [(0, 1), (1, 0)]}
    )
    assert torch.isfinite(membership(graph, IN_CATEGORY, "Product").to_dense()).all()


def test_edges_towards_products_are_turned_and_edges_between_products_hold_both_ways(make_graph):
    graph = make_graph(
        {"Product": 2, "Creator": 1}, {PROMOTES: [(0, 0), (0, 1)], ALSO_BOUGHT: [(0, 1)]}
    )
    assert membership(graph, PROMOTES, "Product").to_dense().tolist() == [[1], [1]]
    assert membership(graph, ALSO_BOUGHT, "Product").to_dense().tolist() == [[0, 1], [1, 0]]


def test_side_edge_types_touch_products_but_not_users(make_graph):
    graph = make_graph(
        {"User": 1, "Product": 2, "Creator": 1, "Brand": 1, "Category": 2},
        {
            PURCHASED: [(0, 0)],
            VIEWED: [(0, 0)],
            PROMOTES: [(0, 0)],
            MADE_BY: [],
            ALSO_BOUGHT: [(0, 1)],
            CHILD_OF: [(0, 1)],
        },
    )
    assert side_edge_types(graph, PURCHASED) == [PROMOTES, ALSO_BOUGHT]
