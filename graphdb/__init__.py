"""Defines the schema, stores graphs, and writes and reads snapshots.

Names that load a database are imported when they are first used: answering from a bundle does not
need them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from graphdb.checked_schema import Schema
from graphdb.graph import Graph
from graphdb.schema import SCHEMA, extend_schema
from graphdb.schema_types import EdgeType, Kind, NodeType, Property, Relation
from graphdb.snapshot import Snapshot, open_snapshot, write_snapshot
from graphdb.stores import GraphStore, UpsertCounts, open_store

if TYPE_CHECKING:
    from graphdb.ingestion import (
        Column,
        IngestReport,
        IngestWarning,
        SourceTable,
        TableReport,
        ingest,
    )
    from graphdb.io.proposal import Proposal, propose_mapping
    from graphdb.sources import open_source

_HOMES = {
    "Column": "graphdb.ingestion",
    "IngestReport": "graphdb.ingestion",
    "IngestWarning": "graphdb.ingestion",
    "Proposal": "graphdb.io.proposal",
    "SourceTable": "graphdb.ingestion",
    "TableReport": "graphdb.ingestion",
    "ingest": "graphdb.ingestion",
    "open_source": "graphdb.sources",
    "propose_mapping": "graphdb.io.proposal",
}

__all__ = [
    "SCHEMA",
    "Column",
    "EdgeType",
    "Graph",
    "GraphStore",
    "IngestReport",
    "IngestWarning",
    "Kind",
    "NodeType",
    "Property",
    "Proposal",
    "Relation",
    "Schema",
    "Snapshot",
    "SourceTable",
    "TableReport",
    "UpsertCounts",
    "extend_schema",
    "ingest",
    "open_snapshot",
    "open_source",
    "open_store",
    "propose_mapping",
    "write_snapshot",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Imports a name that loads a database."""
        if name not in _HOMES:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
