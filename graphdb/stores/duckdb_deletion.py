"""Deletes nodes and edges of the embedded store, and keeps the marks of forgotten nodes.

Each function runs in the transaction of the given cursor.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.checked_schema import Schema
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType
from graphdb.stores.deletion import (
    FORGOTTEN_COLUMNS,
    MARK,
    SHOWN_CHARACTERS,
    WHY_MISSING,
    DeleteReport,
    check_edges,
    digest,
    edge_types_of,
    missing_node,
    unique_ids,
)
from graphdb.stores.duckdb_sql import SQL_TYPES, listed, literal, quoted

_MARKS = "graphrec.forgotten"


def delete_nodes(
    cursor: duckdb.DuckDBPyConnection,
    schema: Schema,
    node_type: str,
    ids: Iterable[str],
    *,
    forget: bool,
    dry_run: bool,
) -> DeleteReport:
    """See `GraphStore.delete_nodes`."""
    wanted = unique_ids(ids)
    cursor.register("wanted", wanted)
    rows: dict[str | EdgeType, int] = {}
    for edge_type in edge_types_of(schema, node_type):
        ends = ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target))
        touches = [_is_wanted(column) for column, end in ends if end == node_type]
        rows[edge_type] = _remove(cursor, quoted(edge_type), " OR ".join(touches), dry_run)
    key = schema.node_type(node_type).key
    nodes = rows[node_type] = _remove(cursor, quoted(node_type), _is_wanted(key), dry_run)
    rejects = marks = 0
    if forget:
        reason = f"{literal(missing_node(node_type))} || left(id, {SHOWN_CHARACTERS})"
        named = (
            f"reason IN (SELECT {reason} FROM wanted)"
            f" OR split_part(reason, {literal(WHY_MISSING)}, 1) IN (SELECT {reason} FROM wanted)"
        )
        rejects = _remove(cursor, "graphrec.rejects", named, dry_run)
        marks = _mark(cursor, node_type, wanted, dry_run)
    removed = {of: number for of, number in rows.items() if number}
    unknown = wanted.num_rows - nodes
    return DeleteReport(removed, unknown=unknown, rejects=rejects, forgotten=marks)


def delete_edges(
    cursor: duckdb.DuckDBPyConnection,
    schema: Schema,
    edge_type: EdgeType,
    edges: pa.Table,
    *,
    dry_run: bool,
) -> DeleteReport:
    """See `GraphStore.delete_edges`."""
    wanted = check_edges(schema, edge_type, edges)
    cursor.register("wanted", wanted)
    same = " AND ".join(
        f"wanted.{quoted(name)} = {quoted(edge_type)}.{quoted(name)}"
        for name in wanted.column_names
    )
    lost = f"SELECT count(*) FROM wanted ANTI JOIN {quoted(edge_type)} ON {same}"
    unknown = _number(cursor, lost)
    found = f"EXISTS (SELECT 1 FROM wanted WHERE {same})"
    removed = _remove(cursor, quoted(edge_type), found, dry_run)
    return DeleteReport({edge_type: removed} if removed else {}, unknown=unknown)


def lift(cursor: duckdb.DuckDBPyConnection, node_type: str, ids: Iterable[str]) -> int:
    """See `GraphStore.lift_forgotten`."""
    if not _has_marks(cursor):
        return 0
    cursor.register("wanted", _marks_of(node_type, unique_ids(ids)))
    return _remove(cursor, _MARKS, "digest IN (SELECT digest FROM wanted)", dry_run=False)


def read(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
    """See `GraphStore.read_forgotten`."""
    if not _has_marks(cursor):
        return FORGOTTEN_COLUMNS.empty_table()
    names = listed(FORGOTTEN_COLUMNS.names)
    return cursor.sql(f"SELECT {names} FROM {_MARKS} ORDER BY ALL").to_arrow_table()


def marked(cursor: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Returns the digests of the marks by node type."""
    found: dict[str, set[str]] = {}
    if _has_marks(cursor):
        query = f"SELECT node_type, digest FROM {_MARKS}"
        for node_type, one in cursor.execute(query).fetchall():
            found.setdefault(node_type, set()).add(one)
    return found


def _mark(
    cursor: duckdb.DuckDBPyConnection, node_type: str, wanted: pa.Table, dry_run: bool
) -> int:
    before = read(cursor)
    marks = _marks_of(node_type, wanted)
    new = marks.filter(pc.invert(pc.is_in(marks["digest"], value_set=before["digest"])))
    if not dry_run:
        add_marks(cursor, new)
    return int(new.num_rows)


def add_marks(cursor: duckdb.DuckDBPyConnection, marks: pa.Table) -> None:
    """Adds marks (FORGOTTEN_COLUMNS)."""
    columns = ", ".join(f"{column.name} {SQL_TYPES[column.kind]}" for column in MARK)
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {_MARKS} ({columns})")
    cursor.register("marks", marks)
    cursor.execute(f"INSERT INTO {_MARKS} BY NAME FROM marks")


def _marks_of(node_type: str, wanted: pa.Table) -> pa.Table:
    digests = [digest(node_type, one) for one in wanted["id"].to_pylist()]
    now = [datetime.now(UTC)] * len(digests)
    columns = [[node_type] * len(digests), digests, now]
    return pa.table(columns, schema=FORGOTTEN_COLUMNS)


def _has_marks(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Returns whether anything was ever forgotten: stores have no such table before."""
    query = "SELECT count(*) FROM duckdb_tables() WHERE schema_name || '.' || table_name = ?"
    return bool(cursor.execute(query, [_MARKS]).fetchall()[0][0])


def _is_wanted(column: str) -> str:
    return f"{quoted(column)} IN (SELECT id FROM wanted)"


def _remove(cursor: duckdb.DuckDBPyConnection, table: str, condition: str, dry_run: bool) -> int:
    what = "SELECT count(*)" if dry_run else "DELETE"
    return _number(cursor, f"{what} FROM {table} WHERE {condition}")


def _number(cursor: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = cursor.execute(query).fetchall()
    return int(number)
