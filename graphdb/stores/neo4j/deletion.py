"""Deletes nodes and edges in Neo4j, and keeps the marks of forgotten nodes.

A node may have more edges than one transaction can hold, so edges are deleted in batches before
their node. Marks are written first, so that an ingest running meanwhile brings nothing back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.schema_types import EVENT_ID, SOURCE_ID, TARGET_ID, EdgeType
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
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.neo4j.cypher import FORGOTTEN, fetched, quoted, sent, to_arrow, to_bolt
from graphdb.stores.publishing import RECOMMENDED

_IDS_AT_ONCE = 10_000
_DELETED_AT_ONCE = 50_000


def delete_nodes(
    connection: Connection,
    schema: Schema,
    node_type: str,
    ids: Iterable[str],
    *,
    forget: bool,
    dry_run: bool,
) -> DeleteReport:
    """See `GraphStore.delete_nodes`."""
    done = DeleteReport()
    for part in _parts(ids):
        if forget:
            done += _forget(connection, schema, node_type, part, dry_run=dry_run)
        done += _delete_nodes(connection, schema, node_type, part, dry_run=dry_run)
    return done


def delete_edges(
    connection: Connection,
    schema: Schema,
    edge_type: EdgeType,
    edges: pa.Table,
    *,
    dry_run: bool,
) -> DeleteReport:
    """See `GraphStore.delete_edges`."""
    wanted = check_edges(schema, edge_type, edges)
    query = _edges_query(schema, edge_type, wanted.column_names, dry_run=dry_run)
    removed = unknown = 0
    for start in range(0, wanted.num_rows, _IDS_AT_ONCE):
        part = wanted.slice(start, _IDS_AT_ONCE)
        parameters = {name: to_bolt(part[name]) for name in part.column_names}
        work = partial(_locked, names=[str(edge_type)], query=query, parameters=parameters)
        ((number, lost),) = connection.write(work, part.num_rows)
        removed, unknown = removed + number, unknown + lost
    return DeleteReport({edge_type: removed} if removed else {}, unknown=unknown)


def lift(connection: Connection, node_type: str, ids: Iterable[str]) -> int:
    """See `GraphStore.lift_forgotten`."""
    query = f"MATCH (m:{FORGOTTEN}) WHERE m.digest IN $digests DELETE m RETURN count(m)"
    lifted = 0
    for part in _parts(ids):
        work = partial(rows, query=query, parameters={"digests": _digests(node_type, part)})
        ((number,),) = connection.write(work)
        lifted += number
    return lifted


def read(connection: Connection) -> pa.Table:
    """See `GraphStore.read_forgotten`."""
    values = [fetched(column.kind, f"m.{column.name}") for column in MARK]
    query = f"MATCH (m:{FORGOTTEN}) RETURN {', '.join(values)} ORDER BY m.node_type, m.digest"
    found = connection.read(query)
    lists = list(zip(*found, strict=True)) if found else [()] * len(MARK)
    return pa.table(
        [
            to_arrow(values, len(found), column, FORGOTTEN)
            for values, column in zip(lists, MARK, strict=True)
        ],
        schema=FORGOTTEN_COLUMNS,
    )


def marked(tx: Tx) -> dict[str, set[str]]:
    """Returns the digests of the marks by node type."""
    query = f"MATCH (m:{FORGOTTEN}) RETURN m.node_type, collect(m.digest)"
    return {node_type: set(digests) for node_type, digests in rows(tx, query)}


def _delete_nodes(
    connection: Connection,
    schema: Schema,
    node_type: str,
    ids: Sequence[str],
    *,
    dry_run: bool,
) -> DeleteReport:
    node = f"(n:{quoted(node_type)})"
    given = f"n.{quoted(schema.node_type(node_type).key)} IN $ids"
    remove = partial(_remove, connection, parameters={"ids": ids}, dry_run=dry_run)
    counted: dict[str | EdgeType, int] = {}
    for edge_type in edge_types_of(schema, node_type):
        found = f"MATCH {_with_edge(node, node_type, edge_type)} WHERE {given}"
        counted[edge_type] = remove(found, "r", names=[str(edge_type)])
    drawn = f"MATCH {node}-[r:{RECOMMENDED}]-() WHERE {given} AND r.release IS NOT NULL"
    recommended = remove(drawn, "r")
    counted[node_type] = remove(f"MATCH {node} WHERE {given}", "n", names=[node_type])
    return DeleteReport(
        {of: number for of, number in counted.items() if number},
        unknown=len(ids) - counted[node_type],
        recommended=recommended,
    )


def _forget(
    connection: Connection,
    schema: Schema,
    node_type: str,
    ids: Sequence[str],
    *,
    dry_run: bool,
) -> DeleteReport:
    """Marks nodes and removes the rejects that name them."""
    digests = _digests(node_type, ids)
    query = f"MATCH (m:{FORGOTTEN}) WHERE m.digest IN $digests RETURN count(m)"
    ((before,),) = connection.read(query, {"digests": digests})
    if not dry_run:
        mark = (
            f"UNWIND $digests AS digest MERGE (m:{FORGOTTEN} {{digest: digest}})"
            " ON CREATE SET m.node_type = $node_type, m.forgotten_at = datetime()"
        )
        # With all tables locked, no write that began before can end later.
        names = [str(of) for of in schema.tables()]
        parameters = {"digests": digests, "node_type": node_type}
        connection.write(partial(_locked, names=names, query=mark, parameters=parameters))
    reasons = [missing_node(node_type) + one[:SHOWN_CHARACTERS] for one in ids]
    found = (
        f"MATCH (n:{cypher.REJECT}) WHERE n.reason IN $reasons"
        " OR split(n.reason, $why)[0] IN $reasons"
    )
    parameters = {"reasons": reasons, "why": WHY_MISSING}
    rejects = _remove(connection, found, "n", parameters=parameters, dry_run=dry_run)
    return DeleteReport(rejects=rejects, forgotten=len(ids) - before)


def _remove(
    connection: Connection,
    found: str,
    name: str,
    *,
    parameters: Mapping[str, Any],
    dry_run: bool,
    names: Sequence[str] = (),
) -> int:
    """Deletes what a query finds, some at once; returns how many there were.

    Args:
        name: The variable of what is deleted.
        names: The tables to lock.
    """
    distinct = f"{found} WITH DISTINCT {name}"
    if dry_run:
        ((number,),) = connection.read(f"{distinct} RETURN count({name})", parameters)
        return int(number)
    query = f"{distinct} LIMIT $limit DETACH DELETE {name} RETURN count({name})"
    limited = {**parameters, "limit": _DELETED_AT_ONCE}
    removed, number = 0, _DELETED_AT_ONCE
    while number == _DELETED_AT_ONCE:
        work = partial(_locked, names=names, query=query, parameters=limited)
        ((number,),) = connection.write(work)
        removed += number
    return removed


def _locked(
    tx: Tx, *, names: Sequence[str], query: str, parameters: Mapping[str, Any]
) -> list[list[Any]]:
    """Runs a query after locking some tables."""
    tx.run(cypher.lock(), names=list(names)).consume()
    return rows(tx, query, parameters)


def _with_edge(node: str, node_type: str, edge_type: EdgeType) -> str:
    """Returns the pattern of a node with its edges of a type, in both directions if it can be."""
    relation = f"[r:{quoted(edge_type.relation)}]"
    other = f"(:{quoted(edge_type.other_end(node_type))})"
    if edge_type.source == edge_type.target:
        return f"{node}-{relation}-{other}"
    return (
        f"{node}-{relation}->{other}"
        if edge_type.source == node_type
        else (f"{node}<-{relation}-{other}")
    )


def _edges_query(
    schema: Schema, edge_type: EdgeType, columns: Sequence[str], *, dry_run: bool
) -> str:
    """Returns the query that counts and deletes the edges with the values $COLUMN[i].

    It returns how many there were, and for how many positions there was none.
    """
    kinds = {column.name: column.kind for column in schema.columns(edge_type)}
    source, target = (
        f"(:{quoted(end)} {{{quoted(schema.node_type(end).key)}: ${name}[i]}})"
        for name, end in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target))
    )
    same = [
        f"coalesce(r.{name}, '') = ${name}[i]"  # the empty one is not stored
        if name == EVENT_ID
        else f"r.{name} = {sent(kinds[name], f'${name}[i]')}"
        for name in columns
        if name not in (SOURCE_ID, TARGET_ID)
    ]
    where = f" WHERE {' AND '.join(same)}" if same else ""
    delete = "" if dry_run else " FOREACH (r IN found | DELETE r)"
    return (
        f"UNWIND range(0, size(${SOURCE_ID}) - 1) AS i"
        f" OPTIONAL MATCH {source}-[r:{quoted(edge_type.relation)}]->{target}{where}"
        f" WITH i, collect(r) AS found WITH found, size(found) AS number{delete}"
        " RETURN sum(number), count(CASE WHEN number = 0 THEN 1 END)"
    )


def _parts(ids: Iterable[str]) -> Iterator[list[str]]:
    wanted = unique_ids(ids)["id"]
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        yield wanted.slice(start, _IDS_AT_ONCE).to_pylist()


def _digests(node_type: str, ids: Iterable[str]) -> list[str]:
    return [digest(node_type, one) for one in ids]
