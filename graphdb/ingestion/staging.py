"""Stages raw rows: converts and checks them, and splits them into clean tables and rejects.

Staging uses a temporary DuckDB database, so that every store gets the same checks. It also decides
which rows with the same key are kept.

If the time is not part of the key (ratings, follows, edges with `since`), rows do not conflict:
each value comes from the newest row that has it, and among rows of the same time the greater value
wins. Other rows with the same key conflict, and the first row is kept. In a `distinct` table, and
within one split cell, they are merged.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.file_access import Closing, temporary_folder
from graphdb.ingestion.table_checks import implausible_times, reject_other_scales
from graphdb.ingestion.typed_rows import (
    LOST,
    LOST_TYPE,
    PART,
    SKIPPED,
    counts_repeats,
    raw_table,
    split_cells,
    staged_columns,
    typed_select,
)
from graphdb.io.source import ROW, SourceTable
from graphdb.schema_types import COUNT, SOURCE_ID, TARGET_ID, EdgeType, Kind, Property
from graphdb.stores.deletion import SHOWN_CHARACTERS, WHY_MISSING, missing_node, named_nodes
from graphdb.stores.duckdb_file import open_database, pass_on_refused
from graphdb.stores.duckdb_sql import SQL_TYPES, listed, literal, quoted
from graphdb.stores.protocol import REJECT_COLUMNS

MERGED = "merged"
SUPERSEDED = "superseded"
FORGOTTEN = "forgotten"
ROUND = "_round"
"""The column with the number of a row's write, from 0: each write has unique keys."""

_GOOD = "_code IS NULL"
_ORDER = f"{ROW}, {PART}"


def settle(connection: duckdb.DuckDBPyConnection, schema: Schema, table: SourceTable) -> None:
    """Resolves good rows of the table `staged` that share a key.

    Rows that will not be written get a code; the others get values and a round.
    """
    repeats = _Repeats(schema, table, staged_columns(schema, table))
    if not connection.execute(repeats.find()).fetchone():
        return
    statements = [
        *(repeats.within_cells() if split_cells(table) else ()),
        *repeats.without_time(),
        *(repeats.by_time() if repeats.time else ()),
    ]
    for statement in statements:
        connection.execute(statement)


