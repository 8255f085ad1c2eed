"""Defines the quality of nodes of a type in a bundle."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from graphdb.columns import numbers_of
from graphdb.errors import BundleError

QUALITY = "quality"
RETURN_RATE = "return_rate"
RATING = "rating"
REPEAT_RATE = "repeat_rate"
PARTS = (RETURN_RATE, RATING, REPEAT_RATE)
PAID = "paid_per_order"
COUNTS = ("num_orders", "num_returns", "num_ratings", "num_buyers", "num_repeat_buyers")

QUALITY_SCHEMA = pa.schema(
    [(name, pa.float64()) for name in (QUALITY, *PARTS, PAID)]
    + [(name, pa.int64()) for name in COUNTS]
)
"""The columns of a quality table; docs/quality.md explains them."""

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class QualityPart(BaseModel):
    """One part of the quality of a type.

    Args:
        weight: Its weight in the quality; the weights of all parts sum to 1.
        mean: Over all products: the share of returned orders, the stars, the share of repeat
            buyers.
        prior_strength: The number of orders, ratings or buyers that the expectation counts for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: Weight
    mean: float = Field(ge=0, allow_inf_nan=False)
    prior_strength: Weight


class QualityRule(BaseModel):
    """The parts of the quality of a type; parts without data are missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: dict[str, QualityPart] = Field(min_length=1)

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts without data."""
        return tuple(part for part in PARTS if part not in self.parts)


@dataclass(frozen=True, slots=True)
class Quality:
    """The table of one type, in row order with the columns of `QUALITY_SCHEMA`, and its rule."""

    table: pa.Table
    rule: QualityRule


def check_quality(node_type: str, quality: Quality, num_nodes: int) -> None:
    """Checks a table against its rule.

    Raises:
        BundleError: A column is wrong; the message names type and column.
    """
    table, rule = quality.table, quality.rule
    if not table.schema.equals(QUALITY_SCHEMA):
        raise BundleError(
            f"the quality of {node_type} has the columns {table.schema.names}",
            expected=", ".join(f"{field.name} ({field.type})" for field in QUALITY_SCHEMA),
            value=table.schema.names,
        )
    if table.num_rows != num_nodes:
        raise BundleError(
            f"the quality table of {node_type} has {table.num_rows} nodes",
            expected=str(num_nodes),
            value=table.num_rows,
        )
    unknown = [part for part in rule.parts if part not in PARTS]
    if unknown:
        raise BundleError(
            f"the quality of {node_type} has the part '{unknown[0]}'",
            expected="one of " + ", ".join(PARTS),
            value=unknown[0],
        )
    for name in (QUALITY, *PARTS):
        _check_column(node_type, name, table[name], rule)
    if not _all_within(table[PAID].drop_null(), np.inf):
        raise BundleError(
            f"{PAID} of {node_type} is negative or not a number", expected="0 or more"
        )
    for name in COUNTS:
        if table[name].null_count or (pc.min(table[name]).as_py() or 0) < 0:
            raise BundleError(
                f"{name} of {node_type} has empty or negative values", expected="0 or more"
            )


def _check_column(node_type: str, name: str, column: pa.ChunkedArray, rule: QualityRule) -> None:
    if name in rule.missing:
        if column.null_count != len(column):
            raise BundleError(
                f"{name} of {node_type} has values but is not a part of the quality",
                expected="an empty column",
            )
        return
    highest = np.inf if name == RATING else 1.0
    if column.null_count or not _all_within(column, highest):
        raise BundleError(
            f"{name} of {node_type} has values outside 0 to {highest:g}",
            next_step="check for contradictory counts",
        )


def _all_within(column: pa.ChunkedArray, highest: float) -> bool:
    found = numbers_of(column)
    return bool(((found >= 0) & (found <= highest) & np.isfinite(found)).all())
