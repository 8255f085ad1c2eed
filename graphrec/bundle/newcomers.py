"""How a bundle says what the neighbours of a new node tell about it."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from graphdb.errors import BundleError, SchemaError
from graphdb.schema_types import Schema

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class NewcomerRule(BaseModel):
    """How new nodes of one type get their vectors; see `graphrec.query.newcomers`.

    Args:
        ties: How much each kind of tie counts, by edge type such as 'Product-MADE_BY-Brand'.
        length: Of the vector of a newcomer that is as well tied as most.
        length_power: How much longer the vector of a better tied one is: 0 not at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ties: dict[str, Positive] = Field(min_length=1)
    length: Positive
    length_power: float = Field(ge=0, le=1)

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
    """Checks that every tie a rule names can be walked, and has vectors at both ends.

    Args:
        with_vectors: The node types that have vectors.
        with_edges: The edge types that are there, as text.

    Raises:
        BundleError: Names the rule, the tie and what is wrong with it.
    """
    for node_type, rule in rules.items():
        for name in rule.ties:
            problem = _problem(schema, node_type, name, with_vectors, with_edges)
            if problem:
                raise BundleError(
                    f"the rule for new {node_type} nodes names '{name}', {problem}", value=name
                )


def _problem(
    schema: Schema,
    node_type: str,
    name: str,
    with_vectors: frozenset[str],
    with_edges: frozenset[str],
) -> str | None:
    try:
        edge_type = schema.parse_edge_type(name)
    except SchemaError as error:
        return f"which is no edge type: {error}"
    if node_type not in (edge_type.source, edge_type.target):
        return f"which ties no {node_type}"
    if name not in with_edges:
        return "whose edges are not in the bundle"
    for end in (edge_type.source, edge_type.target):
        if end not in with_vectors:
            return f"but there are no vectors for {end}"
    return None
