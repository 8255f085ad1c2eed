"""What the seed looked at and did not take: the plainest of rules, and a hard one to beat."""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType, Schema
from training.baselines.popularity import Popularity
from training.data import ALWAYS_S, AT_S, COUNT, edge_types_of
from training.gnn.products import gather_rows, owners_of, starts_of
from training.pyg import HeteroData
from training.sparse import csr

Tensor = torch.Tensor


class ViewedNotBoughtConfig(BaseModel):
    """How what was viewed is put in order.

    Args:
        by: 'recent' takes the newest event of a pair first; 'often' sums its events, each times
            the schema's weight of its relation, and takes the newer of equals first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["recent", "often"] = "recent"


@dataclass(frozen=True, slots=True, eq=False)
class WaitingScorer:
    """Popularity below 1, and above it what waits for the seed.

    Args:
        waiting: CSR float32 [num_seeds, num_targets], the first of a seed at 2, all above 1.
        popularity: float32 [num_targets], from 0 to below 1.
    """

    waiting: Tensor
    popularity: Tensor

    @property
    def num_targets(self) -> int:
        return len(self.popularity)

    def scores(self, rows: Tensor) -> Tensor:
        scores = self.popularity.repeat(len(rows), 1)
        targets, values, lengths = gather_rows(self.waiting, rows)
        scores[owners_of(lengths), targets] = values
        return scores


class ViewedNotBought:
    """What the seed viewed or carted and did not buy yet comes first, then what most bought.

    More generally: the other events between the direction's two types that speak for a target
    (a positive weight in the schema), less what the seed took along the direction.
    """

    def __init__(
        self, schema: Schema, direction: EdgeType, config: ViewedNotBoughtConfig | None = None
    ) -> None:
        self.schema = schema
        self.direction = direction
        self.config = config or ViewedNotBoughtConfig()

    def fit(self, graph: HeteroData) -> WaitingScorer:
        """Collects and puts in order.

        Raises:
            NotEnoughDataError: There are no such events, or none of the direction.
        """
        popularity = Popularity(self.direction).fit(graph).targets[:, 0]
        seeds, targets = waiting_pairs(graph, self.schema, self.direction, self.config.by)
        lengths = torch.bincount(seeds, minlength=graph[self.direction.source].num_nodes)
        starts = starts_of(lengths)
        place = torch.arange(len(seeds)) - starts[seeds]
        values = 2 - place / (lengths[seeds] + 1)
        shape = (len(lengths), len(popularity))
        waiting = csr(starts, targets, values.float(), shape)
        return WaitingScorer(waiting, popularity / (popularity.max() + 1))


def hint_edge_types(graph: HeteroData, schema: Schema, direction: EdgeType) -> list[EdgeType]:
    """The events in the graph that may come before the direction's, such as views and carts."""
    return [
        edge_type
        for edge_type in edge_types_of(graph)
        if edge_type != direction
        and (edge_type.source, edge_type.target) == (direction.source, direction.target)
        and schema.relation(edge_type.relation).is_event
        and schema.relation(edge_type.relation).behaviour_weight > 0
        and graph[edge_type].edge_index.numel()
    ]


def waiting_pairs(
    graph: HeteroData, schema: Schema, direction: EdgeType, by: Literal["recent", "often"]
) -> tuple[Tensor, Tensor]:
    """What every seed viewed and did not take, best first: seeds ascending, and targets, int64.

    Raises:
        NotEnoughDataError: There are no events beside the direction's.
    """
    hints = hint_edge_types(graph, schema, direction)
    if not hints:
        raise NotEnoughDataError(
            f"there are no views or the like beside {direction}",
            expected="events of the same two types that speak for a target",
            value=str(direction),
        )
    num_targets = graph[direction.target].num_nodes
    keys = torch.cat([_keys(graph, one, num_targets) for one in hints])
    at_s = torch.cat([graph[one][AT_S] for one in hints])
    weights = torch.cat(
        [
            graph[one][COUNT].double() * schema.relation(one.relation).behaviour_weight
            for one in hints
        ]
    )
    pairs, pair_of = torch.unique(keys, return_inverse=True)
    newest_s = torch.full_like(pairs, ALWAYS_S).scatter_reduce_(0, pair_of, at_s, "amax")
    often = torch.bincount(pair_of, weights, minlength=len(pairs))
    open_ = ~torch.isin(pairs, _keys(graph, direction, num_targets))
    pairs, newest_s, often = pairs[open_], newest_s[open_], often[open_]
    order = torch.argsort(newest_s, descending=True, stable=True)
    if by == "often":
        order = order[torch.argsort(often[order], descending=True, stable=True)]
    seeds = pairs // num_targets
    order = order[torch.argsort(seeds[order], stable=True)]
    return seeds[order], pairs[order] % num_targets


def _keys(graph: HeteroData, edge_type: EdgeType, num_targets: int) -> Tensor:
    seeds, targets = graph[edge_type].edge_index
    keys: Tensor = seeds * num_targets + targets
    return keys
