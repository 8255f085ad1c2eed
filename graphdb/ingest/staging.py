"""The antechamber: raw rows come in, are typed and checked, and leave as clean tables or rejects.

Staging happens in a DuckDB of its own (a temporary file that spills and is removed), so that every
store gets the same checks.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from graphdb.closing import Closing
from graphdb.file_access import temporary_folder
from graphdb.ingest.repeats import MERGED, ROUND, SUPERSEDED, settle
from graphdb.ingest.scale_checks import reject_other_scales
from graphdb.ingest.source import ROW, SourceTable
from graphdb.ingest.time_checks import implausible_times
from graphdb.ingest.typed_rows import PART, SKIPPED, raw_table, staged_columns, typed_select
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType, Schema
from graphdb.stores.duckdb_failures import open_database, pass_on_refused
from graphdb.stores.duckdb_sql import SQL_TYPES, listed, literal, quoted
from graphdb.stores.protocol import REJECT_COLUMNS

_MEMORY_LIMIT = "1GB"
_CODE = "_code"
_REASON = "_reason"


class Staging(Closing):
    """Holds one table at a time between its file and the store.

    Args:
        schema: Gives the rules.
        now: Events after this moment are in the future.
    """

    def __init__(self, schema: Schema, now: datetime) -> None:
        self._schema = schema
        self._now = now
        self._folder = temporary_folder("graphrec-ingest-")
        self._connection = open_database(str(Path(self._folder.name) / "staging.duckdb"))
        self._connection.execute(
            f"SET memory_limit = '{_MEMORY_LIMIT}'; SET TimeZone = 'UTC';"
            " SET preserve_insertion_order = false"
        )
        self._keys: set[str] = set()
        self._num_unreadable = 0

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Raises FileAccessError where the system refuses the temporary files in here."""
        try:
            yield
        except duckdb.Error as error:
            pass_on_refused(error, "write temporary files in", Path(self._folder.name).parent)
            raise

    def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()

    def begin(self, table: SourceTable) -> None:
        """Makes room for a new table; what was staged before is gone."""
        self._table = table
        self._num_unreadable = 0
        columns = ", ".join(
            f"{quoted(column.name)} {SQL_TYPES[column.kind]}"
            for column in staged_columns(self._schema, table)
        )
        self._connection.execute(
            f"CREATE OR REPLACE TABLE staged"
            f" ({ROW} BIGINT, {PART} BIGINT, {columns}, {_CODE} VARCHAR, {_REASON} VARCHAR,"
            f" {ROUND} BIGINT DEFAULT 0)"
        )

    def add_unreadable(self, row: int, code: str, reason: str) -> None:
        """Rejects a row that could not be split into columns."""
        self._connection.execute(
            f"INSERT INTO staged ({ROW}, {_CODE}, {_REASON}) VALUES (?, ?, ?)", [row, code, reason]
        )
        self._num_unreadable += 1

    def add(self, batch: pa.RecordBatch) -> None:
        """Types and checks the values of a raw batch."""
        self._connection.register("raw", raw_table(batch))
        query = typed_select(self._schema, self._table, batch.schema)
        parameters = {"now": self._now} if "$now" in query else {}
        self._connection.execute(
            f"INSERT INTO staged ({ROW}, {PART}, {listed(self._names())}, {_CODE}, {_REASON})"
            f" {query}",
            parameters,
        )
        self._connection.unregister("raw")

    def check_scales(self) -> list[tuple[str, str]]:
        """Rejects rows on another scale than the property's; properties, each with what is odd."""
        return list(reject_other_scales(self._connection, self._schema, self._table))

    def check_keys(self) -> None:
        """Looks at the table as a whole: rows that share a key."""
        settle(self._connection, self._schema, self._table)

    def implausible_times(self) -> list[tuple[str, str]]:
        """Properties whose good values are times that are hardly meant, each with what is odd."""
        return list(implausible_times(self._connection, self._schema, self._table, self._now))

    def check_ends(self, edge_type: EdgeType) -> None:
        """Rejects edges whose ends are no known nodes; `set_keys` told which are."""
        for end, node_type in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target)):
            self._connection.execute(
                f"UPDATE staged SET {_CODE} = 'unknown_{end.removesuffix('_id')}', {_REASON} ="
                f" {literal(f'there is no {node_type} ')} || left({quoted(end)}, 60)"
                f" WHERE {_CODE} IS NULL AND {quoted(end)} NOT IN"
                f" (SELECT key FROM {quoted('keys_' + node_type)})"
            )

    def set_keys(self, node_type: str, keys: pa.RecordBatchReader) -> None:
        """Tells which nodes of a type exist; keeps them until the staging ends."""
        name, key = quoted("keys_" + node_type), quoted(keys.schema.names[0])
        self._connection.register("given", keys)
        self._connection.execute(
            f"CREATE OR REPLACE TABLE {name} AS SELECT {key} AS key FROM given"
        )
        self._connection.unregister("given")
        self._keys.add(node_type)

    def has_keys(self, node_type: str) -> bool:
        return node_type in self._keys

    def accepted(self, batch_rows: int) -> Iterator[pa.Table]:
        """The clean rows, with the store's column types, in tables of at most `batch_rows`.

        No table has a key twice.
        """
        names = self._names()
        declared = self._schema.arrow_schema(self._table.of)
        schema = pa.schema([declared.field(name) for name in names])
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        good = f"FROM staged WHERE {_CODE} IS NULL"
        ((last_round,),) = cursor.execute(f"SELECT coalesce(max({ROUND}), 0) {good}").fetchall()
        for number in range(last_round + 1):
            query = f"SELECT {listed(names)} {good} AND {ROUND} = {number}"
            for batch in cursor.sql(query).to_arrow_reader(batch_rows).cast(schema):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch])

    def rejects(self) -> pa.Table:
        """The rejected rows, in file order; columns of REJECT_COLUMNS."""
        query = (
            f"SELECT {literal(self._table.name)} AS table_name,"
            f" {literal(self._table.file)} AS file, {ROW} AS row,"
            f" {_CODE} AS code, {_REASON} AS reason FROM staged"
            f" WHERE {_CODE} NOT IN ('{SKIPPED}', '{MERGED}', '{SUPERSEDED}')"
            f" ORDER BY {ROW}, {PART}, {_REASON}"
        )
        return self._connection.sql(query).to_arrow_table().cast(REJECT_COLUMNS)

    def tallies(self) -> Mapping[str | None, int]:
        """Number of rows per code; None counts the accepted ones."""
        rows = self._connection.execute(f"SELECT {_CODE}, count(*) FROM staged GROUP BY 1")
        return dict(rows.fetchall())

    def _names(self) -> list[str]:
        return [column.name for column in staged_columns(self._schema, self._table)]
