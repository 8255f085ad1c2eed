"""How good the nodes of a type are, as a bundle keeps it."""

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
"""The columns of a table: what each means stands in docs/quality.md."""

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class QualityPart(BaseModel):
    """How one part went into the quality of a type.

    Args:
        weight: Of it in the quality; those of all parts sum to 1.
        mean: Over all products: of orders that came back, of stars, of buyers who bought again.
        prior_strength: For how many orders, ratings or buyers the expectation counts beside a
            node's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: Weight
    mean: float = Field(ge=0, allow_inf_nan=False)
    prior_strength: Weight


class QualityRule(BaseModel):
    """Which parts the quality of a type is made of; a part that the data lack is not there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: dict[str, QualityPart] = Field(min_length=1)

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that the data say nothing about."""
        return tuple(part for part in PARTS if part not in self.parts)


@dataclass(frozen=True, slots=True)
class Quality:
    """The table of one type, in row order with the columns of `QUALITY_SCHEMA`, and its rule."""

    table: pa.Table
    rule: QualityRule


def check_quality(node_type: str, quality: Quality, num_nodes: int) -> None:
    """Checks a table against its rule.

    Raises:
        BundleError: Names the type, the column and what is wrong.
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
            f"the quality of {node_type} is of {table.num_rows} nodes",
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
        raise BundleError(f"{PAID} of {node_type} is negative or no number", expected="0 or more")
    for name in COUNTS:
        if table[name].null_count or (pc.min(table[name]).as_py() or 0) < 0:
            raise BundleError(
                f"{name} of {node_type} is empty or negative somewhere", expected="0 or more"
            )


def _check_column(node_type: str, name: str, column: pa.ChunkedArray, rule: QualityRule) -> None:
    if name in rule.missing:
        if column.null_count != len(column):
            raise BundleError(
                f"{name} of {node_type} has values, but is no part of the quality",
                expected="an empty column",
            )
        return
    highest = np.inf if name == RATING else 1.0
    if column.null_count or not _all_within(column, highest):
        raise BundleError(
            f"{name} of {node_type} is not everywhere between 0 and {highest:g}",
            next_step="look for counts that contradict each other",
        )


def _all_within(column: pa.ChunkedArray, highest: float) -> bool:
    found = numbers_of(column)
    return bool(((found >= 0) & (found <= highest) & np.isfinite(found)).all())
