"""What every store does with rows it is given and columns it is asked for, before all else."""

from collections.abc import Sequence

import pyarrow as pa

from graphdb.errors import DataError, SchemaError, nearest
from graphdb.schema_types import EVENT_ID, EdgeType, Property, Schema


def check_rows(schema: Schema, of: str | EdgeType, rows: pa.Table) -> None:
    """Checks columns, Arrow types and required values of a batch for an upsert.

    Raises:
        SchemaError: An unknown column, or one of another Arrow type.
        DataError: A required column is missing or has nulls.
    """
    columns = {column.name: column for column in schema.columns(of)}
    for field in rows.schema:
        if field.name not in columns:
            raise SchemaError(
                f"{of} has no column '{field.name}'",
                expected="one of " + ", ".join(columns),
                next_step=nearest(field.name, list(columns)),
                value=field.name,
            )
        wanted = columns[field.name].kind.arrow
        if field.type != wanted:
            raise SchemaError(
                f"{of}: column '{field.name}' is {field.type}",
                expected=str(wanted),
                value=field.type,
            )
    required = {name for name, column in columns.items() if column.required}
    for name in sorted(required | (set(schema.key(of)) - {EVENT_ID})):
        if name not in rows.column_names or rows[name].null_count:
            raise DataError(f"{of}: '{name}' is required in every row", value=name)


def wanted_columns(
    schema: Schema, of: str | EdgeType, wanted: Sequence[str] | None
) -> list[Property]:
    """The columns to read, in the order asked for; all of the schema's by default.

    Raises:
        SchemaError: There is no such column.
    """
    known = {column.name: column for column in schema.columns(of)}
    for name in wanted or ():
        if name not in known:
            raise SchemaError(
                f"{of} has no column '{name}'",
                expected="one of " + ", ".join(known),
                value=name,
            )
    return [known[name] for name in (known if wanted is None else wanted)]


def with_event_ids(rows: pa.Table) -> pa.Table:
    """Events without an `event_id` get the empty one: it is a part of their key."""
    if EVENT_ID not in rows.column_names:
        return rows.append_column(EVENT_ID, pa.repeat("", rows.num_rows))
    position = rows.column_names.index(EVENT_ID)
    return rows.set_column(position, EVENT_ID, rows[EVENT_ID].fill_null(""))
