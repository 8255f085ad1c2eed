"""SQL of two rows with one key, `kept` and `given`, where a time says which is newer.

Each column is resolved by itself: its value is the one of the newest row that gives it, so rows
may arrive in any order. A value can be older than its row; `Relation.value_times` remembers when
it was given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphdb.schema_types import EdgeType, Schema
from graphdb.stores.duckdb_sql import listed, quoted, same_key

NO_TIME = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"
"""Stands for "always": before every time that is given."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What becomes of two rows, as SQL over `kept` and `given`.

    Args:
        values: The new value of each column outside of the key, value times included.
        updates: Whether a value of the schema's columns changes.
        touches: Whether anything stored changes, value times included.
        differs: Whether the given row says something else than the kept one.
    """

    values: dict[str, str]
    updates: str
    touches: str
    differs: str

    @property
    def supersedes(self) -> str:
        """Whether the kept row stands although the given one says something else."""
        return f"(({self.differs}) AND NOT ({self.updates}))"


def resolve(schema: Schema, edge_type: EdgeType, columns: Sequence[str]) -> Resolution:
    """How edges of a type that has a time outside of its key are resolved.

    Args:
        columns: Those that `given` has.
    """
    relation = schema.relation(edge_type.relation)
    time, key = relation.newest_by, relation.key
    assert time is not None
    given_time = f"coalesce(given.{quoted(time)}, {NO_TIME})" if time in columns else NO_TIME
    kept_time = f"coalesce(kept.{quoted(time)}, {NO_TIME})"
    names = [column.name for column in relation.columns if column.name not in (*key, time)]
    values = {time: _case(f"{given_time} > {kept_time}", time)} if time in columns else {}
    times = {}
    for name in names:
        hidden = relation.value_times.get(name)
        old = f"coalesce(kept.{quoted(hidden.name)}, {kept_time})" if hidden else kept_time
        wins = "false"
        if name in columns:
            wins = _wins(name, given_time, old)
            values[name] = _case(wins, name)
        if hidden:
            since = f"CASE WHEN {wins} THEN {given_time} ELSE {old} END"
            times[hidden.name] = _remembered(
                values.get(name, f"kept.{quoted(name)}"),
                since,
                f"greatest({given_time}, {kept_time})",
                f"kept.{quoted(hidden.name)}",
            )
    return Resolution(
        values | times,
        _any(f"{value} IS DISTINCT FROM kept.{quoted(name)}" for name, value in values.items()),
        _any(
            f"{value} IS DISTINCT FROM kept.{quoted(name)}"
            for name, value in (values | times).items()
        ),
        _any(
            f"given.{quoted(name)} IS NOT NULL"
            f" AND given.{quoted(name)} IS DISTINCT FROM kept.{quoted(name)}"
            for name in values
        ),
    )


def merge(schema: Schema, edge_type: EdgeType, columns: Sequence[str], batch: str) -> str:
    """Upserts `batch` into the table; as `duckdb_sql.merge`, but what is newer stands."""
    resolution = resolve(schema, edge_type, columns)
    updates = ", ".join(f"{quoted(name)} = {value}" for name, value in resolution.values.items())
    matched = f" WHEN MATCHED AND ({resolution.touches}) THEN UPDATE SET {updates}"
    return (
        f"MERGE INTO {quoted(edge_type)} AS kept USING {batch} AS given"
        f" ON ({same_key(schema, edge_type)}){matched if updates else ''}"
        f" WHEN NOT MATCHED THEN INSERT ({listed(columns)}) VALUES ({listed(columns, 'given.')})"
    )


def count(schema: Schema, edge_type: EdgeType, columns: Sequence[str], batch: str) -> str:
    """How many rows of `batch` would update the table, and how many are superseded in it."""
    resolution = resolve(schema, edge_type, columns)
    return (
        f"SELECT count(*) FILTER ({resolution.updates}), count(*) FILTER ({resolution.supersedes})"
        f" FROM {batch} AS given JOIN {quoted(edge_type)} AS kept"
        f" ON {same_key(schema, edge_type)}"
    )


def compare(schema: Schema, edge_type: EdgeType, columns: Sequence[str]) -> str:
    """Resolves the tables `given` and `kept`, whose rows are pairs in the order of `_row`.

    The columns: those of `Resolution.values`, then _updates, _touches and _supersedes.
    """
    resolution = resolve(schema, edge_type, columns)
    values = ", ".join(f"{value} AS {quoted(name)}" for name, value in resolution.values.items())
    return (
        f"SELECT {values}{', ' if values else ''}({resolution.updates}) AS _updates,"
        f" ({resolution.touches}) AS _touches, {resolution.supersedes} AS _supersedes"
        " FROM given JOIN kept USING (_row) ORDER BY _row"
    )


def _wins(name: str, given_time: str, kept_time: str) -> str:
    given, kept = f"given.{quoted(name)}", f"kept.{quoted(name)}"
    tie = f"({given_time} = {NO_TIME} OR {given} > {kept})"
    return (
        f"({given} IS NOT NULL AND ({kept} IS NULL OR {given_time} > {kept_time}"
        f" OR ({given_time} = {kept_time} AND {tie})))"
    )


def _remembered(value: str, since: str, row_time: str, kept: str) -> str:
    # Once there, it is written anew and never emptied: a null is "not given" in Neo4j's updates.
    told = f"({since} <> {row_time} OR {kept} IS NOT NULL)"
    return f"CASE WHEN ({value}) IS NOT NULL AND {told} THEN {since} END"


def _case(condition: str, name: str) -> str:
    return f"CASE WHEN {condition} THEN given.{quoted(name)} ELSE kept.{quoted(name)} END"


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions) or "false"
