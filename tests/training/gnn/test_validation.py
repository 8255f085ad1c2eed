"""Recall and NDCG on the device equal those of the query layer's metrics."""

import numpy as np
import pytest
import torch

from graphrec.bundle import Adjacency
from training.gnn.validation import reached_at_k
from training.metrics import ndcg_at_k, recall_at_k
from training.sparse import csr_of


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_the_metrics_of_ranked_lists(seed, monkeypatch):
    monkeypatch.setattr("training.gnn.validation.BLOCK_SCORES", 60)
    rng = np.random.default_rng(seed)
    seeds, targets = rng.normal(size=(30, 4)), rng.normal(size=(20, 4))
    owner = rng.integers(3, size=(30, 20))  # 0 taken, 1 to be found, 2 neither
    owner[rng.random(30) < 0.2] = 2
    taken, truth = (Adjacency.from_edges(*np.nonzero(owner == kind), 30, 20) for kind in (0, 1))
    scores = seeds @ targets.T
    scores[owner == 0] = -np.inf
    asked = np.flatnonzero(truth.degrees())
    ranked = np.argsort(-scores[asked], axis=1)
    found = reached_at_k(
        *(torch.from_numpy(v).float() for v in (seeds, targets)), csr_of(taken), csr_of(truth), 5
    )
    assert found.recall == pytest.approx(recall_at_k(ranked, asked, truth, 5))
    assert found.ndcg == pytest.approx(ndcg_at_k(ranked, asked, truth, 5))
