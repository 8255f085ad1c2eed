"""Compares two releases. docs/releases.md explains the result."""

from graphrec.compare.comparison import Comparison, compare_releases

__all__ = ["Comparison", "compare_releases"]
