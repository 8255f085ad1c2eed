"""Defines baselines and the interaction matrix that most of them learn from.

The matrix R holds the interactions of query nodes and targets, with weights. A `HistoryScorer`
multiplies a query node's row of R by a matrix from targets to targets. `EncoderBaseline` turns an
encoder into a baseline, with dot products as scores, as in serving.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Protocol

import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from training.data import (
    HeteroData,
    edge_types_of,
    event_weights,
    incidence,
    interaction_matrix,
)
from training.encoders import Encoder
from training.evaluation.metrics import Scorer, VectorScorer
from training.sparse_ops import csr, gather_rows, product, quiet, starts_of, to_power


class Baseline(Protocol):
    """Trains on one edge type of a graph and returns a scorer, which is always on the CPU."""

    def fit(self, graph: HeteroData) -> Scorer:
        """Trains on the graph.

        Raises:
            InsufficientDataError: The graph lacks the data of the baseline.
        """
        ...


Tensor = torch.Tensor

_BLOCK_PRODUCTS = 2**25  # entries of the sparse product in memory at once: at most 0.8 GB


@dataclass(frozen=True, slots=True, eq=False)
class HistoryScorer:
    """scores = R W.

    Args:
        histories: R, CSR float32 [num_queries, num_targets].
        weights: W, float32 [num_targets, num_targets], dense or coalesced COO; the
            column is the target that is scored.
    """

    histories: Tensor
    weights: Tensor

    @property
    def num_targets(self) -> int:
        return self.weights.shape[1]

    def scores(self, rows: Tensor) -> Tensor:
        taken = rows_of(self.histories, rows)
        if self.weights.is_sparse:
            return product(taken.to_sparse(), self.weights).to_dense()
        return taken @ self.weights


def csr_rows(matrix: Tensor) -> Tensor:
    """A coalesced COO matrix as CSR float32."""
    with quiet():
        return matrix.float().to_sparse_csr()


def rows_of(matrix: Tensor, wanted: Tensor) -> Tensor:
    """Returns the wanted rows of a CSR matrix, in order, as CSR [len(wanted), n]."""
    columns, values, lengths = gather_rows(matrix, wanted)
    return csr(starts_of(lengths), columns, values, (len(wanted), matrix.shape[1]))


def gram_blocks(matrix: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Yields R^T R in blocks of rows: the first row's number, and the rows as coalesced COO.

    A bound on the number of entries determines the height of a block.

    Args:
        matrix: R, coalesced COO [num_queries, num_targets].
    """
    queries, targets = matrix.indices()
    num_targets = matrix.shape[1]
    with quiet():
        transposed = matrix.t().coalesce().to_sparse_csr()
    most = torch.bincount(queries, minlength=matrix.shape[0])[
        queries
    ]  # entries of the product that an entry can produce
    per_row = torch.bincount(targets, weights=most.double(), minlength=num_targets)
    block_of_row = (per_row.cumsum(0) / _BLOCK_PRODUCTS).long()
    start = 0
    for height in torch.unique_consecutive(block_of_row, return_counts=True)[1].tolist():
        wanted = torch.arange(start, start + height)
        yield start, product(rows_of(transposed, wanted).to_sparse(), matrix)
        start += height


Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class InteractionConfig(BaseModel):
    """How events become entries of a matrix; the same keys as in the encoders' configs.

    Args:
        event_weights: What one event counts, by relation, in place of the schema's weights.
        half_life_days: The age at which an event counts half; None for never.
        repeat_exponent: How repeats count: 1 each fully, 0 nothing after the first, so that all
            entries are 1, as in the papers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_weights: dict[str, Weight] = Field(default_factory=dict)
    half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    repeat_exponent: float = Field(default=0.0, ge=0, le=1)


def interactions(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType, config: InteractionConfig
) -> Tensor:
    """R: coalesced sparse float64 [num_queries, num_targets], all entries positive.

    If the target edge type is an event, all events between its two ends are weighted and summed, as
    in `interaction_matrix`; a static edge counts 1.

    Raises:
        InsufficientDataError: There is no event or static edge of that kind.
        SchemaError: A weight is given for a relation that does not connect the two ends.
    """
    if schema.relation(target_edge_type.relation).is_event:
        weights = event_weights(schema, target_edge_type, config.event_weights)
        summed = interaction_matrix(graph, weights, half_life_days=config.half_life_days)
        return to_power(summed, config.repeat_exponent)
    if (
        target_edge_type not in edge_types_of(graph)
        or not graph[target_edge_type].edge_index.numel()
    ):
        raise InsufficientDataError(f"there are no {target_edge_type} edges to train on")
    return incidence(graph, target_edge_type)


@dataclass(frozen=True, slots=True)
class EncoderBaseline:
    """Makes a baseline from any encoder, for one edge type."""

    encoder: Encoder
    target_edge_type: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Fits the encoder.

        Raises:
            InsufficientDataError: There is too little data to train on, or the encoder has no
                vectors for an end of the edge type.
        """
        vectors = self.encoder.fit(graph)
        for end in (self.target_edge_type.source, self.target_edge_type.target):
            if end not in vectors:
                raise InsufficientDataError(
                    f"the encoder has no vectors for {end}, an end of {self.target_edge_type}",
                    expected="one of " + ", ".join(sorted(vectors)),
                    value=end,
                )
        return VectorScorer.along(vectors, self.target_edge_type)
