"""Factors learned by a softmax loss: the loss by hand, and what is planted in sequences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from graphdb.schema import SCHEMA
from training.encoders import NextConfig, NextEncoder, sources_of
from training.softmax_factors import SoftmaxPlan, softmax_factors, softmax_loss
from training.sparse_ops import SparseMatrix

PURCHASED, MADE_BY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY")
SOURCES = sources_of("Product")
PLAN = SoftmaxPlan(
    dim=16,
    epochs=30,
    learning_rate=0.02,
    dropout=0.0,
    batch_size=64,
    num_random_negatives=100,
    seed=0,
)


def sparse(dense):
    return SparseMatrix.from_coordinates(dense.to_sparse().coalesce())


def random_steps(num_rows=40, n=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    following = (torch.rand(num_rows, n, generator=generator) < 0.3).float()
    following[:, 0] = 1  # every row has one at least
    return torch.rand(num_rows, n, generator=generator), following


def test_the_loss_over_all_columns_is_the_softmax_of_each_entry_against_the_others():
    _, following = random_steps()
    generator = torch.Generator().manual_seed(1)
    queries = torch.randn(40, 4, generator=generator, requires_grad=True)
    targets = torch.randn(9, 4, generator=generator, requires_grad=True)
    rows = torch.tensor([3, 0, 17])
    found = softmax_loss(queries[rows], targets, sparse(following), rows, torch.randperm(9))
    expected = []
    for row in rows.tolist():
        logits = queries[row] @ targets.T
        others = [logits[column] for column in range(9) if not following[row, column]]
        for column in torch.nonzero(following[row])[:, 0].tolist():
            whole = torch.stack([*others, logits[column]]).logsumexp(0)
            expected.append(whole - logits[column])
    oracle = torch.stack(expected).mean()
    torch.testing.assert_close(found, oracle)
    for mine, theirs in zip(
        torch.autograd.grad(found, [queries, targets]),
        torch.autograd.grad(oracle, [queries, targets]),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_drawn_columns_stand_for_all():
    following = torch.zeros(1, 9)
    following[0, 8] = 1
    queries, targets = torch.ones(1, 1), torch.full((9, 1), 0.5)
    drawn = torch.tensor([1, 4, 6])
    found = softmax_loss(queries, targets, sparse(following), torch.tensor([0]), drawn)
    assert found.item() == pytest.approx(np.log(10))  # nine others, and itself


def test_a_row_that_was_followed_by_all_drawn_has_no_loss():
    following = torch.ones(1, 3)
    queries = torch.ones(1, 2, requires_grad=True)
    targets = torch.ones(3, 2)
    found = softmax_loss(queries, targets, sparse(following), torch.tensor([0]), torch.arange(3))
    assert found.item() == 0
    assert not torch.autograd.grad(found, queries)[0].any()


def test_the_first_step_is_that_of_the_oracle():
    past, following = random_steps()
    plan = replace(PLAN, epochs=1, batch_size=40, learning_rate=0.01)
    generator = torch.Generator().manual_seed(0)
    sources = (0.05 * torch.randn(9, 16, generator=generator)).requires_grad_()
    targets = (0.05 * torch.randn(9, 16, generator=generator)).requires_grad_()
    logits = past @ sources @ targets.T
    shares = torch.where(following > 0, -torch.inf, logits).logsumexp(1, keepdim=True)
    loss = (torch.logaddexp(shares, logits) - logits)[following > 0].mean()
    loss.backward()
    learned = softmax_factors(sparse(past), sparse(following), None, plan)
    for begun, found in zip((sources, targets), learned, strict=True):
        # The first step of Adam is as long for every number: its sign alone tells the gradient.
        np.testing.assert_allclose(found, begun.detach() - 0.01 * begun.grad.sign(), atol=1e-4)


@pytest.mark.parametrize("num_random_negatives", [100, 5])
def test_what_followed_gets_the_largest_share(num_random_negatives):
    past, following = torch.eye(12), torch.eye(12).roll(1, dims=1)
    plan = replace(PLAN, num_random_negatives=num_random_negatives, epochs=200, dropout=0.2)
    sources, targets = softmax_factors(sparse(past), sparse(following), None, plan)
    np.testing.assert_array_equal((sources @ targets.T).argmax(1), (torch.arange(12) + 1) % 12)


def test_seeds_decide_and_equal_seeds_give_equal_bytes():
    past, following = map(sparse, random_steps())
    plan = replace(PLAN, epochs=2, dropout=0.3, num_random_negatives=4)
    one, same, other = (
        softmax_factors(past, following, None, replace(plan, seed=seed)) for seed in (0, 0, 1)
    )
    assert all(torch.equal(*pair) for pair in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])


def fitted(graph, **config):
    given = {"dim": 16, "epochs": 40, "learning_rate": 0.02, "batch_size": 64, "dropout": 0.1}
    return NextEncoder(SCHEMA, PURCHASED, NextConfig(**{**given, **config})).fit(graph)


@pytest.fixture(scope="module")
def chains(make_graph):
    """Product p is followed by p + 1 in a ring of 40; products 40 and 41 nobody bought."""
    first = np.random.default_rng(5).integers(40, size=200)
    bought = [
        (user, (start + step) % 40, step)
        for user, start in enumerate(first.tolist())
        for step in range(4)
    ]
    brands = [(product, product) for product in range(40)] + [(40, 7)]
    sizes = {"User": 201, "Product": 42, "Brand": 40}
    return make_graph(sizes, {PURCHASED: bought, MADE_BY: brands})


def test_users_are_shown_what_follows_their_last_product(chains):
    vectors = fitted(chains)
    scores = vectors["User"] @ vectors["Product"][:40].T
    scores[tuple(chains[PURCHASED].edge_index.numpy())] = -np.inf
    last = chains[PURCHASED].edge_index[1].reshape(200, 4)[:, -1].numpy()
    assert np.mean(scores[:200].argmax(axis=1) == (last + 1) % 40) > 0.95


def test_products_without_events_learn_from_their_brand_or_are_zero(chains):
    vectors = fitted(chains)
    assert (vectors[SOURCES] @ vectors["Product"][:40].T)[40].argmax() == 8  # as product 7's
    assert not vectors[SOURCES][41].any() and not vectors["Product"][40:].any()
    assert not vectors["User"][200].any()
    alone = fitted(chains, edge_type_weights={}, epochs=1)
    assert not alone[SOURCES][40].any()
