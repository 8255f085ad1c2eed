"""The rule by which a bundle computes the vector of a new node from its neighbors."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphdb.checked_schema import Schema
from graphdb.errors import BundleError, SchemaError
from graphdb.schema_types import EdgeType

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ColdStartRule(BaseModel):
    """The rule for the vectors of new nodes of one type.

    Edge types, such as 'Product-MADE_BY-Brand', have a weight each.

    Args:
        neighbors: Edge types whose neighbors count with their own vectors.
        siblings: Edge types whose siblings count: nodes of the same type that share a neighbor. 0
            for edge types that only count in `closest_siblings`, or where a new node has no other
            edges.
        closest_siblings: The weight of the siblings that share the most of these edge types; 0 for
            none.
        trained_by: The edge types by which the model knows the nodes at their ends. A node without
            any of them is itself new, and its vector does not count.
        length: The length of the vector of a new node whose edges agree as usual.
        length_power: How much the length grows with the agreement of the edges; 0 for no effect.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    neighbors: dict[str, Positive] = Field(default_factory=dict)
    siblings: dict[str, NotNegative] = Field(default_factory=dict)
    closest_siblings: NotNegative = 0
    trained_by: tuple[str, ...]
    length: Positive
    length_power: float = Field(ge=0, le=1)

    @property
    def edge_types(self) -> tuple[str, ...]:
        """Returns all edge types that count."""
        return (*self.neighbors, *self.siblings)

    @model_validator(mode="after")
    def _some_edge_type_counts(self) -> Self:
        closest = self.closest_siblings and len(self.siblings) > 1
        if not (self.neighbors or any(self.siblings.values()) or closest):
            raise ValueError("no edge type has a weight above 0")
        return self

    def factor(self, lengths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Returns the factor for sums over the edges, given their lengths, all above 0."""
        factors: npt.NDArray[np.float64] = self.length * lengths ** (self.length_power - 1)
        return factors


def check_rules(
    schema: Schema,
    rules: Mapping[str, ColdStartRule],
    with_vectors: frozenset[str],
    with_edges: frozenset[str],
) -> None:
    """Checks that the bundle has every edge type that a rule names, and the vectors at its ends.

    Args:
        with_vectors: The node types that have vectors.
        with_edges: The edge types in the bundle, as text.

    Raises:
        BundleError: An edge type does not fit; the message names it and the rule.
    """
    for node_type, rule in rules.items():
        for name in (*rule.edge_types, *rule.trained_by):
            problem = _problem_with_edges(schema, name, with_edges)
            if not problem and name in rule.edge_types:
                edge_type = schema.parse_edge_type(name)
                needed = edge_type[::2] if name in rule.neighbors else (node_type,)
                problem = _problem_with_ends(edge_type, node_type, needed, with_vectors)
            if problem:
                raise BundleError(
                    f"the rule for new {node_type} nodes names '{name}', {problem}", value=name
                )


def _problem_with_edges(schema: Schema, name: str, with_edges: frozenset[str]) -> str | None:
    try:
        schema.parse_edge_type(name)
    except SchemaError as error:
        return f"which is not an edge type: {error}"
    return None if name in with_edges else "whose edges are not in the bundle"


def _problem_with_ends(
    edge_type: EdgeType, node_type: str, needed: Sequence[str], with_vectors: frozenset[str]
) -> str | None:
    if node_type not in edge_type[::2]:
        return f"which does not connect {node_type} nodes"
    for end in needed:
        if end not in with_vectors:
            return f"but {end} has no vectors"
    return None
