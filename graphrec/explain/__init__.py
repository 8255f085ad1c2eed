"""Explains why a target fits a query node by the strongest typed paths between the two.

It searches paths in a bundle; a snapshot or a store adds details of every edge. Neither
networkx nor matplotlib is imported before a graph or a picture is requested.
"""

from graphrec.explain.explainer import Explainer, explain
from graphrec.explain.explanation import Explanation
from graphrec.explain.parts import (
    EdgeSource,
    Evidence,
    ExplainedPath,
    PathEdge,
    PathGroup,
    PathNode,
)
from graphrec.explain.steps import Allowed

__all__ = [
    "Allowed",
    "EdgeSource",
    "Evidence",
    "ExplainedPath",
    "Explainer",
    "Explanation",
    "PathEdge",
    "PathGroup",
    "PathNode",
    "explain",
]
