"""Popularity: what most users bought, or bought recently; also the baseline to beat."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.data import AT_S, DAY_S, HeteroData, likes, side_edge_types
from training.encoders.base import Vectors
from training.pairs import adjacency, compose, liked

Rows = npt.NDArray[np.signedinteger]
Numbers = npt.NDArray[np.float64]


class PopularityConfig(BaseModel):
    """The config of the popularity block, for data that say little about most query nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    """How widely its scores spread, relative to those of all other blocks together; 0 leaves
    popularity out.
    """

    half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The age at which a purchase counts half; None for never. A week or less gives what sells
    now.
    """


class PopularityEncoder:
    """Vectors of length 1: users are 1, a product is the number of distinct users who bought it.

    The same for every type connected to products: a brand is the number of users who bought of it.
    With a half-life, a user counts 2^(-age / half_life) by the newest of the purchases, with age
    counted back from the newest of all; one without a time counts nothing where others have one.

    Args:
        target_edge_type: Who does what with which.
    """

    def __init__(self, target_edge_type: EdgeType, config: PopularityConfig | None = None) -> None:
        self.target_edge_type = target_edge_type
        self.config = config or PopularityConfig()

    def fit(self, graph: HeteroData) -> Vectors:
        """Counts.

        Raises:
            InsufficientDataError: There is not one edge to count.
        """
        bought = self._bought(graph)
        vectors = self._own_ends(graph, bought)
        for edge_type in side_edge_types(graph, self.target_edge_type):
            node_type = edge_type.other_end(self.target_edge_type.target)
            if node_type not in vectors:
                edges = adjacency(graph, edge_type)
                onward = edges if edge_type.target == node_type else edges.reverse()
                vectors[node_type] = _column(bought.followed(onward).counts())
        return vectors

    def fit_ends(self, graph: HeteroData) -> Vectors:
        """Counts, but only for the two types of the target edge type.

        Raises:
            InsufficientDataError: There is not one edge to count.
        """
        return self._own_ends(graph, self._bought(graph))

    def _bought(self, graph: HeteroData) -> "_All | TimeDecayedInteractions":
        if not graph[self.target_edge_type].edge_index.numel():
            raise InsufficientDataError(f"there are no {self.target_edge_type} edges to count")
        if self.config.half_life_days is None:
            return _All(liked(graph, self.target_edge_type))
        half_life_days = self.config.half_life_days
        return TimeDecayedInteractions.of(graph, self.target_edge_type, half_life_days)

    def _own_ends(self, graph: HeteroData, bought: "_All | TimeDecayedInteractions") -> Vectors:
        num_users = graph[self.target_edge_type.source].num_nodes
        return {
            self.target_edge_type.source: np.ones((num_users, 1), np.float32),
            self.target_edge_type.target: _column(bought.counts()),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _All:
    """Pairs of which each counts 1."""

    pairs: Adjacency

    def followed(self, onward: Adjacency) -> "_All":
        return _All(compose(self.pairs, onward))

    def counts(self) -> Numbers:
        return self.pairs.reverse().degrees().astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class TimeDecayedInteractions:
    """Distinct pairs, the one that counts most first."""

    queries: Rows
    targets: Rows
    worth: Numbers
    num_targets: int

    @classmethod
    def of(
        cls, graph: HeteroData, target_edge_type: EdgeType, half_life_days: float
    ) -> "TimeDecayedInteractions":
        store = graph[target_edge_type]
        # In integers, the age of what has no time would overflow.
        at_s = store[AT_S].numpy().astype(np.float64)
        worth = np.exp2((at_s - at_s.max()) / (half_life_days * DAY_S))
        speaks = likes(graph, target_edge_type)
        if speaks is not None:
            worth[~speaks.numpy()] = 0.0
        order = np.argsort(-worth, kind="stable")
        queries, targets = store.edge_index.numpy()[:, order]
        return cls._distinct(
            queries, targets, worth[order], graph[target_edge_type.target].num_nodes
        )

    @classmethod
    def _distinct(
        cls, queries: Rows, targets: Rows, worth: Numbers, num: int
    ) -> "TimeDecayedInteractions":
        """Of pairs in the order of worth, the first of each."""
        _, first = np.unique(queries * num + targets, return_index=True)
        first.sort()
        return cls(queries[first], targets[first], worth[first], num)

    def followed(self, onward: Adjacency) -> "TimeDecayedInteractions":
        times = onward.degrees()[self.targets]
        queries, worth = np.repeat(self.queries, times), np.repeat(self.worth, times)
        return self._distinct(queries, onward.gather(self.targets), worth, onward.num_targets)

    def counts(self) -> Numbers:
        counts = np.bincount(self.targets, weights=self.worth, minlength=self.num_targets)
        return counts.astype(np.float64, copy=False)


def _column(counts: Numbers) -> npt.NDArray[np.float32]:
    return counts.astype(np.float32)[:, None]
