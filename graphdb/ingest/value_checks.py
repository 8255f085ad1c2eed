"""The rules for single values, as SQL: the typed value, and what may be wrong with the raw one."""

from dataclasses import dataclass, field

import pyarrow as pa

from graphdb.errors import FileFormatError
from graphdb.ingest.source import Column
from graphdb.schema_types import OCCURRED_AT, SOURCE_ID, TARGET_ID, Kind, Property
from graphdb.stores.duckdb_sql import quoted

_SHOWN_CHARACTERS = 60


@dataclass(slots=True)
class CheckedValue:
    """SQL of a typed value, and (condition, code, reason) triples, the first that holds wins."""

    value: str
    problems: list[tuple[str, str, str]] = field(default_factory=list)


def literal(text: str) -> str:
    """Text as an SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def check_value(
    column: Property, how: Column, raw_type: pa.DataType, *, is_key: bool
) -> CheckedValue:
    """How one property is read from a raw column and checked.

    Args:
        column: The property, with its rules.
        how: Where its raw value stands.
        raw_type: The Arrow type of the raw column.
        is_key: The value identifies the row's node or edge.

    Raises:
        FileFormatError: A raw column of this type can never hold this property.
    """
    raw = literal(how.constant or "") if how.name is None else quoted(how.name)
    if pa.types.is_nested(raw_type):
        raise FileFormatError(
            f"column '{how.name}' holds {raw_type}",
            expected="one value per cell (text, number, boolean or time)",
            value=str(raw_type),
        )
    checked = _BY_KIND[column.kind](column, how, raw, raw_type)
    absent = f"{raw} IS NULL"
    if _is_text(raw_type):
        absent = f"({raw} IS NULL OR {raw} = '')"
        checked.value = f"CASE WHEN NOT {absent} THEN {checked.value} END"
        checked.problems = [
            (f"NOT {absent} AND {condition}", code, reason)
            for condition, code, reason in checked.problems
        ]
    if column.required or (is_key and column.name in (SOURCE_ID, TARGET_ID, OCCURRED_AT)):
        missing = (absent, "missing_value", literal(f"{column.name} is empty"))
        checked.problems.insert(0, missing)
    return checked


def _is_text(raw_type: pa.DataType) -> bool:
    value_type = raw_type.value_type if pa.types.is_dictionary(raw_type) else raw_type
    return bool(
        pa.types.is_string(value_type)
        or pa.types.is_large_string(value_type)
        or pa.types.is_string_view(value_type)
    )


def _string(column: Property, how: Column, raw: str, raw_type: pa.DataType) -> CheckedValue:
    if column.required and pa.types.is_floating(raw_type):
        raise FileFormatError(
            f"column '{how.name}' holds floating-point numbers and cannot be {column.name}",
            expected="text or whole numbers (a missing id often turns a column into floats)",
            value=str(raw_type),
        )
    value = f"CAST({raw} AS VARCHAR)"
    checked = CheckedValue(value)
    is_node_key = column.required and column.name not in (SOURCE_ID, TARGET_ID)
    if is_node_key:  # the ends of edges need no look: they must equal a key that passed this
        shown = _shown(column, value)
        checked.problems += [
            (f"trim({value}) = ''", "blank_id", literal(f"{column.name} is only spaces")),
            (f"trim({value}) <> {value}", "padded_id", f"{shown} || ' has spaces around it'"),
            (
                f"regexp_matches({value}, '[\\x00-\\x1f\\x7f]')",
                "control_character",
                literal(f"{column.name} has a control character in it"),
            ),
        ]
    if column.choices:
        allowed = ", ".join(literal(choice) for choice in column.choices)
        expected = literal(f", not one of {', '.join(column.choices)}")
        checked.problems.append(
            (
                f"{value} NOT IN ({allowed})",
                "not_a_choice",
                f"{_shown(column, value)} || {expected}",
            )
        )
    else:
        checked.problems.append(
            (
                f"length({value}) > {column.max_length}",
                "too_long",
                f"{literal(column.name + ' has ')} || length({value}) ||"
                f" ' characters, over {column.max_length}'",
            )
        )
    return checked


def _number(column: Property, how: Column, raw: str, raw_type: pa.DataType) -> CheckedValue:
    number = f"TRY_CAST({raw} AS DOUBLE)" if _is_text(raw_type) else f"CAST({raw} AS DOUBLE)"
    if pa.types.is_temporal(raw_type):
        raise FileFormatError(
            f"column '{how.name}' holds times and cannot be {column.name}", expected="numbers"
        )
    scaled = number if how.scale == 1.0 else f"({number} * {how.scale!r})"
    shown = _shown(column, raw)
    problems = []
    if _is_text(raw_type):
        problems.append((f"{number} IS NULL", "not_a_number", f"{shown} || ', not a number'"))
    if not pa.types.is_integer(raw_type):
        problems.append(
            (f"NOT isfinite({number})", "not_finite", f"{shown} || ', not a finite number'")
        )
    value = scaled
    if column.kind is Kind.INT and pa.types.is_integer(raw_type) and how.scale == 1.0:
        value = f"CAST({raw} AS BIGINT)"
    elif column.kind is Kind.INT:
        problems += [
            (
                f"{scaled} <> floor({scaled})",
                "not_an_integer",
                f"{shown} || ', not a whole number'",
            ),
            (f"abs({scaled}) >= 9e15", "out_of_range", f"{shown} || ', too large'"),
        ]
        value = f"TRY_CAST({scaled} AS BIGINT)"
    for bound, sign, words in ((column.minimum, "<", "below"), (column.maximum, ">", "above")):
        if bound is not None:
            reason = f"{shown} || {literal(f', {words} {bound:g}')}"
            problems.append((f"{scaled} {sign} {bound!r}", "out_of_range", reason))
    return CheckedValue(value, problems)


def _bool(column: Property, how: Column, raw: str, raw_type: pa.DataType) -> CheckedValue:
    if pa.types.is_temporal(raw_type):
        raise FileFormatError(
            f"column '{how.name}' holds times and cannot be {column.name}", expected="true or false"
        )
    value = f"TRY_CAST({raw} AS BOOLEAN)"
    reason = f"{_shown(column, raw)} || ', not true or false'"
    return CheckedValue(value, [(f"{value} IS NULL", "not_a_boolean", reason)])


def _timestamp(column: Property, how: Column, raw: str, raw_type: pa.DataType) -> CheckedValue:
    if how.unit is not None:
        seconds = f"TRY_CAST({raw} AS DOUBLE) / {1 if how.unit == 's' else 1000}"
        value = f"CASE WHEN abs({seconds}) < 1e11 THEN to_timestamp({seconds}) END"
    elif how.format is not None:
        value = f"CAST(try_strptime({raw}, {literal(how.format)}) AS TIMESTAMPTZ)"
    elif pa.types.is_integer(raw_type) or pa.types.is_floating(raw_type):
        raise FileFormatError(
            f"column '{how.name}' holds numbers and cannot be the time {column.name} as it is",
            next_step='say in the mapping what they count since 1970: unit = "s" or "ms"',
            value=str(raw_type),
        )
    else:
        value = f"TRY_CAST({raw} AS TIMESTAMPTZ)"
    shown = _shown(column, raw)
    problems = []
    if how.unit is not None or not pa.types.is_temporal(raw_type):
        problems.append(
            (f"{raw} IS NOT NULL AND {value} IS NULL", "not_a_time", f"{shown} || ', not a time'")
        )
    problems += [
        (f"NOT isfinite({value})", "not_a_time", f"{shown} || ', not a time'"),
        (f"{value} < TIMESTAMPTZ '1970-01-01'", "out_of_range", f"{shown} || ', before 1970'"),
    ]
    if column.name == OCCURRED_AT:
        problems.append((f"{value} > $now", "in_the_future", f"{shown} || ', in the future'"))
    return CheckedValue(value, problems)


def _shown(column: Property, raw: str) -> str:
    """SQL of "price is abc", long values cut."""
    return f"{literal(column.name + ' is ')} || left(CAST({raw} AS VARCHAR), {_SHOWN_CHARACTERS})"


_BY_KIND = {
    Kind.STRING: _string,
    Kind.INT: _number,
    Kind.FLOAT: _number,
    Kind.BOOL: _bool,
    Kind.TIMESTAMP: _timestamp,
}
