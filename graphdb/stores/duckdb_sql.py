"""Builds the SQL of the embedded store from the schema.

Identifiers come only from the schema. If a time says which of two rows with the same key, `kept`
and `given`, is newer, each column is resolved separately: its value comes from the newest row that
has it, so rows may arrive in any order. A value can be older than its row; `Relation.value_times`
stores its time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from graphdb.checked_schema import Schema
from graphdb.schema_types import (
    CREATED_AT,
    OCCURRED_AT,
    SINCE,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
    Kind,
    Property,
)

SQL_TYPES = {
    Kind.STRING: "VARCHAR",
    Kind.INT: "BIGINT",
    Kind.FLOAT: "DOUBLE",
    Kind.BOOL: "BOOLEAN",
    Kind.TIMESTAMP: "TIMESTAMPTZ",
}


def quoted(name: object) -> str:
    """A name as an SQL identifier.

    >>> quoted('User-PURCHASED-Product')
    '"User-PURCHASED-Product"'
    """
    return '"' + str(name).replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as an SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def listed(names: Iterable[object], prefix: str = "") -> str:
    return ", ".join(prefix + quoted(name) for name in names)


def create_table(schema: Schema, of: str | EdgeType) -> str:
    key = schema.key(of)
    columns = ", ".join(
        f"{quoted(column.name)} {SQL_TYPES[column.kind]}"
        + (" NOT NULL" if column.required or column.name in key else "")
        for column in schema.stored_columns(of)
    )
    return f"CREATE TABLE IF NOT EXISTS {quoted(of)} ({columns})"


def add_column(of: str | EdgeType, column: Property) -> str:
    name = quoted(column.name)
    return f"ALTER TABLE {quoted(of)} ADD COLUMN IF NOT EXISTS {name} {SQL_TYPES[column.kind]}"


def rename_column(of: str | EdgeType, old: str, new: str) -> str:
    return f"ALTER TABLE {quoted(of)} RENAME COLUMN {quoted(old)} TO {quoted(new)}"


def merge(schema: Schema, of: str | EdgeType, columns: Sequence[str], batch: str) -> str:
    """Upserts `batch` into the table. A null in the batch means "not given" and erases nothing.

    It uses no index: a hash join of the batch with the table is faster than updating a unique index
    (10 million edges: 5 s instead of minutes).
    """
    key = schema.key(of)
    values = [name for name in columns if name not in key]
    changed = " OR ".join(
        f"(given.{quoted(name)} IS NOT NULL"
        f" AND kept.{quoted(name)} IS DISTINCT FROM given.{quoted(name)})"
        for name in values
    )
    updates = ", ".join(
        f"{quoted(name)} = coalesce(given.{quoted(name)}, kept.{quoted(name)})" for name in values
    )
    when_matched = f"WHEN MATCHED AND ({changed}) THEN UPDATE SET {updates}" if values else ""
    return (
        f"MERGE INTO {quoted(of)} AS kept USING {batch} AS given"
        f" ON ({same_key(schema, of)}) {when_matched}"
        f" WHEN NOT MATCHED THEN INSERT ({listed(columns)}) VALUES ({listed(columns, 'given.')})"
    )


def same_key(schema: Schema, of: str | EdgeType) -> str:
    """Returns the condition that a `kept` and a `given` row have the same key."""
    return " AND ".join(f"kept.{quoted(name)} = given.{quoted(name)}" for name in schema.key(of))


def first_duplicate(key: Sequence[str], batch: str) -> str:
    return f"SELECT {listed(key)} FROM {batch} GROUP BY ALL HAVING count(*) > 1 LIMIT 1"


def first_dangling(schema: Schema, node_type: str, end: str, batch: str) -> str:
    return (
        f"SELECT given.{quoted(end)} FROM {batch} AS given ANTI JOIN {quoted(node_type)} AS node"
        f" ON node.{quoted(schema.node_type(node_type).key)} = given.{quoted(end)} LIMIT 1"
    )


def select_nodes(
    schema: Schema, node_type: str, columns: Sequence[str], cutoff: datetime | None
) -> tuple[str, list[datetime]]:
    """Returns the query of `read_nodes` and its parameters."""
    where, parameters = "", []
    if cutoff is not None:
        where = f"WHERE {quoted(CREATED_AT)} IS NULL OR {quoted(CREATED_AT)} < ?"
        parameters = [cutoff]
    return _select(schema, node_type, columns, where), parameters


def select_edges(
    schema: Schema, edge_type: EdgeType, columns: Sequence[str], cutoff: datetime | None
) -> tuple[str, list[datetime]]:
    """Returns the query of `read_edges` and its parameters."""
    if cutoff is None:
        return _select(schema, edge_type, columns, ""), []
    is_event = schema.relation(edge_type.relation).is_event
    moment = quoted(OCCURRED_AT if is_event else SINCE)
    conditions = [f"({moment} IS NULL OR {moment} < ?)"]
    for end, node_type in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target)):
        key = quoted(schema.node_type(node_type).key)
        conditions.append(
            f"{quoted(end)} NOT IN (SELECT {key} FROM {quoted(node_type)}"
            f" WHERE {quoted(CREATED_AT)} >= ?)"
        )
    where = "WHERE " + " AND ".join(conditions)
    return _select(schema, edge_type, columns, where), [cutoff] * len(conditions)


def select_edges_between(schema: Schema, edge_type: EdgeType, pairs: str) -> str:
    """The query of `edges_between`."""
    names = [column.name for column in schema.columns(edge_type)]
    join = f"SEMI JOIN {quoted(pairs)} USING ({listed([SOURCE_ID, TARGET_ID])})"
    return _select(schema, edge_type, names, join)


def _select(schema: Schema, of: str | EdgeType, columns: Sequence[str], where: str) -> str:
    key = schema.key(of)
    order = dict.fromkeys([*([SOURCE_ID, TARGET_ID] if isinstance(of, EdgeType) else []), *key])
    return f"SELECT {listed(columns)} FROM {quoted(of)} {where} ORDER BY {listed(order)}"


NO_TIME = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"
"""Means "always": earlier than every other time."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The result of merging two rows, as SQL over `kept` and `given`.

    Args:
        values: The new value of each column outside the key, value times included.
        updates: Whether a value of the schema's columns changes.
        touches: Whether anything stored changes, value times included.
        differs: Whether the given row differs from the kept one.
    """

    values: dict[str, str]
    updates: str
    touches: str
    differs: str

    @property
    def supersedes(self) -> str:
        """The condition that the kept row wins over a different given one."""
        return f"(({self.differs}) AND NOT ({self.updates}))"


def resolve(schema: Schema, edge_type: EdgeType, columns: Sequence[str]) -> Resolution:
    """Returns how to resolve edges of a type with a time outside its key.

    Args:
        columns: The columns of `given`.
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


