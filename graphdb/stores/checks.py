"""What every store checks of the rows it is given, before it writes any of them."""

import pyarrow as pa

from graphdb.errors import DataError, SchemaError, nearest
from graphdb.schema_types import EVENT_ID, EdgeType, Schema


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