@dataclass(frozen=True, slots=True)
class _Repeats:
    """The statements, in SQL."""

    schema: Schema
    table: SourceTable
    columns: list[Property]

    @property
    def key(self) -> tuple[str, ...]:
        return self.schema.key(self.table.of)

    @property
    def time(self) -> str | None:
        """The column that says which of two rows is newer, or None."""
        name = self.schema.newest_by(self.table.of)
        return name if name in [column.name for column in self.columns] else None

    @property
    def values(self) -> list[Property]:
        return [column for column in self.columns if column.name not in (*self.key, self.time)]

    def find(self) -> str:
        return (
            f"SELECT 1 FROM staged WHERE {_GOOD} GROUP BY {listed(self.key)}"
            " HAVING count(*) > 1 LIMIT 1"
        )

    def within_cells(self) -> list[str]:
        """Merges repeated values of one cell into one row: events are summed, others are equal."""
        group = [ROW, *self.key]
        if counts_repeats(self.schema, self.table):
            folded = {column.name: self._added(column) for column in self.values}
            return self._fold(group, folded, _GOOD)
        same = [*group, *(column.name for column in self.columns if column.name not in group)]
        return self._fold(same, {}, _GOOD)

    def without_time(self) -> list[str]:
        """Keeps the first row, or fills its gaps from the others."""
        good = f"{_GOOD} AND {quoted(self.time)} IS NULL" if self.time else _GOOD
        if self.table.distinct:
            folded = {column.name: _first(column.name) for column in self.values}
            return self._fold(list(self.key), folded, good)
        names = literal(f"the same {', '.join(self.key)} ")
        reason = (
            f"{names} || CASE WHEN staged.{ROW} = first.first_row THEN 'twice in one row'"
            f" ELSE 'as in row ' || first.first_row END"
        )
        return [self._mark_all_but_first(list(self.key), good, "duplicate_key", reason)]

    def by_time(self) -> list[str]:
        """Writes the rows that hold the newest value of a column, one after the other."""
        assert self.time is not None
        by_key = f"PARTITION BY {listed(self.key)}"
        newest = f"{quoted(self.time)} DESC NULLS LAST"
        wins = [f"row_number() OVER ({by_key} ORDER BY {newest}, {_ORDER}) = 1"]
        for column in self.values:
            name = quoted(column.name)
            order = f"{name} IS NULL, {newest}, {name} DESC, {_ORDER}"
            wins.append(
                f"({name} IS NOT NULL AND row_number() OVER ({by_key} ORDER BY {order}) = 1)"
            )
        ranked = (
            f"SELECT staged.rowid AS id, {listed(self.key)}, {quoted(self.time)}, {_ORDER},"
            f" {' OR '.join(wins)} AS wins FROM staged SEMI JOIN"
            f" (SELECT {listed(self.key)} FROM staged WHERE {_GOOD} GROUP BY ALL"
            f"  HAVING count(*) > 1) AS repeated USING ({listed(self.key)}) WHERE {_GOOD}"
        )
        rounds = f"row_number() OVER ({by_key}, wins ORDER BY {newest}, {_ORDER}) - 1"
        return [
            f"CREATE OR REPLACE TEMP TABLE ranked AS SELECT id, wins, {rounds} AS round"
            f" FROM ({ranked})",
            f"UPDATE staged SET _code = '{SUPERSEDED}' FROM ranked"
            " WHERE staged.rowid = ranked.id AND NOT ranked.wins",
            f"UPDATE staged SET {ROUND} = ranked.round FROM ranked"
            " WHERE staged.rowid = ranked.id AND ranked.wins",
        ]

    def _added(self, column: Property) -> str:
        """Sums the events of one cell: numbers that every part has are added."""
        name = quoted(column.name)
        if column.name == COUNT:
            return f"sum(coalesce({name}, 1))"
        how = self.table.columns.get(column.name)
        has_parts = how is not None and (how.split is not None or how.name in self.table.lists)
        if column.kind in (Kind.INT, Kind.FLOAT) and has_parts:
            return f"round(sum({name}), 9)"  # 0.1 and 0.2 are 0.3
        return _first(column.name)

    def _fold(self, group: list[str], folded: dict[str, str], good: str) -> list[str]:
        """Writes the `folded` values of each group into its first row; the others are merged."""
        updates = ", ".join(f"{quoted(name)} = folded.{quoted(name)}" for name in folded)
        values = ", ".join(f"{value} AS {quoted(name)}" for name, value in folded.items())
        update = (
            f"UPDATE staged SET {updates} FROM (SELECT first(rowid ORDER BY {_ORDER}) AS id,"
            f" {values} FROM staged WHERE {good} GROUP BY {listed(group)} HAVING count(*) > 1)"
            " AS folded WHERE staged.rowid = folded.id"
        )
        mark = self._mark_all_but_first(group, good, MERGED, "NULL")
        return [update, mark] if folded else [mark]

    def _mark_all_but_first(self, group: list[str], good: str, code: str, reason: str) -> str:
        same = " AND ".join(
            f"staged.{quoted(name)} IS NOT DISTINCT FROM first.{quoted(name)}" for name in group
        )
        return (
            f"UPDATE staged SET _code = '{code}', _reason = {reason}"
            f" FROM (SELECT {listed(group)}, first(rowid ORDER BY {_ORDER}) AS id,"
            f"       min({ROW}) AS first_row FROM staged WHERE {good}"
            f"       GROUP BY {listed(group)} HAVING count(*) > 1) AS first"
            f" WHERE {good} AND {same} AND staged.rowid <> first.id"
        )


def _first(name: str) -> str:
    """The first value that is not missing."""
    return f"first({quoted(name)} ORDER BY {_ORDER}) FILTER ({quoted(name)} IS NOT NULL)"


_MEMORY_LIMIT = "1GB"
_CODE = "_code"
_REASON = "_reason"
_NO_REJECTS = ", ".join(map(literal, (SKIPPED, MERGED, SUPERSEDED, FORGOTTEN)))
_IS_REJECTED = f"{_CODE} NOT IN ({_NO_REJECTS})"
_IS_READ = f"coalesce({_CODE}, '{MERGED}') IN ('{MERGED}', '{SUPERSEDED}')"


@dataclass(frozen=True, slots=True)
class LostValues:
    """The bad values of an optional property, whose rows are kept without them.

    Args:
        reason: The reason of the first one ...
        row: ... and its row.
    """

    column: str
    number: int
    reason: str
    row: int


