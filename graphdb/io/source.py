"""What ingest reads: tables of raw columns, each with the way its columns become the schema's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from graphdb.schema_types import EdgeType

ROW = "_graphrec_row"
"""The column of a raw batch with each row's number in its file, from 1, header not counted."""

OnBadRow = Callable[[int, str, str], None]
"""Told of a row that could not even be split into columns: its number, a code and a reason."""


@dataclass(frozen=True, slots=True)
class Column:
    """How a property is read from a raw row.

    Args:
        name: The raw column; None if `constant` is given.
        constant: The value of every row.
        scale: A factor for numbers; .01 turns cents into units.
        unit: The unit of timestamps that are numbers since 1970: seconds or milliseconds.
        format: The format of timestamps, in strptime codes.
        split: The separators between several values in one cell; each value makes a row.
        decimal: The decimal mark of text; then points, commas, spaces and apostrophes between
            thousands are read too.
        timezone: The timezone of times without an offset; UTC by default.
        null_values: The texts that mean a missing value.
        map: What to read each text as; other values are rejected.
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


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table that is to be ingested.

    Args:
        name: The name in reports and rejects; unique within a source.
        of: The node type or edge type of its rows.
        file: The file, as shown to people.
        columns: Per property that the table has, its column.
        batches: Reads the raw rows; every batch has the ROW column.
        num_rows: The number of rows for the progress bar, if known.
        distinct: The file repeats keys by nature (brands in a product list): make one row per key,
            with every value from the first row that has it, and count the others as merged.
        skip_missing: Skip rows without a key (a product without a brand) and count them as skipped.
        warning: What people should know about the file.
        lists: The raw columns with a list in each cell; each value makes a row.
        condition: The condition that selected the rows of the file, as shown to people.
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
