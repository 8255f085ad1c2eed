"""What changed between two releases. docs/releases.md says how to read it."""

from graphrec.compare.comparison import Comparison, compare_releases

__all__ = ["Comparison", "compare_releases"]
