"""The embedded store: one DuckDB file, no server. The default on a laptop."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from graphdb.atomic import atomic_file
from graphdb.checked_schema import Schema
from graphdb.errors import DataError, StoreError
from graphdb.file_access import Closing
from graphdb.schema import SCHEMA
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType
from graphdb.stores import duckdb_deletion, duckdb_sql
from graphdb.stores import duckdb_sql as sql
from graphdb.stores.deletion import FORGOTTEN_COLUMNS, DeleteReport, without_forgotten
from graphdb.stores.duckdb_file import MEMORY, connect, damaged, store_file, translated
from graphdb.stores.protocol import (
    REJECT_COLUMNS,
    STORE_FORMAT,
    UpsertCounts,
    additions,
    check_rows,
    kept_schema,
    upgraded_schema,
    wanted_columns,
    with_event_ids,
)

_READ_BATCH_ROWS = 500_000
_REJECT_TYPES = {
    field.name: "BIGINT" if field.type == pa.int64() else "VARCHAR" for field in REJECT_COLUMNS
}
_NO_REJECTS = "SELECT {} WHERE false".format(
    ", ".join(f"NULL::{type_} AS {sql.quoted(name)}" for name, type_ in _REJECT_TYPES.items())
)


class DuckDBStore(Closing):
    """A graph in one DuckDB file (or in memory). See `GraphStore` for what the methods do.

    Args:
        path: The file, or ':memory:'.
        schema: See `open_store`.
        create: Create the file if it is missing.
        read_only: See `open_store`.
        memory_limit: The memory that DuckDB uses before it spills to disk.
    """

    def __init__(
        self,
        path: str,
        *,
        schema: Schema | None = None,
        create: bool = True,
        read_only: bool = False,
        memory_limit: str = "2GB",
    ) -> None:
        self.path = path
        create = create and not read_only
        file = store_file(path, create=create)
        with _removed_on_failure(file):
            self._connection = connect(path, file, read_only=read_only, memory_limit=memory_limit)
            try:
                self._schema = self._adopt_schema(schema, create=create, read_only=read_only)
            except BaseException:
                self._connection.close()
                raise

    @property
    def url(self) -> str:
        return "duckdb:" if self.path == MEMORY else f"duckdb:{self.path}"

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def batch_rows(self) -> int:
        return 2_000_000

    def upsert_nodes(self, node_type: str, rows: pa.Table) -> UpsertCounts:
        return self._upsert(self.schema.node_type(node_type).name, rows)

    def upsert_edges(
        self, edge_type: EdgeType, rows: pa.Table, *, as_newest: bool = False
    ) -> UpsertCounts:
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        if self.schema.relation(edge_type.relation).repeats:
            rows = with_event_ids(rows)
        return self._upsert(edge_type, rows, as_newest=as_newest)

    def read_nodes(
        self,
        node_type: str,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        names = [column.name for column in wanted_columns(self.schema, node_type, columns)]
        query, parameters = sql.select_nodes(self.schema, node_type, names, cutoff)
        return self._read(query, parameters, self._arrow_schema(node_type, names))

    def read_edges(
        self,
        edge_type: EdgeType,
        *,
        columns: Sequence[str] | None = None,
        cutoff: datetime | None = None,
    ) -> pa.RecordBatchReader:
        names = [column.name for column in wanted_columns(self.schema, edge_type, columns)]
        query, parameters = sql.select_edges(self.schema, edge_type, names, cutoff)
        return self._read(query, parameters, self._arrow_schema(edge_type, names))

    def edges_between(self, edge_type: EdgeType, pairs: pa.Table) -> pa.Table:
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        query = sql.select_edges_between(self.schema, edge_type, "given")
        with self._translated(), self._connection.cursor() as cursor:
            cursor.register("given", pairs)
            found = cursor.sql(query).to_arrow_table()
        return found.cast(self.schema.arrow_schema(edge_type))

    def delete_nodes(
        self, node_type: str, ids: Iterable[str], *, forget: bool = False, dry_run: bool = False
    ) -> DeleteReport:
        name = self.schema.node_type(node_type).name
        with self._transaction() as cursor:
            return duckdb_deletion.delete_nodes(
                cursor, self.schema, name, ids, forget=forget, dry_run=dry_run
            )

    def delete_edges(
        self, edge_type: EdgeType, edges: pa.Table, *, dry_run: bool = False
    ) -> DeleteReport:
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        with self._transaction() as cursor:
            return duckdb_deletion.delete_edges(
                cursor, self.schema, edge_type, edges, dry_run=dry_run
            )

    def lift_forgotten(self, node_type: str, ids: Iterable[str]) -> int:
        name = self.schema.node_type(node_type).name
        with self._transaction() as cursor:
            return duckdb_deletion.lift(cursor, name, ids)

    def read_forgotten(self) -> pa.Table:
        with self._translated(), self._connection.cursor() as cursor:
            return duckdb_deletion.read(cursor).cast(FORGOTTEN_COLUMNS)

    def counts(self) -> Mapping[str | EdgeType, int]:
        cursor = self._connection.cursor()
        with self._translated():
            return {of: _count(cursor, of) for of in self.schema.tables()}

    def replace_rejects(self, table_name: str, file: str, rejects: Iterable[pa.Table]) -> None:
        with self._transaction() as cursor:
            cursor.execute(
                "DELETE FROM graphrec.rejects WHERE table_name = ? AND file = ?", [table_name, file]
            )
            for table in rejects:
                cursor.register("given", table.select(REJECT_COLUMNS.names))
                cursor.execute("INSERT INTO graphrec.rejects BY NAME SELECT * FROM given")

    def read_rejects(self) -> pa.Table:
        # A store of an earlier version lacks the last columns until it is opened for writing.
        kept = f"SELECT * FROM graphrec.rejects UNION ALL BY NAME {_NO_REJECTS}"
        query = f"SELECT {sql.listed(REJECT_COLUMNS.names)} FROM ({kept}) ORDER BY ALL"
        return self._read(query, [], REJECT_COLUMNS).read_all()

    @contextmanager
    def sql(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Returns a cursor for SQL over the tables, which are named as in the schema."""
        with self._translated(), self._connection.cursor() as cursor:
            yield cursor

    def close(self) -> None:
        self._connection.close()

    def _upsert(
        self, of: str | EdgeType, rows: pa.Table, *, as_newest: bool = False
    ) -> UpsertCounts:
        check_rows(self.schema, of, rows)
        given = rows.num_rows
        with self._transaction() as cursor:
            marked = duckdb_deletion.marked(cursor)
            rows = without_forgotten(self.schema, of, rows, marked)
            cursor.register("given", rows)
            self._refuse_broken_keys(cursor, of)
            before = _count(cursor, of)
            if isinstance(of, EdgeType) and self.schema.newest_by(of) and not as_newest:
                names = rows.column_names
                query = duckdb_sql.count(self.schema, of, names, "given")
                updated, superseded = _one_row(cursor.execute(query)) if before else (0, 0)
                cursor.execute(duckdb_sql.merge_newest(self.schema, of, names, "given"))
                added = _count(cursor, of) - before
            else:
                statement = sql.merge(self.schema, of, rows.column_names, "given")
                (touched,) = _one_row(cursor.execute(statement))
                added, superseded = _count(cursor, of) - before, 0
                updated = touched - added
        unchanged = rows.num_rows - added - updated - superseded
        return UpsertCounts(added, updated, unchanged, superseded, given - rows.num_rows)

    def _refuse_broken_keys(self, cursor: duckdb.DuckDBPyConnection, of: str | EdgeType) -> None:
        key = self.schema.key(of)
        twice = cursor.execute(sql.first_duplicate(key, "given")).fetchone()
        if twice:
            raise DataError(
                f"{of}: the key {dict(zip(key, twice, strict=True))} is duplicated in one batch",
                value=twice,
            )
        if isinstance(of, EdgeType):
            for end, node_type in ((SOURCE_ID, of.source), (TARGET_ID, of.target)):
                query = sql.first_dangling(self.schema, node_type, end, "given")
                lost = cursor.execute(query).fetchone()
                if lost:
                    raise DataError(
                        f"{of}: {end} names the unknown {node_type} '{lost[0]}'",
                        next_step=f"write the {node_type} nodes first",
                        value=lost[0],
                    )

    def _read(
        self, query: str, parameters: list[datetime], schema: pa.Schema
    ) -> pa.RecordBatchReader:
        # A cursor of its own, so that two reads may be open at once.
        with self._translated():
            result = self._connection.cursor().sql(query, params=parameters)
            # DuckDB calls the timezone "Etc/UTC"; the cast changes names, not data.
            reader = result.to_arrow_reader(_READ_BATCH_ROWS).cast(schema)
        return pa.RecordBatchReader.from_batches(schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        """Yields the batches of a reader, which raises errors while it is read."""
        with self._translated():
            yield from reader

    def _translated(self, doing: str = "read or write") -> AbstractContextManager[None]:
        return translated(doing, self.path)

    def _arrow_schema(self, of: str | EdgeType, names: list[str]) -> pa.Schema:
        declared = self.schema.arrow_schema(of)
        return pa.schema([declared.field(name) for name in names])

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        with self._translated("write"):
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                # After some failures there is no transaction left to roll back; the first error
                # matters.
                with suppress(duckdb.TransactionException):
                    cursor.rollback()
                raise
            cursor.commit()

    def _adopt_schema(self, wanted: Schema | None, *, create: bool, read_only: bool) -> Schema:
        """Reads the schema of the file, and creates or extends its tables as wanted."""
        kept = self._kept_schema(read_only=read_only)
        if kept is None and not create:
            raise StoreError(
                f"the database '{self.path}' is empty",
                next_step="fill it with `graphrec ingest`",
                value=self.path,
            )
        if kept is not None:
            self._check_tables(kept)
        if kept is not None and read_only:
            return kept
        if kept is None:
            schema = wanted or SCHEMA
        elif wanted is None or wanted.fingerprint == kept.fingerprint:
            self._add_columns(kept)
            return kept
        else:
            schema = wanted
        new_columns = additions(kept, schema) if kept else []
        with self._transaction() as cursor:
            for of in schema.tables():
                cursor.execute(sql.create_table(schema, of))
            for of, column in new_columns:
                cursor.execute(sql.add_column(of, column))
            cursor.execute("CREATE SCHEMA IF NOT EXISTS graphrec")
            cursor.execute(
                "CREATE OR REPLACE TABLE graphrec.meta AS"
                " SELECT ?::VARCHAR AS format_version, ?::VARCHAR AS graph_schema",
                [STORE_FORMAT, json.dumps(schema.to_dict())],
            )
            cursor.execute(f"CREATE TABLE IF NOT EXISTS graphrec.rejects AS {_NO_REJECTS}")
        self._add_columns(schema)
        return schema

    def _check_tables(self, schema: Schema) -> None:
        """Refuses a file whose tables do not match its schema; views do not count."""
        with self._translated():
            found = self._connection.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns()"
                " SEMI JOIN duckdb_tables() USING (database_name, schema_name, table_name)"
                " WHERE schema_name = 'main'"
            ).fetchall()
        there = set(found)
        for of in schema.tables():
            for column in schema.columns(of):
                kind = sql.SQL_TYPES[column.kind].replace("TZ", " WITH TIME ZONE")
                if (str(of), column.name, kind) not in there:
                    raise damaged(self.path, f"it has no table {of} with a column {column.name}")

    def _add_columns(self, schema: Schema) -> None:
        """Adds missing columns: of older versions, and of new properties."""
        with self._translated("write"):
            found = self._connection.execute(
                "SELECT schema_name, table_name, column_name FROM duckdb_columns()"
            ).fetchall()
        there = set(found)
        statements = [
            sql.add_column(edge_type, column)
            for edge_type in schema.edge_types()
            for column in schema.stored_columns(edge_type)
            if ("main", str(edge_type), column.name) not in there
        ]
        statements += [
            f"ALTER TABLE graphrec.rejects ADD COLUMN {sql.quoted(name)} {type_}"
            for name, type_ in _REJECT_TYPES.items()
            if ("graphrec", "rejects", name) not in there
        ]
        if statements:
            with self._transaction() as cursor:
                for statement in statements:
                    cursor.execute(statement)

    def _kept_schema(self, *, read_only: bool) -> Schema | None:
        """Returns the schema in the file, None for an empty file, or raises StoreError."""
        with self._translated():
            tables = self._connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
            ).fetchall()
            if ("graphrec.meta",) not in tables:
                views = "SELECT 1 FROM duckdb_views() WHERE NOT internal LIMIT 1"
                if tables or self._connection.execute(views).fetchone():
                    raise StoreError(
                        f"'{self.path}' is a DuckDB database, but not a graph store",
                        next_step="choose another file; nothing was written to this one",
                        value=self.path,
                    )
                return None
            query = "SELECT format_version, graph_schema FROM graphrec.meta"
            rows = self._connection.execute(query).fetchall()
        if len(rows) != 1:
            raise damaged(self.path, f"it has {len(rows)} schemas")
        ((version, declared),) = rows
        if version == "1":
            return self._upgraded(declared, read_only=read_only)
        if version != STORE_FORMAT:
            raise StoreError(
                f"'{self.path}' has store format {version}",
                expected=f"format {STORE_FORMAT}",
                next_step="open it with the version of graphrec that made it",
                value=version,
            )
        return kept_schema(declared, self.path)

    def _upgraded(self, declared: str, *, read_only: bool) -> Schema:
        """Converts a store of format 1 to the current format, and returns its schema."""
        if read_only:
            raise StoreError(
                f"'{self.path}' has store format 1, which must be converted before it is read",
                expected=f"format {STORE_FORMAT}",
                next_step="open it for writing: the next `graphrec ingest` into it converts it",
                value="1",
            )
        schema, renamed = upgraded_schema(declared, self.path)
        with self._transaction() as cursor:
            found = cursor.execute(
                "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main'"
            ).fetchall()
            for of, old, new in renamed:
                if (str(of), old) in found:
                    cursor.execute(sql.rename_column(of, old, new))
            cursor.execute(
                "UPDATE graphrec.meta SET format_version = ?, graph_schema = ?",
                [STORE_FORMAT, json.dumps(schema.to_dict())],
            )
        return schema


