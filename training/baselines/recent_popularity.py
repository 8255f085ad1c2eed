"""What most seeds took lately."""

from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType
from training.data import ALWAYS_S, AT_S, likes
from training.pyg import HeteroData
from training.scoring import VectorScorer
from training.split import DAY_S

Tensor = torch.Tensor


class RecentPopularityConfig(BaseModel):
    """What counts as recent: a half-life, or a window, one of the two.

    Args:
        half_life_days: After how many days an event counts half.
        window_days: Events of the last so many days count, all the same.
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
    """Scores a target by the seeds that took it, each by its newest event there.

    That event counts 2^(-age / half_life), or 1 within the window; age is counted back from the
    newest event of the relation. By default the half-life is a week. Edges without a time are
    older than all others and do not count.
    """

    def __init__(self, direction: EdgeType, config: RecentPopularityConfig | None = None) -> None:
        self.direction = direction
        self.config = config or RecentPopularityConfig(half_life_days=7)

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Counts.

        Raises:
            NotEnoughDataError: No edge of the relation has a time.
        """
        store = graph[self.direction]
        dated = store[AT_S] != ALWAYS_S
        if not dated.any():
            raise NotEnoughDataError(f"there are no {self.direction} edges with a time to count")
        speaks = likes(graph, self.direction)
        if speaks is not None:
            dated &= speaks
        at_s = store[AT_S][dated]
        num_seeds, num_targets = (
            graph[end].num_nodes for end in (self.direction.source, self.direction.target)
        )
        seeds, targets = store.edge_index[:, dated]
        pairs, pair_of_event = torch.unique(seeds * num_targets + targets, return_inverse=True)
        newest_s = torch.full_like(pairs, ALWAYS_S).scatter_reduce_(0, pair_of_event, at_s, "amax")
        counts = self._counts((at_s.max() - newest_s).double() / DAY_S)
        popularity = torch.bincount(pairs % num_targets, weights=counts, minlength=num_targets)
        return VectorScorer(torch.ones(num_seeds, 1), popularity.float()[:, None])

    def _counts(self, age_days: Tensor) -> Tensor:
        if self.config.half_life_days is not None:
            return torch.exp2(-age_days / self.config.half_life_days)
        assert self.config.window_days is not None
        return (age_days < self.config.window_days).double()
