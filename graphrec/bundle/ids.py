"""Looks up ids in the sorted ids of a node type, and finds what a wrong one may be meant to be.

A lookup is a binary search in an Arrow array, without a dictionary of all ids.
"""

import re
from bisect import bisect_left
from unicodedata import normalize

import pyarrow as pa

from graphdb.errors import UnknownIdError, shown
from graphrec.bundle.files import PRIVATE_TYPES

_NUM_NEIGHBORS = 3


def find_row(node_type: str, ids: pa.Array, node_id: str) -> int:
    """Returns the position of an id.

    Args:
        ids: Sorted by code point, without duplicates.

    Raises:
        UnknownIdError: It is missing; the message suggests the id that differs only in spelling,
            or ids with the longest common prefix, but never those of users.

    >>> find_row("User", pa.array(["a1", "a2", "b1"]), "b1")
    2
    """
    row = position_of(node_type, ids, node_id)
    if row is not None:
        return row
    next_step, meant = None, _respelled(ids, node_id)
    if meant is not None:
        next_step = f"did you mean '{meant}'?"
    elif node_type not in PRIVATE_TYPES and len(ids):
        next_step = "similar ids: " + ", ".join(f"'{other}'" for other in _alike_ids(ids, node_id))
    raise UnknownIdError(
        f"no {node_type} has the id '{node_id}'", next_step=next_step, value=node_id
    )


def position_of(node_type: str, ids: pa.Array, node_id: str) -> int | None:
    """Returns the position of an id in sorted ids, or None.

    Raises:
        UnknownIdError: It is not text.

    >>> [position_of("User", pa.array(["a1", "b1"]), one) for one in ("b1", "b")]
    [1, None]
    """
    if not isinstance(node_id, str):
        raise UnknownIdError(
            f"{node_type} ids are strings, not {type(node_id).__name__} ({shown(node_id)})",
            next_step=_as_text(ids, node_id),
            value=node_id,
        )
    if not is_text(node_id):
        raise UnknownIdError(f"{shown(node_id)} is not valid UTF-8, so no {node_type} has this id")
    row = _place(ids, node_id)
    return row if row < len(ids) and ids[row].as_py() == node_id else None


def _as_text(ids: pa.Array, number: object) -> str | None:
    """What to write in the place of an id that is no text."""
    if not isinstance(number, int) or number.bit_length() > _MOST_BITS:
        return None
    return f"use '{_respelled(ids, str(number)) or number}'"


_MOST_BITS = 64


def is_text(text: str) -> bool:
    """Returns whether a text can be encoded as UTF-8; text with lone surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _place(ids: pa.Array, node_id: str) -> int:
    return bisect_left(range(len(ids)), node_id, key=lambda position: ids[position].as_py())


_NUMBERED = re.compile(r"(.*?)(?:0*(\d+))?", re.DOTALL)
_MOST_DIGITS = 20


def _respelled(ids: pa.Array, node_id: str) -> str | None:
    """Returns the id that differs only in case, spaces, leading zeros or the letters of all ids.

    >>> [_respelled(pa.array(["U00001", "U00003"]), one) for one in ("u3", " U3", "3", "U2")]
    ['U00003', 'U00003', 'U00003', None]
    """
    plain = normalize("NFKC", node_id).strip().removesuffix(".0")
    found = _NUMBERED.fullmatch(plain)
    if found is None or not len(ids):
        return None
    head, digits = found[1], found[2] or ""
    first, last = str(ids[0]), str(ids[-1])
    shared = first[: _common_start(first, last)].rstrip("0123456789")
    heads = [head, head.lower(), head.upper(), head.title(), *([] if head else [shared])]
    widths = range(len(digits), _MOST_DIGITS + 1) if digits else [0]
    for start in dict.fromkeys(heads):
        for width in widths:
            candidate = start + digits.zfill(width)
            row = _place(ids, candidate)
            if row < len(ids) and ids[row].as_py() == candidate:
                return candidate
    return None


def _alike_ids(ids: pa.Array, node_id: str) -> list[str]:
    """Returns the ids around the position of `node_id`, the longest common prefix first."""
    row = _place(ids, node_id)
    near = ids[max(row - _NUM_NEIGHBORS, 0) : row + _NUM_NEIGHBORS].to_pylist()
    return sorted(near, key=lambda other: -_common_start(other, node_id))[:_NUM_NEIGHBORS]


def _common_start(one: str, other: str) -> int:
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return length
