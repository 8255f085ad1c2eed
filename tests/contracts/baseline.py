"""What every baseline must do. A baseline's test class inherits from one of the two contracts."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from training.baselines import Baseline, Popularity
from training.data import HeteroData, load_graph
from training.evaluation.metrics import metrics_at_k
from training.pairs import adjacency
from training.sparse_ops import csr_of
from training.splitting.split import HeldPairs, hold_out_share

PURCHASED, VIEWED = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("VIEWED")
FOLLOWS = SCHEMA.edge_type("FOLLOWS", target="Brand")
K = 20

Make = Callable[[EdgeType], Baseline]


def random_purchases(
    make_graph: Callable[..., HeteroData], seed: int, *, num_buyers: int, num_users: int
) -> HeteroData:
    """Two of five pairs, one to four times each; of ten products the last is never bought."""
    rng = np.random.default_rng(seed)
    events = [
        (user, product, 0, int(rng.integers(1, 5)))
        for user in range(num_buyers)
        for product in range(9)
        if rng.random() < 0.4
    ]
    return make_graph({"User": num_users, "Product": 10}, {PURCHASED: events})


def dense(graph: HeteroData, repeat_exponent: float = 0.0) -> np.ndarray:
    """R by a loop over the purchases of distinct pairs, [num_users, num_products]."""
    matrix = np.zeros((graph["User"].num_nodes, graph["Product"].num_nodes))
    store = graph[PURCHASED]
    for (user, product), count in zip(
        store.edge_index.T.tolist(), store["count"].tolist(), strict=True
    ):
        matrix[user, product] = (5 * np.log1p(count)) ** repeat_exponent
    return matrix


class BaselineContract:
    """Inherit, and give a fixture `make`: from a target edge type to a baseline that learns it."""

    @pytest.fixture
    def held(self, planted) -> HeldPairs:
        return hold_out_share(load_graph(planted), SCHEMA, PURCHASED, 0.2)

    @pytest.fixture
    def purchases(self, make_graph) -> HeteroData:
        """Six users, the last of whom did nothing; five products, the last never bought."""
        bought = [(0, 0), (0, 1), (0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2), (3, 0), (4, 3)]
        days = [(*pair, day * 86_400, 1 + day % 3) for day, pair in enumerate(bought)]
        return make_graph({"User": 6, "Product": 5}, {PURCHASED: days})

    @pytest.fixture
    def viewed(self, purchases: HeteroData) -> HeteroData:
        """With views of product 0 by all but user 5, who did nothing."""
        purchases[VIEWED].edge_index = torch.tensor([[0, 1, 2, 3, 4], [0, 0, 0, 0, 0]])
        purchases[VIEWED].at_s = torch.arange(5)
        purchases[VIEWED].count = torch.ones(5)
        return purchases

    @pytest.fixture
    def graph(self, purchases: HeteroData) -> HeteroData:
        """What is learned; for baselines that need more than purchases to replace."""
        return purchases

    @pytest.fixture
    def fitted(self, make: Make, graph: HeteroData):
        return make(PURCHASED).fit(graph)

    def test_a_finite_score_for_every_target(self, fitted):
        rows = torch.tensor([5, 2, 2, 0])  # in any order, twice, and one who did nothing
        scores = fitted.scores(rows)
        assert fitted.num_targets == 5
        assert (scores.shape, scores.dtype) == ((4, 5), torch.float32)
        assert torch.isfinite(scores).all()
        assert torch.equal(scores[1], scores[2])

    def test_asked_together_or_one_by_one(self, fitted):
        rows = torch.arange(6)
        together = fitted.scores(rows)
        alone = torch.cat([fitted.scores(row) for row in rows[:, None]])
        torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
        assert fitted.scores(rows[:0]).shape == (0, 5)

    def test_scores_are_the_callers_to_change(self, fitted):
        rows = torch.arange(6)
        scores = fitted.scores(rows)
        before = scores.clone()
        scores.fill_(-torch.inf)
        assert torch.equal(fitted.scores(rows), before)

    def test_learned_again_it_is_the_same(self, make: Make, graph, fitted):
        rows = torch.arange(6)
        again = make(PURCHASED).fit(graph).scores(rows)
        assert torch.equal(again, fitted.scores(rows))

    def test_what_was_taken_most_is_ahead_of_what_nobody_took(self, fitted):
        scores = fitted.scores(torch.arange(5)).mean(dim=0)
        assert scores[0] > scores[4]

    def test_nothing_to_learn_from(self, make: Make, make_graph):
        graph = make_graph({"User": 2, "Product": 2}, {PURCHASED: []})
        with pytest.raises(InsufficientDataError, match=r"there are no .*User-PURCHASED-Product"):
            make(PURCHASED).fit(graph)


class PersonalContract(BaselineContract):
    """For baselines that answer each query node by what it took."""

    def test_planted_tastes_are_found(self, make: Make, held: HeldPairs):
        mine, baseline = (reached(one(PURCHASED), held) for one in (make, Popularity))
        assert mine.recall > 1.8 * baseline.recall
        assert mine.ndcg > 1.8 * baseline.ndcg

    def test_nothing_is_found_where_purchases_are_shuffled(self, make: Make, shuffled):
        held = hold_out_share(load_graph(shuffled), SCHEMA, PURCHASED, 0.2)
        left = 160 - adjacency(held.train_graph, PURCHASED).degrees().mean()
        assert reached(make(PURCHASED), held).recall == pytest.approx(K / left, abs=0.04)

    def test_any_direction_can_be_learned(self, make: Make, make_graph):
        """Two circles of eight users and eight brands; a user follows six of the circle's."""
        follows = [
            (user, brand)
            for user in range(16)
            for brand in range(16)
            if user % 2 == brand % 2 and (user // 2 - brand // 2) % 8 > 1
        ]
        scorer = make(FOLLOWS).fit(make_graph({"User": 16, "Brand": 16}, {FOLLOWS: follows}))
        scores = scorer.scores(torch.arange(16))
        for user in range(16):
            missing = [2 * ((user // 2 - gap) % 8) + user % 2 for gap in (0, 1)]
            assert scores[user, missing].min() > scores[user, (user + 1) % 2 :: 2].max()


def reached(baseline: Baseline, held: HeldPairs):
    taken = csr_of(adjacency(held.train_graph, PURCHASED))
    return metrics_at_k(baseline.fit(held.train_graph), taken, held.truth, K)
