"""Times as they stand in files, as moments in SQL."""

import pyarrow as pa

from graphdb.ingest.raw_column import RawColumn
from graphdb.ingest.time_format import digits_in, has_offset
from graphdb.ingest.time_zone import in_timezone, says_its_offset
from graphdb.schema_types import Property
from graphdb.stores.duckdb_sql import literal


def moment(column: Property, raw: RawColumn) -> str:
    """SQL of the moment that a raw value says; null where it says none.

    A column of days or moments says it by itself, and needs neither unit nor format. A time that
    says how far it is from UTC is that moment, whatever timezone the others are in.

    Raises:
        FileFormatError: The column's type holds no times.
    """
    how = raw.how
    if raw.is_moment:
        return _of_moments(raw)
    if pa.types.is_time(raw.type) or pa.types.is_boolean(raw.type):
        raise raw.refused(column, "days or moments, such as 2026-01-31 18:30:00")
    if how.unit is not None:
        seconds = f"TRY_CAST({raw.sql} AS DOUBLE) / {1 if how.unit == 's' else 1000}"
        return f"CASE WHEN abs({seconds}) < 1e11 THEN to_timestamp({seconds}) END"
    if how.format is not None:
        return _formatted(raw, how.format)
    if not raw.is_text:
        raise raw.refused(
            column,
            "times",
            next_step='say in the mapping what they count since 1970 (unit = "s" or "ms"),'
            ' or how they are written (format = "%Y%m%d")',
        )
    moment = f"TRY_CAST({raw.sql} AS TIMESTAMPTZ)"
    if how.timezone is None:
        return moment
    local = in_timezone(f"TRY_CAST({raw.sql} AS TIMESTAMP)", how.timezone)
    return f"CASE WHEN {says_its_offset(raw.sql)} THEN {moment} ELSE {local} END"


def is_taken_as_utc(raw: RawColumn) -> str:
    """Condition: nothing says how far the time is from UTC."""
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
