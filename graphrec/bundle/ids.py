"""Says what a wrong id may be meant to be: other spellings of it, and ids that begin alike."""

import re
from collections.abc import Iterator, Sequence
from unicodedata import normalize

_NUMBERED = re.compile(r"(.*?)(?:0*(\d+))?", re.DOTALL)
_MOST_DIGITS = 20


def spellings(node_id: str, first: str, last: str) -> Iterator[str]:
    """Yields ids that differ only in case, spaces, leading zeros or the letters of all ids.

    Args:
        first: The first of all ids in order.
        last: The last of all ids in order.

    >>> [one for one in spellings("3", "U00001", "U00007") if len(one) == 6][-1]
    'U00003'
    """
    plain = normalize("NFKC", node_id).strip().removesuffix(".0")
    found = _NUMBERED.fullmatch(plain)
    if found is None:
        return
    head, digits = found[1], found[2] or ""
    shared = first[: _common_start(first, last)].rstrip("0123456789")
    heads = [head, head.lower(), head.upper(), head.title(), *([] if head else [shared])]
    widths = range(len(digits), _MOST_DIGITS + 1) if digits else [0]
    for start in dict.fromkeys(heads):
        for width in widths:
            yield start + digits.zfill(width)


def most_alike(node_id: str, near: Sequence[str], most: int) -> list[str]:
    """Returns some of the ids, those with the longest common start with an id first.

    >>> most_alike("u12", ["u01", "u11", "u19"], 2)
    ['u11', 'u19']
    """
    return sorted(near, key=lambda other: -_common_start(other, node_id))[:most]


def _common_start(one: str, other: str) -> int:
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return length
