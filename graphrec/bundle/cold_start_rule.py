"""How a bundle says what the neighbours of a new node tell about it."""

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


class NewcomerRule(BaseModel):
    """How new nodes of one type get their vectors; see `graphrec.cold_start.NeighborAggregator`.

    Ties are edge types such as 'Product-MADE_BY-Brand', each with how much it counts.

    Args:
        steps: Ties along which the neighbours' own vectors tell.
        peers: Ties along which the neighbours' other neighbours tell, those of the new node's type;
            0 for those that tell by `closest` alone.
        closest: How much those tied alike by most kinds of `peers` count beside; 0 not at all.
        trained_by: The edge types by which nodes at their ends are known; who has none is itself
            a newcomer and tells nothing.
        length: Of the vector of a newcomer whose ties agree as much as most do.
        length_power: How much longer the vector of one is whose ties agree more: 0 not at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: dict[str, Positive] = Field(default_factory=dict)
    peers: dict[str, NotNegative] = Field(default_factory=dict)
    closest: NotNegative = 0
    trained_by: tuple[str, ...]
    length: Positive
    length_power: float = Field(ge=0, le=1)

    @property
    def ties(self) -> tuple[str, ...]:
        """All kinds of ties that tell something."""
        return (*self.steps, *self.peers)

    @model_validator(mode="after")
    def _tells_something(self) -> Self:
        if not (self.steps or any(self.peers.values()) or (self.closest and len(self.peers) > 1)):
            raise ValueError("no tie tells anything")
        return self

    def factor(self, lengths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """By what sums over the ties are multiplied, given their lengths, all above 0."""
        factors: npt.NDArray[np.float64] = self.length * lengths ** (self.length_power - 1)
        return factors


def check_rules(
    schema: Schema,
    rules: Mapping[str, NewcomerRule],
    with_vectors: frozenset[str],
    with_edges: frozenset[str],
) -> None:
    """Checks that every tie a rule names can be walked, and has the vectors that it tells by.

    Args:
        with_vectors: The node types that have vectors.
        with_edges: The edge types that are there, as text.

    Raises:
        BundleError: Names the rule, the tie and what is wrong with it.
    """
    for node_type, rule in rules.items():
        for name in (*rule.ties, *rule.trained_by):
            problem = _problem_with_edges(schema, name, with_edges)
            if not problem and name in rule.ties:
                edge_type = schema.parse_edge_type(name)
                needed = edge_type[::2] if name in rule.steps else (node_type,)
                problem = _problem_with_ends(edge_type, node_type, needed, with_vectors)
            if problem:
                raise BundleError(
                    f"the rule for new {node_type} nodes names '{name}', {problem}", value=name
                )


def _problem_with_edges(schema: Schema, name: str, with_edges: frozenset[str]) -> str | None:
    try:
        schema.parse_edge_type(name)
    except SchemaError as error:
        return f"which is no edge type: {error}"
    return None if name in with_edges else "whose edges are not in the bundle"


def _problem_with_ends(
    edge_type: EdgeType, node_type: str, needed: Sequence[str], with_vectors: frozenset[str]
) -> str | None:
    if node_type not in edge_type[::2]:
        return f"which ties no {node_type}"
    for end in needed:
        if end not in with_vectors:
            return f"but there are no vectors for {end}"
    return None
