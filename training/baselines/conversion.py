"""Implements baselines that rank what a query node viewed and did not buy, and popularity after it.

`ViewedByConversion` asks how often who viewed a target bought it, `ViewedByItemKnn` how similar a
target is to all else that the query node viewed and bought. `ViewedNotBought` goes by time.
"""

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.baselines.item_knn import ItemKnn, ItemKnnConfig
from training.baselines.popularity import (
    OwnFirstScorer,
    Popularity,
    hint_edge_types,
    own_first,
    pair_numbers,
    waiting_pairs,
)
from training.data import HeteroData

Tensor = torch.Tensor
_BLOCK = 256  # query nodes whose scores of all targets are in memory at once


class ViewedByConversionConfig(BaseModel):
    """The config of viewed targets by conversion rate.

    Args:
        prior: How many viewers with the conversion rate of all targets count beside a target's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prior: float = Field(default=5.0, gt=0, le=1e6, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class ViewedByConversion:
    """Ranks viewed targets by the share of their viewers who bought them, then by popularity.

    Views are all other events between the two node types with a positive weight in the schema, such
    as carts. What the query node already has along the target edge type is no answer.
    """

    schema: Schema
    target_edge_type: EdgeType
    config: ViewedByConversionConfig = ViewedByConversionConfig()

    def fit(self, graph: HeteroData) -> OwnFirstScorer:
        """Counts viewers and buyers.

        Raises:
            InsufficientDataError: There are no such events, or none of the target edge type.
        """
        popularity = Popularity(self.target_edge_type).fit(graph).targets[:, 0]
        queries, targets = waiting_pairs(graph, self.schema, self.target_edge_type, "recent")
        rates = self._rates(graph, len(popularity))
        return own_first(queries, targets, rates[targets], self._num_queries(graph), popularity)

    def _num_queries(self, graph: HeteroData) -> int:
        return int(graph[self.target_edge_type.source].num_nodes)

    def _rates(self, graph: HeteroData, num_targets: int) -> Tensor:
        """Per target the share of viewers who bought it, shrunk to that of all, float64."""
        hints = hint_edge_types(graph, self.schema, self.target_edge_type)
        viewed = torch.unique(torch.cat([pair_numbers(graph, one, num_targets) for one in hints]))
        bought = torch.isin(viewed, pair_numbers(graph, self.target_edge_type, num_targets))
        viewers = torch.bincount(viewed % num_targets, minlength=num_targets)
        buyers = torch.bincount(viewed[bought] % num_targets, minlength=num_targets)
        overall, prior = buyers.sum() / viewers.sum(), self.config.prior
        return (buyers + prior * overall).double() / (viewers + prior)


@dataclass(frozen=True, slots=True)
class ViewedByItemKnn:
    """Ranks viewed targets by `ItemKnn`, then all others by popularity."""

    schema: Schema
    target_edge_type: EdgeType
    config: ItemKnnConfig = ItemKnnConfig()

    def fit(self, graph: HeteroData) -> OwnFirstScorer:
        """Finds the neighbors of every target.

        Raises:
            InsufficientDataError: There are no such events, or none of the target edge type.
            SchemaError: As for `ItemKnn`.
        """
        popularity = Popularity(self.target_edge_type).fit(graph).targets[:, 0]
        queries, targets = waiting_pairs(graph, self.schema, self.target_edge_type, "recent")
        neighbors = ItemKnn(self.schema, self.target_edge_type, self.config).fit(graph)
        num_queries = int(graph[self.target_edge_type.source].num_nodes)
        scores = torch.empty(len(queries))
        for start in range(0, num_queries, _BLOCK):
            rows = torch.arange(start, min(start + _BLOCK, num_queries))
            part = slice(
                *torch.searchsorted(queries, rows[[0, -1]] + torch.tensor([0, 1])).tolist()
            )
            scores[part] = neighbors.scores(rows)[queries[part] - start, targets[part]]
        return own_first(queries, targets, scores, num_queries, popularity)
