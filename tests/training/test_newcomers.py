"""Rules for newcomers: against a dense oracle, and on a world where the answer is known."""

import numpy as np
import pytest
import torch

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from graphrec import Adjacency, Recommender
from training.bundling import bundle_up
from training.data import load_graph
from training.encoders import GraphEncoder, SpectralConfig, SpectralEncoder
from training.gnn import GnnConfig
from training.newcomers import NewcomerConfig, NewcomerLearner
from training.pairs import adjacency
from training.scoring import VectorScorer, reached_at_k
from training.sparse import csr_of

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
RETURNED = SCHEMA.edge_type("RETURNED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
ALSO = SCHEMA.edge_type("ALSO_BOUGHT")
SIZES = {"User": 12, "Product": 9, "Brand": 3}
DIM = 5


@pytest.fixture
def graph(make_graph):
    """Products 7 and 8 are new; 8 has a brand and is named by product 2, 7 has a brand alone."""
    rng = np.random.default_rng(0)
    bought = [
        (user, product)
        for user in range(11)  # the last user buys nothing
        for product in range(7)
        if rng.random() < 0.5 or product == user % 7
    ]
    also = [(0, 1), (1, 0), (1, 2), (3, 4), (2, 8), (5, 6), (5, 0), (7, 8)]
    made_by = [(product, product % 3) for product in range(9)]
    return make_graph(SIZES, {PURCHASED: bought, ALSO: also, MADE_BY: made_by})


@pytest.fixture
def vectors():
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(n, DIM)).astype(np.float32) for name, n in SIZES.items()}


def learn(graph, vectors, **settings):
    return NewcomerLearner(graph, vectors, SCHEMA, PURCHASED, NewcomerConfig(**settings))


def dense_step(graph, tie, node_type, known):
    """D^(-1/2) A D^(-1/2) Z, entry by entry."""
    other = tie.target if tie.source == node_type else tie.source
    ties = np.zeros((SIZES[node_type], SIZES[other]))
    for source, target in graph[tie].edge_index.T.tolist():
        if tie.source == tie.target:
            ties[source, target] = ties[target, source] = 1
        else:
            ties[(source, target) if tie.source == node_type else (target, source)] = 1
    rows, columns = (np.maximum(ties.sum(axis), 1) ** -0.5 for axis in (1, 0))
    return rows[:, None] * ties * columns @ known


def lengths(rows):
    return np.linalg.norm(rows, axis=1)


def median_length(rows):
    return np.median(lengths(rows)[lengths(rows) > 1e-9])


def test_rules_and_vectors_equal_the_dense_oracle(graph, vectors):
    trained = slice(0, 7)
    known = {**vectors, "Product": vectors["Product"].copy()}
    known["Product"][7:] = 0
    parts = {tie: dense_step(graph, tie, "Product", known[other]) for tie, other in (
        (MADE_BY, "Brand"), (ALSO, "Product"), (PURCHASED, "User"))}  # fmt: skip
    parts = {tie: part / median_length(part[trained]) for tie, part in parts.items()}
    beside = 0.5 * parts[MADE_BY] + parts[ALSO]
    typical = median_length(beside[trained])
    length = np.quantile(lengths(vectors["Product"][trained]), 0.4)

    settings = {"tie_weights": {str(MADE_BY): 0.5}, "length_quantile": 0.4, "length_power": 0.5}
    learner = learn(graph, vectors, **settings)
    rules = learner.rules()
    assert set(rules) == {"User", "Product", "Brand"}
    assert set(rules["Product"].ties) == set(map(str, parts))
    assert rules["Product"].length == pytest.approx(length)
    found = learner.applied(rules)
    new = beside[7:] / typical
    expected = length * new / lengths(new)[:, None] ** 0.5
    np.testing.assert_allclose(found["Product"][7:], expected, rtol=1e-5, atol=1e-6)


