"""The rules for single values, as SQL: the typed value, and what may be wrong with the raw one."""

from dataclasses import dataclass, field, replace

import pyarrow as pa

from graphdb.ingest.decimal_sql import decimal_product
from graphdb.ingest.moments import is_taken_as_utc, moment
from graphdb.ingest.raw_column import RawColumn
from graphdb.schema_types import OCCURRED_AT, SOURCE_ID, TARGET_ID, Kind, Property
from graphdb.stores.duckdb_sql import literal

_SHOWN_CHARACTERS = 60
_NUMBERS = "numbers"
_MAX_OFFSET_HOURS = 15
"""No clock is further ahead of UTC, so what is less ahead may be a local time."""
_TIMEZONE_HINT = literal(" as UTC; if it is a local time, say its timezone in the mapping")


@dataclass(slots=True)
class CheckedValue:
    """SQL of a typed value, and (condition, code, reason) triples, the first that holds wins."""

    value: str
    problems: list[tuple[str, str, str]] = field(default_factory=list)


def check_value(column: Property, raw: RawColumn, *, is_key: bool) -> CheckedValue:
    """How one property is read from a raw column and checked.

    Args:
        column: The property, with its rules.
        raw: Where its raw value stands.
        is_key: The value identifies the row's node or edge.

    Raises:
        FileFormatError: A raw column of this type can never hold this property.
    """
    if pa.types.is_nested(raw.type):
        raise raw.refused(column, "one value per cell (text, number, boolean or time)")
    if raw.how.split is not None and not raw.is_text:
        raise raw.refused(
            column, "text, as it is to be split", next_step="leave out split in the mapping"
        )
    checked = _BY_KIND[column.kind](column, raw)
    if column.kind is Kind.STRING and (is_key or column.required) and raw.has_fractions:
        reason = f"{_shown(column, raw.sql)} || ', a number that is not whole or not exact'"
        checked.problems.insert(0, (raw.inexact, "inexact_id", reason))
    absent = f"{raw.unmapped} IS NULL"
    if pa.types.is_string(raw.stored):
        absent = f"({raw.unmapped} IS NULL OR {raw.unmapped} = '')"
    if raw.how.map is not None:
        reason = f"{_shown(column, raw.unmapped)} || ', not in the map'"
        checked.problems.insert(0, (f"{raw.sql} IS NULL", "not_mapped", reason))
    if raw.is_text:
        checked.value = f"CASE WHEN NOT {absent} THEN {checked.value} END"
        checked.problems = [
            (f"NOT {absent} AND {condition}", code, reason)
            for condition, code, reason in checked.problems
        ]
    if column.required or (is_key and column.name in (SOURCE_ID, TARGET_ID, OCCURRED_AT)):
        missing = (absent, "missing_value", literal(f"{column.name} is empty"))
        checked.problems.insert(0, missing)
    return checked


def _string(column: Property, raw: RawColumn) -> CheckedValue:
    value = raw.text
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


def _number(column: Property, raw: RawColumn) -> CheckedValue:
    if pa.types.is_temporal(raw.type) or pa.types.is_boolean(raw.type):
        raise raw.refused(column, _NUMBERS)
    scale = raw.how.scale
    number = raw.number
    scaled = decimal_product(number, scale)
    shown = _shown(column, raw.sql)
    problems = []
    if raw.is_text:
        reason = f"{shown} || ', not a number' || {_decimal_hint(raw)}"
        problems.append((f"{number} IS NULL", "not_a_number", reason))
    if not raw.is_whole or scale != 1.0:
        problems.append(
            (f"NOT isfinite({scaled})", "not_finite", f"{shown} || ', not a finite number'")
        )
    value = scaled
    if column.kind is Kind.INT and raw.is_whole and scale == 1.0:
        value = f"TRY_CAST({raw.sql} AS BIGINT)"
        too_large = f"{raw.sql} IS NOT NULL AND {value} IS NULL"
        problems.append((too_large, "out_of_range", f"{shown} || ', too large'"))
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
            reason = f"{shown} || {literal(f', {words} {bound:g}{_scale(column)}')}"
            problems.append((f"{scaled} {sign} {bound!r}", "out_of_range", reason))
    return CheckedValue(value, problems)


def _scale(column: Property) -> str:
    """What to add to a value beyond a scale that has two ends."""
    if column.minimum is None or column.maximum is None:
        return ""
    return f"; the scale is {column.minimum:g} to {column.maximum:g}"


def _bool(column: Property, raw: RawColumn) -> CheckedValue:
    if pa.types.is_temporal(raw.type):
        raise raw.refused(column, "true or false")
    value = f"TRY_CAST({raw.sql} AS BOOLEAN)"
    wrong = f"{value} IS NULL"
    if raw.is_whole or raw.has_fractions:
        wrong = f"{raw.sql} NOT IN (0, 1)"
    reason = f"{_shown(column, raw.sql)} || ', not true or false'"
    return CheckedValue(value, [(wrong, "not_a_boolean", reason)])


def _timestamp(column: Property, raw: RawColumn) -> CheckedValue:
    value = moment(column, raw)
    shown = _shown(column, raw.sql)
    problems = []
    if not raw.is_moment:
        not_read = f"{raw.sql} IS NOT NULL AND {value} IS NULL"
        problems.append((not_read, "not_a_time", f"{shown} || ', not a time'"))
    problems += [
        (f"NOT isfinite({value})", "not_a_time", f"{shown} || ', not a time'"),
        (f"{value} < TIMESTAMPTZ '1970-01-01'", "out_of_range", f"{shown} || ', before 1970'"),
        (f"{value} >= TIMESTAMPTZ '10000-01-01'", "out_of_range", f"{shown} || ', after 9999'"),
    ]
    if column.name == OCCURRED_AT:
        is_near = f"{value} < $now + INTERVAL {_MAX_OFFSET_HOURS} HOUR"
        hint = f"CASE WHEN {is_near} AND {is_taken_as_utc(raw)} THEN {_TIMEZONE_HINT} ELSE '' END"
        reason = f"{shown} || ', in the future' || {hint}"
        problems.append((f"{value} > $now", "in_the_future", reason))
    return CheckedValue(value, problems)


def _decimal_hint(raw: RawColumn) -> str:
    """SQL of what to do with a text that is a number with a decimal comma."""
    if raw.how.decimal is not None:
        return "''"
    with_comma = replace(raw, how=replace(raw.how, decimal=","))
    hint = literal('; if the comma is decimal, say decimal = "," in the mapping')
    return f"CASE WHEN {with_comma.number} IS NOT NULL THEN {hint} ELSE '' END"


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
