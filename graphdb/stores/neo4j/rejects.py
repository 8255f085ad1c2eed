"""Rejected rows of an ingest, kept as nodes of their own label."""

from collections.abc import Iterable

import pyarrow as pa

from graphdb.schema_types import Kind, Property
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.connection import Connection, Tx
from graphdb.stores.neo4j.values import to_arrow, to_bolt
from graphdb.stores.neo4j.writing import CHUNK_ROWS
from graphdb.stores.protocol import REJECT_COLUMNS

_NAMES = REJECT_COLUMNS.names


def replace(tx: Tx, table_name: str, file: str, rejects: Iterable[pa.Table]) -> None:
    """Makes `rejects` all that is kept for this table and file."""
    tx.run(
        f"MATCH (r:{cypher.REJECT} {{table_name: $table_name, file: $file}}) DELETE r",
        table_name=table_name,
        file=file,
    ).consume()
    assigned = ", ".join(f"{name}: ${name}[i]" for name in _NAMES)
    query = f"UNWIND range(0, size($row) - 1) AS i CREATE (:{cypher.REJECT} {{{assigned}}})"
    for table in rejects:
        for start in range(0, table.num_rows, CHUNK_ROWS):
            part = table.slice(start, CHUNK_ROWS)
            parameters = {name: to_bolt(part[name]) for name in _NAMES}
            tx.run(query, parameters).consume()


def read(connection: Connection) -> pa.Table:
    """Every kept reject, sorted; one table and file at a time."""
    lists = ", ".join(f"[x IN kept | x.{name}]" for name in _NAMES)
    query = (
        f"MATCH (r:{cypher.REJECT}) WITH r.table_name AS table_name, r.file AS file,"
        f" collect(r) AS kept RETURN {lists}"
    )
    tables = [REJECT_COLUMNS.empty_table()]
    for columns in connection.read(query):
        arrays = [
            to_arrow(values, len(values), Property(field.name, _kind(field), ""), "rejects")
            for values, field in zip(columns, REJECT_COLUMNS, strict=True)
        ]
        tables.append(pa.table(arrays, schema=REJECT_COLUMNS))
    return pa.concat_tables(tables).sort_by([(name, "ascending") for name in _NAMES])


def _kind(field: pa.Field) -> Kind:
    return next(kind for kind in Kind if kind.arrow == field.type)
