"""Builds the SQL that turns raw columns into typed, checked values.

It covers numbers, times, and the rules for single values. Numbers are read as decimals: 995 cents
times .01 is 9.950000000000001 in binary, and the float32 of 9.95 is 9.949999809265137; both mean
9.95 and must pass a filter for prices up to 9.95.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal

import pyarrow as pa

from graphdb.errors import FileFormatError
from graphdb.ingestion.times import digits_in, has_offset, in_timezone, says_its_offset
from graphdb.io.source import Column
from graphdb.schema_types import OCCURRED_AT, SOURCE_ID, TARGET_ID, Kind, Property
from graphdb.stores.duckdb_sql import literal, quoted

_MOST_PLACES = 22  # larger powers of ten are not exact in binary


def decimal_number(raw: str, raw_type: pa.DataType) -> str:
    """Returns SQL for a raw value as the DOUBLE nearest to its written form.

    Args:
        raw: SQL of the value.
        raw_type: Its Arrow type. A narrow floating-point number counts as its shortest text, a
            decimal as its digits.
    """
    is_narrow = pa.types.is_floating(raw_type) and raw_type.bit_width < 64
    if is_narrow or pa.types.is_decimal(raw_type):
        raw = f"CAST({raw} AS VARCHAR)"
    return f"TRY_CAST({raw} AS DOUBLE)"


def decimal_product(number: str, scale: float, offset: float = 0.0) -> str:
    """Returns SQL for a number times a scale plus an offset, rounded to its decimal places.

    19.99 has two places and .01 has two, so their product has four.

    >>> decimal_product("x", 1.0)
    'x'
    """
    if scale == 1.0 and offset == 0.0:
        return number
    text = f"CAST({number} AS VARCHAR)"  # 19.99, or 1.9e-05
    fraction = f"length(split_part(split_part({text}, 'e', 1), '.', 2))"
    power = f"coalesce(TRY_CAST(split_part({text}, 'e', 2) AS INTEGER), 0)"
    product = f"({number} * {scale!r})" if scale != 1.0 else number
    places = f"{fraction} - {power} + {_places(scale)}"
    if offset:
        product, places = f"({product} + {offset!r})", f"greatest({places}, {_places(offset)})"
    places = f"CAST(greatest({places}, 0) AS INTEGER)"
    rounded = f"round({product}, {places})"
    return f"(CASE WHEN {places} <= {_MOST_PLACES} THEN {rounded} ELSE {product} END)"


def _places(number: float) -> int:
    """Returns the number of decimal places of a constant; negative for hundreds."""
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


_EXACT = {pa.float32(): 2**24, pa.float64(): 2**53}
"""Whole floating-point numbers below this are exact; above it, adjacent integers collide."""
_GROUPS = " '\u00a0\u202f\u2019"
"""Thousands separators other than point and comma: spaces and apostrophes."""


@dataclass(frozen=True, slots=True)
class RawColumn:
    """The raw column of a property: its SQL, its type, and how to read it.

    Args:
        file: The file, for messages.
        how: The name of the column, or the constant, and how to read it.
        stored: One of the types of `plain_batch`; text for a constant.
        place: The name of the column in SQL. Names in the file do not work: SQL ignores case.
    """

    file: str
    how: Column
    stored: pa.DataType
    place: str

    @property
    def type(self) -> pa.DataType:
        """The type to read: the stored one, or text if values are mapped."""
        return self.stored if self.how.map is None else pa.string()

    @property
    def sql(self) -> str:
        """SQL for the value; null if it is missing or not in the map."""
        if self.how.map is None:
            return self.unmapped
        cases = " ".join(
            f"WHEN {literal(given)} THEN {literal(meant)}" for given, meant in self.how.map.items()
        )
        return f"(CASE {_as_text(self.unmapped, self.stored)} {cases} END)"

    @property
    def unmapped(self) -> str:
        """SQL for the value in the file; null if its text means a missing value."""
        if self.how.name is None:
            return literal(self.how.constant or "")
        name = quoted(self.place)
        if not self.how.null_values:
            return name
        missing = ", ".join(literal(text) for text in self.how.null_values)
        return f"(CASE WHEN {_as_text(name, self.stored)} NOT IN ({missing}) THEN {name} END)"

    @property
    def is_text(self) -> bool:
        return bool(pa.types.is_string(self.type))

    @property
    def is_whole(self) -> bool:
        """Whether its type is an integer."""
        return bool(pa.types.is_integer(self.type))

    @property
    def has_fractions(self) -> bool:
        """Whether its type is a number with a fraction."""
        return _has_fractions(self.type)

    @property
    def is_moment(self) -> bool:
        """Whether its type is a date or timestamp, which needs no format."""
        return bool(pa.types.is_timestamp(self.type) or pa.types.is_date(self.type))

    @property
    def text(self) -> str:
        """SQL for the value as text; whole numbers have no decimal point, so the id 12.0 is 12."""
        return _as_text(self.sql, self.type)

    @property
    def number(self) -> str:
        """SQL for the value as a floating-point number; null if it is not a number."""
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
        """Returns the SQL condition that a number cannot be an id: not whole, or maybe rounded."""
        return _inexact(self.sql, self.type)

    def refused(
        self, column: Property, expected: str, *, next_step: str | None = None
    ) -> FileFormatError:
        """Returns the error for a column whose type cannot hold the property."""
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


def moment(column: Property, raw: RawColumn) -> str:
    """Returns SQL for the time of a raw value; null if it has none.

    Dates and timestamps need neither unit nor format. A time with an offset from UTC keeps it,
    whatever timezone the column has.

    Raises:
        FileFormatError: The column's type cannot hold times.
    """
    how = raw.how
    if raw.is_moment:
        return _of_moments(raw)
    if pa.types.is_time(raw.type) or pa.types.is_boolean(raw.type):
        raise raw.refused(column, "dates or times, such as 2026-01-31 18:30:00")
    if how.unit is not None:
        seconds = f"TRY_CAST({raw.sql} AS DOUBLE) / {1 if how.unit == 's' else 1000}"
        return f"CASE WHEN abs({seconds}) < 1e11 THEN to_timestamp({seconds}) END"
    if how.format is not None:
        return _formatted(raw, how.format)
    if not raw.is_text:
        raise raw.refused(
            column,
            "times",
            next_step='set in the mapping what they count since 1970 (unit = "s" or "ms"),'
            ' or their format (format = "%Y%m%d")',
        )
    moment = f"TRY_CAST({raw.sql} AS TIMESTAMPTZ)"
    if how.timezone is None:
        return moment
    local = in_timezone(f"TRY_CAST({raw.sql} AS TIMESTAMP)", how.timezone)
    return f"CASE WHEN {says_its_offset(raw.sql)} THEN {moment} ELSE {local} END"


def is_taken_as_utc(raw: RawColumn) -> str:
    """Returns the SQL condition that the time has no offset and no timezone."""
    how = raw.how
    if how.timezone is not None or how.unit is not None:
        return "false"
    if raw.is_moment:
        return "true" if _is_local(raw) else "false"
    if how.format is not None:
        return "false" if has_offset(how.format) else "true"
    return f"NOT {says_its_offset(raw.sql)}"


def _of_moments(raw: RawColumn) -> str:
    if raw.how.timezone is not None and _is_local(raw):
        return in_timezone(f"CAST({raw.sql} AS TIMESTAMP)", raw.how.timezone)
    return f"TRY_CAST({raw.sql} AS TIMESTAMPTZ)"


def _is_local(raw: RawColumn) -> bool:
    return bool(pa.types.is_date(raw.type) or raw.type.tz is None)


def _formatted(raw: RawColumn, format_: str) -> str:
    text = raw.text
    if not raw.is_text and (digits := digits_in(format_)) is not None:
        text = f"lpad({text}, CAST(greatest({digits}, length({text})) AS INTEGER), '0')"
    time = f"try_strptime({text}, {literal(format_)})"
    if raw.how.timezone is not None and not has_offset(format_):
        return in_timezone(time, raw.how.timezone)
    return f"CAST({time} AS TIMESTAMPTZ)"


_SHOWN_CHARACTERS = 60
_NUMBERS = "numbers"
_MAX_OFFSET_HOURS = 15
"""No timezone is further ahead of UTC, so a time that is less ahead may be local."""
_TIMEZONE_HINT = literal(" as UTC; if it is a local time, set its timezone in the mapping")


Problem = tuple[str, str, str]
"""A rule that a value breaks, in SQL: condition, code and reason."""


@dataclass(slots=True)
class CheckedValue:
    """SQL for a typed value, and its problems; the first true one counts."""

    value: str
    problems: list[Problem] = field(default_factory=list)


def check_value(column: Property, raw: RawColumn, *, is_key: bool) -> CheckedValue:
    """Returns how to read and check one property of a raw column.

    Args:
        column: The property, with its rules.
        raw: Its raw column.
        is_key: The value identifies the row's node or edge.

    Raises:
        FileFormatError: A raw column of this type cannot hold this property.
    """
    if pa.types.is_nested(raw.type):
        raise raw.refused(column, "one value per cell (text, number, boolean or time)")
    if raw.how.split is not None and not raw.is_text:
        raise raw.refused(
            column, "text, which split needs", next_step="remove split from the mapping"
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
    if is_node_key:  # The ends of edges need no check: they must equal a key that passed it.
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
    number = raw.number
    scaled = decimal_product(number, raw.how.scale, raw.how.offset)
    is_as_given = scaled == number
    shown = _shown(column, raw.sql)
    problems = []
    if raw.is_text:
        reason = f"{shown} || ', not a number' || {_decimal_hint(raw)}"
        problems.append((f"{number} IS NULL", "not_a_number", reason))
    if not raw.is_whole or not is_as_given:
        problems.append(
            (f"NOT isfinite({scaled})", "not_finite", f"{shown} || ', not a finite number'")
        )
    value = scaled
    if column.kind is Kind.INT and raw.is_whole and is_as_given:
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
    """Returns the hint for a value outside a scale with two ends."""
    if column.minimum is None or column.maximum is None:
        return ""
    return f"; the scale is {column.minimum:g} to {column.maximum:g}"


def _bool(column: Property, raw: RawColumn) -> CheckedValue:
    if pa.types.is_temporal(raw.type):
        raise raw.refused(column, "true or false")
    value = f"TRY_CAST({raw.sql} AS BOOLEAN)"
    wrong = f"{raw.sql} IS NOT NULL AND {value} IS NULL"
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
    """Returns SQL for the hint on a number with a decimal comma."""
    if raw.how.decimal is not None:
        return "''"
    with_comma = replace(raw, how=replace(raw.how, decimal=","))
    hint = literal('; if the comma is decimal, set decimal = "," in the mapping')
    return f"CASE WHEN {with_comma.number} IS NOT NULL THEN {hint} ELSE '' END"


def _shown(column: Property, raw: str) -> str:
    """Returns SQL for "price is abc", with long values shortened."""
    return f"{literal(column.name + ' is ')} || left(CAST({raw} AS VARCHAR), {_SHOWN_CHARACTERS})"


_BY_KIND = {
    Kind.STRING: _string,
    Kind.INT: _number,
    Kind.FLOAT: _number,
    Kind.BOOL: _bool,
    Kind.TIMESTAMP: _timestamp,
}
