"""EASE for many targets: its closed form on a Gram matrix of low rank plus a diagonal."""

from dataclasses import dataclass

import torch
from pydantic import Field

from graphdb.schema_types import EdgeType, Schema
from training.baselines.ease import LinearConfig, weighed_interactions
from training.baselines.histories import csr_rows, rows_of
from training.linalg import randomized_svd
from training.pyg import HeteroData
from training.sparse import SparseMatrix, column_sums, normalised, power_or_zero, with_values

Tensor = torch.Tensor


class LowRankEaseConfig(LinearConfig):
    """How the weights are found; the defaults were chosen on a validation part of Gowalla.

    Args:
        rank: How many singular vectors of R are kept.
        power_iterations: Of the SVD; see `randomized_svd`.
        oversampling: The same.
        seed: The same.
    """

    regularisation: float = Field(default=0.5, gt=0, le=1e9, allow_inf_nan=False)
    seed_power: float = Field(default=0.5, ge=0, le=1)
    rank: int = Field(default=512, ge=1, le=4096)
    power_iterations: int = Field(default=4, ge=0, le=50)
    oversampling: int = Field(default=64, ge=0, le=512)
    seed: int = Field(default=0, ge=0, lt=2**63)


@dataclass(frozen=True, slots=True, eq=False)
class LowRankScorer:
    """scores = R (A C - diag(own)): a weight matrix of low rank, with its diagonal taken off.

    Args:
        seeds: R A, float32 [num_seeds, rank].
        targets: C^T, float32 [num_targets, rank].
        own: float32 [num_targets], what a target would say for itself.
        histories: R, CSR float32 [num_seeds, num_targets].
    """

    seeds: Tensor
    targets: Tensor
    own: Tensor
    histories: Tensor

    @property
    def num_targets(self) -> int:
        return len(self.targets)

    def scores(self, rows: Tensor) -> Tensor:
        took = rows_of(self.histories, rows).to_dense()
        return self.seeds[rows] @ self.targets.T - took * self.own


class LowRankEase:
    """`Ease` with R^T R replaced by F F^T + D.

    F = C^(1/2) V S, where U S V^T are the largest singular values of R C^(-1/2) and C are the
    sums of R's columns. Scaling the columns first spends the rank on rare targets too. D is what
    F F^T lacks on the diagonal, so that every target keeps its own count. With L = D +
    regularisation I, Woodbury's identity gives P = L^-1 - L^-1 F (I + F^T L^-1 F)^-1 F^T L^-1;
    then B_ij = -P_ij / P_jj and a diagonal of zeros, as in EASE. At full rank it is EASE. Nothing
    larger than targets x rank is held. The deviation: co-occurrences that the rank does not reach
    count as zero.
    """

    def __init__(
        self, schema: Schema, direction: EdgeType, config: LowRankEaseConfig | None = None
    ) -> None:
        self.schema = schema
        self.direction = direction
        self.config = config or LowRankEaseConfig()

    def fit(self, graph: HeteroData) -> LowRankScorer:
        """Factors R and inverts within the factor's rank.

        Raises:
            NotEnoughDataError: There are no events to learn from.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
        """
        config = self.config
        events = weighed_interactions(graph, self.schema, self.direction, config)
        factor = _factor(events, config)  # F, [num_targets, rank]
        counts = column_sums(with_values(events, events.values().square()))  # diagonal of R^T R
        missing = (counts - factor.square().sum(1)).clamp(min=0)  # D
        loading = 1 / (missing + config.regularisation)  # L^-1, [num_targets]
        loaded = factor * loading[:, None]  # L^-1 F
        core = torch.eye(factor.shape[1], dtype=torch.float64) + factor.T @ loaded
        spread = torch.linalg.solve(core, loaded.T).T  # L^-1 F core^-1, [num_targets, rank]
        between = (loaded * spread).sum(1)  # diagonal of L^-1 F core^-1 F^T L^-1
        diagonal = loading - between  # of P
        histories = csr_rows(events)
        return LowRankScorer(
            seeds=histories @ loaded.float(),
            targets=(spread / diagonal[:, None]).float(),
            own=(between / diagonal).float(),
            histories=histories,
        )


def _factor(events: Tensor, config: LowRankEaseConfig) -> Tensor:
    """F, float64 [num_targets, rank]; its F F^T comes near R^T R."""
    svd = randomized_svd(
        SparseMatrix.from_coordinates(normalised(events, 0.0, 0.5).float()),
        min(config.rank, *events.shape),
        power_iterations=config.power_iterations,
        oversampling=config.oversampling,
        seed=config.seed,
    )
    return (svd.right * svd.values).double() * power_or_zero(column_sums(events), 0.5)[:, None]
