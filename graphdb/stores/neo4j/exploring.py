"""Runs users' queries, which may read the whole graph and nothing else.

A read transaction alone is not enough: in one, Neo4j still reads files and addresses (LOAD CSV),
ends other people's queries and empties caches. So it fetches the query's plan first, and compares
its operators with those that reading the graph needs. A database user with read access is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from neo4j import ResultSummary
from neo4j.graph import Node, Path, Relationship
from neo4j.time import DateTime

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError, StoreError
from graphdb.errors import nearest as nearest_name
from graphdb.explore.answers import Answer, FoundEdge, FoundNode, FoundPath, Value
from graphdb.printable import quoted
from graphdb.stores.neo4j.connection import Connection, Tx, rows
from graphdb.stores.neo4j.maintenance import read_schema
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.settings import Neo4jSettings

_READING_PROCEDURES = (
    "db.index.fulltext.listAvailableAnalyzers",
    "db.index.fulltext.queryNodes",
    "db.index.fulltext.queryRelationships",
    "db.index.vector.queryNodes",
    "db.index.vector.queryRelationships",
    "db.info",
    "db.labels",
    "db.ping",
    "db.propertyKeys",
    "db.relationshipTypes",
    "db.schema.nodeTypeProperties",
    "db.schema.relTypeProperties",
    "db.schema.visualization",
    "dbms.components",
)
_READING_SHOWS = ("ShowConstraints", "ShowFunctions", "ShowIndexes", "ShowProcedures")
_OTHER_DEEDS = ("LoadCSV", "TerminateTransactions", "AdministrationCommand")


def explore(
    settings: Neo4jSettings,
    cypher: str,
    parameters: Mapping[str, Any],
    *,
    limit: int,
    timeout_s: float,
) -> Answer:
    """Returns the rows of a query that only reads the graph; see `graphdb.explore.ask`."""
    connection = Connection(settings)
    try:
        schema = read_schema(connection)
        columns, rows = connection.look(
            cypher, parameters, limit=limit, timeout_s=timeout_s, check=_check_only_reads
        )
    finally:
        connection.close()
    return Answer(columns, [[_value(schema, value) for value in row] for row in rows])


FETCHED = 500
"""How many neighbors a search looks at: the index is approximate, so it is asked for more."""


def nearest(
    settings: Neo4jSettings,
    query_node: tuple[str, str],
    target_type: str,
    *,
    k: int,
    where: Mapping[str, Any],
) -> Answer:
    """Searches a vector index of the served release; see `graphdb.explore.nearest`."""
    connection = Connection(settings)
    try:
        schema = read_schema(connection)
        conditions, values = _conditions(schema, target_type, where)
        query_type, values["id"] = query_node
        values |= {"fetch": max(k + 1, FETCHED), "k": k}

        def work(tx: Tx) -> list[list[Any]]:
            # In one transaction: a publish waits for those that began before its switch.
            embedding, found = _served(tx, settings.uri, target_type)
            inside = connection.can_search
            search = _search(found["index"], target_type, conditions, inside=inside)
            key = quoted(schema.node_type(query_type).key)
            vector = f"s.{quoted(embedding)}"
            query = (
                f"{'CYPHER 25 ' if inside else ''}MATCH (s:{quoted(query_type)} {{{key}: $id}})"
                f" WHERE {vector} IS NOT NULL WITH s, {vector}[..$dim] + $padding AS query"
                f" {search} AND node <> s"
                " WITH node, score, sqrt(reduce(sum = 0.0, x IN query | sum + x * x)) AS length"
                " RETURN node, (2 * score - 1) * length * $longest AS score"
                " ORDER BY score DESC LIMIT $k"
            )
            return rows(tx, query, {**values, **found})

        found = connection.read_together(work)
    finally:
        connection.close()
    return Answer(["node", "score"], [[_value(schema, value) for value in row] for row in found])


def _served(tx: Tx, uri: str, target_type: str) -> tuple[str, dict[str, Any]]:
    """Returns the property of the served release's vectors, and the parameters of a search.

    Raises:
        StoreError: There is none with vectors of the type, or an older version wrote it.
    """
    names = {"served": statements.SERVED, "trace": statements.TRACE}
    described = rows(tx, statements.described(target_type), names)
    if described and described[0][1] is None:
        raise StoreError(
            f"an older version of graphrec published release {described[0][0]} in {uri}",
            next_step="publish it again with `graphrec publish`",
            value=described[0][0],
        )
    if not described or described[0][-1] is None:
        raise StoreError(
            f"no release with vectors of {target_type} is published in {uri}",
            next_step="write one with `graphrec publish`",
            value=target_type,
        )
    ((release_id, embedding, dim, padding, longest),) = described
    index = statements.index_name(release_id, target_type)
    return embedding, {"index": index, "dim": dim, "padding": padding, "longest": longest}


def _search(index: str, target_type: str, conditions: Sequence[str], *, inside: bool) -> str:
    """Returns the search for `query`: inside the index where the server can, or afterwards."""
    if not inside:
        filtered = " AND ".join(conditions) or "true"
        return (
            "CALL db.index.vector.queryNodes($index, $fetch, query) YIELD node, score"
            f" WHERE {filtered}"
        )
    filtered = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"MATCH (node:{quoted(target_type)}) SEARCH node IN (VECTOR INDEX {quoted(index)}"
        f" FOR query{filtered} LIMIT $fetch) SCORE AS score WITH s, query, node, score WHERE true"
    )


def _conditions(
    schema: Schema, target_type: str, where: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """Returns the conditions on `node` in Cypher, and the parameters that they name.

    Raises:
        SchemaError: A property is unknown, or is free text.
    """
    allowed = statements.filter_properties(schema, target_type)
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for number, (name, wanted) in enumerate(where.items()):
        if name not in allowed:
            raise SchemaError(
                f"nodes of {target_type} cannot be filtered by '{name}'",
                expected="one of " + ", ".join(allowed),
                next_step=nearest_name(name, allowed),
                value=name,
            )
        bounds = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        signs = (">=", "<=") if isinstance(wanted, tuple) else ("=",)
        for sign, bound in zip(signs, bounds, strict=False):
            if bound is not None:
                values[parameter := f"w{number}{len(values)}"] = bound
                conditions.append(f"node.{quoted(name)} {sign} ${parameter}")
    return conditions, values


def _check_only_reads(explained: ResultSummary) -> None:
    """Raises StoreError for a plan that does more than read the graph.

    Writing operators pass: the server refuses them when the query runs.
    """
    assert explained.plan is not None, "EXPLAIN gives a plan"
    for operator, details in _operators(explained.plan):
        if operator == "ProcedureCall":
            operator = details.partition("(")[0]
            refused = operator not in _READING_PROCEDURES
        elif operator.startswith("Show"):
            refused = operator not in _READING_SHOWS
        else:
            refused = operator in _OTHER_DEEDS
        if refused and explained.query_type in ("r", "s"):
            raise StoreError(
                f"the query does more than read the graph ({operator}); it was not run",
                expected="reading the graph: MATCH, vector and full-text indexes, its schema",
                next_step="remove that part, or run it in Neo4j Browser as a user with the rights",
                value=operator,
            )


def _operators(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields every operator of a plan by its bare name, with its details."""
    name = str(plan["operatorType"]).partition("@")[0]
    yield name, str(plan["args"].get("Details", ""))
    for child in plan.get("children", []):
        yield from _operators(child)


