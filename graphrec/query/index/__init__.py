"""Indexes: find the best targets without reading all of them."""

from graphrec.query.index.build import Built, build_index
from graphrec.query.index.config import IndexConfig

__all__ = ["Built", "IndexConfig", "build_index"]
