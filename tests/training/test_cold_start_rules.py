"""Rules for new items: against a dense oracle, and on a world where the answer is known."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from graphrec import Adjacency, Recommender
from training.bundling import Learned, bundle_up
from training.cold_start import ColdStartConfig, ColdStartLearner
from training.data import load_graph
from training.encoders import GraphEncoder, SvdConfig, SvdEncoder
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.gnn import GnnConfig
from training.pairs import adjacency
from training.sparse_ops import csr_of

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
RETURNED = SCHEMA.edge_type("RETURNED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
IN_CATEGORY = SCHEMA.edge_type("IN_CATEGORY")
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
    """Products are alike, most so those of one brand; users and brands are anything."""
    rng = np.random.default_rng(2)
    found = {name: rng.normal(size=(n, DIM)).astype(np.float32) for name, n in SIZES.items()}
    tastes = rng.normal(size=(3, DIM))
    found["Product"] = (0.6 * found["Product"] + tastes[np.arange(9) % 3] + 1).astype(np.float32)
    return found


def learn(graph, vectors, **settings):
    return ColdStartLearner(graph, vectors, SCHEMA, PURCHASED, ColdStartConfig(**settings))


def dense(graph, edge, node_type):
    """Who is connected to whom, seen from one end, entry by entry."""
    other = edge.target if edge.source == node_type else edge.source
    edges = np.zeros((SIZES[node_type], SIZES[other]))
    for source, target in graph[edge].edge_index.T.tolist():
        if edge.source == edge.target:
            edges[source, target] = edges[target, source] = 1
        else:
            edges[(source, target) if edge.source == node_type else (target, source)] = 1
    return edges


def lengths(rows):
    return np.linalg.norm(rows, axis=-1)


def unit(rows):
    return rows / np.maximum(lengths(rows), 1e-12)[..., None]


def brothers(edges, known, trained):
    """The mean of the trained products of the same brand, without oneself."""
    alike = (edges @ edges.T > 0) & trained & ~np.eye(len(edges), dtype=bool)
    return alike @ known / np.maximum(alike.sum(1), 1)[:, None]


def test_rules_and_vectors_equal_the_dense_oracle(graph, vectors):
    trained = np.arange(9) < 7
    known = vectors["Product"] * trained[:, None].astype(float)
    also = dense(graph, ALSO, "Product")
    scale = np.maximum(also.sum(1), 1) ** -0.5
    parts = {
        MADE_BY: unit(brothers(dense(graph, MADE_BY, "Product"), known, trained)),
        ALSO: unit(scale[:, None] * also * scale @ known),
    }
    told = np.stack([part[:7].ravel() for part in parts.values()], axis=1)
    ridge = np.diag(np.sqrt(1e-2 * (told**2).sum(0)))
    own = np.concatenate([unit(known[:7]).ravel(), [0, 0]])
    weights = nnls(np.concatenate([told, ridge]), own)[0] * [0.5, 1]
    assert (weights > 0).all()
    total = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
    total /= np.median(lengths(total[:7])[lengths(total[:7]) > 1e-9])
    length = np.quantile(lengths(known[:7]), 0.4)

    settings = {
        "edge_type_weights": {str(MADE_BY): 0.5},
        "length_quantile": 0.4,
        "length_power": 0.5,
    }
    learner = learn(graph, vectors, **settings)
    rules = learner.rules()
    assert set(rules) == {"User", "Product", "Brand"}
    assert set(rules["Product"].neighbors) == {str(ALSO), str(PURCHASED)}
    assert set(rules["Product"].siblings) == {str(MADE_BY)}
    assert rules["Product"].neighbors[str(PURCHASED)] == max(
        rules["Product"].neighbors[str(ALSO)], rules["Product"].siblings[str(MADE_BY)]
    )
    assert rules["Product"].length == pytest.approx(length)
    found = learner.applied(rules)
    expected = length * total[7:] / lengths(total[7:])[:, None] ** 0.5
    np.testing.assert_allclose(found["Product"][7:], expected, rtol=1e-4, atol=1e-5)


def test_a_edge_that_tells_the_wrong_way_is_left_out(make_graph, vectors):
    """Related products point away from each other, those of one brand alike."""
    facing = np.array([1, 1, 1, 1, -1, -1, -1, -1, 1], np.float32)[:, None]
    turned = {**vectors, "Product": facing * np.ones((9, DIM), np.float32)}
    edges = {
        PURCHASED: [(p, p) for p in range(8)],
        ALSO: [(p, p + 4) for p in range(4)],
        MADE_BY: [(p, p // 4) for p in range(9)],
    }
    rule = learn(make_graph(SIZES, edges), turned).rules()["Product"]
    assert set(rule.siblings) == {str(MADE_BY)}
    assert set(rule.neighbors) == {str(PURCHASED)}


def test_same_brand_and_same_category_counts_beside(make_graph):
    """What a product is like follows from both at once, and from neither alone."""
    kind = np.arange(16) // 4  # four kinds: brand and category are its bits
    taste = np.array([[1, 0, 0, 0, 0], [-1, 0, 0, 0, 0], [-1, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
    sizes = {"User": 16, "Product": 16, "Brand": 2, "Category": 2}
    edges = {
        PURCHASED: [(p, p) for p in range(15)],
        MADE_BY: [(p, kind[p] // 2) for p in range(16)],
        IN_CATEGORY: [(p, kind[p] % 2) for p in range(16)],
    }
    told = {"Product": taste[kind].astype(np.float32)}  # neither brands nor categories have any
    learner = learn(make_graph(sizes, edges), told)
    rules = learner.rules()
    assert set(rules["Product"].siblings) == {str(MADE_BY), str(IN_CATEGORY)}
    assert rules["Product"].closest_siblings > 10 * max(rules["Product"].siblings.values())
    np.testing.assert_allclose(
        unit(learner.applied(rules)["Product"][15]), taste[kind[15]], atol=0.1
    )


def test_what_was_learned_stays_to_the_last_bit(graph, vectors):
    learner = learn(graph, vectors)
    found = learner.applied(learner.rules())
    for name, first in (("User", 11), ("Product", 7), ("Brand", 3)):
        assert found[name][:first].tobytes() == vectors[name][:first].tobytes()
    assert found["User"].tobytes() == vectors["User"].tobytes()  # nothing tells of the last one


def test_new_items_are_as_long_as_others_and_groups_may_be_of_any_length(graph, vectors):
    found = []
    for factor in (1, 1000):
        loud = {**vectors, "Brand": 1000 * vectors["Brand"]}
        loud["Product"] = factor * vectors["Product"]
        learner = learn(graph, loud)
        found.append(learner.applied(learner.rules())["Product"] / factor)
    learner = learn(graph, vectors)
    for one in found:
        plain = learner.applied(learner.rules())["Product"]
        np.testing.assert_allclose(one, plain, rtol=1e-4, atol=1e-5)


def test_a_longer_quantile_makes_new_items_longer_and_nothing_else(graph, vectors):
    found = []
    for quantile in (0.2, 0.8):
        learner = learn(graph, vectors, length_quantile=quantile)
        found.append(learner.applied(learner.rules())["Product"][7:])
    short, long = found
    ratios = lengths(long) / lengths(short)
    assert ratios[0] > 1
    np.testing.assert_allclose(long, ratios[0] * short, rtol=1e-5)


def test_edges_that_speak_against_or_for_nothing_are_left_out(make_graph, vectors):
    edges = {PURCHASED: [(0, 0), (1, 1)], VIEWED: [(2, 2)], RETURNED: [(0, 0)], ALSO: []}
    rules = learn(make_graph(SIZES, edges), vectors).rules()
    assert set(rules["Product"].edge_types) == {str(PURCHASED), str(VIEWED)}
    assert set(rules["Product"].trained_by) == {str(PURCHASED), str(VIEWED), str(RETURNED)}
    assert set(rules) == {"User", "Product"}
    without = {str(VIEWED): 0, str(PURCHASED): 0}
    assert learn(make_graph(SIZES, edges), vectors, edge_type_weights=without).rules() == {}


def test_a_weight_for_no_edge_type_is_named(graph, vectors):
    with pytest.raises(SchemaError, match="did you mean 'MADE_BY'"):
        learn(graph, vectors, edge_type_weights={"Product-MADEBY-Brand": 1})


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
    "svd": SvdEncoder(SCHEMA, PURCHASED, SvdConfig(dim=32, half_life_days=None)),
    "graph": GraphEncoder(
        SCHEMA, GnnConfig(dim=16, epochs=10, batch_size=64, num_random_negatives="all")
    ),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_served_as_trained_and_found_by_the_right_people(newly_listed, planted, name, tmp_path):
    graph, truth = newly_listed
    vectors = ENCODERS[name].fit(graph)
    learner = ColdStartLearner(graph, vectors, SCHEMA, PURCHASED)
    rules = learner.rules()
    applied = learner.applied(rules)
    bundle = bundle_up(
        tmp_path / "b",
        planted,
        graph,
        Learned(applied, cold_start=rules),
        cutoff=None,
        config={},
        metrics={},
    )
    recommender = Recommender(bundle)
    for row in range(16):
        connected = {str(MADE_BY): [f"b{row:02d}"]}
        new = recommender.embed_new("Product", connected)
        np.testing.assert_allclose(new, applied["Product"][row], rtol=1e-4, atol=1e-5)
    users, products = torch.from_numpy(vectors["User"]), torch.from_numpy(applied["Product"][:16])
    held, none = first_targets(truth, 16), csr_of(first_targets(truth, 0))
    reached = metrics_at_k(VectorScorer(users, products), none, held, 4).recall
    chance = 4 / 16
    assert reached > 2.5 * chance


def first_targets(pairs, number):
    sources = np.repeat(np.arange(pairs.num_sources), pairs.degrees())
    few = pairs.indices < number
    return Adjacency.from_edges(sources[few], pairs.indices[few], pairs.num_sources, 16)
