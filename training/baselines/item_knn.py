"""Implements item k-NN: scores a target by its similarity to the query node's targets."""

import torch
from pydantic import Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.baselines.base import (
    HistoryScorer,
    InteractionConfig,
    csr_rows,
    gram_blocks,
    interactions,
)
from training.data import HeteroData
from training.sparse_ops import column_sums, coordinates, with_values

Tensor = torch.Tensor


class ItemKnnConfig(InteractionConfig):
    """The config of item k-NN.

    Args:
        num_neighbors: The number of neighbors per target.
        shrinkage: A term in the denominator of the cosine, so that similarities from few query
            nodes count less.
    """

    num_neighbors: int = Field(default=100, ge=1, le=10_000)
    shrinkage: float = Field(default=10.0, ge=0, le=1e6, allow_inf_nan=False)


class ItemKnn:
    """Item k-nearest neighbors: scores a target by its similarity to those of the query node.

    `scores = R S`, where S holds the cosines between targets, only the largest of every column.
    Sarwar et al., "Item-based collaborative filtering recommendation algorithms" (WWW 2001),
    section 3.2.1, and Deshpande and Karypis, "Item-based top-N recommendation algorithms" (TOIS
    2004), section 4. Deviations: the denominator of the cosine has a shrinkage term, and the
    weighted sum is not divided by the sum of the similarities, which would remove their number from
    the score.
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: ItemKnnConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or ItemKnnConfig()

    def fit(self, graph: HeteroData) -> HistoryScorer:
        """Finds the neighbors of every target.

        Raises:
            InsufficientDataError: There are no events to train on.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
        """
        events = interactions(graph, self.schema, self.target_edge_type, self.config)
        lengths = column_sums(with_values(events, events.values().square())).sqrt()
        parts = [self._neighbors(start, rows, lengths) for start, rows in gram_blocks(events)]
        index = torch.cat([index for index, _ in parts], dim=1)
        values = torch.cat([values for _, values in parts])
        num_targets = events.shape[1]
        # A row of a block holds the neighbors of one target: a column of S.
        similarity = coordinates(index.flip(0), values, (num_targets, num_targets))
        return HistoryScorer(csr_rows(events), similarity.float())

    def _neighbors(self, start: int, rows: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Index [2, K] and cosines [K] of the largest entries of each row, equals by number."""
        targets, others = rows.indices() + torch.tensor([[start], [0]])
        cosines = rows.values() / (lengths[targets] * lengths[others] + self.config.shrinkage)
        other = targets != others  # nothing is its own neighbor
        targets, others, cosines = targets[other], others[other], cosines[other]
        order = torch.argsort(cosines, descending=True, stable=True)
        order = order[torch.argsort(targets[order], stable=True)]
        per_target = torch.bincount(targets, minlength=1)
        place = torch.arange(len(targets)) - (per_target.cumsum(0) - per_target)[targets]
        kept = order[place < self.config.num_neighbors]
        return torch.stack([targets[kept], others[kept]]), cosines[kept]
