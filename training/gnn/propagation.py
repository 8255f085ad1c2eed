"""Propagates node vectors along typed edges and averages them over the layers.

It also builds the sparse operators of a typed graph, and follows metapaths.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError, nearest
from graphdb.schema_types import BACK, EdgeType, MetaPath, Step
from graphrec.bundle import Adjacency
from training.data import (
    HeteroData,
    edge_types_of,
    event_weights,
    incidence,
    interaction_matrix,
)
from training.gnn.config import GnnConfig
from training.pairs import adjacency, compose
from training.sparse_ops import SparseMatrix, multiply, multiply_rows, normalised, to_power

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class RelationOperator:
    """One direction of an edge type along which vectors are propagated.

    Args:
        name: 'Product-MADE_BY-Brand' for an edge, 'User-EVENTS-Product' for all events of users and
            products together; with a leading '~' for the reverse direction.
        source: The node type of the propagated vectors.
        target: The node type that receives them.
        operator: Normalised weights D_target^(-1/2) W D_source^(-1/2), [num_targets, num_sources].
        gain: Its relation weight at the start.
    """

    name: str
    source: str
    target: str
    operator: SparseMatrix
    gain: float = 1.0

    @property
    def back(self) -> "RelationOperator":
        """Returns the same edges in the reverse direction."""
        return RelationOperator(
            BACK + self.name, self.target, self.source, self.operator.transpose(), self.gain
        )

    def to(self, device: torch.device) -> "RelationOperator":
        return replace(self, operator=self.operator.to(device))


def relation_operators(
    graph: HeteroData, schema: Schema, config: GnnConfig
) -> list[RelationOperator]:
    """Builds operators of all edges in both directions; events between two types are summed.

    A static edge weighs 1. Events have the weight of `interaction_matrix`, to the
    `repeat_exponent`.

    Raises:
        SchemaError: `relation_weights` names an edge type that the graph lacks, or
            `event_weights` a relation that is not an event.
    """
    _check_relations(schema, config)
    ways = [way for one in _forwards(graph, schema, config) for way in (one, one.back)]
    known = [way.name for way in ways]
    for name in config.relation_weights:
        if name not in known:
            raise SchemaError(
                f"relation_weights names '{name}', which has no edges in this graph",
                expected="one of " + ", ".join(known),
                next_step=nearest(name, known),
                value=name,
            )
    ways = [replace(way, gain=config.relation_weights.get(way.name, way.gain)) for way in ways]
    return [way for way in ways if way.gain > 0]


def _forwards(graph: HeteroData, schema: Schema, config: GnnConfig) -> Iterator[RelationOperator]:
    seen: set[tuple[str, str]] = set()
    for edge_type in edge_types_of(graph):
        source, relation, target = edge_type
        if not graph[edge_type].edge_index.numel():
            continue
        if not schema.relation(relation).is_event:
            yield _message(str(edge_type), edge_type, incidence(graph, edge_type))
        elif (source, target) not in seen:
            seen.add((source, target))
            weights = weights_between(schema, edge_type, config)
            if any(graph[kind].edge_index.numel() for kind in weights if kind in graph.edge_types):
                events = interaction_matrix(graph, weights, half_life_days=config.half_life_days)
                name = f"{source}-EVENTS-{target}"
                yield _message(name, edge_type, to_power(events, config.repeat_exponent))


def weights_between(
    schema: Schema, target_edge_type: EdgeType, config: GnnConfig
) -> dict[EdgeType, float]:
    """Returns the weight of one event of every relation between the two ends of an edge type."""
    fitting = {
        name: weight
        for name, weight in config.event_weights.items()
        if (target_edge_type.source, target_edge_type.target) in schema.relation(name).ends
    }
    return event_weights(schema, target_edge_type, fitting)


def _message(name: str, edge_type: EdgeType, weights: Tensor) -> RelationOperator:
    operator = SparseMatrix.from_coordinates(normalised(weights).float())
    return RelationOperator(name, edge_type.source, edge_type.target, operator.transpose())


def _check_relations(schema: Schema, config: GnnConfig) -> None:
    for name in config.event_weights:
        if not schema.relation(name).is_event:
            raise SchemaError(f"event_weights names {name}, which is not an event", value=name)


def follow(graph: HeteroData, path: MetaPath, begun: Adjacency) -> Adjacency:
    """Returns the distinct pairs at the two ends of a metapath.

    Args:
        begun: Pairs of the first step's edge type, with which the metapath begins.
    """
    first, *others = path.steps
    pairs = walked(first, begun)
    for step in others:
        pairs = compose(pairs, walked(step, adjacency(graph, step.edge_type)))
    return pairs


def walked(step: Step, pairs: Adjacency) -> Adjacency:
    """Returns pairs of a step's edge type, in the direction of the step."""
    return pairs.reverse() if step.backwards else pairs


