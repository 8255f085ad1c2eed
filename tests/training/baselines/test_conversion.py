"""Viewed targets by conversion rate and by similarity: the order by hand."""

import pytest
import torch
from contracts.baseline import BaselineContract

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from training.baselines import (
    ItemKnn,
    ItemKnnConfig,
    ViewedByConversion,
    ViewedByConversionConfig,
    ViewedByItemKnn,
    ViewedThenBought,
)

PURCHASED, VIEWED = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("VIEWED")
CARTED = SCHEMA.edge_type("CARTED")


@pytest.fixture(params=[ViewedByConversion, ViewedByItemKnn, ViewedThenBought])
def make(request):
    return lambda target_edge_type: request.param(SCHEMA, target_edge_type)


class TestViewed(BaselineContract):
    @pytest.fixture
    def graph(self, viewed):
        return viewed


def order(scores):
    return torch.argsort(scores, descending=True, stable=True).tolist()


@pytest.fixture
def shop(make_graph):
    """Product 0 has 4 viewers and 1 buyer, 1 has 1 of 2, 2 has 0 of 1; 3 is bought unseen.

    User 0 viewed 0, 1 and 2 and bought nothing of it.
    """
    views = [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (3, 0), (1, 1)]
    purchases = [(1, 0), (1, 1), (2, 3), (3, 3), (0, 4)]
    return make_graph(
        {"User": 4, "Product": 5},
        {PURCHASED: purchases, VIEWED: views, CARTED: [(0, 1), (0, 1)]},
    )


def test_what_more_viewers_buy_comes_first_then_what_is_popular(shop):
    rare = ViewedByConversionConfig(prior=0.001)
    scorer = ViewedByConversion(SCHEMA, PURCHASED, rare).fit(shop)
    ranked = scorer.scores(torch.arange(4))
    assert order(ranked[0]) == [1, 0, 2, 3, 4]
    assert order(ranked[3]) == [0, 3, 1, 4, 2]  # it viewed 0; 1 and 4 have one buyer


def test_a_target_with_few_viewers_has_the_rate_of_all(shop):
    """With a large prior, all have the rate of all and stand in the order of their views."""
    rate = ViewedByConversion(SCHEMA, PURCHASED, ViewedByConversionConfig(prior=1))._rates(shop, 5)
    overall = 2 / 7  # of the 7 distinct pairs that met, a cart of a viewed product among them
    expected = [(1 + overall) / 5, (1 + overall) / 3, overall / 2, overall, overall]
    assert rate.tolist() == pytest.approx(expected)


def test_what_others_with_the_same_views_bought(make_graph):
    """User 3 viewed 0, 1 and 2. Of the viewers of 0, one of three bought 1, and one 2; of the two
    viewers of 1 one bought it, and nobody 2; of the two viewers of 2 one bought it, and nobody 1.
    """
    views = [(0, 0), (0, 1), (1, 0), (1, 2), (3, 0), (3, 1), (3, 2)]
    graph = make_graph(
        {"User": 5, "Product": 4}, {VIEWED: views, PURCHASED: [(0, 1), (1, 2), (4, 3)] * 2}
    )
    scorer = ViewedThenBought(SCHEMA, PURCHASED).fit(graph)
    assert order(scorer.scores(torch.tensor([3]))[0]) == [1, 2, 0, 3]  # equal ones by row
    graph = make_graph(
        {"User": 6, "Product": 4},
        {VIEWED: [*views, (5, 1), (5, 2)], PURCHASED: [(0, 1), (1, 2), (4, 3), (5, 2)]},
    )
    assert order(ViewedThenBought(SCHEMA, PURCHASED).fit(graph).scores(torch.tensor([3]))[0]) == [
        *(2, 1),  # (1/3 + 1/3 + 2/3) / 3^.5 and (1/3 + 1/3) / 3^.5
        *(0, 3),
    ]


def test_viewed_targets_are_in_the_order_of_item_knn(make_graph):
    generator = torch.Generator().manual_seed(3)
    users, products = 300, 40  # more users than are scored at once

    def some(number):
        rows = torch.randint(users * products, (number,), generator=generator)
        return [(int(row) // products, int(row) % products) for row in rows]

    edges = {PURCHASED: some(900), VIEWED: some(1_500), CARTED: some(200)}
    graph = make_graph({"User": users, "Product": products}, edges)
    config = ItemKnnConfig(num_neighbors=10)
    found = ViewedByItemKnn(SCHEMA, PURCHASED, config).fit(graph).scores(torch.arange(users))
    similar = ItemKnn(SCHEMA, PURCHASED, config).fit(graph).scores(torch.arange(users))
    bought = set(edges[PURCHASED])
    waiting = [set() for _ in range(users)]
    for user, product in set(edges[VIEWED] + edges[CARTED]) - bought:
        waiting[user].add(product)
    for user in (0, 1, 255, 256, 299):
        best = order(found[user])[: len(waiting[user])]
        assert set(best) == waiting[user]
        scores = similar[user][best].tolist()
        assert scores == sorted(scores, reverse=True)


def test_without_views_there_is_nothing_to_rank(make, make_graph):
    graph = make_graph({"User": 2, "Product": 2}, {PURCHASED: [(0, 0)], VIEWED: []})
    with pytest.raises(InsufficientDataError, match="no views or similar events"):
        make(PURCHASED).fit(graph)
