"""Rows of one table that have the same key: which of them stand, and what becomes of the others.

Rows with a time outside of their key (ratings, follows, edges with `since`) are in no conflict:
each value comes from the newest row that gives it, the greater value from rows of one time.
Others are: the first row stands. In a `distinct` table, and within one split cell, they are merged.
"""

from dataclasses import dataclass

import duckdb

from graphdb.ingest.source import ROW, SourceTable
from graphdb.ingest.typed_rows import PART, counts_repeats, split_cells, staged_columns
from graphdb.schema_types import COUNT, Kind, Property, Schema
from graphdb.stores.duckdb_sql import listed, literal, quoted

MERGED = "merged"
SUPERSEDED = "superseded"
ROUND = "_round"
"""The column with the write that a row belongs to, from 0: no write has a key twice."""

_GOOD = "_code IS NULL"
_ORDER = f"{ROW}, {PART}"


def settle(connection: duckdb.DuckDBPyConnection, schema: Schema, table: SourceTable) -> None:
    """Settles all good rows of the table `staged` that share a key.

    Those that are not to be written get a code; those that are get values and a round.
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
        """The time that tells which of two rows is newer, where the table has one."""
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
        """What one cell says several times is one row: events add up, others are the same."""
        group = [ROW, *self.key]
        if counts_repeats(self.schema, self.table):
            folded = {column.name: self._added(column) for column in self.values}
            return self._fold(group, folded, _GOOD)
        same = [*group, *(column.name for column in self.columns if column.name not in group)]
        return self._fold(same, {}, _GOOD)

    def without_time(self) -> list[str]:
        """The first row stands, or is filled up by the others."""
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
        """Rows that give the newest value of a column are written, one after the other."""
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
        """The value of events of one cell together: numbers that each part has are added."""
        name = quoted(column.name)
        if column.name == COUNT:
            return f"sum(coalesce({name}, 1))"
        how = self.table.columns.get(column.name)
        has_parts = how is not None and (how.split is not None or how.name in self.table.lists)
        if column.kind in (Kind.INT, Kind.FLOAT) and has_parts:
            return f"round(sum({name}), 9)"  # 0.1 and 0.2 are 0.3
        return _first(column.name)

    def _fold(self, group: list[str], folded: dict[str, str], good: str) -> list[str]:
        """Puts the `folded` values of each group into its first row; the others are merged."""
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
