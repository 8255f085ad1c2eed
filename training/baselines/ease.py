"""Implements EASE, a linear model from a query node's interactions to every target.

Its weights have a closed form. `DecayedEase` asks it with histories in order. `LowRankEase` is for
many targets: it replaces the Gram matrix by one of low rank plus a diagonal.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field

from graphdb.checked_schema import Schema
from graphdb.errors import TrainingError
from graphdb.schema_types import EdgeType
from training.baselines.base import (
    HistoryScorer,
    InteractionConfig,
    csr_rows,
    gram_blocks,
    interactions,
    rows_of,
)
from training.baselines.baskets import Transitions, TransitionsConfig
from training.data import HeteroData
from training.sequences import Sequences
from training.sparse_ops import (
    SparseMatrix,
    column_sums,
    normalised,
    power_or_zero,
    randomized_svd,
    with_values,
)

Tensor = torch.Tensor

_GB = 1e9
_MATRICES = 2  # n x n matrices in memory at the same time


class LinearConfig(InteractionConfig):
    """The shared config of EASE and its low-rank form.

    Args:
        regularisation: Added to the diagonal of R^T R; a larger one trusts co-occurrences less.
        query_exponent: How much less query nodes with more interactions count: their rows of R are
            divided by their sum to this power. 0 as in the paper; 0.5 needs a regularisation
            around 1.
    """

    regularisation: float = Field(default=100.0, gt=0, le=1e9, allow_inf_nan=False)
    query_exponent: float = Field(default=0.0, ge=0, le=1)


def weighed_interactions(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType, config: LinearConfig
) -> Tensor:
    """Returns `interactions` with rows divided according to `query_exponent`."""
    events = interactions(graph, schema, target_edge_type, config)
    return normalised(events, config.query_exponent, 0.0)


class EaseConfig(LinearConfig):
    """The config of EASE.

    Args:
        precision: The floating-point precision of the inversion.
        memory_gb: The most memory that fitting may use.
    """

    precision: Literal["float32", "float64"] = "float32"
    memory_gb: float = Field(default=8.0, gt=0, allow_inf_nan=False)


class Ease:
    """EASE: a linear model from targets to targets, solved exactly.

    `scores = R B`, where B minimises `|R - R B|^2 + regularisation |B|^2` with a diagonal of zeros.
    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019), equation 8: with
    `P = (R^T R + regularisation I)^-1`, `B_ij = -P_ij / P_jj` for i != j. It is exact;
    `LowRankEase` is for more targets than memory allows.
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: EaseConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or EaseConfig()

    def fit(self, graph: HeteroData) -> HistoryScorer:
        """Inverts the Gram matrix.

        Raises:
            InsufficientDataError: There are no events to train on.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
            TrainingError: The targets do not fit into `memory_gb`, or the precision is too low for
                this little regularisation.
        """
        events = weighed_interactions(graph, self.schema, self.target_edge_type, self.config)
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
                next_step="raise memory_gb if there is enough memory, or use LowRankEase",
                value=num_targets,
            )


class LowRankEaseConfig(LinearConfig):
    """The config of low-rank EASE; defaults were chosen on a validation part of Gowalla.

    Args:
        rank: How many singular vectors of R are kept.
        power_iterations: Power iterations of the SVD; see `randomized_svd`.
        oversampling: Extra dimensions during the SVD.
        seed: The seed of the random projection.
    """

    regularisation: float = Field(default=0.5, gt=0, le=1e9, allow_inf_nan=False)
    query_exponent: float = Field(default=0.5, ge=0, le=1)
    rank: int = Field(default=512, ge=1, le=4096)
    power_iterations: int = Field(default=4, ge=0, le=50)
    oversampling: int = Field(default=64, ge=0, le=512)
    seed: int = Field(default=0, ge=0, lt=2**63)


