"""Checks timezones and time formats, and converts local times to moments in SQL.

Formats are written with the codes of `strptime`.
"""

import re
from difflib import get_close_matches

import duckdb

from graphdb.stores.duckdb_file import open_database
from graphdb.stores.duckdb_sql import literal

_OFFSET = re.compile(r"([+-])([01]\d):([0-5]\d)")
_WRITTEN_OFFSET = r":\d\d([.,]\d+)?\s*([Zz]|[+-]\d\d.*|[A-Za-z].*)$"
"""The end of a written time: Z, +08:00, or a name."""


def check_timezone(name: str) -> str:
    """Validates the name of a timezone, such as Asia/Shanghai, or an offset, such as +08:00.

    Abbreviations are refused: CST can be China's time or Chicago's.

    Raises:
        ValueError: It is neither.

    Example:
        >>> check_timezone("Asia/Shanghai")
        'Asia/Shanghai'
        >>> check_timezone("Asia/Shangai")
        Traceback (most recent call last):
        ValueError: 'Asia/Shangai' is not a timezone; did you mean 'Asia/Shanghai'?
    """
    if name == "UTC" or _OFFSET.fullmatch(name):
        return name
    with open_database() as connection:
        rows = connection.execute("SELECT name FROM pg_timezone_names()").fetchall()
    known = [known for (known,) in rows if "/" in known]
    if name in known:
        return name
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "write one such as Europe/Berlin or +08:00"
    raise ValueError(f"'{name}' is not a timezone; {hint}")


def in_timezone(local: str, timezone: str) -> str:
    """Returns SQL for the UTC time of a local time; null if there is none.

    A time that daylight saving skips becomes the hour after; a repeated one becomes the later one.

    Args:
        local: SQL of a TIMESTAMP.
        timezone: As in `check_timezone`.
    """
    offset = _OFFSET.fullmatch(timezone)
    if offset is None:
        return f"TRY(timezone({literal(timezone)}, {local}))"
    minutes = int(offset[2]) * 60 + int(offset[3])
    sign = "-" if offset[1] == "+" else "+"
    return f"TRY(CAST({local} AS TIMESTAMPTZ) {sign} INTERVAL {minutes} MINUTE)"


def says_its_offset(text: str) -> str:
    """Returns the SQL condition that a written time contains its offset from UTC."""
    return f"regexp_matches({text}, {literal(_WRITTEN_OFFSET)})"


_WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "j": 3}


def check_time_format(text: str) -> str:
    """Validates a format of times.

    Raises:
        ValueError: It has an unknown code, or none.

    Example:
        >>> check_time_format("%d.%m.%Y")
        '%d.%m.%Y'
        >>> check_time_format("%Q")
        Traceback (most recent call last):
        ValueError: '%Q' is not a format of times: Unrecognized format for strftime/strptime: %Q
    """
    if "%" not in text:
        raise ValueError(f"'{text}' is not a format of times; write one such as %d.%m.%Y %H:%M")
    with open_database() as connection:
        try:
            connection.execute("SELECT try_strptime('', ?)", [text])
        except duckdb.InvalidInputException as error:
            why = str(error).splitlines()[0].rpartition(f"{text}: ")[2]
            hint = ' (seconds since 1970 are unit = "s")' if "%s" in text else ""
            raise ValueError(f"'{text}' is not a format of times: {why}{hint}") from error
    return text


def digits_in(text: str) -> int | None:
    """Returns the number of digits of a time in this format, or None if not all are digits.

    A number lacks leading zeros: 1022026 is 01022026 as %d%m%Y.

    >>> digits_in("%d%m%Y"), digits_in("%d.%m.%Y")
    (8, None)
    """
    if not re.fullmatch(f"(%[{''.join(_WIDTHS)}])+", text):
        return None
    return sum(_WIDTHS[sign] for sign in text[1::2])


def has_offset(text: str) -> bool:
    """Returns whether times of this format contain an offset from UTC.

    >>> has_offset("%d.%m.%Y %H:%M %z"), has_offset("%d.%m.%Y 100%%z")
    (True, False)
    """
    signs = re.findall("%(.)", text)
    return "z" in signs or "Z" in signs
