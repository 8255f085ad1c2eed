"""Finds ids in sorted Arrow arrays, without a dictionary of all of them."""

from bisect import bisect_left

import pyarrow as pa

from graphdb.errors import UnknownIdError, shown

PRIVATE_TYPES = ("User",)
"""Node types whose ids a message must not tell: they are other people's."""

_NUM_NEIGHBOURS = 3


def find_row(node_type: str, ids: pa.Array, node_id: str) -> int:
    """The position of an id.

    Args:
        ids: Sorted by code point, without duplicates.

    Raises:
        UnknownIdError: It is not there; the message names the ids that begin most alike, but never
            those of users.

    >>> find_row("User", pa.array(["a1", "a2", "b1"]), "b1")
    2
    """
    row = position_of(node_type, ids, node_id)
    if row is not None:
        return row
    known = [] if node_type in PRIVATE_TYPES else _alike_ids(ids, node_id)
    raise UnknownIdError(
        f"no {node_type} has the id '{node_id}'",
        next_step="ids like it: " + ", ".join(f"'{other}'" for other in known) if known else None,
        value=node_id,
    )


def position_of(node_type: str, ids: pa.Array, node_id: str) -> int | None:
    """The position of an id in sorted ids; None where it is not there.

    Raises:
        UnknownIdError: It is no text, so it can be no id.

    >>> [position_of("User", pa.array(["a1", "b1"]), one) for one in ("b1", "b")]
    [1, None]
    """
    if not isinstance(node_id, str):
        raise UnknownIdError(
            f"{node_type} ids are strings, not {type(node_id).__name__} ({shown(node_id)})",
            next_step=f"ask for '{node_id}'" if isinstance(node_id, int) else None,
            value=node_id,
        )
    if not is_text(node_id):
        raise UnknownIdError(f"{shown(node_id)} is no UTF-8 text, so no {node_type} has that id")
    row = _place(ids, node_id)
    return row if row < len(ids) and ids[row].as_py() == node_id else None


def is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8; what was read from bytes that are none cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _place(ids: pa.Array, node_id: str) -> int:
    return bisect_left(range(len(ids)), node_id, key=lambda position: ids[position].as_py())


def _alike_ids(ids: pa.Array, node_id: str) -> list[str]:
    """The ids that stand where `node_id` would, those with the longest common start first."""
    row = _place(ids, node_id)
    near = ids[max(row - _NUM_NEIGHBOURS, 0) : row + _NUM_NEIGHBOURS].to_pylist()
    return sorted(near, key=lambda other: -_common_start(other, node_id))[:_NUM_NEIGHBOURS]


def _common_start(one: str, other: str) -> int:
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return length
