"""Model releases in Neo4j: vectors on nodes, vector indexes, RECOMMENDED relationships."""

from graphdb.stores.neo4j.publishing.publisher import drawn_queries, publish

__all__ = ["drawn_queries", "publish"]
