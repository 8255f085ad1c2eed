"""How well hidden products are found, and what that costs the others."""

from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.cold_start.cases import Case, bought_before
from benchmarks.cold_start.hiding import Rows, columns, mask_of
from graphrec.bundle import Adjacency
from training.encoders import Vectors
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.pairs import with_targets
from training.sparse_ops import csr_of

K = 20


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Scores that are there already, float32 [num_users, num_hidden]."""

    matrix: torch.Tensor

    @property
    def num_targets(self) -> int:
        return self.matrix.shape[1]

    def scores(self, rows: torch.Tensor) -> torch.Tensor:
        return self.matrix[rows].clone()


@dataclass(frozen=True, slots=True)
class Found:
    """recall@20 and NDCG@20 among the hidden products."""

    recall: float
    ndcg: float


@dataclass(frozen=True, slots=True)
class Rivalry:
    """recall@20 when hidden and other products compete.

    Args:
        hidden: Of what is hidden.
        warm: Of all other products.
        warm_alone: The same where the hidden ones do not compete.
    """

    hidden: float
    warm: float
    warm_alone: float

    @property
    def loss(self) -> float:
        """The share of the others' recall that is lost."""
        return 1 - self.warm / self.warm_alone


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Which hidden products each user bought: in the held-out part, and in the training part."""

    later: Adjacency
    before: Adjacency

    @classmethod
    def of(cls, case: Case, hidden: Rows) -> "Asked":
        return cls(columns(case.truth, hidden), columns(bought_before(case), hidden))

    def found(self, scorer: VectorScorer | Given) -> tuple[Found, Found]:
        both = []
        for truth in (self.later, self.before):
            reached = metrics_at_k(scorer, None, truth, K)
            both.append(Found(reached.recall, reached.ndcg))
        return both[0], both[1]

    def by_chance(self) -> tuple[Found, Found]:
        return chance(self.later, K), chance(self.before, K)


def chance(truth: Adjacency, k: int) -> Found:
    """What a random order finds on average: each place is right with the same probability."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    places = min(k, truth.num_targets)
    numbers = truth.degrees()[truth.degrees() > 0]
    gained = numbers / truth.num_targets * discounts[:places].sum()
    best = np.cumsum(discounts)[np.minimum(numbers, k) - 1]
    return Found(places / truth.num_targets, float((gained / best).mean()))


def rivalry(case: Case, vectors: Vectors, hidden: Rows, new: np.ndarray) -> Rivalry:
    """Among all products, hidden ones by what they were encoded to."""
    seed, product = case.target_edge_type.source, case.target_edge_type.target
    products = vectors[product].copy()
    products[hidden] = new
    scorer = VectorScorer(torch.from_numpy(vectors[seed]), torch.from_numpy(products))
    is_hidden = torch.from_numpy(mask_of(hidden, len(products)))
    taken = None if case.taken is None else csr_of(with_targets(case.taken, ~is_hidden.numpy()))
    warm, cold = (with_targets(case.truth, one.numpy()) for one in (~is_hidden, is_hidden))

    def recall(truth: Adjacency, candidates: torch.Tensor) -> float:
        return metrics_at_k(scorer, taken, truth, K, candidates=candidates).recall

    return Rivalry(
        hidden=recall(cold, case.candidates),
        warm=recall(warm, case.candidates),
        warm_alone=recall(warm, case.candidates & ~is_hidden),
    )