class Staging(Closing):
    """Holds one table at a time between its file and the store.

    Args:
        schema: The rules.
        now: Later events are rejected as being in the future.
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
        self._connection.execute(
            "CREATE TABLE lost_nodes (node_type VARCHAR, key VARCHAR, file VARCHAR, row BIGINT,"
            " PRIMARY KEY (node_type, key))"
        )
        self._keys: set[str] = set()
        self._num_unreadable = 0

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Raises FileAccessError if the system refuses the temporary files."""
        try:
            yield
        except duckdb.Error as error:
            pass_on_refused(error, "write temporary files in", Path(self._folder.name).parent)
            raise

    def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()

    def begin(self, table: SourceTable) -> None:
        """Starts a new table and drops the previous one."""
        self._table = table
        self._num_unreadable = 0
        columns = ", ".join(
            f"{quoted(column.name)} {SQL_TYPES[column.kind]}"
            for column in staged_columns(self._schema, table)
        )
        self._connection.execute(
            f"CREATE OR REPLACE TABLE staged"
            f" ({ROW} BIGINT, {PART} BIGINT, {columns}, {_CODE} VARCHAR, {_REASON} VARCHAR,"
            f" {LOST} {LOST_TYPE}, {ROUND} BIGINT DEFAULT 0)"
        )

    def add_unreadable(self, row: int, code: str, reason: str) -> None:
        """Rejects a row that could not be split into columns."""
        self._connection.execute(
            f"INSERT INTO staged ({ROW}, {_CODE}, {_REASON}) VALUES (?, ?, ?)", [row, code, reason]
        )
        self._num_unreadable += 1

    def add(self, batch: pa.RecordBatch) -> None:
        """Converts and checks the values of a raw batch."""
        self._connection.register("raw", raw_table(batch))
        query = typed_select(self._schema, self._table, batch.schema)
        parameters = {"now": self._now} if "$now" in query else {}
        self._connection.execute(
            f"INSERT INTO staged ({ROW}, {PART}, {listed(self._names())}, {_CODE}, {_REASON},"
            f" {LOST}) {query}",
            parameters,
        )
        self._connection.unregister("raw")

    def check_scales(self) -> list[tuple[str, str]]:
        """Rejects rows on another scale; returns the properties, each with a description."""
        return list(reject_other_scales(self._connection, self._schema, self._table))

    def check_keys(self) -> None:
        """Resolves rows of the table that share a key."""
        settle(self._connection, self._schema, self._table)

    def conflicting_targets(self) -> list[str]:
        """Describes sources with several targets at one time, where only one can be kept.

        Rows that become rejects are left out. To be called before `check_keys`.
        """
        of = self._table.of
        if not isinstance(of, EdgeType) or not self._schema.relation(of.relation).one_target:
            return []
        time = self._schema.newest_by(of)
        timed = quoted(time) if time in self._names() else "NULL"
        silent = "" if self._table.distinct else f" AND {timed} IS NOT NULL"
        ((number, *example),) = self._connection.execute(
            f"SELECT count(*), min(source), min_by(least, source), min_by(most, source) FROM"
            f" (SELECT {SOURCE_ID} AS source, min({TARGET_ID}) AS least, max({TARGET_ID}) AS most"
            f" FROM staged WHERE {_GOOD}{silent} GROUP BY {SOURCE_ID}, {timed}"
            f" HAVING min({TARGET_ID}) <> max({TARGET_ID}))"
        ).fetchall()
        if not number:
            return []
        source, least, most = example
        return [
            f"{number:,} {of.source} nodes have several {of.relation} edges of one time, such as"
            f" '{source}' to '{least}' and '{most}', and one of them is kept; correct the table,"
            " or give a later since to the one that holds"
        ]

    def pass_over_forgotten(self, marks: pa.Table) -> None:
        """Passes over rows that name a forgotten node, which must not become rejects either.

        Args:
            marks: The marks of the store (FORGOTTEN_COLUMNS).
        """
        if not marks.num_rows:
            return
        self._connection.register("marks", marks)
        for column, node_type in named_nodes(self._schema, self._table.of):
            digest = f"sha256({literal(node_type + ':')} || {quoted(column)})"
            self._connection.execute(
                f"UPDATE staged SET {_CODE} = '{FORGOTTEN}', {_REASON} = NULL"
                f" WHERE {quoted(column)} IS NOT NULL AND {_CODE} IS DISTINCT FROM '{SKIPPED}'"
                f" AND {digest} IN (SELECT digest FROM marks)"
            )
        self._connection.unregister("marks")

    def implausible_times(self) -> list[tuple[str, str]]:
        """Returns properties with implausible times, each with a description."""
        return list(implausible_times(self._connection, self._schema, self._table, self._now))

    def check_ends(self, edge_type: EdgeType) -> None:
        """Rejects edges whose ends are unknown nodes, as set by `set_keys`.

        If an end is missing because its row was rejected, the reason names that row.
        """
        for end, node_type in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target)):
            side, name = end.removesuffix("_id"), f"left(staged.{quoted(end)}, {SHOWN_CHARACTERS})"
            missing = f"{literal(missing_node(node_type))} || {name}"
            unknown = (
                f"{_GOOD} AND staged.{quoted(end)} NOT IN"
                f" (SELECT key FROM {quoted('keys_' + node_type)})"
            )
            row = f"{literal(WHY_MISSING)} || lost.row || ' of ' || lost.file || ' was rejected'"
            why = f"{missing} || {row}"
            self._connection.execute(
                f"UPDATE staged SET {_CODE} = 'rejected_{side}', {_REASON} = {why}"
                f" FROM lost_nodes AS lost WHERE lost.node_type = {literal(node_type)}"
                f" AND lost.key = staged.{quoted(end)} AND {unknown}"
            )
            self._connection.execute(
                f"UPDATE staged SET {_CODE} = 'unknown_{side}', {_REASON} = {missing}"
                f" WHERE {unknown}"
            )

    def remember_lost_nodes(self) -> None:
        """Keeps the keys of rejected nodes, to name their rows when edges miss them."""
        (key,) = self._schema.key(self._table.of)
        self._connection.execute(
            f"INSERT INTO lost_nodes SELECT {literal(str(self._table.of))}, {quoted(key)},"
            f" {literal(self._table.file)}, min({ROW}) FROM staged WHERE {_IS_REJECTED}"
            f" AND {quoted(key)} IS NOT NULL GROUP BY {quoted(key)} ON CONFLICT DO NOTHING"
        )

    def set_keys(self, node_type: str, keys: pa.RecordBatchReader) -> None:
        """Sets the existing nodes of a type, until the staging ends."""
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
        """Yields the clean rows in tables of at most `batch_rows`, with the store's column types.

        Keys are unique in each table.
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
        """The rejected rows and values, in file order; columns of REJECT_COLUMNS."""
        where = f"{literal(self._table.name)} AS table_name, {literal(self._table.file)} AS file"
        query = (
            f"SELECT * EXCLUDE ({PART}) FROM ("
            f"SELECT {where}, {ROW} AS row, {_CODE} AS code, {_REASON} AS reason,"
            f' NULL AS "column", {PART} FROM staged WHERE {_IS_REJECTED}'
            f" UNION ALL SELECT {where}, {ROW}, lost.code, lost.reason, lost.column, {PART}"
            f" FROM (SELECT {ROW}, {PART}, unnest({LOST}) AS lost FROM staged WHERE {_IS_READ})"
            f") ORDER BY row, {PART}, reason"
        )
        return self._connection.sql(query).to_arrow_table().cast(REJECT_COLUMNS)

    def lost_values(self) -> list[LostValues]:
        """The bad optional values of rows that are not rejected, by property."""
        query = (
            f"SELECT lost.column, count(*), arg_min(lost.reason, {ROW}), min({ROW})"
            f" FROM (SELECT {ROW}, unnest({LOST}) AS lost FROM staged WHERE {_IS_READ})"
            " GROUP BY 1 ORDER BY 1"
        )
        return [LostValues(*row) for row in self._connection.execute(query).fetchall()]

    def tallies(self) -> Mapping[str | None, int]:
        """Number of rows per code; None counts the accepted ones."""
        rows = self._connection.execute(f"SELECT {_CODE}, count(*) FROM staged GROUP BY 1")
        return dict(rows.fetchall())

    def _names(self) -> list[str]:
        return [column.name for column in staged_columns(self._schema, self._table)]
