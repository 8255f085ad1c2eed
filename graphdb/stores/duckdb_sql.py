"""SQL of the embedded store, derived from the schema. Identifiers come from the schema alone."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from graphdb.schema_types import (
    CREATED_AT,
    OCCURRED_AT,
    SINCE,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
    Kind,
    Property,
    Schema,
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


def merge(schema: Schema, of: str | EdgeType, columns: Sequence[str], batch: str) -> str:
    """Upserts `batch` into the table. A null in the batch means "not given" and erases nothing.

    There is no index behind it: a hash join of the whole batch with the table costs less than
    keeping a unique index up to date (10 million edges: 5 s against minutes).
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
    """Whether a `kept` and a `given` row have one key."""
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
    """The query of `read_nodes` and its parameters."""
    where, parameters = "", []
    if cutoff is not None:
        where = f"WHERE {quoted(CREATED_AT)} IS NULL OR {quoted(CREATED_AT)} < ?"
        parameters = [cutoff]
    return _select(schema, node_type, columns, where), parameters


def select_edges(
    schema: Schema, edge_type: EdgeType, columns: Sequence[str], cutoff: datetime | None
) -> tuple[str, list[datetime]]:
    """The query of `read_edges` and its parameters."""
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