Wanted = Sequence[tuple[str, Tensor | None]]
"""The wanted rows of each node type; None for all rows, in order."""

_INITIAL_SPREAD = 0.1


class HeteroLightGCN(torch.nn.Module):
    """x0 = m E; x_(k+1) = sum_r gain_r A_r x_k; z = g x0 + (1 - g) mean_k x_k.

    g = 1 / (L + 1), so that with one relation, unit weights and no dropout this is LightGCN (He et
    al., SIGIR 2020, equations 3 and 8). Deviations: several relations, each with a positive gain
    that may be learned; rows are dropped at random (m), so that a node's neighbors must suffice.

    Args:
        num_nodes: Per node type.
        messages: The operators between them.
        own_rows: Per node type bool [num_nodes], which nodes have a row of their own; all, for
            types that are left out.
    """

    def __init__(
        self,
        num_nodes: Mapping[str, int],
        messages: Sequence[RelationOperator],
        *,
        dim: int,
        num_layers: int,
        own_rows: Mapping[str, Tensor] | None = None,
        learn_relation_weights: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.messages = list(messages)
        self.num_layers = num_layers
        self.rows = torch.nn.ParameterDict(
            {
                node_type: _INITIAL_SPREAD * torch.randn(number, dim, generator=generator)
                for node_type, number in num_nodes.items()
            }
        )
        for node_type, has_row in (own_rows or {}).items():
            self.rows[node_type].data[~has_row.cpu()] = 0
        relation_weights = torch.tensor([message.gain for message in self.messages])
        # The inverse of softplus, which keeps a gain positive, without overflow.
        self.raw_relation_weights = torch.nn.Parameter(
            relation_weights + torch.log(-torch.expm1(-relation_weights)), learn_relation_weights
        )

    @property
    def relation_weights(self) -> dict[str, float]:
        """Returns the current weight of each relation, by name."""
        values = torch.nn.functional.softplus(self.raw_relation_weights.detach()).tolist()
        return dict(zip((message.name for message in self.messages), values, strict=True))

    def forward(self, wanted: Wanted, keep: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Returns vectors of the wanted rows, [num_rows, dim] for each entry.

        Args:
            keep: bool [num_nodes] per node type, which nodes have their own row; all by default.
        """
        own = self._base(keep)  # x_0, of all nodes
        every: Wanted = [(node_type, None) for node_type in own]
        total = own  # x_0 + ... + x_k = x_0 + A (x_0 + ... + x_(k-1)): no single layer is kept
        for _ in range(self.num_layers - 1):
            total = dict(zip(own, self._with_arrived(own, total, every), strict=True))
        if self.num_layers:
            found = self._with_arrived(own, total, wanted)
        else:
            found = [_pick(own[node_type], rows) for node_type, rows in wanted]
        return [vectors / (self.num_layers + 1) for vectors in found]

    def _base(self, keep: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        if keep is None:
            return dict(self.rows)
        return {node_type: own * keep[node_type][:, None] for node_type, own in self.rows.items()}

    def _with_arrived(
        self, own: Mapping[str, Tensor], sent: Mapping[str, Tensor], wanted: Wanted
    ) -> list[Tensor]:
        """Returns the own vectors plus one propagation along every edge."""
        relation_weights = torch.nn.functional.softplus(self.raw_relation_weights)
        found = []
        for node_type, rows in wanted:
            vectors = _pick(own[node_type], rows)
            for gain, message in zip(relation_weights, self.messages, strict=True):
                if message.target == node_type:
                    arrived = (
                        multiply(message.operator, sent[message.source])
                        if rows is None
                        else multiply_rows(message.operator, rows, sent[message.source])
                    )
                    vectors = torch.addcmul(vectors, gain, arrived)
            found.append(vectors)
        return found


def _pick(vectors: Tensor, rows: Tensor | None) -> Tensor:
    return vectors if rows is None else vectors[rows]
