"""Implements rule-based baselines, such as popularity and recent popularity.

Two of them answer each query node by its own past: `PersonalFrequency` by what it took most often,
`ViewedNotBought` by what it viewed and did not buy. Both are strong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from training.baselines.base import EncoderBaseline
from training.data import ALWAYS_S, AT_S, COUNT, DAY_S, HeteroData, edge_types_of, likes
from training.encoders import PopularityEncoder
from training.evaluation.metrics import VectorScorer
from training.sparse_ops import csr, gather_rows, owners_of, starts_of


@dataclass(frozen=True, slots=True)
class Popularity:
    """Scores a target by its number of distinct query nodes; the same for every query node."""

    target_edge_type: EdgeType

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts the edges.

        Raises:
            InsufficientDataError: There are no edges to count.
        """
        return EncoderBaseline(PopularityEncoder(self.target_edge_type), self.target_edge_type).fit(
            graph
        )


Tensor = torch.Tensor


class RecentPopularityConfig(BaseModel):
    """What counts as recent: either a half-life or a window.

    Args:
        half_life_days: The age at which an event counts half.
        window_days: The days of the window; events in it count equally.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    window_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.half_life_days is None) == (self.window_days is None):
            raise ValueError("give half_life_days or window_days, one of the two")
        return self


class RecentPopularity:
    """Scores a target by its query nodes, each weighted by the age of its newest event there.

    An event counts 2^(-age / half_life), or 1 within the window. Age is counted back from the
    newest event of the relation. By default, the half-life is a week. Edges without a time do not
    count.
    """

    def __init__(
        self, target_edge_type: EdgeType, config: RecentPopularityConfig | None = None
    ) -> None:
        self.target_edge_type = target_edge_type
        self.config = config or RecentPopularityConfig(half_life_days=7)

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts the events.

        Raises:
            InsufficientDataError: No edge of the relation has a time.
        """
        store = graph[self.target_edge_type]
        dated = store[AT_S] != ALWAYS_S
        if not dated.any():
            raise InsufficientDataError(
                f"there are no {self.target_edge_type} edges with a time to count"
            )
        speaks = likes(graph, self.target_edge_type)
        if speaks is not None:
            dated &= speaks
        at_s = store[AT_S][dated]
        num_queries, num_targets = (
            graph[end].num_nodes
            for end in (self.target_edge_type.source, self.target_edge_type.target)
        )
        queries, targets = store.edge_index[:, dated]
        pairs, pair_of_event = torch.unique(queries * num_targets + targets, return_inverse=True)
        newest_s = torch.full_like(pairs, ALWAYS_S).scatter_reduce_(0, pair_of_event, at_s, "amax")
        counts = self._counts((at_s.max() - newest_s).double() / DAY_S)
        popularity = torch.bincount(pairs % num_targets, weights=counts, minlength=num_targets)
        return VectorScorer(torch.ones(num_queries, 1), popularity.float()[:, None])

    def _counts(self, age_days: Tensor) -> Tensor:
        if self.config.half_life_days is not None:
            return torch.exp2(-age_days / self.config.half_life_days)
        assert self.config.window_days is not None
        return (age_days < self.config.window_days).double()


class ViewedNotBoughtConfig(BaseModel):
    """The order of viewed targets.

    Args:
        by: 'recent' orders by the newest event of a pair; 'often' by the sum of its events, each
            with the weight of its relation in the schema, and then by the newest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["recent", "often"] = "recent"


@dataclass(frozen=True, slots=True, eq=False)
class OwnFirstScorer:
    """Scores a query node's own targets above 1, and all others by popularity below 1.

    Args:
        own: CSR float32 [num_queries, num_targets], the best of a query node at 2, all above 1.
        popularity: float32 [num_targets], from 0 to below 1.
    """

    own: Tensor
    popularity: Tensor

    @property
    def num_targets(self) -> int:
        return len(self.popularity)

    def scores(self, rows: Tensor) -> Tensor:
        scores = self.popularity.repeat(len(rows), 1)
        targets, values, lengths = gather_rows(self.own, rows)
        scores[owners_of(lengths), targets] = values
        return scores


class PersonalFrequencyConfig(BaseModel):
    """How old events count.

    Args:
        half_life_days: The age at which an event counts half; None for never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float | None = Field(default=90.0, gt=0, allow_inf_nan=False)


