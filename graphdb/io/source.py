"""Defines the input of ingest: tables of raw columns, with their mapping to the schema."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from graphdb.schema_types import EdgeType

ROW = "_graphrec_row"
"""The column of a raw batch with each row's number in its file, from 1 without the header."""

OnBadRow = Callable[[int, str, str], None]
"""Called with row number, code and reason for a row that cannot be split into columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """How a property is read from a raw row.

    Args:
        name: The raw column; None if `constant` is given.
        constant: The value of every row.
        scale: A factor for numbers; .01 turns cents into units.
        offset: Added to numbers after scaling; with a scale of .8 and an offset of 1, 0 to 5
            becomes 1 to 5.
        unit: The unit of timestamps that are numbers since 1970: seconds or milliseconds.
        format: The format of timestamps, in strptime codes.
        split: The separators between several values in one cell; each value makes a row.
        decimal: The decimal mark of text. With it, thousands separators are read too: points,
            commas, spaces and apostrophes.
        timezone: The timezone of times without an offset; UTC by default.
        null_values: The texts that mean a missing value.
        map: The value of each text; other texts are rejected.
    """

    name: str | None = None
    constant: str | None = None
    scale: float = 1.0
    unit: Literal["s", "ms"] | None = None
    format: str | None = None
    split: str | None = None
    decimal: Literal[".", ","] | None = None
    timezone: str | None = None
    null_values: tuple[str, ...] = ()
    map: Mapping[str, str] | None = None
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table to ingest.

    Args:
        name: The name in reports and rejects; unique within a source.
        of: The node type or edge type of its rows.
        file: The file, for messages.
        columns: The column of each property.
        batches: Reads the raw rows; every batch has the ROW column.
        num_rows: The number of rows for the progress bar, if known.
        distinct: The file repeats keys by design (brands in a product list). Merge the rows of a
            key: each value comes from the first row that has it.
        skip_missing: Skip rows without a key (a product without a brand) and count them as skipped.
        warning: A warning about the file.
        lists: The raw columns with a list in each cell; each value makes a row.
        condition: The condition that selects rows of the file, for messages.
    """

    name: str
    of: str | EdgeType
    file: str
    columns: Mapping[str, Column]
    batches: Callable[[OnBadRow], Iterator[pa.RecordBatch]]
    num_rows: int | None = None
    distinct: bool = False
    skip_missing: bool = False
    warning: str | None = None
    lists: frozenset[str] = frozenset()
    condition: str | None = None
