"""Finds nodes by id or by name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import InvalidFilterError, UnknownIdError, nearest
from graphrec.bundle import Bundle
from graphrec.bundle.files import PRIVATE_TYPES
from graphrec.query.conditions import Columns, Respelled
from graphrec.query.embeddings import Rows

_NEAREST_AMONG = 20_000  # comparing with more names than this takes too long for an error message


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that a query names and the bundle does not hold; the answer ignores it.

    Args:
        asked_by: The part of the query that names it, such as "filter 'exclude.ids'".
        type: The node type.
        id: The id, or the name.
    """

    asked_by: str
    type: str
    id: str


def named_rows(columns: Columns, node_type: str, asked_by: str, values: Sequence[str]) -> Rows:
    """The rows of the nodes with these ids, else of the only ones with these names.

    Args:
        asked_by: What the messages say asked for them, such as "filter 'brands'".

    Raises:
        InvalidFilterError: There is no such node, or there are several of that name.
    """
    rows, unknown = known_rows(columns, node_type, asked_by, values)
    if unknown:
        raise unknown_name(columns, node_type, asked_by, unknown[0].id)
    return rows


def known_rows(
    columns: Columns, node_type: str, asked_by: str, values: Sequence[str]
) -> tuple[Rows, tuple[Skipped, ...]]:
    """The rows of those that the bundle holds, and the entries that name nothing.

    Raises:
        InvalidFilterError: There are several nodes of a name, or an entry names a node but for its
            spelling: spaces around it, case, full-width digits.
    """
    found = {value: _row(columns.bundle, node_type, asked_by, value) for value in values}
    unknown = [value for value, row in found.items() if row is None]
    meant = respelled_name(columns, node_type, unknown) if unknown else None
    if meant is not None:
        raise _no_such_node(node_type, asked_by, meant.entry, meant.hint)
    rows = [row for row in found.values() if row is not None]
    return np.array(rows, np.int64), tuple(Skipped(asked_by, node_type, one) for one in unknown)


def held_rows(
    bundle: Bundle, node_type: str, asked_by: str, ids: tuple[str, ...]
) -> tuple[Rows, tuple[Skipped, ...]]:
    """The rows of the ids that the bundle holds, each once, and the others.

    Raises:
        UnknownIdError: An id is no text.
    """
    found: dict[str, int | None] = {}
    for one in ids:
        row = bundle.find_row(node_type, one)  # also says that it is no text, before it is a key
        found[one] = row
    rows = [row for row in found.values() if row is not None]
    unknown = (one for one, row in found.items() if row is None)
    return np.array(rows, np.int64), tuple(Skipped(asked_by, node_type, one) for one in unknown)


def excluded_rows(
    columns: Columns, node_type: str, asked_by: str, ids: tuple[str, ...]
) -> tuple[Rows, tuple[Skipped, ...]]:
    """The same for what must not come out.

    Raises:
        UnknownIdError: An id is no text; or is a known one in another spelling, which would come
            out.
    """
    rows, skipped = held_rows(columns.bundle, node_type, asked_by, ids)
    key = columns.bundle.schema.node_type(node_type).key
    meant = columns.respelled(node_type, key, [one.id for one in skipped])
    if meant is not None:
        raise UnknownIdError(
            f"{asked_by}: no {node_type} has the id '{meant.entry}'",
            next_step=meant.hint,
            value=meant.entry,
        )
    return rows, skipped


def respelled_name(columns: Columns, node_type: str, entries: Sequence[str]) -> Respelled | None:
    """The first entry that is an id or a name of that type in another spelling; None for none."""
    attributes = columns.bundle.attributes(node_type)
    key = columns.bundle.schema.node_type(node_type).key
    for column in (key, "name", "title"):
        if column in attributes.column_names:
            meant = columns.respelled(node_type, column, entries)
            if meant is not None:
                return meant
    return None


def _row(bundle: Bundle, node_type: str, asked_by: str, value: str) -> int | None:
    """The row of an id, else of the only node of that name; None where nothing has it."""
    row = bundle.find_row(node_type, value)
    if row is not None:
        return row
    rows = np.flatnonzero(
        pc.fill_null(pc.equal(_names(bundle, node_type), value), False).to_numpy()
    )
    if len(rows) > 1:
        ids = ", ".join(f"'{bundle.id_of(node_type, row)}'" for row in rows[:10])
        raise InvalidFilterError(
            f"{asked_by}: {len(rows)} {node_type} nodes are named '{value}'",
            next_step="give an id" if node_type in PRIVATE_TYPES else f"give one of the ids {ids}",
            value=value,
        )
    return int(rows[0]) if len(rows) else None


def unknown_name(columns: Columns, node_type: str, asked_by: str, value: str) -> InvalidFilterError:
    """The error for an entry that names nothing, with what it may have been meant to name."""
    bundle = columns.bundle
    if node_type in PRIVATE_TYPES:
        return _no_such_node(node_type, asked_by, value, None)
    names = _names(bundle, node_type).drop_null()
    if bundle.num_nodes(node_type) + len(names) <= _NEAREST_AMONG:
        known = bundle.ids(node_type).to_pylist() + names.to_pylist()
        return _no_such_node(node_type, asked_by, value, nearest(value, known))
    with_it = names.filter(pc.match_substring(names, value, ignore_case=True))
    named = nearest(value, with_it[:_NEAREST_AMONG].to_pylist())
    try:
        bundle.row_of(node_type, value)
    except UnknownIdError as error:
        return _no_such_node(node_type, asked_by, value, named or error.next_step)
    raise AssertionError(f"{node_type} '{value}' is known")


def _no_such_node(
    node_type: str, asked_by: str, value: str, next_step: str | None
) -> InvalidFilterError:
    what = f"{asked_by}: no {node_type} has the id or name '{value}'"
    return InvalidFilterError(what, next_step=next_step, value=value)


def _names(bundle: Bundle, node_type: str) -> pa.ChunkedArray:
    """The names or titles of a type's nodes; nulls where the type has neither."""
    attributes = bundle.attributes(node_type)
    for column in ("name", "title"):
        if column in attributes.schema.names:
            return attributes[column]
    return pa.chunked_array([pa.nulls(attributes.num_rows, pa.string())])
