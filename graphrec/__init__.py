"""Recommendations from a graph: opens a trained bundle and answers questions from it.

>>> from graphrec import Filters, Recommender
>>> Filters(price_max=5).used()
('price_max',)
"""

from graphdb.errors import (
    BadFilterError,
    BundleCorruptError,
    BundleError,
    BundleMissingError,
    BundleVersionError,
    DataError,
    GraphRecError,
    QueryError,
    SchemaError,
    StoreError,
    TrainingError,
    UnknownIdError,
)
from graphrec.bundle import Adjacency, Bundle, NewcomerRule, open_bundle, write_bundle
from graphrec.explain import Explanation
from graphrec.query import Filters, Recommendation, Recommendations, Recommender

__all__ = [
    "Adjacency",
    "BadFilterError",
    "Bundle",
    "BundleCorruptError",
    "BundleError",
    "BundleMissingError",
    "BundleVersionError",
    "DataError",
    "Explanation",
    "Filters",
    "GraphRecError",
    "NewcomerRule",
    "QueryError",
    "Recommendation",
    "Recommendations",
    "Recommender",
    "SchemaError",
    "StoreError",
    "TrainingError",
    "UnknownIdError",
    "open_bundle",
    "write_bundle",
]
