"""The antechamber: raw rows come in, are typed and checked, and leave as clean tables or rejects.

Staging happens in a DuckDB of its own (a temporary file that spills and is removed), so that every
store gets the same checks.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from graphdb.closing import Closing
from graphdb.ingest.raw_column import RawColumn
from graphdb.ingest.source import ROW, Column, SourceTable
from graphdb.ingest.value_checks import check_value
from graphdb.schema_types import (
    EVENT_ID,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
    Property,
    Schema,
)
from graphdb.stores.duckdb_sql import SQL_TYPES, listed, literal, quoted
from graphdb.stores.protocol import REJECT_COLUMNS

_MEMORY_LIMIT = "1GB"
_CODE = "_code"
_REASON = "_reason"
_SKIPPED = "skipped"
_MERGED = "merged"


class Staging(Closing):
    """Holds one table at a time between its file and the store.

    Args:
        schema: Gives the rules.
        now: Events after this moment are in the future.
    """

    def __init__(self, schema: Schema, now: datetime) -> None:
        self._schema = schema
        self._now = now
        self._folder = tempfile.TemporaryDirectory(prefix="graphrec-ingest-")
        self._connection = duckdb.connect(str(Path(self._folder.name) / "staging.duckdb"))
        self._connection.execute(
            f"SET memory_limit = '{_MEMORY_LIMIT}'; SET TimeZone = 'UTC';"
            " SET preserve_insertion_order = false"
        )
        self._keys: set[str] = set()
        self._num_unreadable = 0

    def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()

    def begin(self, table: SourceTable) -> None:
        """Makes room for a new table; what was staged before is gone."""
        self._table = table
        self._num_unreadable = 0
        columns = ", ".join(
            f"{quoted(column.name)} {SQL_TYPES[column.kind]}" for column in self._given_columns()
        )
        self._connection.execute(
            f"CREATE OR REPLACE TABLE staged"
            f" ({ROW} BIGINT, {columns}, {_CODE} VARCHAR, {_REASON} VARCHAR)"
        )

    def add_unreadable(self, row: int, code: str, reason: str) -> None:
        """Rejects a row that could not be split into columns."""
        self._connection.execute(
            f"INSERT INTO staged ({ROW}, {_CODE}, {_REASON}) VALUES (?, ?, ?)", [row, code, reason]
        )
        self._num_unreadable += 1

    def add(self, batch: pa.RecordBatch) -> None:
        """Types and checks the values of a raw batch."""
        self._connection.register("raw", pa.Table.from_batches([batch]))
        query = _typed_select(self._schema, self._table, batch.schema)
        parameters = {"now": self._now} if "$now" in query else {}
        self._connection.execute(
            f"INSERT INTO staged ({ROW}, {listed(self._names())}, {_CODE}, {_REASON}) {query}",
            parameters,
        )
        self._connection.unregister("raw")

    def check_keys(self) -> None:
        """Looks at the table as a whole: keys that stand twice."""
        key = self._schema.key(self._table.of)
        same = " AND ".join(f"staged.{quoted(name)} = first.{quoted(name)}" for name in key)
        code = _MERGED if self._table.distinct else "duplicate_key"
        reason = literal(f"the same {', '.join(key)} as in row ")
        self._connection.execute(
            f"UPDATE staged SET {_CODE} = {literal(code)},"
            f" {_REASON} = {reason} || first.first_row"
            f" FROM (SELECT {listed(key)}, min({ROW}) AS first_row FROM staged"
            f"       WHERE {_CODE} IS NULL GROUP BY ALL HAVING count(*) > 1) AS first"
            f" WHERE {_CODE} IS NULL AND {same} AND {ROW} > first.first_row"
        )

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
        """The clean rows, with the store's column types, in tables of at most `batch_rows`."""
        names = self._names()
        declared = self._schema.arrow_schema(self._table.of)
        schema = pa.schema([declared.field(name) for name in names])
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        query = f"SELECT {listed(names)} FROM staged WHERE {_CODE} IS NULL"
        for batch in cursor.sql(query).to_arrow_reader(batch_rows).cast(schema):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

    def rejects(self) -> pa.Table:
        """The rejected rows, in file order; columns of REJECT_COLUMNS."""
        query = (
            f"SELECT {literal(self._table.name)} AS table_name,"
            f" {literal(self._table.file)} AS file, {ROW} AS row,"
            f" {_CODE} AS code, {_REASON} AS reason FROM staged"
            f" WHERE {_CODE} NOT IN ('{_SKIPPED}', '{_MERGED}') ORDER BY {ROW}, {_REASON}"
        )
        return self._connection.sql(query).to_arrow_table().cast(REJECT_COLUMNS)

    def tallies(self) -> Mapping[str | None, int]:
        """Number of rows per code; None counts the accepted ones."""
        rows = self._connection.execute(f"SELECT {_CODE}, count(*) FROM staged GROUP BY 1")
        return dict(rows.fetchall())

    def _given_columns(self) -> list[Property]:
        return [
            column
            for column in self._schema.columns(self._table.of)
            if column.name in self._table.columns or column.name == EVENT_ID
        ]

    def _names(self) -> list[str]:
        return [column.name for column in self._given_columns()]


