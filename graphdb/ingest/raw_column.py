"""A column as it came from a file, in SQL."""

from dataclasses import dataclass

import pyarrow as pa

from graphdb.errors import FileFormatError
from graphdb.ingest.decimal_sql import decimal_number
from graphdb.ingest.source import Column
from graphdb.schema_types import Property
from graphdb.stores.duckdb_sql import literal, quoted

_EXACT = {pa.float32(): 2**24, pa.float64(): 2**53}
"""Whole floating-point numbers below this are exact; above it, neighbors are the same number."""
_GROUPS = " '\u00a0\u202f\u2019"
"""What may stand between thousands, beside the point or comma: spaces and apostrophes."""


@dataclass(frozen=True, slots=True)
class RawColumn:
    """Where a property's raw value stands, and what is known of it before a row is read.

    Args:
        file: As shown to people.
        how: The name of the column, or the constant, and how it is to be read.
        stored: One of the types of `plain_batch`; text for a constant.
        place: What the column is called in SQL. Names of files cannot be: SQL takes `sku` and
            `SKU` for one.
    """

    file: str
    how: Column
    stored: pa.DataType
    place: str

    @property
    def type(self) -> pa.DataType:
        """The type of what is read: that which is stored, or text where values are mapped."""
        return self.stored if self.how.map is None else pa.string()

    @property
    def sql(self) -> str:
        """The value that is read; null where it is missing, or not in the map."""
        if self.how.map is None:
            return self.unmapped
        cases = " ".join(
            f"WHEN {literal(given)} THEN {literal(meant)}" for given, meant in self.how.map.items()
        )
        return f"(CASE {_as_text(self.unmapped, self.stored)} {cases} END)"

    @property
    def unmapped(self) -> str:
        """The value in the file; null where it is one of the texts that mean a missing value."""
        if self.how.name is None:
            return literal(self.how.constant or "")
        name = quoted(self.place)
        if not self.how.null_values or not pa.types.is_string(self.stored):
            return name
        missing = ", ".join(literal(text) for text in self.how.null_values)
        return f"(CASE WHEN {name} NOT IN ({missing}) THEN {name} END)"

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
        return _has_fractions(self.type)

    @property
    def is_moment(self) -> bool:
        """Whether it holds days or moments, which need no format."""
        return bool(pa.types.is_timestamp(self.type) or pa.types.is_date(self.type))

    @property
    def text(self) -> str:
        """The value as text; whole numbers have no decimal point, so the id 12.0 is 12."""
        return _as_text(self.sql, self.type)

    @property
    def number(self) -> str:
        """The value as a floating-point number; null where it is none."""
        if not self.is_text or self.how.decimal is None:
            number = decimal_number(self.sql, self.type)
            if not pa.types.is_float32(self.type):
                return number
            # Whole numbers are exact; the shortest text of 134217728 is 134217730.
            whole = f"{self.sql} = floor({self.sql})"
            return f"(CASE WHEN {whole} THEN CAST({self.sql} AS DOUBLE) ELSE {number} END)"
        point = self.how.decimal
        groups = _GROUPS + {",": ".", ".": ","}[point]
        digits = rf"(\d{{1,3}}([{groups}]\d{{3}})+|\d+)([{point}]\d*)?|[{point}]\d+"
        written = literal(rf"\s*[+-]?({digits})([eE][+-]?\d+)?\s*")
        bare = f"regexp_replace({self.sql}, {literal(f'[{groups}]')}, '', 'g')"
        value = f"TRY_CAST(replace({bare}, {literal(point)}, '.') AS DOUBLE)"
        return f"(CASE WHEN regexp_full_match({self.sql}, {written}) THEN {value} END)"

    @property
    def inexact(self) -> str:
        """Condition: a number that cannot be an id, as it is not whole or may have been rounded."""
        return _inexact(self.sql, self.type)

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


def _has_fractions(type_: pa.DataType) -> bool:
    return bool(pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def _as_text(sql: str, type_: pa.DataType) -> str:
    text = f"CAST({sql} AS VARCHAR)"
    if not _has_fractions(type_):
        return text
    digits = f"CAST(CAST({sql} AS HUGEINT) AS VARCHAR)"
    return f"CASE WHEN {_inexact(sql, type_)} THEN {text} ELSE {digits} END"


def _inexact(sql: str, type_: pa.DataType) -> str:
    fraction = f"{sql} <> floor({sql})"
    if pa.types.is_decimal(type_):
        return fraction
    return f"({fraction} OR abs({sql}) >= {_EXACT[type_]})"
