"""Implements baselines that know the order of events: TIFU-KNN, UP-CF, and transitions.

All read the events of one relation with their times. A basket is what a query node took at one
time; events without a time are left out, because nothing tells which basket they belong to.
"""

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from training.baselines.base import csr_rows, rows_of
from training.baselines.popularity import Popularity
from training.data import HeteroData, dated_likes
from training.sparse_ops import coordinates, csr, gather_rows, owners_of, product, starts_of

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Baskets:
    """The distinct targets of every basket, in order of query node, then time, then target.

    Args:
        queries: int64 [num_entries].
        targets: int64 [num_entries].
        age: int64 [num_entries], how many later baskets the query node has.
        number: int64 [num_queries], of baskets.
        num_targets: Of the graph.
    """

    queries: Tensor
    targets: Tensor
    age: Tensor
    number: Tensor
    num_targets: int

    @classmethod
    def of(cls, graph: HeteroData, edge_type: EdgeType) -> "Baskets":
        """Puts events with the same time into one basket.

        Raises:
            InsufficientDataError: No event has a time.
        """
        queries, targets, at_s = _dated(graph, edge_type)
        num_queries, num_targets = (
            graph[end].num_nodes for end in (edge_type.source, edge_type.target)
        )
        times, time = torch.unique(at_s, return_inverse=True)
        baskets, of_event = torch.unique(queries * len(times) + time, return_inverse=True)
        entries = torch.unique(of_event * num_targets + targets)
        basket, targets = entries // num_targets, entries % num_targets
        owners = baskets // len(times)
        number = torch.bincount(owners, minlength=num_queries)
        place = torch.arange(len(baskets)) - starts_of(number)[owners]
        age = (number[owners] - 1 - place)[basket]
        return cls(owners[basket], targets, age, number, num_targets)

    def summed(self, weights: Tensor) -> Tensor:
        """Query nodes by targets, CSR float32: the sum of the weights of their entries."""
        keys, key = torch.unique(
            self.queries * self.num_targets + self.targets, return_inverse=True
        )
        values = torch.bincount(key, weights.double(), minlength=len(keys)).float()
        lengths = torch.bincount(keys // self.num_targets, minlength=len(self.number))
        shape = (len(self.number), self.num_targets)
        return csr(starts_of(lengths), keys % self.num_targets, values, shape)


def _dated(graph: HeteroData, edge_type: EdgeType) -> tuple[Tensor, Tensor, Tensor]:
    """As `dated_likes`; raises InsufficientDataError where there are none."""
    found = dated_likes(graph, edge_type)
    if not len(found[0]):
        raise InsufficientDataError(
            f"there are no {edge_type} edges with a time",
            expected="events, whose order and baskets are known",
            value=str(edge_type),
        )
    return found


class TifuKnnConfig(BaseModel):
    """The config of TIFU-KNN; the defaults are those of the paper for Ta-Feng.

    Args:
        num_neighbors: The number of nearest query nodes whose vectors are averaged.
        group_size: The number of baskets in a group, the newest group full.
        basket_decay: What a basket counts beside the next newer one of its group.
        group_decay: What a group counts beside the next newer one.
        own_weight: The share of a query node's own vector.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_neighbors: int = Field(default=300, ge=1, le=100_000)
    group_size: int = Field(default=7, ge=1, le=1_000)
    basket_decay: float = Field(default=0.9, gt=0, le=1)
    group_decay: float = Field(default=0.7, gt=0, le=1)
    own_weight: float = Field(default=0.7, ge=0, le=1)


class TifuKnn:
    """Temporal item frequency of a query node and of those like it.

    Hu et al., "Modeling personalized item frequency information for next-basket recommendation"
    (SIGIR 2020), section 4: a vector is the mean over groups of the means over their baskets, each
    with its decay, and a prediction the query node's own vector mixed with the mean of the nearest.
    Deviation: the oldest group, which may be smaller, is averaged over its own baskets.
    """

    def __init__(self, target_edge_type: EdgeType, config: TifuKnnConfig | None = None) -> None:
        self.target_edge_type = target_edge_type
        self.config = config or TifuKnnConfig()

    def fit(self, graph: HeteroData) -> "TifuKnnScorer":
        """Averages the baskets.

        Raises:
            InsufficientDataError: No event has a time.
        """
        config, baskets = self.config, Baskets.of(graph, self.target_edge_type)
        size, number = config.group_size, baskets.number[baskets.queries]
        group = baskets.age // size
        in_group = torch.minimum(number - group * size, torch.tensor(size))
        num_groups = (number + size - 1) // size
        weights = config.basket_decay ** (baskets.age % size).double() / in_group
        weights *= config.group_decay ** group.double() / num_groups
        vectors = baskets.summed(weights)
        owners = owners_of(vectors.crow_indices().diff())
        squares = torch.bincount(
            owners, vectors.values().double().square(), minlength=vectors.shape[0]
        )
        return TifuKnnScorer(vectors, vectors.to_sparse(), squares.float(), config)


@dataclass(frozen=True, slots=True, eq=False)
class TifuKnnScorer:
    """Mixes a query node's vector with the mean of its nearest neighbors.

    Args:
        vectors: CSR float32 [num_queries, num_targets].
        entries: The same as coalesced COO.
        squares: float32 [num_queries], the squared length of each vector.
    """

    vectors: Tensor
    entries: Tensor
    squares: Tensor
    config: TifuKnnConfig

    @property
    def num_targets(self) -> int:
        return self.vectors.shape[1]

    def scores(self, rows: Tensor) -> Tensor:
        vectors, squares, config = self.vectors, self.squares, self.config
        own = rows_of(vectors, rows).to_dense()
        distances = squares - 2 * (vectors @ own.T).T  # less the query node's own square
        distances[torch.arange(len(rows)), rows] = torch.inf
        distances[:, squares == 0] = torch.inf  # who took nothing is nobody's neighbor
        most = min(config.num_neighbors, int((squares > 0).sum()) - 1)
        if most < 1:
            return own
        near = distances.topk(most, largest=False).indices
        index = torch.stack([torch.arange(len(rows)).repeat_interleave(most), near.flatten()])
        shares = torch.full((index.shape[1],), 1 / most)
        mean = coordinates(index, shares, (len(rows), vectors.shape[0]))
        others = product(mean, self.entries).to_dense()
        return config.own_weight * own + (1 - config.own_weight) * others


class UpCfConfig(BaseModel):
    """The config of UP-CF.

    Args:
        recent_baskets: How many of the newest baskets count; None for all.
        asymmetry: 1 compares what two query nodes share with all of the first one's targets, 0
            with all of the other's, .5 is the cosine.
        locality: The power of the similarity: the higher, the more the nearest alone count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recent_baskets: int | None = Field(default=25, ge=1)
    asymmetry: float = Field(default=0.25, ge=0, le=1)
    locality: float = Field(default=5.0, gt=0, le=1_000)


class UpCf:
    """User-wise popularity, recency-aware, with collaborative filtering.

    Faggioli, Polato and Aiolli, "Recency aware collaborative filtering for next basket
    recommendation" (UMAP 2020), equations 2 to 5: how often a target is in the newest baskets of
    the query nodes that are similar, the query node itself among them.
    """

    def __init__(self, target_edge_type: EdgeType, config: UpCfConfig | None = None) -> None:
        self.target_edge_type = target_edge_type
        self.config = config or UpCfConfig()

    def fit(self, graph: HeteroData) -> "UpCfScorer":
        """Counts the baskets.

        Raises:
            InsufficientDataError: No event has a time.
        """
        baskets = Baskets.of(graph, self.target_edge_type)
        number = baskets.number[baskets.queries].double()
        recent = self.config.recent_baskets
        weights = 1 / number
        if recent is not None:
            weights = (baskets.age < recent) / number.clamp(max=recent)
        owned = baskets.summed(torch.ones_like(weights))
        owned.values().fill_(1.0)
        popularity = csr_rows(baskets.summed(weights).to_sparse().t().coalesce())
        return UpCfScorer(owned, popularity, self.config)


@dataclass(frozen=True, slots=True, eq=False)
class UpCfScorer:
    """Sums what similar query nodes take.

    Args:
        owned: CSR float32 [num_queries, num_targets], 1 where a query node took a target.
        popularity: CSR float32 [num_targets, num_queries], the share of the newest baskets.
    """

    owned: Tensor
    popularity: Tensor
    config: UpCfConfig

    @property
    def num_targets(self) -> int:
        return self.owned.shape[1]

    def scores(self, rows: Tensor) -> Tensor:
        shared = self.owned @ rows_of(self.owned, rows).to_dense().T  # [num_queries, len(rows)]
        sizes = self.owned.crow_indices().diff().clamp(min=1).double()
        mine, theirs = sizes[rows] ** self.config.asymmetry, sizes ** (1 - self.config.asymmetry)
        similar = (shared / (theirs[:, None] * mine)) ** self.config.locality
        return (self.popularity @ similar.float()).T.contiguous()


class TransitionsConfig(BaseModel):
    """The config of transitions.

    Args:
        within: How many of the following events count as following.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    within: int = Field(default=1, ge=1, le=100)


class Transitions:
    """Ranks what most often followed the last target that a query node took, then by popularity.

    A first-order Markov chain: a target scores the share of the events after any event with the
    last target, within some steps, that were with it. Events of one time are in the order of rows.
    """

    def __init__(self, target_edge_type: EdgeType, config: TransitionsConfig | None = None) -> None:
        self.target_edge_type = target_edge_type
        self.config = config or TransitionsConfig()

    def fit(self, graph: HeteroData) -> "TransitionScorer":
        """Counts the pairs of events.

        Raises:
            InsufficientDataError: No event has a time.
        """
        popularity = Popularity(self.target_edge_type).fit(graph).targets[:, 0]
        queries, targets, at_s = _dated(graph, self.target_edge_type)
        order = torch.argsort(at_s, stable=True)
        order = order[torch.argsort(queries[order], stable=True)]
        queries, targets = queries[order], targets[order]
        num_targets = len(popularity)
        keys = []
        for step in range(1, self.config.within + 1):
            before, after = targets[:-step], targets[step:]
            follows = (queries[:-step] == queries[step:]) & (before != after)
            keys.append(before[follows] * num_targets + after[follows])
        pairs, numbers = torch.unique(torch.cat(keys), return_counts=True)
        sources = pairs // num_targets
        lengths = torch.bincount(sources, minlength=num_targets)
        all_after = torch.bincount(sources, numbers.double(), minlength=num_targets)
        values = (numbers / all_after[sources]).float()
        shape = (num_targets, num_targets)
        last = torch.full((graph[self.target_edge_type.source].num_nodes,), -1)
        is_last = torch.diff(queries, append=queries.new_tensor([-1])) != 0
        last[queries[is_last]] = targets[is_last]
        after = csr(starts_of(lengths), pairs % num_targets, values, shape)
        # Below the smallest share that there can be, so that it only orders what never followed.
        filler = popularity / (popularity.max() + 1) / (all_after.max() + 1)
        return TransitionScorer(after, last, filler.float())


@dataclass(frozen=True, slots=True, eq=False)
class TransitionScorer:
    """Scores by the last target of a query node.

    Args:
        after: CSR float32 [num_targets, num_targets], the share of each target after each other.
        last: int64 [num_queries], the last target; -1 for none.
        popularity: float32 [num_targets], below every share.
    """

    after: Tensor
    last: Tensor
    popularity: Tensor

    @property
    def num_targets(self) -> int:
        return len(self.popularity)

    def scores(self, rows: Tensor) -> Tensor:
        scores = self.popularity.repeat(len(rows), 1)
        known = torch.nonzero(self.last[rows] >= 0)[:, 0]
        targets, values, lengths = gather_rows(self.after, self.last[rows[known]])
        scores[known[owners_of(lengths)], targets] += values
        return scores
