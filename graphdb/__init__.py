"""Defines the schema, stores graphs, and writes and reads snapshots.

`open_source` is imported when it is first used: it loads a database, which answering from a bundle
does not need.
"""

from typing import TYPE_CHECKING

from graphdb.checked_schema import Schema
from graphdb.schema import SCHEMA, extend_schema
from graphdb.schema_types import EdgeType, Kind, NodeType, Property, Relation
from graphdb.snapshot import Snapshot, open_snapshot, write_snapshot
from graphdb.stores import GraphStore, UpsertCounts, open_store

if TYPE_CHECKING:
    from graphdb.sources import open_source

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
    "extend_schema",
    "open_snapshot",
    "open_source",
    "open_store",
    "write_snapshot",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Imports what loads a database."""
        if name != "open_source":
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        from graphdb.sources import open_source

        return open_source


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
