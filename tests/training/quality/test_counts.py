"""What is counted of products, brands, shops and creators, in a world worked out by hand."""

import numpy as np
import pytest
import torch

from graphdb.schema import SCHEMA
from training.quality.counts import categories_of, counts_of_products, products_of

SIZES = {
    **{"User": 3, "Product": 4, "Brand": 2, "Shop": 2, "Creator": 2, "Content": 2},
    "Category": 2,
}
EDGES = {
    # user, product, at: product 0 twice by user 0, and two lines of one order by user 1
    "PURCHASED": [(0, 0, 10), (0, 0, 20), (1, 0, 10), (1, 0, 10), (1, 1, 30), (2, 2, 5)],
    "RETURNED": [(0, 0, 25), (2, 2, 7), (2, 2, 8)],
    "MADE_BY": [(0, 0), (1, 0), (2, 1)],
    "SOLD_BY": [(0, 0), (0, 1), (1, 1)],
    "PROMOTES": [(0, 0)],
    "PUBLISHED": [(0, 0), (1, 1)],
    "FEATURES": [(0, 0), (0, 2), (1, 3)],
    "IN_CATEGORY": [(0, 0), (0, 1), (1, 0)],
}
RATED = SCHEMA.edge_type("RATED")


@pytest.fixture
def graph(make_graph):
    graph = make_graph(SIZES, {SCHEMA.edge_type(name): rows for name, rows in EDGES.items()})
    bought = SCHEMA.edge_type("PURCHASED")
    graph[bought].value = torch.tensor([4.0, 6.0, float("nan"), 2.0, 5.0, float("nan")])
    graph[RATED].edge_index = torch.tensor([[0, 1, 1], [0, 0, 1]])
    graph[RATED].at_s = torch.tensor([11, 12, 31])
    graph[RATED].stars = torch.tensor([5.0, 2.0, 3.0])
    return graph


def test_events_of_products(graph):
    counts = counts_of_products(graph, SCHEMA)
    assert counts.num_orders.tolist() == [4, 1, 1, 0]
    assert counts.num_returns.tolist() == [1, 0, 1, 0]  # never more than were bought
    assert counts.num_priced.tolist() == [3, 1, 0, 0]
    assert counts.paid.tolist() == [12, 5, 0, 0]
    assert counts.num_ratings.tolist() == [2, 1, 0, 0]
    assert counts.stars.tolist() == [7, 3, 0, 0]
    assert counts.squared_stars.tolist() == [29, 9, 0, 0]
    assert counts.num_buyers.tolist() == [2, 1, 1, 0]
    assert counts.num_repeat_buyers.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("group", "members", "orders"),
    [
        ("Brand", [[0, 1], [2]], [5, 1]),
        ("Shop", [[0], [0, 1]], [4, 5]),
        ("Creator", [[0, 2], [3]], [5, 0]),  # carried and shown: product 0 counts once
    ],
)
def test_groups_have_the_sums_of_their_products(graph, group, members, orders):
    found = products_of(graph, SCHEMA)[group]
    assert [found.targets(row).tolist() for row in range(2)] == members
    counts = counts_of_products(graph, SCHEMA)
    assert counts.grouped(found).num_orders.tolist() == orders
    assert counts.grouped(found).num_orders.dtype == np.float64


def test_categories_of_products(graph):
    found = categories_of(graph, SCHEMA)
    assert [found.targets(row).tolist() for row in range(4)] == [[0, 1], [0], [], []]


def test_a_graph_without_events_or_edges(make_graph):
    graph = make_graph({"User": 1, "Product": 2}, {SCHEMA.edge_type("PURCHASED"): []})
    counts = counts_of_products(graph, SCHEMA)
    assert (
        counts.num_orders.tolist() == counts.num_priced.tolist() == counts.stars.tolist() == [0, 0]
    )
    assert products_of(graph, SCHEMA) == {}
    assert categories_of(graph, SCHEMA) is None
