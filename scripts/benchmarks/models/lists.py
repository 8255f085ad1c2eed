"""A scorer's lists measured by `training.evaluation.metrics`, as those of the query layer are."""

import numpy as np

from benchmarks.data import EvalTask
from training.evaluation.metrics import Scorer, best_of, ndcg_at_k, recall_at_k
from training.sparse_ops import csr_of


def by_lists(asked: EvalTask, scorer: Scorer, k: int) -> tuple[float, float]:
    """Recall and NDCG of every query node's list of k."""
    queries = np.flatnonzero(asked.truth.degrees())
    ranked = best_of(scorer, queries, k, csr_of(asked.taken), asked.candidates)
    return (
        recall_at_k(ranked, queries, asked.truth, k),
        ndcg_at_k(ranked, queries, asked.truth, k),
    )
