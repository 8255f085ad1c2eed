"""Local times: the names of timezones, and the moment that a local time is."""

import re
from difflib import get_close_matches

from graphdb.stores.duckdb_failures import open_database
from graphdb.stores.duckdb_sql import literal

_OFFSET = re.compile(r"([+-])([01]\d):([0-5]\d)")
_WRITTEN_OFFSET = r":\d\d([.,]\d+)?\s*([Zz]|[+-]\d\d.*|[A-Za-z].*)$"
"""At the end of a written time: Z, +08:00, or a name."""


def check_timezone(name: str) -> str:
    """Gives back the name of a timezone, such as Asia/Shanghai, or an offset, such as +08:00.

    Abbreviations are refused: CST is China's time to some and Chicago's to others.

    Raises:
        ValueError: It is neither.

    Example:
        >>> check_timezone("Asia/Shanghai")
        'Asia/Shanghai'
        >>> check_timezone("Asia/Shangai")
        Traceback (most recent call last):
        ValueError: 'Asia/Shangai' is no timezone; did you mean 'Asia/Shanghai'?
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
    raise ValueError(f"'{name}' is no timezone; {hint}")


def in_timezone(local: str, timezone: str) -> str:
    """SQL of the moment of a local time; null where there is none.

    A time that the clock skips in spring is the hour after, one that it shows twice in autumn is
    the later.

    Args:
        local: SQL of a TIMESTAMP.
        timezone: As of `check_timezone`.
    """
    offset = _OFFSET.fullmatch(timezone)
    if offset is None:
        return f"TRY(timezone({literal(timezone)}, {local}))"
    minutes = int(offset[2]) * 60 + int(offset[3])
    sign = "-" if offset[1] == "+" else "+"
    return f"TRY(CAST({local} AS TIMESTAMPTZ) {sign} INTERVAL {minutes} MINUTE)"


def says_its_offset(text: str) -> str:
    """Condition: a written time says by itself how far it is from UTC."""
    return f"regexp_matches({text}, {literal(_WRITTEN_OFFSET)})"
