"""Finds a node by its id, or by its name where only one of its type has that name."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import BadFilterError, UnknownIdError, nearest
from graphrec.bundle import Bundle

_NEAREST_AMONG = 20_000  # comparing with more names than this takes too long for an error message


def row_by_name(bundle: Bundle, node_type: str, field: str, value: str) -> int:
    """The row of the node that a filter names.

    Raises:
        BadFilterError: No node has that id or name, or several have that name.
    """
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
                f"filter '{field}': {len(rows)} {node_type} nodes are named '{value}'",
                next_step=f"give one of the ids {ids}",
                value=value,
            ) from error
        known = bundle.ids(node_type).to_pylist() + [name for name in names.to_pylist() if name]
        raise BadFilterError(
            f"filter '{field}': no {node_type} has the id or name '{value}'",
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
