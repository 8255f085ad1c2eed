"""Metapaths: along edges and against them."""

import pytest

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from graphdb.schema_types import Step
from training.gnn import GnnConfig
from training.gnn.propagation import follow
from training.gnn.supervision import supervised_edges
from training.pairs import adjacency

WATCHED = SCHEMA.edge_type("WATCHED")
PUBLISHED = SCHEMA.edge_type("PUBLISHED")
PURCHASED = SCHEMA.edge_type("PURCHASED")
RETURNED = SCHEMA.edge_type("RETURNED")
SIZES = {"User": 3, "Content": 4, "Creator": 2, "Product": 3}
SEEN = {WATCHED: [(0, 0), (0, 2), (1, 1), (1, 2), (2, 3)], PUBLISHED: [(0, 0), (0, 2), (1, 1)]}
CREATORS_OF_WATCHED = "User-WATCHED-Content-~PUBLISHED-Creator"


def listed(csr):
    return csr.to_dense().nonzero().tolist()


def test_a_relation_can_be_walked_backwards():
    path = SCHEMA.parse_metapath(CREATORS_OF_WATCHED)
    assert path.steps == (Step(WATCHED), Step(PUBLISHED, backwards=True))
    assert (path.source, path.target) == ("User", "Creator")
    assert [(step.source, step.target) for step in path.steps] == [
        ("User", "Content"),
        ("Content", "Creator"),
    ]


def test_users_are_led_to_the_creators_of_what_they_watched(make_graph):
    """User 0 watched two contents of creator 0; the content of user 2 has no creator."""
    graph = make_graph(SIZES, SEEN)
    found = supervised_edges(graph, SCHEMA, CREATORS_OF_WATCHED, 1.0, GnnConfig())
    assert (found.query_type, found.target_type) == ("User", "Creator")
    assert listed(found.positives) == [[0, 0], [1, 0], [1, 1]]
    assert found.query_rows.tolist() == [0, 1]
    assert found.taken.tolist() == [2, 1]


def test_a_metapath_there_and_back_leads_to_others_with_something_in_common(make_graph):
    name = "User-WATCHED-Content-~WATCHED-User"
    graph = make_graph(SIZES, SEEN)
    pairs = follow(graph, SCHEMA.parse_metapath(name), adjacency(graph, WATCHED))
    assert [pairs.targets(row).tolist() for row in range(3)] == [[0, 1], [0, 1], [2]]


def test_what_is_disliked_turns_with_the_first_step(make_graph):
    graph = make_graph(SIZES, {PURCHASED: [(0, 1), (2, 0)], RETURNED: [(0, 1), (0, 1)]})
    found = supervised_edges(graph, SCHEMA, "Product-~PURCHASED-User", 1.0, GnnConfig())
    assert (found.query_type, found.target_type) == ("Product", "User")
    assert listed(found.positives) == [[0, 2]]
    assert listed(found.disliked) == [[1, 0]]


@pytest.mark.parametrize(
    "name", ["User-~WATCHED-Content", "Content-WATCHED-User", "User-WATCHED-Content-PUBLISHED-User"]
)
def test_an_edge_walked_the_wrong_way_is_named(name):
    with pytest.raises(SchemaError, match="fits 0 edge types"):
        SCHEMA.parse_metapath(name)
