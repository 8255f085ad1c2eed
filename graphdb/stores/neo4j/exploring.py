"""Queries that people ask: they may read everything and change nothing.

A user of the database who may only read can run them.
"""

from collections.abc import Mapping
from typing import Any

from neo4j.graph import Node, Path, Relationship
from neo4j.time import DateTime

from graphdb.explore.answers import Answer, FoundNode, FoundPath, FoundTie, Value
from graphdb.schema_types import Schema
from graphdb.stores.neo4j.connection import Connection
from graphdb.stores.neo4j.settings import Neo4jSettings
from graphdb.stores.neo4j.upkeep import read_schema


def explore(
    settings: Neo4jSettings, cypher: str, parameters: Mapping[str, Any], *, limit: int
) -> Answer:
    """The rows of a query that only reads; see `graphdb.explore.ask`."""
    connection = Connection(settings)
    try:
        schema = read_schema(connection)
        columns, rows = connection.look(cypher, parameters, limit)
    finally:
        connection.close()
    return Answer(columns, [[_value(schema, value) for value in row] for row in rows])


def _value(schema: Schema, value: Any) -> Value:
    if isinstance(value, Node):
        return _node(schema, value)
    if isinstance(value, Relationship):
        return _tie(schema, value)
    if isinstance(value, Path):
        nodes = tuple(_node(schema, node) for node in value.nodes)
        return FoundPath(nodes, tuple(_tie(schema, tie) for tie in value.relationships))
    if isinstance(value, list):
        return [_value(schema, entry) for entry in value]
    if isinstance(value, dict):
        return {name: _value(schema, entry) for name, entry in value.items()}
    if isinstance(value, DateTime):
        return value.to_native()
    # Spatial values and durations, which the schema does not know, come as text.
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


def _tie(schema: Schema, tie: Relationship) -> FoundTie:
    source, target = tie.nodes
    assert source is not None and target is not None, "a tie has two ends"
    fields = {name: _value(schema, value) for name, value in tie.items()}
    return FoundTie(_node(schema, source), tie.type, _node(schema, target), fields)
