"""A column as it came from a file, in SQL."""

from dataclasses import dataclass

import pyarrow as pa

from graphdb.errors import FileFormatError
from graphdb.ingest.source import Column
from graphdb.schema_types import Property
from graphdb.stores.duckdb_sql import literal, quoted

_EXACT = 2**53
"""Whole floating-point numbers below this are exact; above it, neighbors are the same number."""


@dataclass(frozen=True, slots=True)
class RawColumn:
    """Where a property's raw value stands, and what is known of it before a row is read.

    Args:
        file: As shown to people.
        how: The name of the column, or the constant, and how it is to be read.
        type: One of the types of `plain_batch`; text for a constant.
    """

    file: str
    how: Column
    type: pa.DataType

    @property
    def sql(self) -> str:
        """The raw value."""
        return literal(self.how.constant or "") if self.how.name is None else quoted(self.how.name)

    @property
    def is_text(self) -> bool:
        return bool(pa.types.is_string(self.type))

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers by its type."""
        return bool(pa.types.is_integer(self.type))

    @property
    def has_fractions(self) -> bool:
        """Whether it holds numbers that may have a fraction."""
        return bool(pa.types.is_floating(self.type) or pa.types.is_decimal(self.type))

    @property
    def is_moment(self) -> bool:
        """Whether it holds days or moments, which need no format."""
        return bool(pa.types.is_timestamp(self.type) or pa.types.is_date(self.type))

    @property
    def text(self) -> str:
        """The value as text; whole numbers have no decimal point, so the id 12.0 is 12."""
        text = f"CAST({self.sql} AS VARCHAR)"
        if not self.has_fractions:
            return text
        digits = f"CAST(CAST({self.sql} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {self.inexact} THEN {text} ELSE {digits} END"

    @property
    def inexact(self) -> str:
        """Condition: a number that cannot be an id, as it is not whole or may have been rounded."""
        fraction = f"{self.sql} <> floor({self.sql})"
        if pa.types.is_decimal(self.type):
            return fraction
        return f"({fraction} OR abs({self.sql}) >= {_EXACT})"

    def refused(
        self, column: Property, expected: str, *, next_step: str | None = None
    ) -> FileFormatError:
        """The error for a column whose type can never hold the property."""
        return FileFormatError(
            f"'{self.file}': column '{self.how.name}' holds {self.type}"
            f" and cannot be {column.name}",
            expected=expected,
            next_step=next_step,
            value=str(self.type),
        )
