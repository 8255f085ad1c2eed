"""Learns how neighbors give vectors to new nodes, of which nothing else is known (cold start).

One rule serves every encoder and uses only the vectors that it gave; `graphrec.cold_start` says
how neighbors give a vector. This module learns how much each edge type counts. It takes known nodes
as if they were new, and finds the weights whose sum of guesses comes nearest to their vectors.
Measured against the encoders' own kinds (a column of the SVD folded in, rows carried before
propagation), this finds more; see docs/adr/025-cold-start-weights.md.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, ColdStartRule
from graphrec.cold_start import NeighborAggregator, lengths_of, unit
from training.data import HeteroData, edge_types_of
from training.encoders import Vectors, is_source
from training.pairs import adjacency

_RIDGE = 1e-2  # of a guess's own square: two guesses that are alike share what one would get
_SWEEPS = 1000
_STILL = 1e-9


def least_squares_weights(
    guesses: Mapping[str, npt.NDArray[np.floating]], truth: npt.NDArray[np.floating]
) -> dict[str, float]:
    """Weights w >= 0 of the guesses that bring their weighted sum nearest to the truth.

    Minimises |truth - sum_g w_g guess_g|^2 + ridge * sum_g w_g^2 |guess_g|^2, by coordinate
    descent. Guesses that do not help are left out of the result.

    Args:
        guesses: By name, each of the truth's shape.

    >>> truth = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> half, wrong = truth / 2, -truth
    >>> weights = least_squares_weights({"half": half, "wrong": wrong}, truth)
    >>> {name: round(weight, 2) for name, weight in weights.items()}
    {'half': 1.98}
    """
    names = [name for name, guess in guesses.items() if guess.any()]
    if not names:
        return {}
    flat = [guesses[name].ravel() for name in names]
    alike = np.array([[one @ other for other in flat] for one in flat], np.float64)
    right = np.array([one @ truth.ravel() for one in flat], np.float64)
    squares = np.diag(alike) * (1 + _RIDGE)
    weights = np.zeros(len(names))
    for _ in range(_SWEEPS):
        before = weights.copy()
        for at in range(len(names)):
            others = alike[at] @ weights - alike[at, at] * weights[at]
            weights[at] = max(right[at] - others, 0) / squares[at]
        if np.abs(weights - before).max() <= _STILL * np.abs(weights).max():
            break
    return {name: float(weight) for name, weight in zip(names, weights, strict=True) if weight > 0}


Array = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_CLOSEST_SIBLINGS = "closest siblings"  # beside the names of edge types, which all hold a dash
_SAMPLE = 1024  # trained nodes that are taken as new; more move the weights by a percent or so


class ColdStartConfig(BaseModel):
    """How new nodes get vectors; docs/benchmarks.md says how the defaults were chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    edge_type_weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict
    )
    """A factor for the learned weight of an edge type, such as 'Product-MADE_BY-Brand'; 1 for those
    not named, 0 leaves one out.
    """

    length_quantile: float = Field(default=0.3, gt=0, lt=1)
    """The length of a new item whose edges agree as much as most do, as a quantile of the lengths
    of the trained nodes of its type. Length is popularity: a higher quantile shows new items to
    more users, at the cost of proven ones.
    """

    length_power: float = Field(default=0.5, ge=0, le=1)
    """How much longer the vectors of new items are if their edges agree more."""


