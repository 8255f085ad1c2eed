"""Graph stores: one protocol, and a function that opens any of them by URL."""

from graphdb.stores.opening import open_store
from graphdb.stores.protocol import REJECT_COLUMNS, GraphStore, UpsertCounts
from graphdb.stores.publishing import (
    RECOMMENDED_COLUMNS,
    Embedding,
    PublishingStore,
    PublishReport,
    Recommended,
    Release,
)

__all__ = [
    "RECOMMENDED_COLUMNS",
    "REJECT_COLUMNS",
    "Embedding",
    "GraphStore",
    "PublishReport",
    "PublishingStore",
    "Recommended",
    "Release",
    "UpsertCounts",
    "open_store",
]
