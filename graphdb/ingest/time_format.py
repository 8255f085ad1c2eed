"""Formats of times, in strptime's signs."""

import re

import duckdb

from graphdb.stores.duckdb_failures import open_database

_WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "j": 3}


def check_time_format(text: str) -> str:
    """Gives back a format that times can be read with.

    Raises:
        ValueError: It has a sign that is none, or no sign at all.

    Example:
        >>> check_time_format("%d.%m.%Y")
        '%d.%m.%Y'
        >>> check_time_format("%Q")
        Traceback (most recent call last):
        ValueError: '%Q' is not a format of times: Unrecognized format for strftime/strptime: %Q
    """
    if "%" not in text:
        raise ValueError(f"'{text}' is not a format of times; write it such as %d.%m.%Y %H:%M")
    with open_database() as connection:
        try:
            connection.execute("SELECT try_strptime('', ?)", [text])
        except duckdb.InvalidInputException as error:
            why = str(error).splitlines()[0].rpartition(f"{text}: ")[2]
            hint = ' (seconds since 1970 are unit = "s")' if "%s" in text else ""
            raise ValueError(f"'{text}' is not a format of times: {why}{hint}") from error
    return text


def digits_in(text: str) -> int | None:
    """How many digits a time of this format has; None where it has more than digits in it.

    A number has lost the zeros that it began with: 1022026 is 01022026 as %d%m%Y.

    >>> digits_in("%d%m%Y"), digits_in("%d.%m.%Y")
    (8, None)
    """
    if not re.fullmatch(f"(%[{''.join(_WIDTHS)}])+", text):
        return None
    return sum(_WIDTHS[sign] for sign in text[1::2])


def has_offset(text: str) -> bool:
    """Whether times of this format say how far they are from UTC.

    >>> has_offset("%d.%m.%Y %H:%M %z"), has_offset("%d.%m.%Y 100%%z")
    (True, False)
    """
    signs = re.findall("%(.)", text)
    return "z" in signs or "Z" in signs
