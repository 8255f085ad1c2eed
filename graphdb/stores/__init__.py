"""Graph stores: one protocol, and a function that opens any of them by URL."""

from graphdb.stores.opening import open_store
from graphdb.stores.protocol import REJECT_COLUMNS, GraphStore, UpsertCounts

__all__ = ["REJECT_COLUMNS", "GraphStore", "UpsertCounts", "open_store"]
