"""Which rows of a file are meant: `where` of a mapping."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import FileFormatError

Where = Mapping[str, tuple[str, ...]]
"""Per raw column the values that it may have; the empty text is a missing value."""


def matching_rows(batch: pa.RecordBatch, where: Where, file: str) -> pa.RecordBatch:
    """The rows in which every column of `where` has one of its values.

    Args:
        batch: With plain columns, see `plain_batch`.
        file: Named in errors.

    Raises:
        FileFormatError: A value cannot stand in a column of that type.
    """
    for name, values in where.items():
        column = batch.column(name)
        try:
            wanted = pa.array([value for value in values if value], pa.string()).cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise FileFormatError(
                f"'{file}': column '{name}' holds {column.type}, and where names"
                f" {', '.join(values)}",
                expected=f"values of {column.type}",
                value=values,
            ) from error
        is_meant = pc.is_in(column, value_set=wanted)
        if "" in values:
            is_meant = pc.or_(is_meant, pc.is_null(column))
        batch = batch.filter(is_meant)
    return batch


def shown(where: Where) -> str | None:
    """The condition in words; None where every row is meant.

    >>> shown({"what": ("buy", "order"), "shop": ("1",)})
    "what = 'buy' or 'order', shop = '1'"
    """
    parts = [f"{name} = {' or '.join(map(repr, values))}" for name, values in where.items()]
    return ", ".join(parts) or None
