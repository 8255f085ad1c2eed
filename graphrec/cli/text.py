"""The one place that makes texts of others fit to be printed: cells, errors and JSON."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TextIO

from rich.markup import escape as escape_markup

from graphdb.plain_json import write_json
from graphdb.printable import is_printable, printable

_NOTHING = "[dim][/dim]"


def escape(text: str) -> str:
    r"""A text of others within Rich's markup: nothing in it is markup, and none of it acts.

    >>> print(escape("[red]a\x1b[0m"))
    \[red]a\x1b[0m
    """
    shown = escape_markup(printable(text))
    if not text.endswith("\\"):
        return shown
    # Rich takes backslashes before a tag for escapes, and leaves them alone elsewhere.
    plain = shown.rstrip("\\")
    return plain + "\\" * (2 * (len(text) - len(text.rstrip("\\")))) + _NOTHING


def escape_lines(text: str) -> str:
    """As `escape`, of a text whose line breaks are ours."""
    return "\n".join(map(escape, text.split("\n")))


def json_text(document: Any, stream: TextIO | None, *, indent: int | None = None) -> str:
    """A document as JSON that a stream can carry, and no terminal acts on.

    What it cannot carry or show stands as an escape of JSON, so the values are exact.
    """
    text = write_json(document, indent=indent, default=_plain)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    can_carry = _carried_by(encoding)
    return "".join(sign if sign == "\n" or can_carry(sign) else _unit(sign) for sign in text)


def _carried_by(encoding: str) -> Callable[[str], bool]:
    if encoding.lower().replace("-", "") == "utf8":
        return is_printable

    def carried(sign: str) -> bool:
        return is_printable(sign) and sign.encode(encoding, "replace").decode(encoding) == sign

    return carried


def _unit(sign: str) -> str:
    return json.dumps(sign)[1:-1] if ord(sign) > 0x7F else f"\\u{ord(sign):04x}"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
