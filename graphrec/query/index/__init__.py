"""Indexes: find the best targets without reading all of them."""

from graphrec.query.index.base import IndexConfig
from graphrec.query.index.build import Built, build_index

__all__ = ["Built", "IndexConfig", "build_index"]