class PersonalFrequency:
    """Ranks what the query node itself took most often and most recently, then by popularity.

    A target scores the sum of 2^(-age / half_life) over the query node's events with it, however
    many units an event is of: twenty litres of fuel are one habit. Age is counted back from the
    newest event of the relation; an event without a time counts 1.
    """

    def __init__(
        self, target_edge_type: EdgeType, config: PersonalFrequencyConfig | None = None
    ) -> None:
        self.target_edge_type = target_edge_type
        self.config = config or PersonalFrequencyConfig()

    def fit(self, graph: HeteroData) -> OwnFirstScorer:
        """Counts the events.

        Raises:
            InsufficientDataError: There are no edges to count.
        """
        popularity = Popularity(self.target_edge_type).fit(graph).targets[:, 0]
        store = graph[self.target_edge_type]
        counts = self._decay(store[AT_S])
        speaks = likes(graph, self.target_edge_type)
        kept = torch.ones(len(counts), dtype=torch.bool) if speaks is None else speaks
        num_queries, num_targets = graph[self.target_edge_type.source].num_nodes, len(popularity)
        queries, targets = store.edge_index[:, kept]
        pairs, pair_of_event = torch.unique(queries * num_targets + targets, return_inverse=True)
        often = torch.bincount(pair_of_event, counts[kept], minlength=len(pairs))
        queries = pairs // num_targets
        most = torch.zeros(num_queries, dtype=torch.float64)
        most.scatter_reduce_(0, queries, often, "amax")
        # Above 1 in float32 as well, however rare and old an event is.
        values = 1 + (often / most[queries]).clamp(min=1e-6)
        starts = starts_of(torch.bincount(queries, minlength=num_queries))
        own = csr(starts, pairs % num_targets, values.float(), (num_queries, num_targets))
        return OwnFirstScorer(own, popularity / (popularity.max() + 1))

    def _decay(self, at_s: Tensor) -> Tensor:
        dated = at_s != ALWAYS_S
        if self.config.half_life_days is None or not dated.any():
            return torch.ones(len(at_s), dtype=torch.float64)
        age_days = (at_s.max() - at_s).double() / DAY_S
        return torch.where(dated, torch.exp2(-age_days / self.config.half_life_days), 1.0)


