"""SQL over an embedded store whose results, as CSV, are what Neo4j's import tool reads.

Nodes are numbered for the tool: DuckDB's row numbers, shifted so that no two types share one. It
then looks for the ends of an edge by number, which is quicker than by text, and an id may be any
text. A field without quotes and without text is a null, and `""` the empty text.
"""

from pathlib import Path

import duckdb

from graphdb.schema_types import EVENT_ID, SOURCE_ID, TARGET_ID, EdgeType, Kind, Property, Schema
from graphdb.stores.duckdb_failures import open_database
from graphdb.stores.duckdb_sql import literal, quoted

NEO4J_TYPES = {
    Kind.STRING: "string",
    Kind.INT: "long",
    Kind.FLOAT: "double",
    Kind.BOOL: "boolean",
    Kind.TIMESTAMP: "datetime",
}
REJECTS_TABLE = "graphrec.rejects"
_BATCH_ROWS = 500_000


def node_rows(schema: Schema, node_type: str, first_number: int) -> str:
    columns = [_field(column) for column in schema.columns(node_type)]
    return numbered(quoted(node_type), columns, first_number)


def numbered(table: str, columns: list[str], first_number: int) -> str:
    """Rows of any table as nodes."""
    fields = ", ".join([f'row.rowid + {first_number} AS ":ID"', *columns])
    return f"SELECT {fields} FROM {table} AS row"


def edge_rows(schema: Schema, edge_type: EdgeType, first_numbers: dict[str, int]) -> str:
    ends, joins = [], []
    for id_column, node_type, role in (
        (SOURCE_ID, edge_type.source, "START"),
        (TARGET_ID, edge_type.target, "END"),
    ):
        node, key = quoted(f"{role} node"), quoted(schema.node_type(node_type).key)
        ends.append(f'{node}.rowid + {first_numbers[node_type]} AS ":{role}_ID"')
        joins.append(f"JOIN {quoted(node_type)} AS {node} ON {node}.{key} = row.{id_column}")
    columns = [
        _field(column) for column in schema.stored_columns(edge_type) if column.name not in _ENDS
    ]
    return f"SELECT {', '.join(ends + columns)} FROM {quoted(edge_type)} AS row {' '.join(joins)}"


def text_field(name: str) -> str:
    """A text column under the name that the tool takes as name and type of the property."""
    return f"row.{quoted(name)} AS {quoted(f'{name}:string')}"


def highest_number(table: str) -> str:
    """The first number after those of a table's rows."""
    return f"SELECT coalesce(max(rowid) + 1, 0) FROM {table}"


def has_line_breaks(table: str, columns: list[str]) -> str:
    """Whether any text of a table goes over a line, which the tool has to be told."""
    broken = " OR ".join(f"regexp_matches({quoted(name)}, '[\\n\\r]')" for name in columns)
    return f"SELECT coalesce(bool_or({broken}), false) FROM {table}"


def write_csv(cursor: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Writes the rows of a query; through a database of its own, as a store may write no files."""
    with open_database() as writer:
        writer.register("query_rows", cursor.sql(query).to_arrow_reader(_BATCH_ROWS))
        writer.execute(f"COPY query_rows TO {literal(str(path))} (FORMAT csv, HEADER)")


def _field(column: Property) -> str:
    return f"{_value(column)} AS {quoted(f'{column.name}:{NEO4J_TYPES[column.kind]}')}"


def _value(column: Property) -> str:
    value = f"row.{quoted(column.name)}"
    if column.name == EVENT_ID:
        return f"nullif({value}, '')"  # as in an upsert: the empty one is left out
    if column.kind == Kind.TIMESTAMP:
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if column.kind == Kind.FLOAT:  # Java's words for what is no number
        return (
            f"CASE WHEN isnan({value}) THEN 'NaN' WHEN {value} = 'inf' THEN 'Infinity'"
            f" WHEN {value} = '-inf' THEN '-Infinity' ELSE {value}::VARCHAR END"
        )
    return value


_ENDS = (SOURCE_ID, TARGET_ID)
