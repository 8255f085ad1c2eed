"""How much a model finds: against the query layer's metrics, and worked out by hand."""

import math

import numpy as np
import pytest
import torch

from graphdb.errors import InsufficientDataError, TrainingError
from graphrec.bundle import Adjacency
from training.evaluation.metrics import VectorScorer, metrics_at_k, ndcg_at_k, recall_at_k
from training.sparse_ops import csr_of


class Table:
    """Scores as they are given."""

    def __init__(self, rows):
        self.table = torch.tensor(rows, dtype=torch.float32)
        self.num_targets = self.table.shape[1]

    def scores(self, rows):
        return self.table[rows]


def pairs(lists, num_targets):
    """One list of targets per query node."""
    sources = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    targets = np.array([target for one in lists for target in one], dtype=np.int64)
    return Adjacency.from_edges(sources, targets, len(lists), num_targets)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 5, 30])  # 30 is more than there are targets
def test_equal_to_the_metrics_of_ranked_lists(seed, k, monkeypatch):
    monkeypatch.setattr("training.evaluation.metrics.BLOCK_SCORES", 60)
    rng = np.random.default_rng(seed)
    queries, targets = rng.normal(size=(30, 4)), rng.normal(size=(20, 4))
    owner = rng.integers(3, size=(30, 20))  # 0 taken, 1 to be found, 2 neither
    owner[rng.random(30) < 0.2] = 2
    taken, truth = (Adjacency.from_edges(*np.nonzero(owner == kind), 30, 20) for kind in (0, 1))
    scores = queries @ targets.T
    scores[owner == 0] = -np.inf
    asked = np.flatnonzero(truth.degrees())
    ranked = np.argsort(-scores[asked], axis=1)
    scorer = VectorScorer(*(torch.from_numpy(v).float() for v in (queries, targets)))
    found = metrics_at_k(scorer, csr_of(taken), truth, k)
    assert found.recall == pytest.approx(recall_at_k(ranked, asked, truth, k))
    assert found.ndcg == pytest.approx(ndcg_at_k(ranked, asked, truth, k))
    hits = (owner[asked] == 1)[np.arange(len(asked))[:, None], ranked[:, :k]]
    assert found.hit_rate == pytest.approx(hits.any(axis=1).mean())
    assert found.precision == pytest.approx(hits.sum(axis=1).mean() / k)


THREE = Table([[4, 3, 2, 1], [1, 2, 3, 4], [4, 1, 3, 2]])
TRUTH = pairs([[1, 3], [0], []], 4)  # the third query node has nothing to find and does not count


def test_worked_out_by_hand():
    # seed 0 ranks 0 1 | 2 3: one of its two at rank 2; seed 1 ranks 3 2 | 1 0: a miss
    found = metrics_at_k(THREE, None, TRUTH, 2)
    ndcg = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert found == pytest.approx((1 / 4, ndcg / 2, 1 / 2, 1 / 4))


def test_what_was_taken_is_no_answer_even_where_it_is_true():
    # seed 0 is left with 2 alone, so three places stay empty; its true 1 is taken
    found = metrics_at_k(THREE, csr_of(pairs([[0, 1, 3], [3], []], 4)), TRUTH, 4)
    # seed 1 ranks 2 1 0 with the hit at rank 3
    assert found == pytest.approx((1 / 2, 1 / 2 / math.log2(4), 1 / 2, 1 / 8))


def test_only_candidates_are_ranked_and_looked_for():
    cold = torch.tensor([False, True, True, False])
    # seed 0 ranks 1 2 and only has to find 1; seed 1's only true target is no candidate
    assert metrics_at_k(THREE, None, TRUTH, 2, candidates=cold) == (1, 1, 1, 1 / 2)
    # the scores are not the model's to keep: measuring again gives the same
    assert metrics_at_k(THREE, None, TRUTH, 2).recall == 1 / 4


def test_nothing_true_to_find():
    with pytest.raises(InsufficientDataError, match="none of 3 queries has true targets"):
        metrics_at_k(THREE, None, pairs([[], [], []], 4), 2)
    warm = torch.tensor([False, False, True, False])
    with pytest.raises(InsufficientDataError, match="evaluate on more targets"):
        metrics_at_k(THREE, None, TRUTH, 2, candidates=warm)


def test_wrong_questions():
    with pytest.raises(TrainingError, match="k is 0; expected 1 or more"):
        metrics_at_k(THREE, None, TRUTH, 0)
    with pytest.raises(TrainingError, match="scores 4 targets; expected the 5 of the truth"):
        metrics_at_k(THREE, None, pairs([[0], [], []], 5), 2)
    with pytest.raises(TrainingError, match="NaN or infinite scores"):
        metrics_at_k(Table([[1, math.nan, 0, 0]] * 3), None, TRUTH, 2)
