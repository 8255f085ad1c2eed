"""Texts of others, such as ids and titles, as they may be printed on a terminal."""

import unicodedata

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Letters and marks that show nothing."""


def printable(text: str) -> str:
    r"""The text, with what moves a cursor, hides, or turns the direction spelled as an escape.

    All else stays as it is, spaces of all kinds too.

    >>> print(printable("\x1b[31mred\nline\u202e"), printable("Käse 奶酪 🧀"))
    \x1b[31mred\nline\u202e Käse 奶酪 🧀
    """
    return "".join(sign if is_printable(sign) else spelled(sign) for sign in text)


def is_printable(sign: str) -> bool:
    """Whether a sign shows as itself and does nothing else."""
    if sign.isprintable():
        return sign not in _BLANK
    return unicodedata.category(sign) == "Zs"


def spelled(sign: str) -> str:
    r"""A sign as Python escapes it.

    >>> print(spelled("\t"), spelled("\x9b"), spelled("\U000e0001"))
    \t \x9b \U000e0001
    """
    return sign.encode("unicode_escape").decode("ascii")
