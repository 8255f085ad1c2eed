"""What scripts/bench.py new-items is made of, on worlds small enough to work out by hand."""

from itertools import permutations

import numpy as np
import pytest
import torch
from benchmarks.cold_start.cases import Case
from benchmarks.cold_start.encoding import encoded, released
from benchmarks.cold_start.hiding import columns, drawn, hidden_from, near
from benchmarks.cold_start.measures import Asked, Given, chance, rivalry
from benchmarks.cold_start.rules import group_rules, in_all_common, in_common, named, popularity

from graphdb.schema import SCHEMA
from graphrec import Adjacency
from training.config import TrainConfig
from training.data import HeteroData
from training.encoders import SvdConfig, SvdEncoder
from training.evaluation.metrics import VectorScorer

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
IN_CATEGORY = SCHEMA.edge_type("IN_CATEGORY")
ALSO = SCHEMA.edge_type("ALSO_BOUGHT")


def graph_of(sizes, edges):
    graph = HeteroData()
    for name, number in sizes.items():
        graph[name].num_nodes = number
    for edge_type, pairs in edges.items():
        graph[edge_type].edge_index = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
        graph[edge_type].at_s = torch.zeros(len(pairs), dtype=torch.int64)
        graph[edge_type].count = torch.ones(len(pairs))
    return graph


def pairs_of(pairs, num_sources, num_targets):
    return Adjacency.from_edges(*np.array(pairs).T, num_sources, num_targets)


@pytest.fixture
def graph():
    """Products 0 to 5; 5 was never bought."""
    return graph_of(
        {"User": 3, "Product": 6, "Brand": 2},
        {
            PURCHASED: [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4), (2, 0)],
            VIEWED: [(0, 5), (1, 1)],
            MADE_BY: [(p, p % 2) for p in range(6)],
            ALSO: [(0, 1), (2, 1), (1, 3), (4, 5)],
        },
    )


def test_some_of_the_bought_products_are_drawn_by_seed(graph):
    found = drawn(graph, PURCHASED, 0.4, seed=1)
    assert found.tolist() == drawn(graph, PURCHASED, 0.4, seed=1).tolist()
    assert len(found) == 2
    assert set(found) <= {0, 1, 2, 3, 4}
    assert drawn(graph, PURCHASED, 1, seed=0).tolist() == [0, 1, 2, 3, 4]


def test_nothing_is_left_of_hidden_products(graph):
    found = hidden_from(graph, "Product", np.array([1, 3]))
    left = {
        PURCHASED: [(0, 0), (1, 2), (2, 4), (2, 0)],
        VIEWED: [(0, 5)],
        MADE_BY: [(0, 0), (2, 0), (4, 0), (5, 1)],
        ALSO: [(4, 5)],
    }
    for edge_type, pairs in left.items():
        assert list(map(tuple, found[edge_type].edge_index.T.tolist())) == pairs
        assert len(found[edge_type]["count"]) == len(found[edge_type].at_s) == len(pairs)
    assert found["Product"].num_nodes == 6


def test_what_is_learned_does_not_depend_on_who_bought_hidden_products(graph):
    other = graph.clone()
    other[PURCHASED].edge_index = torch.tensor([[0, 1, 1, 2, 2, 2], [0, 2, 1, 4, 0, 3]])
    encoder = SvdEncoder(SCHEMA, PURCHASED, SvdConfig(dim=32, half_life_days=None))
    one, two = (
        encoder.fit(hidden_from(some, "Product", np.array([1, 3]))) for some in (graph, other)
    )
    assert {name: rows.tobytes() for name, rows in one.items()} == {
        name: rows.tobytes() for name, rows in two.items()
    }


def test_hidden_products_keep_their_edges_but_not_to_each_other(graph):
    hidden = np.array([1, 3])
    assert near(graph, MADE_BY, "Product", hidden).targets(1).tolist() == [1]
    also = near(graph, ALSO, "Product", hidden)
    assert [also.targets(at).tolist() for at in range(2)] == [[0, 2], []]


def test_columns_are_numbered_anew():
    pairs = pairs_of([(0, 1), (0, 4), (1, 2), (1, 4)], 2, 5)
    found = columns(pairs, np.array([1, 4]))
    assert [found.targets(at).tolist() for at in range(2)] == [[0, 1], [1]]
    assert found.num_targets == 2


