"""A scorer's lists measured by `training.evaluation.metrics`, as those of the query layer are."""

import numpy as np
import torch
from bench_data import Question

from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.gnn.products import owners_of
from training.scoring import BLOCK_SCORES, Scorer


def by_lists(asked: Question, scorer: Scorer, k: int) -> tuple[float, float]:
    """Recall and NDCG of every seed's list of k."""
    seeds = np.flatnonzero(asked.truth.degrees())
    step = max(BLOCK_SCORES // scorer.num_targets, 1)
    parts = []
    for start in range(0, len(seeds), step):
        rows = seeds[start : start + step]
        scores = scorer.scores(torch.from_numpy(rows))
        lengths = torch.from_numpy(asked.taken.degrees()[rows])
        scores[owners_of(lengths), torch.from_numpy(asked.taken.gather(rows)).long()] = -torch.inf
        if asked.candidates is not None:
            scores[:, ~asked.candidates] = -torch.inf
        best = torch.topk(scores, k, dim=1)
        parts.append(best.indices.masked_fill(best.values == -torch.inf, -1).numpy())
    ranked = np.concatenate(parts)
    return (
        recall_at_k(ranked, seeds, asked.truth, k),
        ndcg_at_k(ranked, seeds, asked.truth, k),
    )
