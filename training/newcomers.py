"""What neighbours tell about a node that nothing is known of yet (cold start).

One rule for every encoder, taken from the vectors that it gave: a newcomer's vector is that of its
neighbours, carried one step on; `graphrec.query.newcomers` has the formula. Measured against the
encoders' own ways (a column of the SVD folded in, rows carried before propagation), this finds
more; see docs/decisions.md.
"""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field

from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle import NewcomerRule
from training.data import edge_types_of
from training.encoders import Vectors
from training.pyg import HeteroData
from training.sparse import normalised, quiet, with_values
from training.weights import incidence

Tensor = torch.Tensor
Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_TIE_WEIGHTS = {"Product-TAGGED-Tag": 10.0}
_SAMPLE = 4096  # trained nodes whose medians are taken; more move them by a percent or so


class NewcomerConfig(BaseModel):
    """How new nodes get their vectors; which values were chosen on what: docs/benchmarks.md.

    Args:
        tie_weights: How much a kind of tie counts beside the others, by edge type such as
            'Product-MADE_BY-Brand'; 10 for tags and 1 for others not named, 0 leaves one out.
            A product's tags lie near each other for the most part; only what differs tells.
        length_quantile: A newcomer as well tied as most is as long as this share of the trained
            nodes of its type is at most. Length is popularity: more shows newcomers to more
            people, at the cost of what is known to be liked.
        length_power: How much longer the vectors of better tied newcomers are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tie_weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(default_factory=dict)
    length_quantile: float = Field(default=0.3, gt=0, lt=1)
    length_power: float = Field(default=0.5, ge=0, le=1)

    def weight(self, tie: EdgeType) -> float:
        """What a kind of tie counts."""
        return self.tie_weights.get(str(tie), _TIE_WEIGHTS.get(str(tie), 1.0))


class NewcomerLearner:
    """Learns the rules from trained nodes, as if these were new, and applies them.

    Trained are, at the two ends of `direction`, the nodes with an event between the two types, and
    of other types the nodes with a vector. Per kind of tie, what is carried along it is scaled to
    a median length of 1 over the trained nodes, so that no kind drowns out another; then the sum
    of all kinds is. Events between the ends of `direction` are left out of that sum, because a
    newcomer has none.

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
        self._trained = {name: self._is_trained(name) for name in vectors}
        self._known = {
            name: torch.from_numpy(_without(rows, ~self._trained[name]))
            for name, rows in vectors.items()
        }
        self._operators: dict[tuple[EdgeType, str], Tensor] = {}
        self._ties = [tie for tie in edge_types_of(graph) if self._tells(schema, tie)]
        for name in self._config.tie_weights:
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

    def _is_trained(self, node_type: str) -> Mask:
        ends = (self._direction.source, self._direction.target)
        if node_type not in ends:
            return np.asarray(self._vectors[node_type].any(axis=1))
        trained = np.zeros(len(self._vectors[node_type]), dtype=bool)
        for tie in edge_types_of(self._graph):
            if (tie.source, tie.target) == ends:
                trained[self._graph[tie].edge_index[ends.index(node_type)].numpy()] = True
        return trained

    def _tells(self, schema: Schema, tie: EdgeType) -> bool:
        """Whether a tie speaks for likeness, and there is something to carry along it."""
        relation = schema.relation(tie.relation)
        return (
            tie.source in self._vectors
            and tie.target in self._vectors
            and self._graph[tie].edge_index.numel() > 0
            and (not relation.is_event or relation.behaviour_weight > 0)
            and self._config.weight(tie) > 0
        )

    def _rule(self, node_type: str) -> NewcomerRule | None:
        rows = np.flatnonzero(self._trained[node_type] & self._vectors[node_type].any(axis=1))
        if not len(rows):
            return None
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).astype(np.int64)]
        weights: dict[str, float] = {}
        beside, every = [], []
        for tie in self._ties:
            if node_type in (tie.source, tie.target):
                carried = self._carried(tie, node_type, rows)
                typical = _median_length(carried)
                if typical > 0:
                    weights[str(tie)] = self._config.weight(tie) / typical
                    every.append(weights[str(tie)] * carried)
                    if set(tie[::2]) != set(self._direction[::2]):
                        beside.append(every[-1])
        if not weights:
            return None
        typical = _median_length(np.sum(beside or every, axis=0))
        own = _lengths(self._vectors[node_type][rows])
        return NewcomerRule(
            ties={name: weight / typical for name, weight in weights.items()},
            length=float(np.quantile(own[own > 0], self._config.length_quantile)),
            length_power=self._config.length_power,
        )

    def _with_newcomers(self, node_type: str, rule: NewcomerRule) -> Array:
        rows = np.flatnonzero(~self._trained[node_type])
        total = np.zeros((len(rows), self._vectors[node_type].shape[1]), dtype=np.float32)
        for tie in self._ties:
            if str(tie) in rule.ties and node_type in (tie.source, tie.target):
                total += np.float32(rule.ties[str(tie)]) * self._carried(tie, node_type, rows)
        lengths = _lengths(total)
        told = lengths > 0
        factors = rule.factor(lengths[told]).astype(np.float32)
        replaced = self._vectors[node_type].copy()
        replaced[rows[told]] = total[told] * factors[:, None]
        return replaced

    def _carried(self, tie: EdgeType, node_type: str, rows: npt.NDArray[np.int64]) -> Array:
        """What arrives at some nodes along one kind of tie, [num_rows, dim]."""
        some = self._operator(tie, node_type).index_select(0, torch.from_numpy(rows))
        with quiet():
            carried: Array = (some @ self._known[tie.other_end(node_type)]).numpy()
        return carried

    def _operator(self, tie: EdgeType, node_type: str) -> Tensor:
        """One layer of LightGCN along a kind of tie, to all nodes; rules and `applied` share it."""
        if (tie, node_type) not in self._operators:
            ties = incidence(self._graph, tie)
            if tie.source == tie.target:
                both = (ties + ties.t()).coalesce()
                ties = with_values(both, torch.ones_like(both.values()))
            elif tie.target == node_type:
                ties = ties.t().coalesce()
            self._operators[tie, node_type] = normalised(ties).float()
        return self._operators[tie, node_type]


def _without(rows: Array, left_out: Mask) -> Array:
    """The rows with some of them zero; no copy where there are none such."""
    if not left_out.any():
        return rows
    kept = rows.copy()
    kept[left_out] = 0
    return kept


def _lengths(rows: Array) -> npt.NDArray[np.float64]:
    lengths: npt.NDArray[np.float64] = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    return lengths


def _median_length(rows: Array) -> float:
    """Over the rows that are not zero; 0 where all are."""
    lengths = _lengths(rows)
    return float(np.median(lengths[lengths > 0])) if lengths.any() else 0.0
