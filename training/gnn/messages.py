"""From a typed graph to the sparse operators along which vectors travel."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from graphdb.errors import SchemaError, nearest
from graphdb.schema_types import EdgeType, Schema
from training.data import edge_types_of
from training.gnn.config import GnnConfig
from training.pyg import HeteroData
from training.sparse import SparseMatrix, normalised, to_power
from training.weights import behaviour_weights, incidence, interaction_matrix

Tensor = torch.Tensor

BACK = "~"


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One way along which vectors travel.

    Args:
        name: 'Product-MADE_BY-Brand' for a tie, 'User-EVENTS-Product' for all that users do with
            products together; with '~' in front for the way back.
        source: The node type the vectors come from.
        target: The node type they arrive at.
        operator: Normalised weights D_target^(-1/2) W D_source^(-1/2), [num_targets, num_sources].
        gain: How strongly it carries at the start.
    """

    name: str
    source: str
    target: str
    operator: SparseMatrix
    gain: float = 1.0

    @property
    def back(self) -> "Message":
        """The same ties the other way."""
        return Message(
            BACK + self.name, self.target, self.source, self.operator.transpose(), self.gain
        )

    def to(self, device: torch.device) -> "Message":
        return replace(self, operator=self.operator.to(device))


def messages_of(graph: HeteroData, schema: Schema, config: GnnConfig) -> list[Message]:
    """Every tie of the graph, there and back; events between the same two types are summed.

    A tie weighs 1. Events weigh what `interaction_matrix` says, to the `pair_power`.

    Raises:
        SchemaError: `gains` names a message that there is not, or `relation_weights` a relation
            that is no event.
    """
    _check_relations(schema, config)
    ways = [way for one in _forwards(graph, schema, config) for way in (one, one.back)]
    known = [way.name for way in ways]
    for name in config.gains:
        if name not in known:
            raise SchemaError(
                f"gains names '{name}', along which nothing travels in this graph",
                expected="one of " + ", ".join(known),
                next_step=nearest(name, known),
                value=name,
            )
    ways = [replace(way, gain=config.gains.get(way.name, way.gain)) for way in ways]
    return [way for way in ways if way.gain > 0]


def _forwards(graph: HeteroData, schema: Schema, config: GnnConfig) -> Iterator[Message]:
    seen: set[tuple[str, str]] = set()
    for edge_type in edge_types_of(graph):
        source, relation, target = edge_type
        if not graph[edge_type].edge_index.numel():
            continue
        if not schema.relation(relation).is_event:
            yield _message(str(edge_type), edge_type, incidence(graph, edge_type))
        elif (source, target) not in seen:
            seen.add((source, target))
            weights = event_weights(schema, edge_type, config)
            if any(graph[kind].edge_index.numel() for kind in weights if kind in graph.edge_types):
                events = interaction_matrix(graph, weights, half_life_days=config.half_life_days)
                name = f"{source}-EVENTS-{target}"
                yield _message(name, edge_type, to_power(events, config.pair_power))


def event_weights(schema: Schema, direction: EdgeType, config: GnnConfig) -> dict[EdgeType, float]:
    """What one event counts, of every relation between the two ends of `direction`."""
    fitting = {
        name: weight
        for name, weight in config.relation_weights.items()
        if (direction.source, direction.target) in schema.relation(name).ends
    }
    return behaviour_weights(schema, direction, fitting)


def _message(name: str, edge_type: EdgeType, weights: Tensor) -> Message:
    operator = SparseMatrix.from_coordinates(normalised(weights).float())
    return Message(name, edge_type.source, edge_type.target, operator.transpose())


def _check_relations(schema: Schema, config: GnnConfig) -> None:
    for name in config.relation_weights:
        if not schema.relation(name).is_event:
            raise SchemaError(f"relation_weights names {name}, which is no event", value=name)
