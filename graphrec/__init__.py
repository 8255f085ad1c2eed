"""Opens a trained bundle and answers recommendation questions from its graph.

>>> from graphrec import Filters, Recommender
>>> Filters(price_max=5).used()
('price_max',)
"""

from graphdb.errors import (
    BundleCorruptError,
    BundleError,
    BundleMissingError,
    BundleVersionError,
    DataError,
    DiskFullError,
    FileAccessError,
    GraphRecError,
    InvalidFilterError,
    PolicyError,
    QueryError,
    RegistryError,
    SchemaError,
    StoreError,
    TrainingError,
    UnknownIdError,
    UnknownReleaseError,
)
from graphrec.bundle import Adjacency, Bundle, ColdStartRule, open_bundle, write_bundle
from graphrec.compare import Comparison, compare_releases
from graphrec.explain import Explanation
from graphrec.query import (
    Batch,
    Block,
    Exclusion,
    Filters,
    Licence,
    Outcome,
    OwnBlock,
    Pick,
    Policy,
    Portfolio,
    ReachPoint,
    Recommendation,
    Recommendations,
    Recommender,
    Seen,
    Skipped,
    Trace,
    read_policy,
)
from graphrec.registry.registry import Registry

__version__ = "0.1.0"
"""The version of graphrec."""

__all__ = [
    "Adjacency",
    "Batch",
    "Block",
    "Bundle",
    "BundleCorruptError",
    "BundleError",
    "BundleMissingError",
    "BundleVersionError",
    "ColdStartRule",
    "Comparison",
    "DataError",
    "DiskFullError",
    "Exclusion",
    "Explanation",
    "FileAccessError",
    "Filters",
    "GraphRecError",
    "InvalidFilterError",
    "Licence",
    "Outcome",
    "OwnBlock",
    "Pick",
    "Policy",
    "PolicyError",
    "Portfolio",
    "QueryError",
    "ReachPoint",
    "Recommendation",
    "Recommendations",
    "Recommender",
    "Registry",
    "RegistryError",
    "SchemaError",
    "Seen",
    "Skipped",
    "StoreError",
    "Trace",
    "TrainingError",
    "UnknownIdError",
    "UnknownReleaseError",
    "__version__",
    "compare_releases",
    "open_bundle",
    "read_policy",
    "write_bundle",
]
