"""Finds nodes by id or by name, and everything below a category."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import BadFilterError, UnknownIdError, nearest
from graphrec.bundle import Bundle
from graphrec.query.paths import Paths
from graphrec.query.rows import Rows

_NEAREST_AMONG = 20_000  # comparing with more names than this takes too long for an error message


def named_rows(bundle: Bundle, node_type: str, asked_by: str, values: tuple[str, ...]) -> Rows:
    """The rows of the nodes with these ids, else of the only ones with these names.

    Args:
        asked_by: What the messages say asked for them, such as "filter 'brands'".

    Raises:
        BadFilterError: There is no such node, or there are several of that name.
    """
    return np.array([_row(bundle, node_type, asked_by, value) for value in values], np.int64)


def subtree(paths: Paths, categories: Rows) -> Rows:
    """The categories and all below them, ascending; a circle in the tree does no harm."""
    found = frontier = np.unique(categories)
    while len(frontier):
        children = paths.reach("Category", ("~CHILD_OF",), frontier)
        frontier = np.setdiff1d(children, found)
        found = np.union1d(found, frontier)
    return found


def _row(bundle: Bundle, node_type: str, asked_by: str, value: str) -> int:
    try:
        return bundle.row_of(node_type, value)
    except UnknownIdError as error:
        names = _names(bundle, node_type)
        rows = np.flatnonzero(pc.fill_null(pc.equal(names, value), False).to_numpy())
        if len(rows) == 1:
            return int(rows[0])
        if len(rows) > 1:
            ids = ", ".join(f"'{bundle.id_of(node_type, row)}'" for row in rows[:10])
            raise BadFilterError(
                f"{asked_by}: {len(rows)} {node_type} nodes are named '{value}'",
                next_step=f"give one of the ids {ids}",
                value=value,
            ) from error
        known = bundle.ids(node_type).to_pylist() + [name for name in names.to_pylist() if name]
        raise BadFilterError(
            f"{asked_by}: no {node_type} has the id or name '{value}'",
            next_step=nearest(value, known) if len(known) <= _NEAREST_AMONG else error.next_step,
            value=value,
        ) from error


def _names(bundle: Bundle, node_type: str) -> pa.ChunkedArray:
    """The names or titles of a type's nodes; nulls where the type has neither."""
    attributes = bundle.attributes(node_type)
    for column in ("name", "title"):
        if column in attributes.schema.names:
            return attributes[column]
    return pa.chunked_array([pa.nulls(attributes.num_rows, pa.string())])
