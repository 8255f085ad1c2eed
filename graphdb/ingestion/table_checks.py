"""Checks whole tables for values on another scale and for implausible times.

A single value outside the scale is a mistake. Many of them, such as stars from 1 to 10 instead of 1
to 5, mean that the other values are on another scale, too, and would be stored with a wrong
meaning. Times are implausible before 1990, if all are on one day, or far in the future.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import duckdb

from graphdb.checked_schema import Schema
from graphdb.ingestion.typed_rows import LOST, is_optional, staged_columns
from graphdb.io.source import Column, SourceTable
from graphdb.schema_types import OCCURRED_AT, Kind, Property
from graphdb.stores.duckdb_sql import literal, quoted

OTHER_SCALE = "other_scale"
_FEW = 5
"""Up to so many values outside the scale count as mistakes, at any share."""
_SHARE = 0.05
"""A smaller share of values outside the scale counts as mistakes."""


def reject_other_scales(
    connection: duckdb.DuckDBPyConnection, schema: Schema, table: SourceTable
) -> Iterator[tuple[str, str]]:
    """Rejects the good rows of the table `staged` whose values are on another scale.

    Optional values are removed from their rows instead.

    Returns:
        Pairs of a property and a line with its values and the next step.
    """
    for column in staged_columns(schema, table):
        if column.minimum is None or column.maximum is None:
            continue
        value = quoted(column.name)
        beyond = f"({value} < {column.minimum!r} OR {value} > {column.maximum!r})"
        found = connection.execute(
            f"SELECT count({value}), count(*) FILTER ({beyond}), min({value}), max({value})"
            f" FROM staged WHERE isfinite({value})"
        ).fetchall()
        ((number, outside, least, most),) = found
        is_other = outside > _FEW and outside >= _SHARE * number
        scale = f"{column.minimum:g} to {column.maximum:g}"
        odd = f"{outside:,} of {number:,} values lie outside the scale of {scale}"
        if is_other:
            reason = literal(f"{column.name} is ") + f" || {value} || " + literal(f", but {odd}")
            _mark(
                connection,
                column.name,
                beyond,
                reason,
                only_value=is_optional(schema, table, column),
            )
        if is_optional(schema, table, column):
            gone = f"{value} IS NOT NULL" if is_other else beyond
            connection.execute(f"UPDATE staged SET {value} = NULL WHERE {gone}")
        if is_other:
            how = table.columns[column.name]
            yield column.name, _other_scale(column, how, odd, least, most)


def _mark(
    connection: duckdb.DuckDBPyConnection, name: str, beyond: str, reason: str, *, only_value: bool
) -> None:
    """Rejects the rows with a value within the scale, or only the value; others have a reason."""
    code, value = literal(OTHER_SCALE), quoted(name)
    given = f"_code IS NULL AND {value} IS NOT NULL"
    if not only_value:
        connection.execute(f"UPDATE staged SET _code = {code}, _reason = {reason} WHERE {given}")
        return
    struct = f"{{'column': {literal(name)}, 'code': {code}, 'reason': {reason}}}"
    connection.execute(
        f"UPDATE staged SET {LOST} = list_append({LOST}, {struct}) WHERE {given} AND NOT {beyond}"
    )


def _other_scale(column: Property, how: Column, odd: str, least: float, most: float) -> str:
    """Returns what is wrong, with a conversion of the values that were found."""
    low, high = column.minimum, column.maximum
    assert low is not None and high is not None
    advice = "scale and offset, or map"
    if how.scale == 1.0 and how.offset == 0.0 and how.map is None and least < most:
        scale, offset = conversion((least, most), (low, high))
        advice += f", such as scale = {scale:.10g} and offset = {offset:.10g}"
    return (
        f"{odd}, so '{column.name}' seems to be on a scale of {least:g} to {most:g}, and all these"
        f" values are rejected; convert them to {low:g} to {high:g} in the mapping with {advice};"
        " or exclude rows with where"
    )


def conversion(given: tuple[float, float], wanted: tuple[float, float]) -> tuple[float, float]:
    """Returns scale and offset from one scale to another; no result lies outside the other.

    >>> conversion((0, 5), (1, 5)), conversion((1, 10), (1, 5))
    ((0.8, 1.0), (0.44444, 0.55556))
    """
    least, most = (Decimal(repr(end)) for end in given)
    low, high = (Decimal(repr(end)) for end in wanted)
    digits = Decimal("0.00001")
    scale = ((high - low) / (most - least)).quantize(digits, ROUND_FLOOR)
    offset = (low - least * scale).quantize(digits, ROUND_CEILING)
    if most * scale + offset > high:
        offset = high - most * scale
    return float(scale), float(offset)


EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Few shops have older data; a number in the wrong unit ends up there."""
_TIME_CHECKS_FEW = 5
"""Up to so many events may be on one day."""


@dataclass(frozen=True, slots=True)
class _Times:
    """Statistics of one column of times."""

    count: int
    first: datetime
    last: datetime
    early: int
    last_early: datetime | None
    late: int


def implausible_times(
    connection: duckdb.DuckDBPyConnection, schema: Schema, table: SourceTable, now: datetime
) -> Iterator[tuple[str, str]]:
    """Checks the good rows of the table `staged`.

    Returns:
        Pairs of a property and a description of its implausible values.
    """
    for column in staged_columns(schema, table):
        if column.kind != Kind.TIMESTAMP:
            continue
        times = _times(connection, column.name, now)
        if times is not None:
            how = table.columns[column.name]
            for message in _oddities(column.name, how, times):
                yield column.name, message


def _times(connection: duckdb.DuckDBPyConnection, name: str, now: datetime) -> _Times | None:
    value = quoted(name)
    row = connection.execute(
        f"SELECT count({value}), min({value}), max({value}),"
        f" count(*) FILTER ({value} < $earliest), max({value}) FILTER ({value} < $earliest),"
        f" count(*) FILTER ({value} > $ahead) FROM staged WHERE _code IS NULL",
        {"earliest": EARLIEST, "ahead": now + timedelta(days=1)},
    ).fetchone()
    return _Times(*row) if row and row[0] else None


def _oddities(name: str, how: Column, times: _Times) -> Iterator[str]:
    where = f" (column '{how.name}')" if how.name is not None else ""
    if times.early:
        assert times.last_early is not None
        yield (
            f"{_share(times.early, times.count)} of '{name}'{where} are before 1990,"
            f" {_span(times.first, times.last_early)}; {_advice(how)}"
        )
    one_day = times.first.date() == times.last.date()
    if (
        name == OCCURRED_AT
        and one_day
        and times.count >= _TIME_CHECKS_FEW
        and times.early < times.count
    ):
        yield (
            f"all {times.count:,} values of '{name}'{where} are on one day,"
            f" {times.first.date()}; if that is wrong, check unit or format of the column"
        )
    if times.late:
        yield (
            f"{_share(times.late, times.count)} of '{name}'{where} are more than a day in the"
            f" future, up to {times.last.date()}; {_advice(how)}"
        )


def _share(number: int, of_all: int) -> str:
    return f"all {of_all:,} values" if number == of_all else f"{number:,} of {of_all:,} values"


def _span(first: datetime, last: datetime) -> str:
    if first.date() == last.date():
        return f"on {first.date()}"
    return f"between {first.date()} and {last.date()}"


def _advice(how: Column) -> str:
    if how.unit is not None:
        other = {"s": "ms", "ms": "s"}[how.unit]
        return f'they are read with unit = "{how.unit}"; should it be unit = "{other}"?'
    if how.format is not None:
        return f"they are read with format = '{how.format}'; check the format"
    return "check that it is the right column"
