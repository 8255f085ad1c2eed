"""Learns how neighbours give vectors to new nodes, of which nothing else is known (cold start).

One rule serves every encoder and uses only the vectors that it gave; `graphrec.cold_start` says
what neighbours tell and how that becomes a vector. This module learns how much each kind of edge
counts. It takes known nodes as if they were new, and finds the weights whose sum of guesses comes
nearest to their vectors. Measured against the encoders' own ways (a column of the SVD folded in,
rows carried before propagation), this finds more; see docs/decisions.md.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, NewcomerRule
from graphrec.cold_start import NeighborAggregator, lengths_of, unit
from training.data import HeteroData, edge_types_of
from training.encoders import Vectors
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

_CLOSEST = "closest"  # beside the names of edge types, which all hold a dash
_SAMPLE = 1024  # trained nodes that are taken as new; more move the weights by a percent or so


class NewcomerConfig(BaseModel):
    """How new nodes get their vectors; which values were chosen on what: docs/benchmarks.md.

    Args:
        edge_type_weights: What the learned weight of an edge type is multiplied by, such as
            'Product-MADE_BY-Brand'; 1 for those not named, 0 leaves one out.
        length_quantile: A newcomer whose ties agree as much as most do is as long as this share of
            the trained nodes of its type is at most. Length is popularity: more shows newcomers to
            more people, at the cost of what is known to be liked.
        length_power: How much longer the vectors of newcomers are whose ties agree more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    edge_type_weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict
    )
    length_quantile: float = Field(default=0.3, gt=0, lt=1)
    length_power: float = Field(default=0.5, ge=0, le=1)


