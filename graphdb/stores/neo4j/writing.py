"""Upserts nodes and edges into Neo4j, writing only differences, and stores rejected rows.

It fetches existing rows by columns and compares them. So the counts are exact, a repeated batch
writes nothing, and Neo4j creates edges by internal id instead of a MERGE for each. Rejected rows of
an ingest are nodes with their own label.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graphdb.checked_schema import Schema
from graphdb.errors import DataError, StoreUnavailableError
from graphdb.schema_types import (
    EVENT_ID,
    OCCURRED_AT,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
    Kind,
    Property,
)
from graphdb.stores import duckdb_sql
from graphdb.stores.deletion import without_forgotten
from graphdb.stores.duckdb_file import open_database
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.neo4j.cypher import differs, to_arrow, to_bolt
from graphdb.stores.neo4j.deletion import marked
from graphdb.stores.protocol import REJECT_COLUMNS, UpsertCounts

CHUNK_ROWS = 50_000
"""Rows in one UNWIND."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Rows of a chunk that already exist: their positions in the chunk, and the stored values.

    `targets` are the internal ids of the stored edges' targets; empty for nodes.
    """

    positions: Numbers
    elements: Numbers
    targets: Numbers
    values: pa.Table

    def take(self, of_these: Numbers) -> "_Kept":
        targets = self.targets[of_these] if len(self.targets) else self.targets
        return _Kept(
            self.positions[of_these], self.elements[of_these], targets, self.values.take(of_these)
        )


def upsert_nodes(tx: Tx, schema: Schema, node_type: str, given: pa.Table) -> UpsertCounts:
    """Writes a checked batch of nodes in the transaction `tx`."""
    _lock(tx, node_type)
    num_given = given.num_rows
    given = without_forgotten(schema, node_type, given, marked(tx))
    is_empty = count(tx, schema, node_type) == 0
    key, *_ = schema.columns(node_type)
    columns = _given_columns(schema, node_type, given)
    values = [column for column in columns if column != key]
    done = UpsertCounts(forgotten=num_given - given.num_rows)
    for chunk in _chunks(given):
        kept = None if is_empty else _kept_nodes(tx, schema, node_type, values, chunk)
        new = _new(chunk, kept)
        changed = _changed(chunk, kept, values) if kept else new[:0]
        _create(tx, cypher.create_nodes(node_type, columns), chunk.take(new), columns)
        if kept and len(changed):
            altered = kept.take(changed)
            parameters = {"elements": altered.elements.tolist()}
            batch = chunk.take(altered.positions)
            rows(tx, cypher.update_nodes(values), parameters | _parameters(batch, values))
        done += UpsertCounts(len(new), len(changed), chunk.num_rows - len(new) - len(changed))
    return done


def upsert_edges(
    tx: Tx, schema: Schema, edge_type: EdgeType, given: pa.Table, *, as_newest: bool
) -> UpsertCounts:
    """Writes a checked batch of edges in the transaction `tx`."""
    _lock(tx, edge_type)
    num_given = given.num_rows
    given = without_forgotten(schema, edge_type, given, marked(tx))
    is_empty = count(tx, schema, edge_type) == 0
    sources = _resolve(tx, schema, edge_type, SOURCE_ID, given)
    targets = _resolve(tx, schema, edge_type, TARGET_ID, given)
    # Neighbors in the batch are neighbors on disk, and every writer takes locks in one order.
    order = np.lexsort((targets, sources))
    given, sources, targets = given.take(order), sources[order], targets[order]
    columns = _without_ends(_given_columns(schema, edge_type, given))
    by_time = schema.newest_by(edge_type) is not None and not as_newest
    compared = _without_ends(schema.stored_columns(edge_type)) if by_time else columns
    done = UpsertCounts(forgotten=num_given - given.num_rows)
    for start in range(0, given.num_rows, CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        batch = _Edges(given.slice(start, CHUNK_ROWS), sources[part], targets[part])
        kept = None if is_empty else _kept_edges(tx, schema, edge_type, compared, batch)
        new = _new(batch.rows, kept)
        ends = {"sources": batch.sources[new].tolist(), "targets": batch.targets[new].tolist()}
        _create(tx, cypher.create_edges(edge_type, columns), batch.rows.take(new), columns, ends)
        changes = _NO_CHANGES
        if kept is not None:
            find = _newest if by_time else _differences
            changes = find(schema, edge_type, columns, batch, kept)
            _change_edges(tx, edge_type, batch, kept, changes)
        done += UpsertCounts(
            len(new),
            changes.updated,
            batch.rows.num_rows - len(new) - changes.updated - changes.superseded,
            changes.superseded,
        )
    return done


@dataclass(frozen=True, slots=True)
class _Edges:
    """Rows of a chunk with the internal ids of their ends."""

    rows: pa.Table
    sources: Numbers
    targets: Numbers


@dataclass(frozen=True, slots=True)
class _Changes:
    """The updates of kept edges.

    `values` has a row for each kept edge; `changed` are the positions of edges with new values,
    `moved` of those that also get another target.
    """

    values: pa.Table
    columns: list[Property]
    changed: Numbers
    moved: Numbers
    updated: int
    superseded: int = 0


_NO_CHANGES = _Changes(pa.table({}), [], np.zeros(0, np.int64), np.zeros(0, np.int64), 0)


def _differences(
    schema: Schema, edge_type: EdgeType, columns: Sequence[Property], batch: _Edges, kept: _Kept
) -> _Changes:
    """The given value wins."""
    values = [column for column in columns if column.name not in schema.key(edge_type)]
    changed = _changed(batch.rows, kept, values)
    moved = np.zeros(0, np.int64)
    if schema.relation(edge_type.relation).one_target:
        moved = np.flatnonzero(kept.targets != batch.targets[kept.positions])
        changed = np.setdiff1d(changed, moved)
    given = batch.rows.take(kept.positions)
    return _Changes(given, values, changed, moved, len(changed) + len(moved))


def _newest(
    schema: Schema, edge_type: EdgeType, columns: Sequence[Property], batch: _Edges, kept: _Kept
) -> _Changes:
    """The newer value wins."""
    places = pa.array(np.arange(len(kept.positions)))
    names = [SOURCE_ID, TARGET_ID, *(column.name for column in columns)]
    given = batch.rows.select(names).take(kept.positions)
    with open_database() as connection:
        connection.register("given", given.append_column("_row", places))
        connection.register("kept", kept.values.set_column(0, "_row", places))
        found = connection.sql(duckdb_sql.compare(schema, edge_type, names)).to_arrow_table()
    stored = [each for each in schema.stored_columns(edge_type) if each.name in found.column_names]
    values = pa.table({each.name: found[each.name].cast(each.kind.arrow) for each in stored})
    touched = np.flatnonzero(found["_touches"].to_numpy())
    moved = np.zeros(0, np.int64)
    if TARGET_ID in values.column_names:
        stays = pc.equal(values[TARGET_ID], kept.values[TARGET_ID])
        moved = np.setdiff1d(touched, np.flatnonzero(stays.to_numpy()))
    return _Changes(
        values,
        _without_ends(stored),
        np.setdiff1d(touched, moved),
        moved,
        pc.sum(found["_updates"]).as_py() or 0,
        pc.sum(found["_supersedes"]).as_py() or 0,
    )


def _change_edges(
    tx: Tx, edge_type: EdgeType, batch: _Edges, kept: _Kept, changes: _Changes
) -> None:
    for some, query in (
        (changes.changed, cypher.update_edges(changes.columns)),
        (changes.moved, cypher.move_edges(edge_type, changes.columns)),
    ):
        if len(some):
            parameters = {
                "elements": kept.elements[some].tolist(),
                "targets": batch.targets[kept.positions[some]].tolist(),
            }
            values = changes.values.take(some)
            rows(tx, query, parameters | _parameters(values, changes.columns))


def count(tx: Tx, schema: Schema, of: str | EdgeType) -> int:
    """Counts the rows of a table."""
    ((number,),) = rows(tx, cypher.count(schema, of))
    return int(number)


def _lock(tx: Tx, of: str | EdgeType) -> None:
    tx.run(cypher.lock(), names=[str(of)]).consume()


def _chunks(given: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, given.num_rows, CHUNK_ROWS):
        yield given.slice(start, CHUNK_ROWS)


def _given_columns(schema: Schema, of: str | EdgeType, given: pa.Table) -> list[Property]:
    """Returns the columns with values; a column of nulls counts as not given."""
    return [
        column
        for column in schema.columns(of)
        if column.name in given.column_names
        and given[column.name].null_count < max(given.num_rows, 1)
    ]


def _without_ends(columns: Iterable[Property]) -> list[Property]:
    return [column for column in columns if column.name not in (SOURCE_ID, TARGET_ID)]


def _resolve(tx: Tx, schema: Schema, edge_type: EdgeType, end: str, given: pa.Table) -> Numbers:
    """The internal id of one end of every row.

    Raises:
        DataError: The node does not exist.
    """
    node_type = edge_type.source if end == SOURCE_ID else edge_type.target
    encoded = given[end].combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    keys = encoded.dictionary
    nodes = np.full(len(keys), -1, np.int64)
    query = cypher.resolve(schema, node_type)
    for start in range(0, len(keys), CHUNK_ROWS):
        part = keys.slice(start, CHUNK_ROWS).to_pylist()
        ((positions, found),) = rows(tx, query, {"keys": part})
        nodes[np.array(positions, np.int64) + start] = found
    missing = np.flatnonzero(nodes < 0)
    if len(missing):
        lost = keys[int(missing[0])].as_py()
        raise DataError(
            f"{edge_type}: {end} names the unknown {node_type} '{lost}'",
            next_step=f"write the {node_type} nodes first",
            value=lost,
        )
    ends: Numbers = nodes[encoded.indices.to_numpy()]
    return ends


def _kept_nodes(
    tx: Tx, schema: Schema, node_type: str, values: Sequence[Property], chunk: pa.Table
) -> _Kept:
    keys = chunk[schema.node_type(node_type).key].to_pylist()
    query = cypher.kept_nodes(schema, node_type, values)
    ((positions, elements, *lists),) = rows(tx, query, {"keys": keys})
    return _Kept(
        np.array(positions, np.int64),
        np.array(elements, np.int64),
        np.zeros(0, np.int64),
        _table(node_type, values, lists, len(elements)),
    )


def _kept_edges(
    tx: Tx, schema: Schema, edge_type: EdgeType, columns: Sequence[Property], batch: _Edges
) -> _Kept:
    parameters = {
        "sources": np.unique(batch.sources).tolist(),
        "pairs": np.unique(batch.sources % 2**31 * 2**32 + batch.targets % 2**32).tolist(),
    }
    if schema.relation(edge_type.relation).repeats:
        moments = batch.rows[OCCURRED_AT].cast(pa.int64()).to_numpy() // 1000
        parameters["moments"] = np.unique(moments).tolist()
    query = cypher.kept_edges(schema, edge_type, columns)
    ((sources, targets, elements, target_keys, *lists),) = rows(tx, query, parameters)
    table = _table(edge_type, columns, lists, len(elements))
    if schema.relation(edge_type.relation).one_target:
        table = table.append_column(TARGET_ID, pa.array(target_keys, pa.string()))
    ends = {SOURCE_ID: pa.array(sources, pa.int64()), TARGET_ID: pa.array(targets, pa.int64())}
    positions, found = _match(schema.key(edge_type), batch, table, ends)
    return _Kept(
        positions,
        np.array(elements, np.int64)[found],
        np.array(targets, np.int64)[found],
        table.take(found),
    )


def _match(
    key: Sequence[str], batch: _Edges, kept: pa.Table, kept_ends: dict[str, pa.Array]
) -> tuple[Numbers, Numbers]:
    """Returns positions of equal edges in the batch and among the kept, each batch row once."""
    ends = {SOURCE_ID: pa.array(batch.sources), TARGET_ID: pa.array(batch.targets)}
    mine = {name: ends[name] if name in ends else batch.rows[name] for name in key}
    theirs = {name: kept_ends[name] if name in kept_ends else kept[name] for name in key}
    left = pa.table({**mine, "_row": np.arange(batch.rows.num_rows)})
    right = pa.table({**theirs, "_kept": np.arange(kept.num_rows)})
    joined = left.join(right, keys=list(key), join_type="inner")
    # A user may have created an edge twice by hand; it counts once.
    positions, first = np.unique(joined["_row"].to_numpy(), return_index=True)
    return positions, joined["_kept"].to_numpy()[first]


def _new(chunk: pa.Table, kept: _Kept | None) -> Numbers:
    """Returns the positions of new rows in the chunk."""
    places = np.arange(chunk.num_rows)
    return places if kept is None else np.setdiff1d(places, kept.positions)


def _changed(chunk: pa.Table, kept: _Kept, values: Sequence[Property]) -> Numbers:
    """Returns the positions of kept rows that would change."""
    given = chunk.take(kept.positions)
    changed = np.zeros(len(kept.positions), bool)
    for column in values:
        changed |= differs(given[column.name], kept.values[column.name])
    return np.flatnonzero(changed)


def _create(
    tx: Tx,
    query: str,
    batch: pa.Table,
    columns: Sequence[Property],
    ends: dict[str, list[int]] | None = None,
) -> None:
    if not batch.num_rows:
        return
    parameters = {**(ends or {}), **_parameters(batch, columns)}
    made = tx.run(query, parameters).consume().counters
    if batch.num_rows not in (made.nodes_created, made.relationships_created):
        raise StoreUnavailableError(
            "nodes were deleted while edges to them were written; nothing of the batch was written",
            next_step="try again",
        )


def _parameters(batch: pa.Table, columns: Sequence[Property]) -> dict[str, list[Any]]:
    """Returns the columns as `cypher` names them; the empty event id is not stored."""
    made = {}
    for number, column in enumerate(columns):
        values = batch[column.name]
        if column.name == EVENT_ID:
            values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        made[f"c{number}"] = to_bolt(values)
    return made


def _table(
    of: str | EdgeType, columns: Sequence[Property], lists: Sequence[Any], num_rows: int
) -> pa.Table:
    # A column of row numbers keeps the length if there is no other.
    arrays = {"_row": np.arange(num_rows)}
    for column, fetched in zip(columns, lists, strict=True):
        arrays[column.name] = to_arrow(fetched, num_rows, column, of)
    return pa.table(arrays)


_NAMES = REJECT_COLUMNS.names


def replace(tx: Tx, table_name: str, file: str, rejects: Iterable[pa.Table]) -> None:
    """Replaces the stored rejects of this table and file by `rejects`."""
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
    """Yields all stored rejects, sorted; one table and file at a time."""
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