def _typed_select(schema: Schema, table: SourceTable, raw: pa.Schema) -> str:
    """The query that turns raw rows into typed ones, each with its first problem or none."""
    key = schema.key(table.of)
    values: list[str] = []
    problems: list[tuple[str, str, str]] = []
    texts: dict[str, str] = {}
    for column in schema.columns(table.of):
        how = table.columns.get(column.name)
        if how is None:
            values += ["''"] if column.name == EVENT_ID else []
            continue
        raw_type = raw.field(how.name).type if how.name is not None else pa.string()
        raw_column = RawColumn(table.file, how, raw_type)
        texts[column.name] = raw_column.text
        checked = check_value(column, raw_column, is_key=column.name in key)
        value = f"coalesce({checked.value}, '')" if column.name == EVENT_ID else checked.value
        values.append(value)
        problems += [
            (condition, _code_for(table, code, column.name, key), reason)
            for condition, code, reason in checked.problems
        ]
    if isinstance(table.of, EdgeType) and table.of.source == table.of.target:
        condition = f"{texts[SOURCE_ID]} = {texts[TARGET_ID]}"
        problems.append((condition, "self_loop", literal("it ties a node to itself")))
    # The first problem is found once, as a number, and put into words only where there is one.
    first = _case([condition for condition, _, _ in problems], map(str, range(len(problems))))
    numbers = [f"_problem = {number}" for number in range(len(problems))]
    code = _case(numbers, [literal(code) for _, code, _ in problems])
    reason = _case(numbers, [reason for _, _, reason in problems])
    return (
        f"SELECT {ROW}, {', '.join(values)}, {code}, {reason}"
        f" FROM (SELECT *, {first} AS _problem FROM {_exploded(table.columns)})"
    )


def _code_for(table: SourceTable, code: str, column: str, key: tuple[str, ...]) -> str:
    if code == "missing_value" and table.skip_missing and column in (*key, TARGET_ID):
        return _SKIPPED
    return code


def _case(conditions: Iterable[str], values: Iterable[str]) -> str:
    branches = " ".join(
        f"WHEN {condition} THEN {value}"
        for condition, value in zip(conditions, values, strict=True)
    )
    return f"CASE {branches} END" if branches else "NULL"


def _exploded(columns: Mapping[str, Column]) -> str:
    """The raw table, cells with several values unfolded into rows."""
    source = "raw"
    for how in columns.values():
        if how.split is not None and how.name is not None:
            cell = quoted(how.name)
            # An empty cell stays one row, so that it is counted, not lost.
            filled = f"coalesce({cell}, '')"
            parts = f"SELECT *, unnest(string_split({filled}, {literal(how.split)})) AS part"
            source = f"(SELECT * REPLACE (trim(part) AS {cell}) FROM ({parts} FROM {source}))"
    return source
