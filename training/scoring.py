"""What a model that is measured has to give, and how much it finds, on the device where it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from graphdb.errors import NotEnoughDataError, TrainingError
from graphdb.schema_types import EdgeType
from training.gnn.products import gather_rows, owners_of, starts_of
from training.sparse import csr

Tensor = torch.Tensor

BLOCK_SCORES = 2**25  # float32 scores held at once: 128 MB


class Scorer(Protocol):
    """Scores every target for any seed. Vectors can do that; so can models that have none."""

    @property
    def num_targets(self) -> int:
        """Length of a row of scores."""
        ...

    def scores(self, rows: Tensor) -> Tensor:
        """A score for every target, float32 [len(rows), num_targets]; higher is better, all finite.

        The result is the caller's to write into.

        Args:
            rows: Seed rows, int64, in any order, on the scorer's device.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class VectorScorer:
    """Scores by the dot product of two vectors.

    Args:
        seeds: float [num_seeds, dim].
        targets: float [num_targets, dim].
    """

    seeds: Tensor
    targets: Tensor

    @classmethod
    def along(
        cls, vectors: Mapping[str, npt.NDArray[np.float32]], direction: EdgeType
    ) -> "VectorScorer":
        """From what an encoder gave, on the CPU."""
        ends = (direction.source, direction.target)
        return cls(*(torch.from_numpy(vectors[end]) for end in ends))

    @property
    def num_targets(self) -> int:
        return len(self.targets)

    def scores(self, rows: Tensor) -> Tensor:
        return (self.seeds[rows] @ self.targets.T).float()


class Reached(NamedTuple):
    """Means over the seeds that have anything true to find.

    Args:
        recall: The share of a seed's true targets among its first k.
        ndcg: Binary NDCG, see `training.evaluation.metrics`.
        hit_rate: The share of seeds with a true target among their first k.
        precision: The share of true targets among k places, empty places included.
    """

    recall: float
    ndcg: float
    hit_rate: float
    precision: float


@torch.no_grad()
def reached_at_k(
    scorer: Scorer,
    taken: Tensor | None,
    truth: Tensor,
    k: int,
    *,
    candidates: Tensor | None = None,
) -> Reached:
    """How much of the truth stands among the k best targets that a seed has not taken.

    The same figures as `recall_at_k` and `ndcg_at_k` give for what the query layer ranks, but
    that scores here are float32 and not broken ties of float64.

    Args:
        taken: What stands in training and is no answer, CSR [num_seeds, num_targets]; None
            leaves nothing out.
        truth: What was held out, in the same form.
        candidates: Which targets can be answers, bool [num_targets]: only these are ranked, and
            only what is true among them has to be found. All by default.

    Raises:
        NotEnoughDataError: No seed has anything true among the candidates.
        TrainingError: k is below 1, the truth has another number of targets than the scorer, or
            a score is not finite.
    """
    _check(scorer, truth, k)
    if candidates is not None:
        truth = _within(truth, candidates)
    num_true = truth.crow_indices().diff()
    asked = torch.nonzero(num_true).flatten()
    if not len(asked):
        raise NotEnoughDataError(
            f"none of {len(num_true)} seeds has anything true to find",
            next_step="hold out more, or measure on more targets",
        )
    discounts = 1 / torch.log2(torch.arange(2, k + 2, device=truth.device, dtype=torch.float64))
    best = torch.cumsum(discounts, 0)
    totals = torch.zeros(4, dtype=torch.float64, device=truth.device)
    for rows in torch.split(asked, max(BLOCK_SCORES // scorer.num_targets, 1)):
        hits = _hits(scorer, rows, taken, truth, k, candidates)  # [B, at most k]
        found, most = hits.sum(1), num_true[rows]
        gained = hits @ discounts[: hits.shape[1]] / best[most.clamp(max=k) - 1]
        totals += torch.stack([found / most, gained, (found > 0).double(), found / k]).sum(1)
    return Reached(*(totals / len(asked)).tolist())


def _hits(
    scorer: Scorer,
    rows: Tensor,
    taken: Tensor | None,
    truth: Tensor,
    k: int,
    candidates: Tensor | None,
) -> Tensor:
    """Where the best lists of some seeds are right, float64 [len(rows), min(k, num_targets)]."""
    scores = scorer.scores(rows)
    if not torch.isfinite(scores).all():
        raise TrainingError("the model gives scores that are not finite")
    if taken is not None:
        scores[places_of(taken, rows)] = -torch.inf
    if candidates is not None:
        scores[:, ~candidates] = -torch.inf
    values, ranked = torch.topk(scores, min(k, scorer.num_targets), dim=1)
    is_true = torch.zeros_like(scores, dtype=torch.bool)
    is_true[places_of(truth, rows)] = True
    return (is_true.gather(1, ranked) & (values > -torch.inf)).double()


def places_of(pairs: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of some rows: the position of the row among them, and the column."""
    columns, _, lengths = gather_rows(pairs, rows)
    return owners_of(lengths), columns


def _within(pairs: Tensor, columns: Tensor) -> Tensor:
    """The pairs in some columns only, CSR; `columns` is bool [num_columns]."""
    keep = columns[pairs.col_indices()]
    starts = starts_of(keep)[pairs.crow_indices()]
    return csr(
        starts, pairs.col_indices()[keep], pairs.values()[keep], (pairs.shape[0], pairs.shape[1])
    )


def _check(scorer: Scorer, truth: Tensor, k: int) -> None:
    if k < 1:
        raise TrainingError(f"k is {k}", expected="1 or more", value=k)
    if truth.shape[1] != scorer.num_targets:
        raise TrainingError(
            f"the model scores {scorer.num_targets} targets",
            expected=f"the {truth.shape[1]} of the truth",
            value=scorer.num_targets,
        )
