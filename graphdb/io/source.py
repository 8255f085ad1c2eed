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
    """How a property's value is found in a raw row.

    Args:
        name: The raw column; None when `constant` is given.
        constant: The same value for every row.
        scale: What numbers are multiplied by; .01 turns cents into units.
        unit: For timestamps given as numbers since 1970: seconds or milliseconds.
        format: For timestamps in a format of their own, in strptime's codes.
        split: Several values in one cell, between these separators; each makes a row.
        decimal: In text, what stands before the decimals; points, commas, spaces and apostrophes
            between thousands are then read too.
        timezone: Of times that do not say how far they are from UTC; by default they are in UTC.
        null_values: Texts that mean a missing value.
        map: What a value is read as, by the text of it; other values are rejected.
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
    """One table on its way into the graph.

    Args:
        name: Names it in reports and rejects; unique within a source.
        of: The node type or edge type that its rows are.
        file: The file it is read from, as shown to people.
        columns: The column of each property that the table gives.
        batches: Reads the raw rows; every batch has the ROW column.
        num_rows: For the progress bar, when known.
        distinct: The file repeats keys by nature (brands in a product list): make one row of
            each key, every value from the first row that has it, and count the others as merged.
        skip_missing: Rows without a key (a product without a brand) are passed over and counted
            as skipped.
        warning: What a person should know of the file.
        lists: The raw columns with a list in each cell, whose values make a row each.
        condition: What chose the rows of `batches` among those of the file, as shown to people.
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
