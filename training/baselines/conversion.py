"""Implements baselines that rank what a query node viewed and did not buy, and popularity after it.

`ViewedByConversion` asks how often who viewed a target bought it, `ViewedByItemKnn` how similar a
target is to all else that the query node viewed and bought, `ViewedThenBought` what was bought by
those who viewed the same. `ViewedNotBought` goes by time.
"""

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.baselines.base import HistoryScorer, csr_rows
from training.baselines.item_knn import ItemKnn, ItemKnnConfig
from training.baselines.popularity import (
    OwnFirstScorer,
    hint_edge_types,
    pair_numbers,
    viewed_first,
)
from training.data import HeteroData
from training.evaluation.metrics import Scorer
from training.sparse_ops import coordinates, product

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
        num_targets = int(graph[self.target_edge_type.target].num_nodes)

        def rates(_: Tensor, targets: Tensor) -> Tensor:
            return self._rates(graph, num_targets)[targets]

        return viewed_first(graph, self.schema, self.target_edge_type, rates)

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
        neighbors = ItemKnn(self.schema, self.target_edge_type, self.config).fit(graph)
        return _viewed_by(neighbors, graph, self.schema, self.target_edge_type)


@dataclass(frozen=True, slots=True)
class ViewedThenBought:
    """Ranks viewed targets by what was bought by those with the same views, then by popularity.

    A target i scores, summed over all viewed targets j, i itself among them, the share of the
    viewers of j who bought i, divided by the root of the viewers of i. It is item-item
    collaborative filtering from views to purchases, with the conversion rate as what a target says
    of itself.
    """

    schema: Schema
    target_edge_type: EdgeType

    def fit(self, graph: HeteroData) -> OwnFirstScorer:
        """Counts who viewed one target and bought another.

        Raises:
            InsufficientDataError: There are no such events, or none of the target edge type.
        """
        num_queries, num_targets = (
            int(graph[end].num_nodes)
            for end in (self.target_edge_type.source, self.target_edge_type.target)
        )
        shape = (num_queries, num_targets)
        hints = hint_edge_types(graph, self.schema, self.target_edge_type)
        viewed = _pairs_of(graph, hints, shape)
        viewers = torch.bincount(viewed.indices()[1], minlength=num_targets).clamp(min=1).double()
        bought = _pairs_of(graph, [self.target_edge_type], shape)
        both = product(viewed.t().coalesce(), bought).coalesce()  # viewed targets by bought ones
        source, target = both.indices()
        shares = both.values() / viewers[source] / viewers[target].sqrt()
        weights = coordinates(both.indices(), shares.float(), (num_targets, num_targets))
        scorer = HistoryScorer(csr_rows(viewed), weights)
        return _viewed_by(scorer, graph, self.schema, self.target_edge_type)


def _pairs_of(graph: HeteroData, edge_types: list[EdgeType], shape: tuple[int, int]) -> Tensor:
    """1 for every pair that met in one of the edge types, coalesced [num_queries, num_targets]."""
    keys = [pair_numbers(graph, one, shape[1]) for one in edge_types]
    pairs = torch.unique(torch.cat([torch.empty(0, dtype=torch.int64), *keys]))
    index = torch.stack([pairs // shape[1], pairs % shape[1]])
    return coordinates(index, torch.ones(len(pairs), dtype=torch.float64), shape)


def _viewed_by(
    scorer: Scorer, graph: HeteroData, schema: Schema, target_edge_type: EdgeType
) -> OwnFirstScorer:
    """Ranks viewed targets by another scorer, then all others by popularity."""
    num_queries = int(graph[target_edge_type.source].num_nodes)

    def scores(queries: Tensor, targets: Tensor) -> Tensor:
        found = torch.empty(len(queries))
        for start in range(0, num_queries, _BLOCK):
            rows = torch.arange(start, min(start + _BLOCK, num_queries))
            ends = rows[[0, -1]] + torch.tensor([0, 1])
            part = slice(*torch.searchsorted(queries, ends).tolist())
            found[part] = scorer.scores(rows)[queries[part] - start, targets[part]]
        return found

    return viewed_first(graph, schema, target_edge_type, scores)