def test_what_was_learned_stays_to_the_last_bit(graph, vectors):
    learner = learn(graph, vectors)
    found = learner.applied(learner.rules())
    for name, first in (("User", 11), ("Product", 7), ("Brand", 3)):
        assert found[name][:first].tobytes() == vectors[name][:first].tobytes()
    assert found["User"].tobytes() == vectors["User"].tobytes()  # nothing tells of the last one


def test_every_kind_of_tie_counts_the_same_and_the_scale_of_vectors_does_not(graph, vectors):
    loud = {**vectors, "Brand": 1000 * vectors["Brand"]}
    found = []
    for given in (vectors, loud):
        learner = learn(graph, given)
        found.append(learner.applied(learner.rules())["Product"])
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-6)


def test_a_longer_quantile_makes_newcomers_longer_and_nothing_else(graph, vectors):
    found = []
    for quantile in (0.2, 0.8):
        learner = learn(graph, vectors, length_quantile=quantile)
        found.append(learner.applied(learner.rules())["Product"][7:])
    short, long = found
    ratios = lengths(long) / lengths(short)
    assert ratios[0] > 1
    np.testing.assert_allclose(long, ratios[0] * short, rtol=1e-5)


def test_ties_that_speak_against_or_for_nothing_are_left_out(make_graph, vectors):
    edges = {PURCHASED: [(0, 0), (1, 1)], VIEWED: [(2, 2)], RETURNED: [(0, 0)], ALSO: []}
    rules = learn(make_graph(SIZES, edges), vectors).rules()
    assert set(rules["Product"].ties) == {str(PURCHASED), str(VIEWED)}
    assert set(rules) == {"User", "Product"}
    without = {str(VIEWED): 0, str(PURCHASED): 0}
    assert learn(make_graph(SIZES, edges), vectors, tie_weights=without).rules() == {}


def test_a_weight_for_no_edge_type_is_named(graph, vectors):
    with pytest.raises(SchemaError, match="did you mean 'MADE_BY'"):
        learn(graph, vectors, tie_weights={"Product-MADEBY-Brand": 1})


@pytest.fixture(scope="module")
def newly_listed(planted):
    """Nobody bought products 0 to 15 yet, but their brands are known."""
    graph = load_graph(planted)
    truth = adjacency(graph, PURCHASED, keep=graph[PURCHASED].edge_index[1] < 16)
    keep = graph[PURCHASED].edge_index[1] >= 16
    for name, values in list(graph[PURCHASED].items()):
        graph[PURCHASED][name] = values[..., keep]
    return graph, truth


ENCODERS = {
    "spectral": SpectralEncoder(SCHEMA, PURCHASED, SpectralConfig(dim=32, half_life_days=None)),
    "graph": GraphEncoder(SCHEMA, GnnConfig(dim=16, epochs=10, seed_batch=64, candidates="all")),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_served_as_trained_and_found_by_the_right_people(newly_listed, planted, name, tmp_path):
    graph, truth = newly_listed
    vectors = ENCODERS[name].fit(graph)
    learner = NewcomerLearner(graph, vectors, SCHEMA, PURCHASED)
    rules = learner.rules()
    applied = learner.applied(rules)
    bundle = bundle_up(
        tmp_path / "b", planted, graph, applied, cutoff=None, config={}, metrics={}, newcomers=rules
    )
    recommender = Recommender(bundle)
    for row in range(16):
        tied = {str(MADE_BY): [f"b{row:02d}"]}
        new = recommender.encode_new("Product", tied)
        np.testing.assert_allclose(new, applied["Product"][row], rtol=1e-4, atol=1e-5)
    users, products = torch.from_numpy(vectors["User"]), torch.from_numpy(applied["Product"][:16])
    held, none = (csr_of(pairs) for pairs in (first_targets(truth, 16), first_targets(truth, 0)))
    reached = reached_at_k(VectorScorer(users, products), none, held, 4).recall
    chance = 4 / 16
    assert reached > 2.5 * chance


def first_targets(pairs, number):
    sources = np.repeat(np.arange(pairs.num_sources), pairs.degrees())
    few = pairs.indices < number
    return Adjacency.from_edges(sources[few], pairs.indices[few], pairs.num_sources, 16)
