"""The network on worlds where the answer is known."""

import numpy as np
import pytest

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from training.data import load_graph
from training.encoders import GraphEncoder, PopularityEncoder
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.gnn import GnnConfig
from training.pairs import adjacency
from training.sparse_ops import csr_of
from training.splitting.split import hold_out_share

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
QUICK = GnnConfig(dim=16, epochs=15, batch_size=64, num_random_negatives="all")


def recall(encoder, held, graph):
    scorer = VectorScorer.along(encoder.fit(graph), PURCHASED)
    taken = csr_of(adjacency(graph, PURCHASED))
    return metrics_at_k(scorer, taken, held, 20).recall


def test_it_finds_planted_tastes_and_nothing_where_there_are_none(planted, shuffled):
    reached = {}
    for name, snapshot in (("planted", planted), ("shuffled", shuffled)):
        held = hold_out_share(load_graph(snapshot), SCHEMA, PURCHASED, 0.2)
        for model in (GraphEncoder(SCHEMA, QUICK), PopularityEncoder(PURCHASED)):
            reached[name, type(model)] = recall(model, held.truth, held.train_graph)
    assert reached["planted", GraphEncoder] > 2 * reached["planted", PopularityEncoder]
    chance = 20 / 140  # of what a user has not bought yet
    assert abs(reached["shuffled", GraphEncoder] - chance) < 0.05


def test_scores_in_bfloat16_find_as_much(planted):
    held = hold_out_share(load_graph(planted), SCHEMA, PURCHASED, 0.2)
    found = {}
    for bfloat16 in (False, True):
        config = QUICK.model_copy(update={"bfloat16": bfloat16})
        found[bfloat16] = recall(GraphEncoder(SCHEMA, config), held.truth, held.train_graph)
    assert found[True] == pytest.approx(found[False], rel=0.03)
    assert found[True] != found[False]


def test_scores_are_in_bfloat16_by_itself_where_the_device_multiplies_it(planted, monkeypatch):
    graph, encoder = load_graph(planted), GraphEncoder(SCHEMA, QUICK, device="cpu")
    assert encoder._trainer(graph).config.bfloat16 is False
    monkeypatch.setattr("training.encoders.graph.multiplies_bfloat16", lambda _: True)
    assert encoder._trainer(graph).config.bfloat16 is True
    exact = QUICK.model_copy(update={"bfloat16": False})
    assert GraphEncoder(SCHEMA, exact, device="cpu")._trainer(graph).config.bfloat16 is False


def test_a_product_nobody_bought_is_known_by_its_brand(planted):
    """The half of its brand's buyers for whom it is right find it ahead of the others."""
    graph = load_graph(planted)
    store = graph[PURCHASED]
    keep = store.edge_index[1] >= 4  # nobody bought the first product of each taste
    for name in ("edge_index", "at_s", "count", "value", "discount"):
        store[name] = store[name][..., keep]
    directions = {"User-PURCHASED-Product": 1.0, "User-PURCHASED-Product-MADE_BY-Brand": 1.0}
    config = GnnConfig(**{**QUICK.model_dump(), "supervision": directions, "node_dropout": 0.2})
    vectors = GraphEncoder(SCHEMA, config).fit(graph)
    scores = vectors["User"] @ vectors["Product"][:4].T  # [240, 4]
    best = scores.argmax(axis=1)
    assert np.mean(best == np.arange(240) % 4) > 0.8


def test_early_stopping_learns_again_from_everything(planted):
    epochs = []
    config = GnnConfig(**{**QUICK.model_dump(), "epochs": 40, "patience": 3})
    GraphEncoder(SCHEMA, config, on_epoch=epochs.append).fit(load_graph(planted))
    validated = [epoch for epoch in epochs if epoch.recall is not None]
    best = max(validated, key=lambda epoch: epoch.recall).number
    assert len(validated) in (best + 3, 40)
    assert [epoch.number for epoch in epochs[len(validated) :]] == list(range(1, best + 1))


def test_validation_by_time(planted):
    epochs = []
    config = GnnConfig(**{**QUICK.model_dump(), "epochs": 2, "patience": 1, "validation_days": 10})
    GraphEncoder(SCHEMA, config, on_epoch=epochs.append).fit(load_graph(planted))
    assert epochs[0].recall > 0


@pytest.mark.parametrize("cut", [{"validation_fraction": 0.3}, {"validation_days": 20}])
def test_validation_at_the_end_of_a_longer_way(planted, cut):
    """Brands stand for tastes: those that are new to a user are found better than by chance."""
    epochs = []
    settings = {"epochs": 10, "patience": 10, **cut}
    settings["supervision"] = {"User-PURCHASED-Product-MADE_BY-Brand": 1.0}
    config = GnnConfig(**{**QUICK.model_dump(), **settings})
    GraphEncoder(SCHEMA, config, on_epoch=epochs.append).fit(load_graph(planted))
    chance = 20 / 60  # of the brands that a user has not bought of yet
    assert max(epoch.recall for epoch in epochs if epoch.recall is not None) > 1.5 * chance


def test_types_that_nothing_reaches_get_no_vectors(planted):
    vectors = GraphEncoder(SCHEMA, QUICK).fit(load_graph(planted))
    assert set(vectors) == {"User", "Product", "Brand"}
    assert all(array.dtype == np.float32 for array in vectors.values())


class TestHoldOutShare:
    def test_every_pair_is_on_one_side_and_nobody_is_left_with_nothing(self, planted):
        graph = load_graph(planted)
        held = hold_out_share(graph, SCHEMA, PURCHASED, 0.3, seed=1)
        whole, kept = adjacency(graph, PURCHASED), adjacency(held.train_graph, PURCHASED)
        assert kept.num_edges + held.truth.num_edges == whole.num_edges
        assert (kept.degrees() > 0).all()
        assert held.truth.num_edges / whole.num_edges == pytest.approx(0.3, abs=0.03)

    def test_a_pair_leaves_with_all_its_events(self, make_graph):
        viewed = SCHEMA.edge_type("VIEWED")
        graph = make_graph(
            {"User": 1, "Product": 3, "Brand": 1},
            {
                PURCHASED: [(0, 0), (0, 1), (0, 1)],
                viewed: [(0, 0), (0, 1), (0, 2)],
                MADE_BY: [(0, 0)],
            },
        )
        held = hold_out_share(graph, SCHEMA, PURCHASED, 0.99)
        (out,) = held.truth.targets(0).tolist()
        left = 1 - out
        assert set(held.train_graph[PURCHASED].edge_index[1].tolist()) == {left}
        assert held.train_graph[viewed].edge_index[1].tolist() == [left, 2]
        assert held.train_graph[MADE_BY].edge_index.tolist() == [[0], [0]]

    def test_too_little_to_hold_out_is_named(self, make_graph):
        with pytest.raises(InsufficientDataError, match="not enough User-PURCHASED-Product pairs"):
            hold_out_share(
                make_graph({"User": 2, "Product": 1}, {PURCHASED: [(0, 0), (1, 0)]}),
                SCHEMA,
                PURCHASED,
                0.5,
            )