class TestRules:
    """Two users, four known products, two new ones."""

    bought = pairs_of([(0, 0), (0, 1), (1, 2), (1, 3)], 2, 4)
    brands = pairs_of([(0, 0), (1, 0), (2, 0), (3, 1)], 4, 2)
    categories = pairs_of([(0, 0), (1, 1), (2, 2), (2, 0), (3, 2)], 4, 3)
    new_brands = pairs_of([(0, 0), (1, 1)], 2, 2)
    new_categories = pairs_of([(0, 0), (0, 1), (1, 2)], 2, 3)

    def test_in_common(self):
        found = in_common(self.bought, self.brands, self.new_brands)
        assert found.tolist() == [[2, 0], [1, 1]]
        found = in_common(self.bought, self.categories, self.new_categories)
        assert found.tolist() == [[2, 0], [1, 2]]

    def test_in_all_common(self):
        found = in_all_common(
            self.bought, [self.brands, self.categories], [self.new_brands, self.new_categories]
        )
        # user 1: product 2 is of brand 0 and category 0, product 3 of brand 1 and category 2
        assert found.tolist() == [[2, 0], [1, 1]]

    def test_popularity(self):
        found = popularity(self.bought, self.categories, self.new_categories)
        assert found.tolist() == [2 + 1, 2]  # categories 0 and 1, category 2

    def test_related(self):
        also, viewed = pairs_of([(0, 3), (1, 0)], 2, 4), pairs_of([(1, 0), (1, 2)], 2, 4)
        assert named(self.bought, [also, viewed]).tolist() == [[0, 2], [1, 1]]

    def test_groups_in_common_in_several_ways(self):
        members = {MADE_BY: self.brands, IN_CATEGORY: self.categories}
        found = group_rules(
            self.bought, members, {MADE_BY: self.new_brands, IN_CATEGORY: self.new_categories}
        )
        # sold by brand: 3 and 1; by categories: 3 and 2
        sells = [6, 3]
        assert found["what its groups sell"].tolist() == [sells, sells]
        alike = torch.tensor([[4, 0], [2, 3]]) + 0.5 * torch.tensor(sells) / 6
        torch.testing.assert_close(found["groups in common"], alike)
        for name, first in (
            ("groups in common, Brand first", [[2, 0], [1, 1]]),
            ("groups in common, Category first", [[2, 0], [1, 2]]),
            ("groups in common, all at once", [[2, 0], [1, 1]]),
        ):
            torch.testing.assert_close(found[name], torch.tensor(first) + alike / 5.5)


@pytest.mark.parametrize("k", [1, 2, 6])
def test_chance_is_the_mean_over_all_orders(k):
    truth = pairs_of([(0, 0), (1, 0), (1, 1), (1, 3)], 3, 4)
    recalls, gains = [], []
    discounts = [1 / np.log2(place + 2) for place in range(k)]
    for order in permutations(range(4)):
        for wanted in ({0}, {0, 1, 3}):
            hits = [target in wanted for target in order[:k]]
            best = sum(discounts[: len(wanted)])
            recalls.append(sum(hits) / len(wanted))
            gains.append(sum(d for d, hit in zip(discounts, hits, strict=False) if hit) / best)
    found = chance(truth, k)
    assert found.recall == pytest.approx(np.mean(recalls))
    assert found.ndcg == pytest.approx(np.mean(gains))


@pytest.fixture(scope="module")
def tastes():
    """80 users of two tastes; each of ten brands makes eight products for one of them."""
    rng = np.random.default_rng(0)
    products = np.arange(80)
    pairs = [
        (user, int(product))
        for user in range(80)
        for product in rng.choice(products[products // 8 % 2 == user % 2], 12, replace=False)
    ]
    later = [
        (user, int(product))
        for user in range(80)
        for product in rng.choice(products[products // 8 % 2 == user % 2], 8, replace=False)
    ]
    sizes = {"User": 80, "Product": 80, "Brand": 10}
    graph = graph_of(sizes, {PURCHASED: pairs, MADE_BY: [(p, p // 8) for p in range(80)]})
    config = TrainConfig(svd=SvdConfig(dim=32, half_life_days=None))
    everything = torch.ones(80, dtype=torch.bool)
    truth = pairs_of(later, 80, 80)
    return Case("tastes", SCHEMA, PURCHASED, graph, truth, None, everything, config)


def test_from_hiding_to_the_figures(tastes, tmp_path):
    hidden = drawn(tastes.graph, PURCHASED, 0.5, seed=0)
    graph = hidden_from(tastes.graph, "Product", hidden)
    vectors = SvdEncoder(SCHEMA, PURCHASED, tastes.config.svd).fit(graph)
    assert not vectors["Product"][hidden].any()
    bundle = released(tmp_path / "b", graph, vectors, SCHEMA, PURCHASED, tastes.config)
    edges = {MADE_BY: near(tastes.graph, MADE_BY, "Product", hidden)}
    new, unknown = encoded(bundle, "Product", hidden, edges)
    assert unknown == 0
    asked = Asked.of(tastes, hidden)
    scorer = VectorScorer(torch.from_numpy(vectors["User"]), torch.from_numpy(new))
    scores = Given(scorer.scores(torch.arange(80)))
    for found, same, random in zip(
        asked.found(scorer), asked.found(scores), asked.by_chance(), strict=True
    ):
        assert found == same
        assert found.recall > 1.8 * random.recall  # 2 is all there is
    among_all = rivalry(tastes, vectors, hidden, new)
    nothing = rivalry(tastes, vectors, hidden, np.zeros_like(new))
    assert nothing.hidden < among_all.hidden
    assert among_all.warm <= nothing.warm <= nothing.warm_alone
    assert among_all.loss == pytest.approx(1 - among_all.warm / among_all.warm_alone)


def test_a_product_without_edges_is_counted_as_unknown(tastes, tmp_path):
    hidden = np.array([3])
    graph = hidden_from(tastes.graph, "Product", hidden)
    vectors = SvdEncoder(SCHEMA, PURCHASED, tastes.config.svd).fit(graph)
    bundle = released(tmp_path / "b", graph, vectors, SCHEMA, PURCHASED, tastes.config)
    none = Adjacency.from_edges(np.empty(0, int), np.empty(0, int), 1, 10)
    new, unknown = encoded(bundle, "Product", hidden, {MADE_BY: none})
    assert unknown == 1
    assert not new.any()
