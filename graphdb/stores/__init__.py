"""Graph stores: one protocol, and `open_store`, which opens any of them by URL."""

from graphdb.stores.opening import open_store
from graphdb.stores.protocol import REJECT_COLUMNS, GraphStore, UpsertCounts
from graphdb.stores.publishing import (
    RECOMMENDED_COLUMNS,
    Embedding,
    PublishedRelease,
    PublishingStore,
    PublishReport,
    Recommended,
)

__all__ = [
    "RECOMMENDED_COLUMNS",
    "REJECT_COLUMNS",
    "Embedding",
    "GraphStore",
    "PublishReport",
    "PublishedRelease",
    "PublishingStore",
    "Recommended",
    "UpsertCounts",
    "open_store",
]