class ColdStartLearner:
    """Learns the rules from trained nodes, as if these were new, and applies them.

    Trained are, at the two ends of `target_edge_type`, the nodes with an event between the two
    types; of other types all count, and who has no vector counts for nothing. Edges from the ends
    of `target_edge_type` to other types count by siblings, all others by neighbors, see
    `NeighborAggregator`. The weights are the least squares of the trained nodes' directions over
    what their edges give. Events between the ends of `target_edge_type` are left out of that,
    because a new node has none and a trained node's vector is made of them: each counts as much as
    the strongest other kind, or 1.

    Raises:
        SchemaError: An edge weight names no edge type.
    """

    def __init__(
        self,
        graph: HeteroData,
        vectors: Vectors,
        schema: Schema,
        target_edge_type: EdgeType,
        config: ColdStartConfig | None = None,
    ) -> None:
        self._graph = graph
        self._vectors = vectors
        self._target_edge_type = target_edge_type
        self._config = config or ColdStartConfig()
        self._edges: dict[EdgeType, Adjacency] = {}
        self._events = [edge for edge in edge_types_of(graph) if self._is_event(edge)]
        self._aggregators = {
            name: NeighborAggregator(name, vectors.__getitem__, self._pairs, self._events)
            for name in vectors
            if not is_source(name)
        }
        self._edge_types = [edge for edge in edge_types_of(graph) if self._counts(schema, edge)]
        for name in self._config.edge_type_weights:
            schema.parse_edge_type(name)

    def rules(self) -> dict[str, ColdStartRule]:
        """Per node type how a new node gets its vector; types with nothing to learn are absent."""
        found = {name: self._rule(name) for name in self._aggregators}
        return {name: rule for name, rule in found.items() if rule is not None}

    def applied(self, rules: Mapping[str, ColdStartRule]) -> Vectors:
        """The vectors, with those of nodes that are not trained replaced by what the rules give.

        Trained nodes keep theirs. A node whose neighbors give nothing keeps its own.
        """
        return {
            name: self._with_new_nodes(name, rules[name]) if name in rules else rows
            for name, rows in self._vectors.items()
        }

    def _is_event(self, edge: EdgeType) -> bool:
        return edge[::2] == self._target_edge_type[::2] and self._graph[edge].edge_index.numel() > 0

    def _counts(self, schema: Schema, edge: EdgeType) -> bool:
        """Whether there are edges of a type, and they speak for similarity."""
        relation = schema.relation(edge.relation)
        return (
            self._graph[edge].edge_index.numel() > 0
            and (not relation.is_event or relation.event_weight > 0)
            and self._config.edge_type_weights.get(str(edge), 1.0) > 0
        )

    def _pairs(self, edge: EdgeType) -> Adjacency:
        if edge not in self._edges:
            self._edges[edge] = adjacency(self._graph, edge)
        return self._edges[edge]

    def _is_trained(self, node_type: str) -> npt.NDArray[np.bool_]:
        if node_type in self._target_edge_type[::2]:
            return self._aggregators[node_type].trained(node_type)
        has_vector = np.asarray(self._vectors[node_type].any(axis=1))
        return has_vector

    def _rule(self, node_type: str) -> ColdStartRule | None:
        vectors = self._vectors[node_type]
        rows = np.flatnonzero(self._is_trained(node_type) & vectors.any(axis=1))
        if not len(rows):
            return None
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).astype(np.int64)]
        kinds = self._edge_types_of(node_type)
        parts = self._beside(node_type, kinds, rows)
        weights = self._times_config(least_squares_weights(parts, unit(vectors[rows])))
        strongest = max(weights.values(), default=1.0)
        events = self._times_config({str(edge): strongest for edge in kinds.events})
        if not weights:
            parts, weights = self._from_events(node_type, kinds, rows), events
        agreement = _agreement(parts, weights)
        if agreement == 0:
            return None
        scaled = {name: weight / agreement for name, weight in (weights | events).items()}
        closest = scaled.get(_CLOSEST_SIBLINGS, 0.0)
        siblings = {str(edge): scaled.get(str(edge), 0.0) for edge in kinds.siblings}
        return ColdStartRule(
            neighbors={
                str(t): scaled[str(t)] for t in kinds.events + kinds.neighbors if str(t) in scaled
            },
            siblings={name: weight for name, weight in siblings.items() if closest or weight},
            closest_siblings=closest,
            trained_by=tuple(map(str, self._events)),
            length=float(np.quantile(lengths_of(vectors[rows]), self._config.length_quantile)),
            length_power=self._config.length_power,
        )

    def _edge_types_of(self, node_type: str) -> "_EdgeTypes":
        ends = self._target_edge_type[::2]
        kinds = _EdgeTypes([], [], [])
        for edge in self._edge_types:
            if node_type not in edge[::2]:
                continue
            other = edge.other_end(node_type)
            if node_type in ends and other not in ends:
                kinds.siblings.append(edge)
            elif other in self._vectors:
                (kinds.events if set(edge[::2]) == set(ends) else kinds.neighbors).append(edge)
        return kinds

    def _beside(self, node_type: str, kinds: "_EdgeTypes", rows: Rows) -> dict[str, Array]:
        """What all edge types but events give for trained nodes, each [num_rows, dim]."""
        aggregator = self._aggregators[node_type]
        parts = {
            str(edge): aggregator.from_neighbors(edge, aggregator.neighbors(edge, rows))
            for edge in kinds.neighbors
        }
        neighbors = {edge: aggregator.neighbors(edge, rows) for edge in kinds.siblings}
        parts |= {
            str(edge): aggregator.from_siblings(edge, pairs, rows)
            for edge, pairs in neighbors.items()
        }
        if len(neighbors) > 1:
            parts[_CLOSEST_SIBLINGS] = aggregator.from_closest_siblings(neighbors, rows)
        return parts

    def _from_events(self, node_type: str, kinds: "_EdgeTypes", rows: Rows) -> dict[str, Array]:
        aggregator = self._aggregators[node_type]
        return {
            str(edge): aggregator.from_neighbors(edge, aggregator.neighbors(edge, rows))
            for edge in kinds.events
        }

    def _times_config(self, weights: Mapping[str, float]) -> dict[str, float]:
        chosen = self._config.edge_type_weights
        return {name: weight * chosen.get(name, 1.0) for name, weight in weights.items()}

    def _with_new_nodes(self, node_type: str, rule: ColdStartRule) -> npt.NDArray[np.float32]:
        aggregator = self._aggregators[node_type]
        rows = np.flatnonzero(~self._is_trained(node_type))
        vectors = aggregator.aggregate(
            rule,
            {
                edge: aggregator.neighbors(edge, rows)
                for edge in self._edge_types
                if str(edge) in rule.edge_types
            },
        )
        some = vectors.any(axis=1)
        replaced = self._vectors[node_type].copy()
        replaced[rows[some]] = vectors[some]
        return replaced


class _EdgeTypes(NamedTuple):
    """The edge types that count for new nodes of a type: events, others, and those by siblings."""

    events: list[EdgeType]
    neighbors: list[EdgeType]
    siblings: list[EdgeType]


def _agreement(parts: Mapping[str, Array], weights: Mapping[str, float]) -> float:
    """The median length of the weighted sums that are not zero; 0 where all are."""
    if not weights:
        return 0.0
    lengths = lengths_of(np.sum([weights[name] * parts[name] for name in weights], axis=0))
    return float(np.median(lengths[lengths > 0])) if lengths.any() else 0.0