class DecayedEaseConfig(EaseConfig):
    """The config of EASE on decayed histories; defaults are of a trial on Amazon Beauty.

    Args:
        decay: What an event counts beside one a step later.
        transition_weight: How much the shares of what followed within some steps are added.
        within: How many steps.
    """

    regularisation: float = Field(default=50.0, gt=0, le=1e9, allow_inf_nan=False)
    decay: float = Field(default=0.8, gt=0, lt=1)
    transition_weight: float = Field(default=0.3, ge=0, le=100)
    within: int = Field(default=3, ge=1, le=100)


class DecayedEase:
    """EASE asked with histories in which older events count less, plus what often followed.

    The weights are those of `Ease`, to which shares of transitions are added; only what a query
    node is asked with is in order.
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: DecayedEaseConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or DecayedEaseConfig()

    def fit(self, graph: HeteroData) -> HistoryScorer:
        """Inverts the Gram matrix and counts transitions.

        Raises:
            InsufficientDataError: No event has a time.
            SchemaError: As for `Ease`.
            TrainingError: As for `Ease`.
        """
        config = self.config
        after = Transitions(self.target_edge_type, TransitionsConfig(within=config.within))
        shares = after.fit(graph).after.to_sparse()
        weights = Ease(self.schema, self.target_edge_type, config).fit(graph).weights
        weights.index_put_(
            tuple(shares.indices()), config.transition_weight * shares.values(), accumulate=True
        )
        sequences = Sequences.of(graph, self.target_edge_type, {self.target_edge_type: 1.0})
        assert sequences is not None  # transitions have found times
        return HistoryScorer(csr_rows(sequences.histories(config.decay)), weights)


@dataclass(frozen=True, slots=True, eq=False)
class LowRankScorer:
    """scores = R (A C - diag(own)): a weight matrix of low rank without its diagonal.

    Args:
        queries: R A, float32 [num_queries, rank].
        targets: C^T, float32 [num_targets, rank].
        own: float32 [num_targets], the diagonal: the score of a target for itself.
        histories: R, CSR float32 [num_queries, num_targets].
    """

    queries: Tensor
    targets: Tensor
    own: Tensor
    histories: Tensor

    @property
    def num_targets(self) -> int:
        return len(self.targets)

    def scores(self, rows: Tensor) -> Tensor:
        took = rows_of(self.histories, rows).to_dense()
        return self.queries[rows] @ self.targets.T - took * self.own


class LowRankEase:
    """EASE for many targets, with a low-rank Gram matrix.

    It replaces `R^T R` by `F F^T + D`. `F = C^(1/2) V S`, where `U S V^T` are the largest singular
    values of `R C^(-1/2)`, and C are the sums of the columns of R. Scaling the columns first spends
    the rank on rare targets too. D is what `F F^T` lacks on the diagonal, so that every target
    keeps its own count. With `L = D + regularisation I`, the Woodbury identity gives
    `P = L^-1 - L^-1 F (I + F^T L^-1 F)^-1 F^T L^-1`. Then `B_ij = -P_ij / P_jj` with a diagonal of
    zeros, as in EASE. At full rank, it equals EASE. It holds nothing larger than targets x rank.
    Deviation: co-occurrences that the rank does not reach count as zero.
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: LowRankEaseConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or LowRankEaseConfig()

    def fit(self, graph: HeteroData) -> LowRankScorer:
        """Factors R and inverts within the factor's rank.

        Raises:
            InsufficientDataError: There are no events to train on.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
        """
        config = self.config
        events = weighed_interactions(graph, self.schema, self.target_edge_type, config)
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
            queries=histories @ loaded.float(),
            targets=(spread / diagonal[:, None]).float(),
            own=(between / diagonal).float(),
            histories=histories,
        )


def _factor(events: Tensor, config: LowRankEaseConfig) -> Tensor:
    """Returns F, float64 [num_targets, rank], with F F^T approximately R^T R."""
    svd = randomized_svd(
        SparseMatrix.from_coordinates(normalised(events, 0.0, 0.5).float()),
        min(config.rank, *events.shape),
        power_iterations=config.power_iterations,
        oversampling=config.oversampling,
        seed=config.seed,
    )
    return (svd.right * svd.values).double() * power_or_zero(column_sums(events), 0.5)[:, None]
