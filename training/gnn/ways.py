"""Ways through the graph: ties in a row, each walked along or against it."""

from collections.abc import Sequence
from typing import NamedTuple

from graphdb.errors import SchemaError
from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle import Adjacency
from training.gnn.messages import BACK
from training.pairs import adjacency, compose
from training.pyg import HeteroData


class Step(NamedTuple):
    """One tie of a way.

    Args:
        backwards: From the tie's target to its source.
    """

    edge_type: EdgeType
    backwards: bool = False

    @property
    def source(self) -> str:
        """The node type where the step begins."""
        return self.edge_type.target if self.backwards else self.edge_type.source

    @property
    def target(self) -> str:
        """The node type where it ends."""
        return self.edge_type.source if self.backwards else self.edge_type.target

    def turned(self, pairs: Adjacency) -> Adjacency:
        """Pairs of the edge type, as the step walks them."""
        return pairs.reverse() if self.backwards else pairs


def steps_of(schema: Schema, name: str) -> list[Step]:
    """The steps of 'User-WATCHED-Content-~PUBLISHED-Creator', one after the other.

    Raises:
        SchemaError: The name is no way through the schema.
    """
    parts = name.split("-")
    if len(parts) < 3 or len(parts) % 2 == 0:
        raise SchemaError(
            f"'{name}' is no way through the graph",
            expected=f"Type-RELATION-Type, or more of them in a row; {BACK} in front of a "
            "relation walks it backwards",
            value=name,
        )
    return [_step(schema, *parts[place : place + 3]) for place in range(0, len(parts) - 2, 2)]


def _step(schema: Schema, source: str, relation: str, target: str) -> Step:
    if relation.startswith(BACK):
        return Step(schema.edge_type(relation.removeprefix(BACK), target, source), True)
    return Step(schema.edge_type(relation, source, target))


def follow(graph: HeteroData, steps: Sequence[Step], begun: Adjacency) -> Adjacency:
    """The distinct pairs at the two ends of a way.

    Args:
        begun: Pairs of the first step's edge type, as the graph has them; the way begins with
            these.
    """
    pairs = steps[0].turned(begun)
    for step in steps[1:]:
        pairs = compose(pairs, step.turned(adjacency(graph, step.edge_type)))
    return pairs
