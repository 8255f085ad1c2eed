"""Writes the graph of an embedded store as CSV files for Neo4j's import tool.

DuckDB writes the files. Nodes are numbered for the tool: DuckDB's row numbers, shifted so that no
two types share one. The tool then finds the ends of an edge by number, which is quicker than by
text, and an id may be any text. An empty field without quotes is null, and `""` is the empty text.
"""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from graphdb.atomic import empty_folder, write_file
from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.file_access import inside
from graphdb.schema_types import EVENT_ID, SOURCE_ID, TARGET_ID, EdgeType, Kind, Property
from graphdb.stores.deletion import MARK
from graphdb.stores.duckdb_file import open_database
from graphdb.stores.duckdb_sql import literal, quoted
from graphdb.stores.duckdb_store import DuckDBStore
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.maintenance import meta_node
from graphdb.stores.protocol import REJECT_COLUMNS

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


ARGUMENTS_FILE = "import.args"
"""The arguments for `neo4j-admin database import full @import.args DATABASE`."""


@dataclass(frozen=True, slots=True)
class ImportFiles:
    """A folder that neo4j-admin can import from.

    Args:
        num_nodes: Nodes in the files, including the store's metadata.
        num_edges: Edges in the files.
    """

    folder: Path
    num_nodes: int
    num_edges: int

    @property
    def command(self) -> list[str]:
        """The words of `neo4j-admin` that import it, run in the folder; the database goes last."""
        return ["database", "import", "full", f"@{ARGUMENTS_FILE}"]


def write_import_files(store: DuckDBStore, folder: Path) -> ImportFiles:
    """Writes a store's whole graph, its rejects and its schema for Neo4j's import tool.

    Args:
        folder: A new or empty folder. `import.args` is written last, so a folder with it is
            complete.

    Raises:
        StoreError: The folder is not empty or cannot be written.
    """
    with empty_folder(folder, StoreError) as unfinished:
        writer = _Writer(store, unfinished)
        writer.write_nodes()
        writer.write_edges()
    write_file(folder / ARGUMENTS_FILE, "\n".join(writer.arguments()) + "\n", StoreError)
    return ImportFiles(folder, writer.num_nodes, writer.num_edges)


@dataclass(slots=True)
class _Writer:
    store: DuckDBStore
    folder: Path
    num_nodes: int = 0
    num_edges: int = 0
    files: list[str] = field(default_factory=list)
    first_numbers: dict[str, int] = field(default_factory=dict)
    next_number: int = 0
    line_breaks: bool = False

    def write_nodes(self) -> None:
        schema = self.store.schema
        for node_type in schema.node_types:
            self.first_numbers[node_type] = self.next_number
            query = node_rows(schema, node_type, self.next_number)
            self._write_node_file(node_type, quoted(node_type), query, self._texts(node_type))
        texts = [column.name for column in REJECT_COLUMNS if pa.types.is_string(column.type)]
        fields = [*map(text_field, texts), 'row."row" AS "row:long"']
        query = numbered(REJECTS_TABLE, fields, self.next_number)
        self._write_node_file(cypher.REJECT, REJECTS_TABLE, query, texts)
        marks = self.store.read_forgotten()
        if marks.num_rows:
            self._write_internal(cypher.FORGOTTEN, marks, [_field(column) for column in MARK])
        meta = pa.Table.from_pylist([meta_node(schema)])
        self._write_internal(cypher.META, meta, [text_field(name) for name in meta.column_names])

    def write_edges(self) -> None:
        schema = self.store.schema
        for edge_type in schema.edge_types():
            query = edge_rows(schema, edge_type, self.first_numbers)
            argument = f"--relationships={edge_type.relation}={edge_type}.csv"
            self.num_edges += self._write(
                argument, quoted(edge_type), query, self._texts(edge_type)
            )

    def arguments(self) -> list[str]:
        multiline = [f"--multiline-fields={str(self.line_breaks).lower()}"]
        return [*self.files, *multiline, "--id-type=integer", "--bad-tolerance=0"]

    def _write_internal(self, label: str, rows: pa.Table, fields: list[str]) -> None:
        with self.store.sql() as cursor:
            cursor.register("internal", rows)
            cursor.execute("CREATE OR REPLACE TEMP TABLE internal_nodes AS FROM internal")
            query = numbered("internal_nodes", fields, self.next_number)
            write_csv(cursor, query, self.folder / f"{label}.csv")
        self.files.append(f"--nodes={label}={label}.csv")
        self.num_nodes += rows.num_rows
        self.next_number += rows.num_rows

    def _write_node_file(self, label: str, table: str, query: str, texts: list[str]) -> None:
        self.num_nodes += self._write(f"--nodes={label}={label}.csv", table, query, texts)
        self.next_number += self._number(highest_number(table))

    def _write(self, argument: str, table: str, query: str, texts: list[str]) -> int:
        """Writes one file, unless it would be empty, and returns the number of rows."""
        rows = self._number(f"SELECT count(*) FROM {table}")
        if rows:
            path = inside(self.folder, argument.rpartition("=")[2], StoreError)
            with self.store.sql() as cursor:
                write_csv(cursor, query, path)
            self.files.append(argument)
            if texts and not self.line_breaks:
                self.line_breaks = bool(self._number(has_line_breaks(table, texts)))
        return rows

    def _texts(self, of: str | EdgeType) -> list[str]:
        ends = ("source_id", "target_id") if isinstance(of, EdgeType) else ()
        columns = self.store.schema.columns(of)
        return [each.name for each in columns if each.kind == Kind.STRING and each.name not in ends]

    def _number(self, query: str) -> int:
        with self.store.sql() as cursor:
            row = cursor.execute(query).fetchone()
        assert row is not None
        return int(row[0])
