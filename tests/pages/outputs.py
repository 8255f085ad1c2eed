"""Whether what was printed is what a page says.

Blanks and the lengths of rules do not count. Decimals count within `RELATIVE`, `ABSOLUTE` or one in
their last place, as another processor rounds in another way; hexadecimal ids not at all. All else
does: words, ids, order, whole numbers. A line of "..." in the page stands for any lines.
"""

import math
import re

_ANY_LINES = re.compile(r"^\.\.\.\n", re.MULTILINE)
_DECIMAL = re.compile(r"-?\d+\.\d+")
_NUMBER = "<number>"

RELATIVE = 0.01
"""How far a decimal may be from the page's, as a share of it."""
ABSOLUTE = 0.002
"""The same near zero: two in the third decimal."""


def same(printed: str, said: str) -> bool:
    """Whether an output is what the page says."""
    text, numbers = _apart(printed)
    if not is_excerpt(said):
        expected_text, expected = _apart(said)
        return text == expected_text and _alike(numbers, expected)
    position = 0
    for part in filter(str.strip, _ANY_LINES.split(said)):
        expected_text, expected = _apart(part)
        position = text.find(expected_text, position)
        if position < 0:
            return False
        before = text[:position].count(_NUMBER)
        if not _alike(numbers[before : before + len(expected)], expected):
            return False
        position += len(expected_text)
    return True


def is_excerpt(said: str) -> bool:
    """Whether the page shows parts only."""
    return bool(_ANY_LINES.search(said))


def tidied(printed: str) -> str:
    """Without blanks at line ends and empty lines around: what is written into a page."""
    return "\n".join(line.rstrip() for line in printed.strip("\n").splitlines()) + "\n"


def _apart(text: str) -> tuple[str, list[str]]:
    """The text with a mark in the place of each decimal, and the decimals."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "<id>", text)
    numbers = _DECIMAL.findall(text)
    text = re.sub(r"[─━]+", "-", _DECIMAL.sub(_NUMBER, text))
    return " ".join(text.split()), numbers


def _alike(numbers: list[str], expected: list[str]) -> bool:
    return len(numbers) == len(expected) and all(map(_is_near, numbers, expected))


def _is_near(one: str, other: str) -> bool:
    last_place = 10.0 ** -min(len(text.partition(".")[2]) for text in (one, other))
    return math.isclose(
        float(one), float(other), rel_tol=RELATIVE, abs_tol=max(ABSOLUTE, last_place * 1.001)
    )
