"""The Neo4j store. Only this package imports the driver; `open_store` loads it on demand."""

from graphdb.stores.neo4j.settings import Neo4jSettings
from graphdb.stores.neo4j.store import Neo4jStore

__all__ = ["Neo4jSettings", "Neo4jStore"]
