"""EASE: a linear model from all that a seed took to every target, in closed form."""

from typing import Literal

import torch
from pydantic import Field

from graphdb.errors import TrainingError
from graphdb.schema_types import EdgeType, Schema
from training.baselines.histories import HistoryScorer, csr_rows, gram_blocks
from training.baselines.interactions import InteractionConfig, interactions
from training.pyg import HeteroData
from training.sparse import normalised

Tensor = torch.Tensor

_GB = 1e9
_MATRICES = 2  # n x n, held at the same time


class LinearConfig(InteractionConfig):
    """What EASE and its low-rank form share.

    Args:
        regularisation: Added to the diagonal of R^T R: larger trusts co-occurrences less.
        seed_power: How much less a seed counts that took more: its row of R is divided by its
            sum to this power. 0 as in the paper; with 0.5 regularisations around 1 are right.
    """

    regularisation: float = Field(default=100.0, gt=0, le=1e9, allow_inf_nan=False)
    seed_power: float = Field(default=0.0, ge=0, le=1)


def weighed_interactions(
    graph: HeteroData, schema: Schema, direction: EdgeType, config: LinearConfig
) -> Tensor:
    """`interactions`, every seed's row divided as `seed_power` says."""
    events = interactions(graph, schema, direction, config)
    return normalised(events, config.seed_power, 0.0)


class EaseConfig(LinearConfig):
    """How the weights are found.

    Args:
        precision: Of the inversion.
        memory_gb: The most that fitting may take.
    """

    precision: Literal["float32", "float64"] = "float32"
    memory_gb: float = Field(default=8.0, gt=0, allow_inf_nan=False)


class Ease:
    """scores = R B, B minimising |R - R B|^2 + regularisation |B|^2 with a diagonal of zeros.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019), equation 8: with
    P = (R^T R + regularisation I)^-1, B_ij = -P_ij / P_jj for i != j. Exact; `LowRankEase` is for
    more targets than memory allows.
    """

    def __init__(
        self, schema: Schema, direction: EdgeType, config: EaseConfig | None = None
    ) -> None:
        self.schema = schema
        self.direction = direction
        self.config = config or EaseConfig()

    def fit(self, graph: HeteroData) -> HistoryScorer:
        """Inverts the Gram matrix.

        Raises:
            NotEnoughDataError: There are no events to learn from.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
            TrainingError: The targets do not fit into `memory_gb`, or the precision is too low
                for so little regularisation.
        """
        events = weighed_interactions(graph, self.schema, self.direction, self.config)
        self._check_memory(events.shape[1])
        dtype = getattr(torch, self.config.precision)
        gram = torch.empty(events.shape[1], events.shape[1], dtype=dtype)
        for start, rows in gram_blocks(events):
            gram[start : start + len(rows)] = rows.to_dense()
        gram.diagonal().add_(self.config.regularisation)
        factor, failed_at = torch.linalg.cholesky_ex(gram)
        del gram
        if failed_at:
            raise TrainingError(
                f"the Gram matrix plus {self.config.regularisation} cannot be inverted "
                f"in {self.config.precision}",
                next_step="raise the regularisation, or set precision to float64",
                value=self.config.regularisation,
            )
        weights = torch.cholesky_inverse(factor)  # P
        del factor
        weights /= -weights.diagonal().clone()
        weights.fill_diagonal_(0)
        return HistoryScorer(csr_rows(events), weights.float())

    def _check_memory(self, num_targets: int) -> None:
        size = torch.finfo(getattr(torch, self.config.precision)).bits // 8
        needed_gb = _MATRICES * num_targets**2 * size / _GB
        if needed_gb > self.config.memory_gb:
            raise TrainingError(
                f"EASE needs {needed_gb:.1f} GB for {num_targets:,} targets "
                f"in {self.config.precision}",
                expected=f"at most memory_gb = {self.config.memory_gb:g}",
                next_step="raise memory_gb where there is as much, or take LowRankEase",
                value=num_targets,
            )
