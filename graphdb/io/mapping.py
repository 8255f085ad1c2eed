"""Reads the mapping file, which maps columns of files to properties of the graph.

The key `where` selects rows. See docs/own-data.md.

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

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from graphdb.errors import FileFormatError
from graphdb.ingestion.times import check_time_format, check_timezone
from graphdb.io.csv_encoding import check_encoding
from graphdb.io.csv_scan import check_separator
from graphdb.io.source import Column

_FORBID = ConfigDict(frozen=True, extra="forbid")
Decimal = Literal[".", ","]
Values = Annotated[tuple[str, ...], Field(min_length=1)]
Timezone = Annotated[str, AfterValidator(check_timezone)]


_NO_DELETING = "ingest adds and updates but never deletes: fill a new store from all files"
OTHER_WORDS = {
    "delimiter": "it is called separator",
    "sep": "it is called separator",
    "charset": "it is called encoding",
    "filter": "it is called where",
    "condition": "it is called where",
    "tz": "it is called timezone",
    "time_zone": "it is called timezone",
    "utc_offset": "it is called timezone",
    "na_values": "it is called null_values",
    "null": "it is called null_values",
    "nulls": "it is called null_values",
    "mapping": "it is called map",
    "values": "it is called map",
    "add": "it is called offset",
    "shift": "it is called offset",
    "replace": _NO_DELETING,
    "delete": _NO_DELETING,
    "deleted": _NO_DELETING,
    "remove": _NO_DELETING,
}
"""Advice for unknown keys that people often try."""


class ColumnEntry(BaseModel):
    """How to read a property from a file; a plain string names the column. See `Column`."""

    model_config = _FORBID

    column: str | None = None
    constant: str | None = None
    scale: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    unit: Literal["s", "ms"] | None = None
    format: Annotated[str, AfterValidator(check_time_format)] | None = None
    split: str | None = Field(default=None, min_length=1)
    decimal: Decimal | None = None
    timezone: Timezone | None = None
    null_values: tuple[str, ...] | None = None
    map: Mapping[str, Annotated[str, Field(min_length=1)]] | None = Field(
        default=None, min_length=1
    )

    @model_validator(mode="after")
    def _has_one_origin(self) -> "ColumnEntry":
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")
        if self.unit is not None and self.format is not None:
            raise ValueError("give either unit or format")
        if self.scale == 0:
            raise ValueError("a scale of 0 makes all values equal; give another factor")
        return self

    def to_column(self, table: "TableEntry") -> Column:
        """Returns the column with its own options, and those of its table as defaults."""
        null_values = table.null_values if self.null_values is None else self.null_values
        return Column(
            self.column,
            self.constant,
            self.scale,
            self.unit,
            self.format,
            self.split,
            decimal=self.decimal or table.decimal,
            timezone=self.timezone or table.timezone,
            null_values=null_values,
            map=self.map,
            offset=self.offset,
        )


def _named(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _inside(file: str) -> str:
    """A path or pattern of files in the folder of the tables."""
    drive = re.match(r"[A-Za-z]:|\\\\", file)
    if not file or drive or PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
        raise ValueError(
            f"'{file}' is not in the folder of the tables; write a path relative to it, such as"
            " orders.csv or 2026/orders-*.csv"
        )
    if re.search(r"[\x00-\x1f]", file):
        raise ValueError(f"{file!r} has a control character in it")
    return file


def _as_texts(value: Any) -> Any:
    """One value or several, as text in a CSV file."""
    values = value if isinstance(value, list) else [value]
    if any(not isinstance(one, str | int | float) for one in values):
        raise ValueError('give a value or a list of values, such as "buy" or [1, 2]')
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)


class TableEntry(BaseModel):
    """One file (or several, by a pattern such as `orders-*.csv`) and the type of its rows.

    Args:
        node: The node type of the rows ...
        relation: ... or their relation. Where it has several ends, write the whole edge type
            (User-FOLLOWS-Brand), or choose with `source` and `target`.
        distinct: See `SourceTable`.
        skip_missing: See `SourceTable`.
        separator: Between the cells of a CSV file; by default what its name says.
        encoding: Of a CSV file, such as "latin-1" or "gb18030"; by default UTF-8, or UTF-16 and
            GB18030 where the file leaves no doubt.
        decimal: For all columns of numbers; see `Column`.
        timezone: For all columns of times; see `Column`.
        null_values: For all columns; see `Column`.
        optional: Whether the file may be missing.
        where: The rows to read: the allowed value or values of each column.
    """

    model_config = _FORBID

    file: Annotated[str, AfterValidator(_inside)]
    node: str | None = None
    relation: str | None = None
    source: str | None = None
    target: str | None = None
    columns: Mapping[str, Annotated[ColumnEntry, BeforeValidator(_named)]]
    distinct: bool = False
    skip_missing: bool = False
    separator: Annotated[str, AfterValidator(check_separator)] | None = None
    encoding: Annotated[str, AfterValidator(check_encoding)] | None = None
    decimal: Decimal | None = None
    timezone: Timezone | None = None
    null_values: tuple[str, ...] = ()
    optional: bool = False
    where: Mapping[str, Annotated[Values, BeforeValidator(_as_texts)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_node_or_relation(self) -> "TableEntry":
        if (self.node is None) == (self.relation is None):
            raise ValueError("give either node or relation")
        if self.node is not None and (self.source or self.target):
            raise ValueError("source and target belong to relations")
        if self.relation and "-" in self.relation and (self.source or self.target):
            raise ValueError("relation names both ends: remove source and target")
        return self


class MappingFile(BaseModel):
    """A whole mapping file."""

    model_config = _FORBID

    table: tuple[TableEntry, ...] = Field(min_length=1)


Where = Mapping[str, tuple[str, ...]]
"""The allowed values of each raw column; the empty text is a missing value."""


def matching_rows(batch: pa.RecordBatch, where: Where, file: str) -> pa.RecordBatch:
    """Returns the rows in which every column of `where` has an allowed value.

    Args:
        batch: With plain columns, see `plain_batch`.
        file: Named in errors.

    Raises:
        FileFormatError: A value cannot stand in a column of that type.
    """
    for name, values in where.items():
        column = batch.column(name)
        try:
            wanted = pa.array([value for value in values if value], pa.string()).cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise FileFormatError(
                f"'{file}': column '{name}' holds {column.type}, and where names"
                f" {', '.join(values)}",
                expected=f"values of {column.type}",
                value=values,
            ) from error
        is_meant = pc.is_in(column, value_set=wanted)
        if "" in values:
            is_meant = pc.or_(is_meant, pc.is_null(column))
            if pa.types.is_string(column.type):
                is_meant = pc.or_(is_meant, pc.fill_null(pc.equal(column, ""), False))
        batch = batch.filter(is_meant)
    return batch


def shown(where: Where) -> str | None:
    """Returns the condition in words; None if all rows are read.

    >>> shown({"what": ("buy", "order"), "shop": ("1",)})
    "what = 'buy' or 'order', shop = '1'"
    """
    parts = [f"{name} = {' or '.join(map(repr, values))}" for name, values in where.items()]
    return ", ".join(parts) or None
