"""LightGCN with BPR: against PyG's, and it really learns from the graph, both ways."""

import numpy as np
import pytest
import torch
from contracts.baseline import PersonalContract

from graphdb.errors import DivergedError, InsufficientDataError
from graphdb.schema import SCHEMA
from training.baselines import LightGcnBpr, LightGcnBprConfig
from training.baselines.lightgcn_bpr import TakenPairs
from training.data import LightGCN
from training.sparse_ops import coordinates

PURCHASED = SCHEMA.edge_type("PURCHASED")
CPU = torch.device("cpu")
QUICK = LightGcnBprConfig(dim=16, num_layers=2, epochs=20, batch=1024, learning_rate=0.05)


class TestLightGcnBpr(PersonalContract):
    @pytest.fixture
    def make(self):
        return lambda target_edge_type: LightGcnBpr(SCHEMA, target_edge_type, QUICK, "cpu")


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    index = torch.from_numpy(np.stack(np.nonzero(rng.random((12, 9)) < 0.4)))
    return coordinates(index, torch.ones(index.shape[1], dtype=torch.float64), (12, 9))


def baseline(**settings):
    return LightGcnBpr(SCHEMA, PURCHASED, LightGcnBprConfig(dim=8, **settings), "cpu")


def test_one_step_equals_that_of_another_lightgcn(events):
    """Loss, gradients and the rows after a step of Adam."""
    mine = baseline(num_layers=3, l2=0.01, learning_rate=0.1)
    model = mine._model(events, CPU)
    users, products = events.indices()
    there = torch.stack([users, products + 12])
    edge_index = torch.cat([there, there.flip(0)], dim=1)
    oracle = LightGCN(num_nodes=21, embedding_dim=8, num_layers=3)
    with torch.no_grad():
        oracle.embedding.weight[:12] = model.rows["User"]
        oracle.embedding.weight[12:] = model.rows["Product"]
    pairs = TakenPairs(events.indices(), 12, 9)
    negatives = pairs.negatives(users, torch.Generator().manual_seed(1))

    def step(parameters, loss):
        optimizer = torch.optim.Adam(parameters, lr=0.1)
        loss.backward()
        optimizer.step()
        return loss.item()

    found = step(list(model.rows.values()), mine.loss(model, users, products, negatives))
    triples = torch.cat([users, products + 12, negatives + 12])
    z = oracle.get_embedding(edge_index)
    higher, lower = ((z[users] * z[rows + 12]).sum(1) for rows in (products, negatives))
    ranking = -torch.log(torch.sigmoid(higher - lower)).mean()
    lengths = oracle.embedding.weight[triples].norm(dim=1).square().sum()
    expected = step([oracle.embedding.weight], ranking + 0.01 * lengths / 2 / len(users))
    assert found == pytest.approx(expected, rel=1e-5)
    rows = torch.cat([model.rows["User"], model.rows["Product"]])
    torch.testing.assert_close(rows, oracle.embedding.weight, atol=1e-4, rtol=0)


def test_vectors_travel_both_ways(events):
    """A pair's gradient reaches users over the product, and products over the user."""
    mine = baseline(num_layers=1, l2=0)
    model = mine._model(events, CPU)
    user, product = events.indices()[:, 0]
    negative = TakenPairs(events.indices(), 12, 9).negatives(user[None], torch.Generator())
    mine.loss(model, user[None], product[None], negative).backward()
    touched = {name: rows.grad.abs().sum(1) > 0 for name, rows in model.rows.items()}
    dense = events.to_dense().bool()
    buyers = dense[:, product] | dense[:, negative[0]]
    buyers[user] = True
    assert torch.equal(touched["User"], buyers)
    bought = dense[user].clone()
    bought[product] = bought[negative] = True
    assert torch.equal(touched["Product"], bought)


def test_a_edge_two_steps_away_changes_the_scores(make_graph):
    """Ann - p0 - bob - p1: without bob's purchase of p1, it means nothing to ann."""
    edges = [(0, 0), (1, 0), (1, 1), (2, 2), (2, 1)]
    found = {}
    for name, dropped in (("whole", None), ("without", (1, 1))):
        kept = [edge for edge in edges if edge != dropped]
        graph = make_graph({"User": 3, "Product": 3}, {PURCHASED: kept})
        found[name] = baseline(num_layers=3, epochs=0).fit(graph).scores(torch.tensor([0]))[0]
    assert not torch.allclose(found["whole"][1], found["without"][1])


def test_negatives_are_even_over_what_was_not_taken(events):
    pairs = TakenPairs(events.indices(), 12, 9)
    queries = torch.arange(12).repeat_interleave(9_000)
    drawn = pairs.negatives(queries, torch.Generator().manual_seed(0))
    counts = torch.bincount(queries * 9 + drawn, minlength=108).view(12, 9)
    taken = events.to_dense().bool()
    assert not counts[taken].any()
    for user in range(12):
        free = counts[user, ~taken[user]].double()
        assert (free / (9_000 / len(free)) - 1).abs().max() < 0.15


def test_who_took_everything_teaches_nothing(make_graph):
    edges = [(0, 0), (0, 1), (1, 0)]
    pairs = TakenPairs(torch.tensor(edges).T, 2, 2)
    assert pairs.index.tolist() == [[1], [0]]
    graph = make_graph({"User": 1, "Product": 2}, {PURCHASED: edges[:2]})
    with pytest.raises(InsufficientDataError, match="every query node has every target"):
        baseline(epochs=1).fit(graph)


def test_a_loss_that_is_no_number(make_graph):
    graph = make_graph({"User": 2, "Product": 3}, {PURCHASED: [(0, 0), (1, 1), (1, 2)]})
    mine = LightGcnBpr(
        SCHEMA, PURCHASED, LightGcnBprConfig(learning_rate=1, l2=1, epochs=3), on_epoch=spoil
    )
    mine.loss = lambda *_: torch.tensor(torch.nan, requires_grad=True)
    with pytest.raises(DivergedError, match="the loss became nan in epoch 1; lower the learning"):
        mine.fit(graph)


def spoil(_):
    raise AssertionError("no epoch ends well")


def test_epochs_are_told_and_the_loss_falls(make_graph):
    edges = [
        (user, product) for user in range(12) for product in range(12) if user % 3 == product % 3
    ]
    graph = make_graph({"User": 12, "Product": 12}, {PURCHASED: edges})
    epochs = []
    LightGcnBpr(SCHEMA, PURCHASED, QUICK, "cpu", on_epoch=epochs.append).fit(graph)
    assert [epoch.number for epoch in epochs] == list(range(1, 21))
    assert epochs[-1].loss < 0.5 * epochs[0].loss