class NewcomerLearner:
    """Learns the rules from trained nodes, as if these were new, and applies them.

    Trained are, at the two ends of `direction`, the nodes with an event between the two types; of
    other types all count, and who has no vector tells nothing. Ties of the ends of `direction` to
    other types tell through peers, all other ties in one step, see `NeighborAggregator`. The
    weights are the least squares of the trained nodes' directions over what their ties tell. Events
    between the ends of `direction` are left out of that, because a newcomer has none and a trained
    node's vector is made of them: each counts as much as the strongest other kind, or 1.

    Raises:
        SchemaError: A tie weight names no edge type.
    """

    def __init__(
        self,
        graph: HeteroData,
        vectors: Vectors,
        schema: Schema,
        direction: EdgeType,
        config: NewcomerConfig | None = None,
    ) -> None:
        self._graph = graph
        self._vectors = vectors
        self._direction = direction
        self._config = config or NewcomerConfig()
        self._edges: dict[EdgeType, Adjacency] = {}
        self._deeds = [tie for tie in edge_types_of(graph) if self._is_deed(tie)]
        self._around = {
            name: NeighborAggregator(name, vectors.__getitem__, self._pairs, self._deeds)
            for name in vectors
        }
        self._ties = [tie for tie in edge_types_of(graph) if self._tells(schema, tie)]
        for name in self._config.edge_type_weights:
            schema.parse_edge_type(name)

    def rules(self) -> dict[str, NewcomerRule]:
        """Per node type how a new node gets its vector; types that nothing can be told of lack."""
        found = {name: self._rule(name) for name in self._vectors}
        return {name: rule for name, rule in found.items() if rule is not None}

    def applied(self, rules: Mapping[str, NewcomerRule]) -> Vectors:
        """The vectors, with those of nodes that are not trained replaced by what the rules give.

        Trained nodes keep theirs. A node that none of its neighbours tells of, keeps its own.
        """
        return {
            name: self._with_newcomers(name, rules[name]) if name in rules else rows
            for name, rows in self._vectors.items()
        }

    def _is_deed(self, tie: EdgeType) -> bool:
        return tie[::2] == self._direction[::2] and self._graph[tie].edge_index.numel() > 0

    def _tells(self, schema: Schema, tie: EdgeType) -> bool:
        """Whether a tie speaks for likeness, and there are any."""
        relation = schema.relation(tie.relation)
        return (
            self._graph[tie].edge_index.numel() > 0
            and (not relation.is_event or relation.behaviour_weight > 0)
            and self._config.edge_type_weights.get(str(tie), 1.0) > 0
        )

    def _pairs(self, tie: EdgeType) -> Adjacency:
        if tie not in self._edges:
            self._edges[tie] = adjacency(self._graph, tie)
        return self._edges[tie]

    def _is_trained(self, node_type: str) -> npt.NDArray[np.bool_]:
        if node_type in self._direction[::2]:
            return self._around[node_type].trained(node_type)
        has_vector = np.asarray(self._vectors[node_type].any(axis=1))
        return has_vector

    def _rule(self, node_type: str) -> NewcomerRule | None:
        vectors = self._vectors[node_type]
        rows = np.flatnonzero(self._is_trained(node_type) & vectors.any(axis=1))
        if not len(rows):
            return None
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).astype(np.int64)]
        ways = self._ways(node_type)
        parts = self._beside(node_type, ways, rows)
        weights = self._times_config(least_squares_weights(parts, unit(vectors[rows])))
        strongest = max(weights.values(), default=1.0)
        deeds = self._times_config({str(tie): strongest for tie in ways.deeds})
        if not weights:
            parts, weights = self._by_deeds(node_type, ways, rows), deeds
        agreement = _agreement(parts, weights)
        if agreement == 0:
            return None
        scaled = {name: weight / agreement for name, weight in (weights | deeds).items()}
        closest = scaled.get(_CLOSEST, 0.0)
        peers = {str(tie): scaled.get(str(tie), 0.0) for tie in ways.peers}
        return NewcomerRule(
            steps={str(t): scaled[str(t)] for t in ways.deeds + ways.steps if str(t) in scaled},
            peers={name: weight for name, weight in peers.items() if closest or weight},
            closest=closest,
            trained_by=tuple(map(str, self._deeds)),
            length=float(np.quantile(lengths_of(vectors[rows]), self._config.length_quantile)),
            length_power=self._config.length_power,
        )

    def _ways(self, node_type: str) -> "_Ways":
        ends = self._direction[::2]
        ways = _Ways([], [], [])
        for tie in self._ties:
            if node_type not in tie[::2]:
                continue
            other = tie.other_end(node_type)
            if node_type in ends and other not in ends:
                ways.peers.append(tie)
            elif other in self._vectors:
                (ways.deeds if set(tie[::2]) == set(ends) else ways.steps).append(tie)
        return ways

    def _beside(self, node_type: str, ways: "_Ways", rows: Rows) -> dict[str, Array]:
        """What all ties but deeds tell of trained nodes, each [num_rows, dim]."""
        around = self._around[node_type]
        parts = {str(tie): around.step(tie, around.near(tie, rows)) for tie in ways.steps}
        near = {tie: around.near(tie, rows) for tie in ways.peers}
        parts |= {str(tie): around.peers(tie, pairs, rows) for tie, pairs in near.items()}
        if len(near) > 1:
            parts[_CLOSEST] = around.closest(near, rows)
        return parts

    def _by_deeds(self, node_type: str, ways: "_Ways", rows: Rows) -> dict[str, Array]:
        around = self._around[node_type]
        return {str(tie): around.step(tie, around.near(tie, rows)) for tie in ways.deeds}

    def _times_config(self, weights: Mapping[str, float]) -> dict[str, float]:
        chosen = self._config.edge_type_weights
        return {name: weight * chosen.get(name, 1.0) for name, weight in weights.items()}

    def _with_newcomers(self, node_type: str, rule: NewcomerRule) -> npt.NDArray[np.float32]:
        around = self._around[node_type]
        rows = np.flatnonzero(~self._is_trained(node_type))
        told = around.told(
            rule, {tie: around.near(tie, rows) for tie in self._ties if str(tie) in rule.ties}
        )
        some = told.any(axis=1)
        replaced = self._vectors[node_type].copy()
        replaced[rows[some]] = told[some]
        return replaced


class _Ways(NamedTuple):
    """The ties that tell of a node type: deeds, those in one step, and those through peers."""

    deeds: list[EdgeType]
    steps: list[EdgeType]
    peers: list[EdgeType]


def _agreement(parts: Mapping[str, Array], weights: Mapping[str, float]) -> float:
    """The median length of the weighted sums that are not zero; 0 where all are."""
    if not weights:
        return 0.0
    lengths = lengths_of(np.sum([weights[name] * parts[name] for name in weights], axis=0))
    return float(np.median(lengths[lengths > 0])) if lengths.any() else 0.0
