"""What true pairs brought: money from the cut-off on, less what was paid back."""

import numpy as np
import pytest
import torch

from graphdb.schema import SCHEMA
from graphrec import Adjacency
from training.evaluation.tasks import payments

PURCHASED, RETURNED = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("RETURNED")
VIEWED = SCHEMA.edge_type("VIEWED")
CUTOFF_S = 100


@pytest.fixture
def graph(make_graph):
    """Users 0 and 1, products 0 to 2; each event has a value of its own."""
    graph = make_graph(
        {"User": 2, "Product": 3},
        {
            PURCHASED: [(0, 0, 99), (0, 0, 100), (0, 1, 120), (1, 2, 130), (1, 0, 140)],
            RETURNED: [(0, 0, 150), (1, 2, 160)],
            VIEWED: [(0, 1, 170)],
        },
    )
    graph[PURCHASED].value = torch.tensor([50.0, 20, 7, 5, float("nan")])
    graph[RETURNED].value = torch.tensor([4.0, 9])
    graph[VIEWED].value = torch.tensor([1000.0])
    return graph


def truth_of(*pairs, num_targets=3):
    rows = np.array(pairs)
    return Adjacency.from_edges(rows[:, 0], rows[:, 1], 2, num_targets)


def test_net_value_of_true_pairs(graph):
    paid = payments(graph, SCHEMA, PURCHASED, CUTOFF_S)
    truth = truth_of((0, 0), (0, 1), (1, 0), (1, 2))
    # 20 - 4 after the cut-off; 7; a value that is not known; 5 - 9, which is no loss.
    assert paid.gains(truth).tolist() == [16, 7, 0, 0]


def test_what_is_not_true_brings_nothing(graph):
    paid = payments(graph, SCHEMA, PURCHASED, CUTOFF_S)
    assert paid.gains(truth_of((1, 1))).tolist() == [0]
    nothing = np.empty(0, np.int64)
    assert paid.gains(Adjacency.from_edges(nothing, nothing, 2, 3)).tolist() == []


def test_brands_get_what_their_products_brought(graph):
    # Products 0 and 1 are of brand 1, product 2 of brand 0: user 0 brought 16 + 7.
    made_by = Adjacency.from_edges(np.arange(3), np.array([1, 1, 0]), 3, 2)
    paid = payments(graph, SCHEMA, PURCHASED, CUTOFF_S).along(made_by)
    assert paid.gains(truth_of((0, 1), (1, 0), num_targets=2)).tolist() == [23, 0]


def test_a_part_of_the_days(graph):
    paid = payments(graph, SCHEMA, PURCHASED, CUTOFF_S)
    early = paid.part(paid.at_s < 125)
    assert early.gains(truth_of((0, 0), (0, 1), (1, 2))).tolist() == [20, 7, 0]


def test_a_graph_that_knows_no_money(make_graph):
    plain = make_graph({"User": 1, "Product": 1}, {PURCHASED: [(0, 0, 100)]})
    assert len(payments(plain, SCHEMA, PURCHASED, 0).amounts) == 0
