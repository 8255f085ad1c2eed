"""Runs users' queries, which may read the whole graph and nothing else.

A read transaction alone is not enough: in one, Neo4j still reads files and addresses (LOAD CSV),
ends other people's queries and empties caches. So it fetches the query's plan first, and compares
its operators with those that reading the graph needs. A database user with read access is enough.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from neo4j import ResultSummary
from neo4j.graph import Node, Path, Relationship
from neo4j.time import DateTime

from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.explore.answers import Answer, FoundEdge, FoundNode, FoundPath, Value
from graphdb.stores.neo4j.connection import Connection
from graphdb.stores.neo4j.maintenance import read_schema
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