class ViewedNotBought:
    """Ranks targets that the query node viewed or carted and did not buy first, then by popularity.

    More generally, it uses the other events between the two node types with a positive weight in
    the schema, without the targets that the query node already has along the target edge type.
    """

    def __init__(
        self,
        schema: Schema,
        target_edge_type: EdgeType,
        config: ViewedNotBoughtConfig | None = None,
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or ViewedNotBoughtConfig()

    def fit(self, graph: HeteroData) -> OwnFirstScorer:
        """Collects and orders the pairs.

        Raises:
            InsufficientDataError: There are no such events, or none of the target edge type.
        """
        return viewed_first(
            graph,
            self.schema,
            self.target_edge_type,
            lambda queries, _: torch.arange(len(queries), 0, -1),
            self.config.by,
        )


def viewed_first(
    graph: HeteroData,
    schema: Schema,
    target_edge_type: EdgeType,
    score: Callable[[Tensor, Tensor], Tensor],
    by: Literal["recent", "often"] = "recent",
) -> OwnFirstScorer:
    """Returns a scorer of viewed and not bought targets, and of all others by popularity.

    Args:
        score: Gives the scores of pairs from their query and target rows, int64 [num_pairs] each;
            among equal ones, the pair that `by` has earlier is better.

    Raises:
        InsufficientDataError: There are no views, or no edges of the target edge type.
    """
    popularity = Popularity(target_edge_type).fit(graph).targets[:, 0]
    queries, targets = waiting_pairs(graph, schema, target_edge_type, by)
    num_queries = int(graph[target_edge_type.source].num_nodes)
    return _own_first(queries, targets, score(queries, targets), num_queries, popularity)


def _own_first(
    queries: Tensor, targets: Tensor, scores: Tensor, num_queries: int, popularity: Tensor
) -> OwnFirstScorer:
    """Returns a scorer of some pairs by their scores, and of all others by popularity.

    Args:
        queries: int64 [num_pairs].
        targets: int64 [num_pairs].
        scores: [num_pairs]; among equal ones, the earlier pair is better.
        num_queries: Of the graph.
        popularity: float32 [num_targets], 0 or more.
    """
    order = torch.argsort(scores, descending=True, stable=True)
    order = order[torch.argsort(queries[order], stable=True)]
    lengths = torch.bincount(queries, minlength=num_queries)
    starts = starts_of(lengths)
    owners = queries[order]
    place = torch.arange(len(order)) - starts[owners]
    values = 2 - place / (lengths[owners] + 1)
    shape = (num_queries, len(popularity))
    own = csr(starts, targets[order], values.float(), shape)
    return OwnFirstScorer(own, popularity / (popularity.max() + 1))


def hint_edge_types(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType
) -> list[EdgeType]:
    """Returns the event types that may precede the target's, such as views and carts."""
    return [
        edge_type
        for edge_type in edge_types_of(graph)
        if edge_type != target_edge_type
        and (edge_type.source, edge_type.target)
        == (target_edge_type.source, target_edge_type.target)
        and schema.relation(edge_type.relation).is_event
        and schema.relation(edge_type.relation).event_weight > 0
        and graph[edge_type].edge_index.numel()
    ]


def waiting_pairs(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType, by: Literal["recent", "often"]
) -> tuple[Tensor, Tensor]:
    """Returns viewed but not bought targets, best first: int64 query and target rows.

    Raises:
        InsufficientDataError: There are only events of the target edge type.
    """
    hints = hint_edge_types(graph, schema, target_edge_type)
    if not hints:
        raise InsufficientDataError(
            f"there are no views or similar events besides {target_edge_type}",
            expected="events of the same two types with a positive weight",
            value=str(target_edge_type),
        )
    num_targets = graph[target_edge_type.target].num_nodes
    keys = torch.cat([pair_numbers(graph, one, num_targets) for one in hints])
    at_s = torch.cat([graph[one][AT_S] for one in hints])
    weights = torch.cat(
        [graph[one][COUNT].double() * schema.relation(one.relation).event_weight for one in hints]
    )
    pairs, pair_of = torch.unique(keys, return_inverse=True)
    newest_s = torch.full_like(pairs, ALWAYS_S).scatter_reduce_(0, pair_of, at_s, "amax")
    often = torch.bincount(pair_of, weights, minlength=len(pairs))
    open_ = ~torch.isin(pairs, pair_numbers(graph, target_edge_type, num_targets))
    pairs, newest_s, often = pairs[open_], newest_s[open_], often[open_]
    order = torch.argsort(newest_s, descending=True, stable=True)
    if by == "often":
        order = order[torch.argsort(often[order], descending=True, stable=True)]
    queries = pairs // num_targets
    order = order[torch.argsort(queries[order], stable=True)]
    return queries[order], pairs[order] % num_targets


def pair_numbers(graph: HeteroData, edge_type: EdgeType, num_targets: int) -> Tensor:
    """Returns source row * num_targets + target row of every edge, int64 [num_edges]."""
    queries, targets = graph[edge_type].edge_index
    keys: Tensor = queries * num_targets + targets
    return keys
