"""The mapping file: which columns of which files are what in the graph. See docs/own-data.md.

[[table]]
file = "orders.csv"
relation = "PURCHASED"
[table.columns]
source_id = "customer"
target_id = "sku"
at = "ordered_at"
count = "qty"
value = { column = "cents", scale = 0.01 }
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from graphdb.ingest.source import Column

_FORBID = ConfigDict(frozen=True, extra="forbid")


class ColumnEntry(BaseModel):
    """How a property's value is found in a file; a plain string names the column. See `Column`."""

    model_config = _FORBID

    column: str | None = None
    constant: str | None = None
    scale: float = Field(default=1.0, gt=0)
    unit: Literal["s", "ms"] | None = None
    format: str | None = None
    split: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _has_one_origin(self) -> "ColumnEntry":
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")
        if self.unit is not None and self.format is not None:
            raise ValueError("give either unit or format")
        return self

    def to_column(self) -> Column:
        return Column(self.column, self.constant, self.scale, self.unit, self.format, self.split)


def _named(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class TableEntry(BaseModel):
    """One file (or several, by a pattern such as `orders-*.csv`) and what its rows are.

    Args:
        node: The node type of the rows ...
        relation: ... or their relation; `source` and `target` choose where it has several ends.
        distinct: See `SourceTable`.
        skip_missing: See `SourceTable`.
    """

    model_config = _FORBID

    file: str
    node: str | None = None
    relation: str | None = None
    source: str | None = None
    target: str | None = None
    columns: Mapping[str, Annotated[ColumnEntry, BeforeValidator(_named)]]
    distinct: bool = False
    skip_missing: bool = False

    @model_validator(mode="after")
    def _is_node_or_relation(self) -> "TableEntry":
        if (self.node is None) == (self.relation is None):
            raise ValueError("give either node or relation")
        if self.node is not None and (self.source or self.target):
            raise ValueError("source and target belong to relations")
        return self


class MappingFile(BaseModel):
    """A whole mapping file."""

    model_config = _FORBID

    table: tuple[TableEntry, ...] = Field(min_length=1)
