"""Implements GF-CF: a linear and an ideal low-pass filter on the graph of targets."""

from dataclasses import dataclass

import torch
from pydantic import Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.baselines.base import InteractionConfig, csr_rows, interactions, rows_of
from training.data import HeteroData
from training.sparse_ops import SparseMatrix, column_sums, normalised, power_or_zero, randomized_svd

Tensor = torch.Tensor

_BLOCK_NUMBERS = 2**25  # values of float32 [num_queries, block] in memory at once: 128 MB


class GfCfConfig(InteractionConfig):
    """The config of GF-CF; the defaults are those of the paper, except for the SVD.

    Args:
        low_pass: The weight of the ideal low-pass filter beside the linear one (the alpha of the
            paper).
        rank: How many singular vectors pass it.
        power_iterations: Power iterations of the SVD; see `randomized_svd`. More make the filter
            sharper, because singular values fall slowly.
        oversampling: Extra dimensions during the SVD.
        seed: The seed of the random projection.
    """

    low_pass: float = Field(default=0.3, ge=0, le=1e3, allow_inf_nan=False)
    rank: int = Field(default=256, ge=1, le=4096)
    power_iterations: int = Field(default=30, ge=0, le=50)
    oversampling: int = Field(default=128, ge=0, le=512)
    seed: int = Field(default=0, ge=0, lt=2**63)


@dataclass(frozen=True, slots=True, eq=False)
class GfCfScorer:
    """scores = R R~^T R~ + queries targets^T; it never builds a targets x targets matrix.

    Args:
        histories: R, CSR float32 [num_queries, num_targets].
        normal: R~, float32 [num_queries, num_targets].
        queries: float32 [num_queries, rank].
        targets: float32 [num_targets, rank].
    """

    histories: Tensor
    normal: SparseMatrix
    queries: Tensor
    targets: Tensor

    @property
    def num_targets(self) -> int:
        return len(self.targets)

    def scores(self, rows: Tensor) -> Tensor:
        block = max(_BLOCK_NUMBERS // max(self.normal.shape), 1)
        parts = [self._scores(part) for part in torch.split(rows, block)]
        return torch.cat(parts)

    def _scores(self, rows: Tensor) -> Tensor:
        taken = rows_of(self.histories, rows).to_dense()  # [B, num_targets]
        alike = self.normal.rows @ taken.T  # query nodes with the same targets, [num_queries, B]
        linear = self.normal.transposed @ alike  # [num_targets, B]
        return torch.addmm(linear.T, self.queries[rows], self.targets.T)


class GfCf:
    """GF-CF: a linear and an ideal low-pass graph filter.

    `scores = R (N^T N + low_pass D^(-1/2) V V^T D^(1/2))`, where `N = D_queries^(-1/2) R D^(-1/2)`,
    V are the right singular vectors of N for its largest singular values, and D the sums of the
    columns of R. Shen et al., "How Powerful is Graph Convolution for Recommendation?" (CIKM 2021),
    section 4.2; the code of the authors leaves out the second summand on Amazon-Book only.
    Deviation: V comes from a randomised SVD.
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: GfCfConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or GfCfConfig()

    def fit(self, graph: HeteroData) -> GfCfScorer:
        """Normalises and factors the matrix.

        Raises:
            InsufficientDataError: There are no events to train on.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
        """
        config = self.config
        events = interactions(graph, self.schema, self.target_edge_type, config)
        normal = SparseMatrix.from_coordinates(normalised(events).float())
        svd = randomized_svd(
            normal,
            min(config.rank, *events.shape),
            power_iterations=config.power_iterations,
            oversampling=config.oversampling,
            seed=config.seed,
        )
        sums = column_sums(events)
        histories = csr_rows(events)
        damped, raised = (power_or_zero(sums, power).float()[:, None] for power in (-0.5, 0.5))
        return GfCfScorer(
            histories=histories,
            normal=normal,
            queries=config.low_pass * (histories @ (damped * svd.right)),
            targets=raised * svd.right,
        )
