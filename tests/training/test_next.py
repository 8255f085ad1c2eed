"""What comes next, on sequences in which the order is planted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from training.config import TrainConfig
from training.data import ALWAYS_S
from training.encoders import NextConfig, NextEncoder, SvdConfig, next_rule, sources_of
from training.models import Run, make_encoder
from training.ridge import CrossCounts, conjugate_gradients, reduced_rank
from training.sequences import Sequences
from training.sparse_ops import SparseMatrix

PURCHASED, VIEWED = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("VIEWED")
SOURCES = sources_of("Product")
NUM_USERS, NUM_PRODUCTS = 200, 40


def fitted(graph, **config):
    config = NextConfig(**{"dim": 48, "regularisation": 1.0, **config})
    return NextEncoder(SCHEMA, PURCHASED, config).fit(graph)


@pytest.fixture(scope="module")
def chains(make_graph):
    """After product p always comes p + 1, in a ring; users begin somewhere and buy four."""
    first = np.random.default_rng(5).integers(NUM_PRODUCTS, size=NUM_USERS)
    bought = [
        (user, (start + step) % NUM_PRODUCTS, step)
        for user, start in enumerate(first.tolist())
        for step in range(4)
    ]
    sizes = {"User": NUM_USERS + 1, "Product": NUM_PRODUCTS + 1}
    return make_graph(sizes, {PURCHASED: bought})


def best_new(vectors, graph):
    scores = vectors["User"] @ vectors["Product"].T
    scores[tuple(graph[PURCHASED].edge_index.numpy())] = -np.inf
    return scores[:NUM_USERS].argmax(axis=1)


def following(graph):
    last = graph[PURCHASED].edge_index[1].reshape(NUM_USERS, 4)[:, -1].numpy()
    return (last + 1) % NUM_PRODUCTS


def test_what_always_follows_comes_first(chains):
    right = {
        backward: np.mean(
            best_new(fitted(chains, backward=backward, decay=0.99), chains) == following(chains)
        )
        for backward in (0.0, 1.0)
    }
    assert right[0.0] > 0.9
    assert right[1.0] < 0.7  # who forgets the order takes what came before the first for as likely


def test_the_model_learns_the_order_by_this_block(chains):
    right = {}
    for weight in (0.0, 20.0):
        config = TrainConfig(
            svd=SvdConfig(dim=32),
            next={"weight": weight, "dim": 48, "regularisation": 1.0, "backward": 0.0},
        )
        vectors = make_encoder(SCHEMA, PURCHASED, config, Run()).fit(chains)
        right[weight] = np.mean(best_new(vectors, chains) == following(chains))
    assert right[20.0] > 0.95 > 0.7 > right[0.0]


def test_equal_graphs_give_equal_bytes(chains):
    one, other = fitted(chains), fitted(chains)
    assert one.keys() == {"User", "Product", SOURCES}
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_the_order_of_rows_does_not_matter(chains):
    shuffled = chains.clone()
    order = torch.randperm(NUM_USERS * 4, generator=torch.Generator().manual_seed(1))
    for name in ("edge_index", "at_s", "count"):
        shuffled[PURCHASED][name] = chains[PURCHASED][name][..., order]
    for name, vectors in fitted(shuffled).items():
        np.testing.assert_array_equal(vectors, fitted(chains)[name])


def test_who_did_nothing_and_what_nobody_bought_are_zero(chains):
    vectors = fitted(chains)
    assert not vectors["User"][NUM_USERS].any()
    assert not vectors["Product"][NUM_PRODUCTS].any()
    assert not vectors[SOURCES][NUM_PRODUCTS].any()
    assert vectors["User"][:NUM_USERS].any(axis=1).all()


def test_without_times_or_without_a_second_step_there_is_no_block(make_graph):
    sizes = {"User": 2, "Product": 3}
    undated = make_graph(sizes, {PURCHASED: [(0, 0, ALWAYS_S), (0, 1, ALWAYS_S)]})
    at_once = make_graph(sizes, {PURCHASED: [(0, 0, 5), (0, 1, 5), (1, 2, 7)]})
    only_viewed = make_graph(sizes, {VIEWED: [(0, 0, 5), (0, 1, 6)], PURCHASED: []})
    assert [fitted(graph) for graph in (undated, at_once, only_viewed)] == [{}, {}, {}]
    config = TrainConfig(svd=SvdConfig(dim=32))
    assert make_encoder(SCHEMA, PURCHASED, config, Run()).fit(at_once)["User"].any()


def test_users_are_sums_over_steps_that_decay(make_graph):
    # A basket of two, a view (a fifth of a step), a purchase: ages 1.2, 1 and 0.
    events = {PURCHASED: [(0, 0, 10), (0, 1, 10), (0, 2, 30), (1, 2, 5)], VIEWED: [(0, 3, 20)]}
    graph = make_graph({"User": 3, "Product": 4}, events)
    sequences = Sequences.of(graph, PURCHASED, {PURCHASED: 1.0, VIEWED: 0.2})
    expected = [[0.5**1.2, 0.5**1.2, 1, 0.2 * 0.5], [0, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(sequences.histories(0.5).to_dense(), expected)
    vectors = fitted(graph, decay=0.5)
    np.testing.assert_allclose(vectors["User"], expected @ vectors[SOURCES], atol=1e-6)


def test_examples_worked_by_hand(make_graph):
    bought = [(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 2, 1), (1, 0, 2)]
    graph = make_graph({"User": 2, "Product": 4}, {PURCHASED: bought, VIEWED: [(1, 3, 3)]})
    sequences = Sequences.of(graph, PURCHASED, {PURCHASED: 1.0, VIEWED: 1.0})
    past, future = sequences.examples(0.5, 10, 100)
    # Steps 1 and 2 of the first user, step 1 of the second; the view is nothing to predict.
    np.testing.assert_allclose(past.rows.to_dense(), [[1, 0, 0, 0], [0.5, 1, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_allclose(future.rows.to_dense(), [[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]])
    newest, _ = sequences.examples(0.5, 10, 3)
    np.testing.assert_allclose(newest.rows.to_dense(), [[0.5, 1, 0, 0], [0, 0, 1, 0]])
    single, _ = sequences.examples(0.5, 1, 100)
    np.testing.assert_allclose(single.rows.to_dense(), [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])


def test_a_bad_rating_is_no_step(make_graph):
    graph = make_graph({"User": 1, "Product": 3}, {PURCHASED: [(0, 0, 1), (0, 1, 2), (0, 2, 3)]})
    graph[PURCHASED].opinion = torch.tensor([1.0, -1.0, 0.5])
    sequences = Sequences.of(graph, PURCHASED, {PURCHASED: 1.0})
    np.testing.assert_allclose(sequences.histories(0.5).to_dense(), [[0.5, 0, 1]])


def random_counts(seed, num_rows=60, n=12):
    generator = torch.Generator().manual_seed(seed)
    dense = [(torch.rand(num_rows, n, generator=generator) < 0.3).float() for _ in range(2)]
    sparse = [SparseMatrix.from_coordinates(one.to_sparse().coalesce()) for one in dense]
    return dense, CrossCounts(*sparse, backward=0.4, regularisation=2.0)


def test_full_rank_is_the_ridge_regression():
    (past, future), counts = random_counts(0)
    cross = past.T @ future + 0.4 * future.T @ past
    cross.fill_diagonal_(0)
    gram = past.T @ past + 0.4 * future.T @ future + 2 * torch.eye(12)
    expected = torch.linalg.solve(gram, cross)
    sources, targets = reduced_rank(counts, 12, 0.3, iterations=2, seed=0)
    np.testing.assert_allclose(sources @ targets.T, expected, atol=2e-3)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_a_lower_rank_is_the_best_of_its_rank(exponent):
    (past, future), counts = random_counts(1)
    cross = past.T @ future + 0.4 * future.T @ past
    cross.fill_diagonal_(0)
    gram = past.T @ past + 0.4 * future.T @ future + 2 * torch.eye(12)
    scale = cross.sum(0) ** exponent
    root = torch.linalg.cholesky(gram)  # |root^T (W - A B^T) / scale| is what is minimised
    whole = torch.linalg.solve(root, cross / scale)
    sources, targets = reduced_rank(counts, 4, exponent, iterations=12, seed=0)
    missed = (whole - root.T @ (sources @ targets.T) / scale).square().sum()
    least = torch.linalg.svdvals(whole)[4:].square().sum()
    assert float(missed) == pytest.approx(float(least), rel=1e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_conjugate_gradients_solve(seed):
    generator = torch.Generator().manual_seed(seed)
    half = torch.randn(20, 8, generator=generator)
    gram = half.T @ half + torch.eye(8)
    right = torch.randn(8, 3, generator=generator)
    right[:, 1] = 0
    found = conjugate_gradients(
        lambda dense: gram @ dense, 1 / gram.diagonal()[:, None], right, 1e-4
    )
    np.testing.assert_allclose(found, torch.linalg.solve(gram, right), atol=1e-3)


def test_weights_of_relations(make_graph):
    with pytest.raises(SchemaError, match="no relation 'FOLLOWS'"):
        fitted(make_graph({"User": 1, "Product": 1}, {}), event_weights={"FOLLOWS": 0.5})
    sizes = {"User": 30, "Product": 6}
    rng = np.random.default_rng(0)
    bought = [(user, int(rng.integers(6)), step) for user in range(30) for step in (0, 2, 4)]
    viewed = [(user, int(rng.integers(6)), step) for user in range(30) for step in (1, 3, 5)]
    graph = make_graph(sizes, {PURCHASED: bought, VIEWED: viewed})
    silent = fitted(graph, event_weights={"VIEWED": 0.0})
    alone = fitted(make_graph(sizes, {PURCHASED: bought, VIEWED: []}))
    np.testing.assert_array_equal(silent["User"], alone["User"])
    assert np.abs(fitted(graph)["User"] - alone["User"]).max() > 1e-3
    rule, sources = next_rule(SCHEMA, PURCHASED, NextConfig(), fitted(graph))
    assert rule.event_weights[str(PURCHASED)] == 1 and rule.event_weights[str(VIEWED)] == 0.2
    assert sources.shape == (6, rule.stop - rule.start)


def test_features_are_columns_beside_the_products_own():
    (past, future), counts = random_counts(3)
    features = torch.zeros(12, 3)
    features[torch.arange(12), torch.arange(12) % 3] = 0.5
    sparse = SparseMatrix.from_coordinates(features.to_sparse().coalesce())
    cross = past.T @ future + 0.4 * future.T @ past
    cross.fill_diagonal_(0)
    both = torch.cat([torch.eye(12), features], dim=1)
    gram = past.T @ past + 0.4 * future.T @ future
    inner = both.T @ gram @ both + 2 * torch.eye(15)
    expected = both @ torch.linalg.solve(inner, both.T @ cross)
    counts = CrossCounts(counts.past, counts.following, 0.4, 2.0, sparse)
    sources, targets = reduced_rank(counts, 12, 0.3, iterations=2, seed=0)
    np.testing.assert_allclose(sources @ targets.T, expected, atol=5e-3)


def test_a_new_product_is_a_source_like_those_of_its_brand(make_graph):
    made_by = SCHEMA.edge_type("MADE_BY")
    bought = [
        (user, product, step)
        for user in range(40)
        for step, product in enumerate((user % 4, 4 + user % 4))
    ]
    brands = [(product, product % 4) for product in range(8)] + [(8, 2)]
    graph = make_graph(
        {"User": 40, "Product": 10, "Brand": 4}, {PURCHASED: bought, made_by: brands}
    )
    vectors = fitted(graph, dim=10, backward=0.0)
    scores = vectors[SOURCES] @ vectors["Product"].T
    assert scores[8].argmax() == 6  # product 2 is followed by 6, and 8 is of the same brand
    assert not vectors[SOURCES][9].any()
    alone = fitted(graph, dim=10, edge_type_weights={}, backward=0.0)
    assert not alone[SOURCES][8].any()
    with pytest.raises(SchemaError, match="cannot hold User-FOLLOWS-Brand"):
        fitted(graph, edge_type_weights={"User-FOLLOWS-Brand": 1.0})