def merge_newest(schema: Schema, edge_type: EdgeType, columns: Sequence[str], batch: str) -> str:
    """Upserts `batch` into the table like `duckdb_sql.merge`, but newer values win."""
    resolution = resolve(schema, edge_type, columns)
    updates = ", ".join(f"{quoted(name)} = {value}" for name, value in resolution.values.items())
    matched = f" WHEN MATCHED AND ({resolution.touches}) THEN UPDATE SET {updates}"
    return (
        f"MERGE INTO {quoted(edge_type)} AS kept USING {batch} AS given"
        f" ON ({same_key(schema, edge_type)}){matched if updates else ''}"
        f" WHEN NOT MATCHED THEN INSERT ({listed(columns)}) VALUES ({listed(columns, 'given.')})"
    )


def count(schema: Schema, edge_type: EdgeType, columns: Sequence[str], batch: str) -> str:
    """Returns how many rows of `batch` would update the table, and how many are superseded."""
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
    equal = f"({given_time} = {NO_TIME} OR {given} > {kept})"
    return (
        f"({given} IS NOT NULL AND ({kept} IS NULL OR {given_time} > {kept_time}"
        f" OR ({given_time} = {kept_time} AND {equal})))"
    )


def _remembered(value: str, since: str, row_time: str, kept: str) -> str:
    # Once set, it is overwritten but never cleared: null means "not given" in Neo4j's updates.
    told = f"({since} <> {row_time} OR {kept} IS NOT NULL)"
    return f"CASE WHEN ({value}) IS NOT NULL AND {told} THEN {since} END"


def _case(condition: str, name: str) -> str:
    return f"CASE WHEN {condition} THEN given.{quoted(name)} ELSE kept.{quoted(name)} END"


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions) or "false"