def _value(schema: Schema, value: Any) -> Value:
    if isinstance(value, Node):
        return _node(schema, value)
    if isinstance(value, Relationship):
        return _edge(schema, value)
    if isinstance(value, Path):
        nodes = tuple(_node(schema, node) for node in value.nodes)
        return FoundPath(nodes, tuple(_edge(schema, edge) for edge in value.relationships))
    if isinstance(value, list):
        return [_value(schema, entry) for entry in value]
    if isinstance(value, dict):
        return {name: _value(schema, entry) for name, entry in value.items()}
    if isinstance(value, DateTime):
        return value.to_native()
    # Spatial values and durations, which the schema lacks, become text.
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _node(schema: Schema, node: Node) -> FoundNode:
    known = [label for label in sorted(node.labels) if label in schema.node_types]
    if not known:
        return FoundNode(":".join(sorted(node.labels)), None, {})
    node_type = schema.node_type(known[0])
    fields = {
        column.name: _value(schema, node[column.name])
        for column in node_type.columns
        if column.name != node_type.key and column.name in node
    }
    return FoundNode(node_type.name, node.get(node_type.key), fields)


def _edge(schema: Schema, edge: Relationship) -> FoundEdge:
    source, target = edge.nodes
    assert source is not None and target is not None, "an edge has two ends"
    fields = {name: _value(schema, value) for name, value in edge.items()}
    return FoundEdge(_node(schema, source), edge.type, _node(schema, target), fields)
