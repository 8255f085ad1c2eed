"""Full-ranking recall and NDCG on the device where the vectors are."""

from typing import NamedTuple

import torch

from training.gnn.products import gather_rows, owners_of

Tensor = torch.Tensor

BLOCK_SCORES = 2**25  # float32 scores held at once: 128 MB


class Reached(NamedTuple):
    """Means over the seeds that have anything true to find."""

    recall: float
    ndcg: float


@torch.no_grad()
def reached_at_k(seeds: Tensor, targets: Tensor, taken: Tensor, truth: Tensor, k: int) -> Reached:
    """How much of the truth stands among the k best targets that a seed has not taken.

    The same figures as `recall_at_k` and `ndcg_at_k` give for what the query layer ranks with
    `exclude_seen`, but that scores here are float32 and not broken ties of float64.

    Args:
        seeds: float [num_seeds, dim].
        targets: float [num_targets, dim].
        taken: What stands in training, CSR [num_seeds, num_targets].
        truth: What was held out, in the same form.
    """
    num_true = truth.crow_indices().diff()
    asked = torch.nonzero(num_true).flatten()
    k = min(k, len(targets))
    discounts = 1 / torch.log2(torch.arange(2, k + 2, device=seeds.device, dtype=torch.float64))
    best = torch.cumsum(discounts, 0)
    recall = torch.zeros((), dtype=torch.float64, device=seeds.device)
    ndcg = torch.zeros_like(recall)
    block = max(BLOCK_SCORES // len(targets), 1)
    for rows in torch.split(asked, block):
        scores = seeds[rows] @ targets.T
        scores[_places(taken, rows)] = -torch.inf
        ranked = torch.topk(scores, k, dim=1).indices
        is_true = torch.zeros_like(scores, dtype=torch.bool)
        is_true[_places(truth, rows)] = True
        hits = is_true.gather(1, ranked).double()
        recall += (hits.sum(1) / num_true[rows]).sum()
        ndcg += (hits @ discounts / best[num_true[rows].clamp(max=k) - 1]).sum()
    return Reached(float(recall / len(asked)), float(ndcg / len(asked)))


def _places(pairs: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of some rows: the position of the row among them, and the column."""
    columns, _, lengths = gather_rows(pairs, rows)
    return owners_of(lengths), columns
