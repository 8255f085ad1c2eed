"""Encoders asked as baselines, and what every matrix is made of."""

import pytest
import torch
from contracts.baseline import PersonalContract

from graphdb.errors import InsufficientDataError, SchemaError
from graphdb.schema import SCHEMA
from training.baselines import EncoderBaseline, InteractionConfig, ItemKnn
from training.baselines.base import interactions
from training.encoders import SvdConfig, SvdEncoder

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
RETURNED = SCHEMA.edge_type("RETURNED")
PROMOTES = SCHEMA.edge_type("PROMOTES")
PLAIN = SvdConfig(dim=32, half_life_days=None)


class TestSpectralEncoder(PersonalContract):
    @pytest.fixture
    def make(self):
        return lambda target_edge_type: EncoderBaseline(
            SvdEncoder(SCHEMA, target_edge_type, PLAIN), target_edge_type
        )


def test_scores_are_the_dot_products_of_its_vectors(make_graph):
    graph = make_graph({"User": 3, "Product": 2}, {PURCHASED: [(0, 0), (1, 0), (1, 1), (2, 1)]})
    encoder = SvdEncoder(SCHEMA, PURCHASED, PLAIN)
    vectors = encoder.fit(graph)
    found = EncoderBaseline(encoder, PURCHASED).fit(graph).scores(torch.arange(3))
    expected = torch.from_numpy(vectors["User"] @ vectors["Product"].T)
    torch.testing.assert_close(found, expected)


def test_an_end_without_vectors_is_named(make_graph):
    graph = make_graph({"User": 2, "Product": 2, "Creator": 1}, {PURCHASED: [(0, 0), (1, 1)]})
    baseline = EncoderBaseline(SvdEncoder(SCHEMA, PURCHASED, PLAIN), PROMOTES)
    with pytest.raises(
        InsufficientDataError, match="no vectors for Creator, an end of Creator-PROM"
    ):
        baseline.fit(graph)


class TestInteractions:
    def test_events_are_weighed_and_what_came_back_is_out(self, make_graph):
        graph = make_graph(
            {"User": 2, "Product": 2},
            {PURCHASED: [(0, 0), (0, 1), (1, 1)], VIEWED: [(0, 0)], RETURNED: [(0, 1), (0, 1)]},
        )
        plain = interactions(graph, SCHEMA, PURCHASED, InteractionConfig())
        assert plain.to_dense().tolist() == [[1, 0], [0, 1]]
        weighed = interactions(graph, SCHEMA, PURCHASED, InteractionConfig(repeat_exponent=1))
        log_2 = torch.log1p(torch.tensor(1.0, dtype=torch.float64))
        torch.testing.assert_close(
            weighed.to_dense() / log_2, torch.tensor([[6.0, 0], [0, 5]]).double()
        )

    def test_a_edge_counts_1(self, make_graph):
        graph = make_graph({"Creator": 2, "Product": 2}, {PROMOTES: [(0, 0), (0, 1), (1, 1)]})
        found = interactions(graph, SCHEMA, PROMOTES, InteractionConfig())
        assert found.to_dense().tolist() == [[1, 1], [0, 1]]
        scores = ItemKnn(SCHEMA, PROMOTES).fit(graph).scores(torch.tensor([1]))
        assert scores[0, 0] > scores[0, 1] == 0

    def test_no_edges(self, make_graph):
        graph = make_graph({"Creator": 2, "Product": 2}, {PROMOTES: []})
        with pytest.raises(InsufficientDataError, match="no Creator-PROMOTES-Product edges"):
            interactions(graph, SCHEMA, PROMOTES, InteractionConfig())

    def test_a_weight_for_what_does_not_fit(self, make_graph):
        graph = make_graph({"User": 1, "Product": 1}, {PURCHASED: [(0, 0)]})
        config = InteractionConfig(event_weights={"PURCHASE": 2})
        with pytest.raises(SchemaError, match="did you mean 'PURCHASED'"):
            interactions(graph, SCHEMA, PURCHASED, config)
