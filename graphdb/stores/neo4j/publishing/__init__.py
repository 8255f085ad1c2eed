"""Model releases in Neo4j: vectors on nodes, vector indexes, RECOMMENDED relationships."""

from graphdb.stores.neo4j.publishing.publisher import publish

__all__ = ["publish"]
