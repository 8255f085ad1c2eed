"""Where the graph lives: its schema, its stores, the way in (ingest) and the way out (snapshot)."""

from graphdb.checked_schema import Schema
from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType, Kind, NodeType, Property, Relation
from graphdb.snapshot import Snapshot, open_snapshot, write_snapshot
from graphdb.stores import GraphStore, UpsertCounts, open_store

__all__ = [
    "SCHEMA",
    "EdgeType",
    "GraphStore",
    "Kind",
    "NodeType",
    "Property",
    "Relation",
    "Schema",
    "Snapshot",
    "UpsertCounts",
    "open_snapshot",
    "open_store",
    "write_snapshot",
]
