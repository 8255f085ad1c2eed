"""An embedded store's graph as the files of Neo4j's import tool, written by DuckDB."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from graphdb.atomic import empty_folder, write_file
from graphdb.errors import StoreError
from graphdb.inside import inside
from graphdb.schema_types import EdgeType, Kind
from graphdb.stores.duckdb_sql import quoted
from graphdb.stores.duckdb_store import DuckDBStore
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.bulk import csv_sql
from graphdb.stores.neo4j.upkeep import meta_nodes
from graphdb.stores.protocol import REJECT_COLUMNS

ARGUMENTS_FILE = "import.args"
"""What to import and how, for `neo4j-admin database import full @import.args DATABASE`."""


@dataclass(frozen=True, slots=True)
class ImportFiles:
    """A folder that neo4j-admin can import from.

    Args:
        num_nodes: Nodes in the files, those that the store keeps about itself included.
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
        folder: Made here; it may exist, but must be empty. `import.args` comes last, so a folder
            that has it is whole.

    Raises:
        StoreError: The folder holds something or cannot be written.
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
            query = csv_sql.node_rows(schema, node_type, self.next_number)
            self._write_node_file(node_type, quoted(node_type), query, self._texts(node_type))
        texts = [column.name for column in REJECT_COLUMNS if pa.types.is_string(column.type)]
        fields = [*map(csv_sql.text_field, texts), 'row."row" AS "row:long"']
        query = csv_sql.numbered(csv_sql.REJECTS_TABLE, fields, self.next_number)
        self._write_node_file(cypher.REJECT, csv_sql.REJECTS_TABLE, query, texts)
        self._write_meta()

    def write_edges(self) -> None:
        schema = self.store.schema
        for edge_type in schema.edge_types():
            query = csv_sql.edge_rows(schema, edge_type, self.first_numbers)
            argument = f"--relationships={edge_type.relation}={edge_type}.csv"
            self.num_edges += self._write(
                argument, quoted(edge_type), query, self._texts(edge_type)
            )

    def arguments(self) -> list[str]:
        multiline = [f"--multiline-fields={str(self.line_breaks).lower()}"]
        return [*self.files, *multiline, "--id-type=integer", "--bad-tolerance=0"]

    def _write_meta(self) -> None:
        meta = pa.Table.from_pylist(meta_nodes(self.store.schema))
        with self.store.sql() as cursor:
            cursor.register("meta", meta)
            cursor.execute("CREATE TEMP TABLE meta_nodes AS FROM meta")
            fields = [csv_sql.text_field(name) for name in meta.column_names]
            query = csv_sql.numbered("meta_nodes", fields, self.next_number)
            csv_sql.write_csv(cursor, query, self.folder / f"{cypher.META}.csv")
        self.files.append(f"--nodes={cypher.META}={cypher.META}.csv")
        self.num_nodes += meta.num_rows

    def _write_node_file(self, label: str, table: str, query: str, texts: list[str]) -> None:
        self.num_nodes += self._write(f"--nodes={label}={label}.csv", table, query, texts)
        self.next_number += self._number(csv_sql.highest_number(table))

    def _write(self, argument: str, table: str, query: str, texts: list[str]) -> int:
        """Writes one file, unless it would be empty; the number of its rows."""
        rows = self._number(f"SELECT count(*) FROM {table}")
        if rows:
            path = inside(self.folder, argument.rpartition("=")[2], StoreError)
            with self.store.sql() as cursor:
                csv_sql.write_csv(cursor, query, path)
            self.files.append(argument)
            if texts and not self.line_breaks:
                self.line_breaks = bool(self._number(csv_sql.has_line_breaks(table, texts)))
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
