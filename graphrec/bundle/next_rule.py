"""The rule by which a bundle makes a user's part of the block for what comes next from events."""

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphdb.checked_schema import Schema
from graphdb.errors import BundleError, SchemaError

Weight = Annotated[float, Field(gt=0, le=1)]


class NextRule(BaseModel):
    """How the dimensions `start` to `stop` of a user's vector follow from events in their order.

    What a user does at one time is a step, as long as the largest weight of its events. An event
    with a product counts its weight x decay^(length of all later steps); the user's part is the sum
    of the products' source vectors, each times what its events count. So a later step only scales
    the part and adds to it.

    Args:
        node_type: The type of the products; its source vectors are in the bundle.
        start: The first dimension.
        stop: The dimension after the last.
        decay: What an event counts beside one a step later.
        event_weights: What one event counts, per edge type such as 'User-PURCHASED-Product'.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    node_type: str
    start: int = Field(ge=0)
    stop: int = Field(ge=1)
    decay: float = Field(gt=0, lt=1)
    event_weights: dict[str, Weight] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_dimensions(self) -> Self:
        if self.start >= self.stop:
            raise ValueError(f"the dimensions {self.start} to {self.stop} are none")
        return self


def check_next(
    schema: Schema,
    rule: NextRule,
    sources: npt.NDArray[np.float32] | None,
    dim: int,
    num_nodes: Mapping[str, int],
) -> None:
    """Checks that a rule and its source vectors fit a bundle.

    Args:
        sources: float32 [num_nodes, stop - start]; None to check the rule alone.
        dim: The dimensions of all vectors.

    Raises:
        BundleError: A part does not fit; the message says which.
    """
    for name in rule.event_weights:
        try:
            edge_type = schema.parse_edge_type(name)
        except SchemaError as error:
            raise BundleError(f"the rule for what comes next names {error}", value=name) from error
        if edge_type.target != rule.node_type:
            raise BundleError(
                f"the rule for what comes next has a weight for {name}",
                expected=f"an edge type to {rule.node_type}",
                value=name,
            )
    if rule.stop > dim or rule.node_type not in num_nodes:
        raise BundleError(
            f"the rule for what comes next is for {rule.node_type} and the dimensions "
            f"{rule.start} to {rule.stop}",
            expected=f"a node type of the bundle and at most {dim} dimensions",
            value=rule.stop,
        )
    if sources is not None:
        shape = (num_nodes[rule.node_type], rule.stop - rule.start)
        if sources.dtype != np.float32 or sources.shape != shape:
            raise BundleError(
                f"the source vectors are {sources.dtype} {list(sources.shape)}",
                expected=f"float32 {list(shape)}",
                value=sources.shape,
            )
        if not np.isfinite(sources).all():
            raise BundleError("the source vectors are not finite", expected="no NaN, no infinity")
