"""Factors of low rank from what came before to what came next, learned by a softmax loss."""

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import embedding, softplus

from training.sparse_ops import SparseMatrix, gather_rows, multiply, multiply_rows, owners_of

Tensor = torch.Tensor

_SPREAD = 0.05  # the standard deviation of the first vectors


@dataclass(frozen=True, slots=True)
class SoftmaxPlan:
    """How the factors are learned.

    Args:
        dim: The dimensions of the factors.
        epochs: How often all examples are seen; the learning rate falls to 0 in a straight line.
        learning_rate: Of Adam, at the beginning.
        dropout: The share of the numbers of a sum of source vectors that a step leaves out.
        batch_size: The rows of a step.
        num_random_negatives: Columns drawn for a step, alike for all its rows.
        seed: Of the first vectors, the order of rows, the negatives and dropout.
    """

    dim: int
    epochs: int
    learning_rate: float
    dropout: float
    batch_size: int
    num_random_negatives: int
    seed: int


def softmax_factors(
    past: SparseMatrix, following: SparseMatrix, features: SparseMatrix | None, plan: SoftmaxPlan
) -> tuple[Tensor, Tensor]:
    """A and B such that the softmax of x A B^T over all columns tells what follows x.

    For every entry of Y, minimised is -log of its share in the softmax of its row. The sum over all
    columns is estimated from the columns drawn for the step, those that the row has in Y left out
    (sampled softmax, Jean et al., "On Using Very Large Target Vocabulary for Neural Machine
    Translation", ACL 2015, section 3, with an even distribution). With features F, both factors are
    [I F] times vectors that are learned, so that columns with few entries learn from those alike.

    Args:
        past: X, float32 [num_rows, n].
        following: Y, float32 [num_rows, n], above 0 where something followed.
        features: F, float32 [n, num_features]; None for no features.

    Returns:
        A and B, float32 [n, dim] each. Rows of B are zero for columns without entries in X and Y,
        rows of A for those that have no feature either.
    """
    num_rows, n = past.shape
    generator = torch.Generator().manual_seed(plan.seed)
    met = (_met(past) | _met(following))[:, None]
    own = [_begun(n, plan.dim, generator) for _ in range(2)]
    shared = [_begun(features.shape[1], plan.dim, generator) for _ in own] if features else []
    learned = [*own, *shared]

    def factors() -> tuple[Tensor, Tensor]:
        sources, targets = (one * met for one in own)
        if features is not None:
            sources = sources + multiply(features, shared[0])
            targets = targets + multiply(features, shared[1]) * met
        return sources, targets

    optimizer = torch.optim.Adam(learned, lr=plan.learning_rate, fused=True)
    steps = plan.epochs * math.ceil(num_rows / plan.batch_size)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, max(steps, 1))
    for _ in range(plan.epochs):
        order = torch.randperm(num_rows, generator=generator)
        for rows in torch.split(order, plan.batch_size):
            sources, targets = factors()
            queries = multiply_rows(past, rows, sources)  # [S, d]
            kept = torch.rand(queries.shape, generator=generator) >= plan.dropout
            queries = queries * kept / (1 - plan.dropout)
            drawn = torch.randperm(n, generator=generator)[: plan.num_random_negatives]
            loss = softmax_loss(queries, targets, following, rows, drawn)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        sources, targets = factors()
    return sources, targets


def _met(matrix: SparseMatrix) -> Tensor:
    """Whether a column has entries, bool [n]."""
    return matrix.transposed.crow_indices().diff() > 0


def _begun(num_rows: int, dim: int, generator: torch.Generator) -> Tensor:
    return (_SPREAD * torch.randn(num_rows, dim, generator=generator)).requires_grad_()


def softmax_loss(
    queries: Tensor, targets: Tensor, following: SparseMatrix, rows: Tensor, drawn: Tensor
) -> Tensor:
    """The mean over the entries of some rows of Y of -log of their share in the softmax.

    Args:
        queries: float32 [num_rows, dim], of these rows.
        targets: float32 [n, dim].
        rows: int64 [num_rows], the rows of Y.
        drawn: int64 [num_drawn], the columns that stand for all.
    """
    columns, _, lengths = gather_rows(following.rows, rows)
    owners = owners_of(lengths)
    place = torch.full((len(targets),), -1)
    place[drawn] = torch.arange(len(drawn))
    is_drawn = place[columns] >= 0
    logits = queries @ targets[drawn].T  # [S, C]
    logits[owners[is_drawn], place[columns[is_drawn]]] = torch.finfo(logits.dtype).min
    others = logits.logsumexp(1) + math.log(len(targets) / len(drawn))  # [S]
    # Not by queries[owners]: the order in which its gradients are summed depends on threads.
    reached = (embedding(owners, queries) * embedding(columns, targets)).sum(1)  # [P]
    return softplus(others.index_select(0, owners) - reached).mean()
