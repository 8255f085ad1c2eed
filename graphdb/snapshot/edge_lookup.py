"""Looks up single edges in Parquet files, several times faster than reading the files."""

from glob import escape
from pathlib import Path

import duckdb
import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.errors import SnapshotError
from graphdb.schema_types import EdgeType
from graphdb.stores import duckdb_sql as sql
from graphdb.stores.duckdb_file import open_database, pass_on_refused


class EdgeFiles:
    """Looks up single edges. It stays open: opening a connection costs more than a lookup."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._connection = open_database()
        self._connection.execute("SET TimeZone = 'UTC'")

    def edges_between(self, edge_type: EdgeType, file: Path, pairs: pa.Table) -> pa.Table:
        """Returns the rows of an edge file between pairs of nodes, sorted by key.

        Raises:
            SnapshotError: The file cannot be read.
        """
        query = sql.select_edges_between(self._schema, edge_type, "given")
        with (
            self._connection.cursor() as cursor
        ):  # a cursor for each call, so that threads can query in parallel
            cursor.register("given", pairs)
            try:
                cursor.register(str(edge_type), cursor.read_parquet(escape(str(file))))
                found: pa.Table = cursor.sql(query).to_arrow_table()
            except duckdb.Error as error:
                pass_on_refused(error, "read", file)
                raise SnapshotError(f"'{file}' cannot be read: {error}", value=str(file)) from error
        # DuckDB calls the timezone "Etc/UTC"; the cast changes names, not data.
        return found.cast(self._schema.arrow_schema(edge_type))
