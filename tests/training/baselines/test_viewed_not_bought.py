"""Viewed and not bought: the order by hand, and against a loop."""

import numpy as np
import pytest
import torch
from contracts.baseline import BaselineContract

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from training.baselines import ViewedNotBought, ViewedNotBoughtConfig

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
CARTED = SCHEMA.edge_type("CARTED")
RATED = SCHEMA.edge_type("RATED")
RETURNED = SCHEMA.edge_type("RETURNED")
FOLLOWS = SCHEMA.edge_type("FOLLOWS", target="Brand")


class TestViewedNotBought(BaselineContract):
    @pytest.fixture
    def make(self):
        return lambda target_edge_type: ViewedNotBought(SCHEMA, target_edge_type)

    @pytest.fixture
    def graph(self, viewed):
        return viewed


def ranked(graph, user, config=None):
    """All products, best first, with those of equal score by row."""
    (scores,) = ViewedNotBought(SCHEMA, PURCHASED, config).fit(graph).scores(torch.tensor([user]))
    return torch.argsort(scores, descending=True, stable=True).tolist()


@pytest.fixture
def shop(make_graph):
    """User 0 viewed 1 twice and 2 last, carted 3 in between and bought 4 after viewing it.

    Product 0 is what most bought, and user 1 viewed nothing.
    """
    return make_graph(
        {"User": 4, "Product": 6},
        {
            PURCHASED: [(1, 0, 1), (2, 0, 1), (3, 0, 1), (1, 5, 1), (2, 5, 1), (0, 4, 8)],
            VIEWED: [(0, 1, 1), (0, 1, 2), (0, 4, 7), (0, 2, 9), (3, 5, 4)],
            CARTED: [(0, 3, 3)],
        },
    )


def test_the_newest_comes_first_then_what_is_popular(shop):
    assert ranked(shop, 0) == [2, 3, 1, 0, 5, 4]
    assert ranked(shop, 1) == [0, 5, 4, 1, 2, 3]
    assert ranked(shop, 3) == [5, 0, 4, 1, 2, 3]


def test_the_most_often_with_a_cart_for_three_views(shop):
    often = ViewedNotBoughtConfig(by="often")
    assert ranked(shop, 0, often) == [3, 1, 2, 0, 5, 4]
    shop[VIEWED].count[3] = 2  # product 2 now as often as product 1, and later
    assert ranked(shop, 0, often) == [3, 2, 1, 0, 5, 4]


@pytest.mark.parametrize("by", ["recent", "often"])
@pytest.mark.parametrize("seed", range(4))
def test_equal_to_a_loop(make_graph, seed, by):
    rng = np.random.default_rng(seed)

    def some(number):
        rows = rng.integers([0, 0, 0, 1], [8, 9, 20, 5], size=(number, 4))
        return [tuple(row) for row in rows.tolist()]

    edges = {PURCHASED: some(15), VIEWED: some(40), CARTED: some(10), RATED: some(5)}
    scorer = ViewedNotBought(SCHEMA, PURCHASED, ViewedNotBoughtConfig(by=by)).fit(
        make_graph({"User": 8, "Product": 9}, edges)
    )
    bought = {pair[:2] for pair in edges[PURCHASED]}
    for user in range(8):
        newest, often = {}, {}
        for relation, weight in ((VIEWED, 1), (CARTED, 3)):
            for who, product, at, count in edges[relation]:
                if who == user and (user, product) not in bought:
                    newest[product] = max(newest.get(product, 0), at)
                    often[product] = often.get(product, 0) + weight * count
        buyers = [len({who for who, bought_one in bought if bought_one == p}) for p in range(9)]
        recent = sorted(newest, key=lambda p: (-newest[p], p))
        if by == "often":
            recent = sorted(newest, key=lambda p: (-often[p], -newest[p], p))
        rest = sorted(set(range(9)) - set(recent), key=lambda p: (-buyers[p], p))
        (scores,) = scorer.scores(torch.tensor([user]))
        assert torch.argsort(scores, descending=True, stable=True).tolist() == recent + rest


def test_what_speaks_against_or_of_something_else_is_no_hint(make_graph):
    """Ratings and returns follow purchases; follows are of brands."""
    graph = make_graph(
        {"User": 2, "Product": 2, "Brand": 2},
        {PURCHASED: [(0, 0)], RATED: [(0, 1)], RETURNED: [(0, 1)], FOLLOWS: [(0, 1)], VIEWED: []},
    )
    with pytest.raises(InsufficientDataError, match="no views or similar events besides User"):
        ViewedNotBought(SCHEMA, PURCHASED).fit(graph)


def test_thousands_of_views_keep_their_order(make_graph):
    views = [(0, product, product) for product in range(20_000)]
    graph = make_graph(
        {"User": 2, "Product": 20_001}, {VIEWED: views, PURCHASED: [(1, 20_000, 0)] * 3}
    )
    assert ranked(graph, 0) == [*range(19_999, -1, -1), 20_000]