def rewrite_store(path: str) -> None:
    """Writes the file of a store anew, without the bytes of deleted rows.

    DuckDB keeps these bytes in the file until it needs their place. Close the store in this process
    first: what is written to the old file later is lost.

    Raises:
        StoreError: It is no store.
        StoreUnavailableError: Another process holds it.
        FileAccessError: The system refuses; DiskFullError without room for a second file.
    """
    file = Path(path).resolve()
    with (
        DuckDBStore(str(file), create=False) as old,  # not read-only, so that nobody else writes
        atomic_file(file, StoreError) as unfinished,
        DuckDBStore(str(unfinished), schema=old.schema) as new,
        old.sql() as source,
        new.sql() as target,
    ):
        for table in [*map(sql.quoted, old.schema.tables()), "graphrec.rejects"]:
            rows = source.sql(f"FROM {table}").to_arrow_reader(_READ_BATCH_ROWS)
            target.register("kept", rows)
            target.execute(f"INSERT INTO {table} BY NAME FROM kept")
        duckdb_deletion.add_marks(target, old.read_forgotten())


def _count(cursor: duckdb.DuckDBPyConnection, of: str | EdgeType) -> int:
    (count,) = _one_row(cursor.execute(f"SELECT count(*) FROM {sql.quoted(of)}"))
    return int(count)


def _one_row(result: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    row = result.fetchone()
    assert row is not None
    return row


@contextmanager
def _removed_on_failure(file: Path | None) -> Iterator[None]:
    """Removes a new file that did not become a store, so that the next try can succeed."""
    files = () if file is None else (file, Path(f"{file}.wal"))
    is_new = not any(map(os.path.lexists, files))
    try:
        yield
    except BaseException:
        for left in files if is_new else ():
            left.unlink(missing_ok=True)
        raise
