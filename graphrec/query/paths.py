"""Walks along the bundle's edges, forwards and backwards."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphdb.fork_lock import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, Bundle
from graphrec.query.tree import CATEGORY, CHILD_OF, CategoryTree

BACK = "~"

Steps = tuple[str, ...]
"""Relations to follow one after the other; '~MADE_BY' follows MADE_BY against its direction."""


class Paths:
    """The edges of one bundle, with the reverse of each made when first walked."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._edge_types: dict[tuple[str, str], EdgeType] = {}
        self._reverse: dict[EdgeType, Adjacency] = {}
        self._lock = ForkLock()

    @property
    def bundle(self) -> Bundle:
        """The bundle whose edges these are."""
        return self._bundle

    @cached_property
    def tree(self) -> CategoryTree:
        """The category tree; a flat one where the bundle holds no edges between categories."""
        if self.can_walk(CATEGORY, (CHILD_OF,)):
            return CategoryTree(self.adjacency(CATEGORY, CHILD_OF))
        return CategoryTree.flat(self._bundle.num_nodes(CATEGORY))

    def edge_type(self, start_type: str, step: str) -> EdgeType:
        """The edge type that a step from `start_type` runs along."""
        if (start_type, step) not in self._edge_types:
            schema, relation = self._bundle.schema, step.removeprefix(BACK)
            self._edge_types[start_type, step] = (
                schema.edge_type(relation, target=start_type)
                if step.startswith(BACK)
                else schema.edge_type(relation, source=start_type)
            )
        return self._edge_types[start_type, step]

    def end_type(self, start_type: str, step: str) -> str:
        """The node type where a step from `start_type` ends."""
        edge_type = self.edge_type(start_type, step)
        return edge_type.source if step.startswith(BACK) else edge_type.target

    def can_walk(self, start_type: str, steps: Steps) -> bool:
        """Whether the bundle holds every edge type on the way."""
        for step in steps:
            if step.removeprefix(BACK) not in self._bundle.schema.relations:
                return False
            if not self._bundle.has_edges(self.edge_type(start_type, step)):
                return False
            start_type = self.end_type(start_type, step)
        return True

    def adjacency(self, start_type: str, step: str) -> Adjacency:
        """The neighbours one step away.

        Raises:
            QueryError: The bundle does not hold these edges.
        """
        return self.along(self.edge_type(start_type, step), backwards=step.startswith(BACK))

    def along(self, edge_type: EdgeType, *, backwards: bool) -> Adjacency:
        """The neighbours by one edge type: who stands at its target end, or at its source end.

        Raises:
            QueryError: The bundle does not hold these edges.
        """
        forwards = self._bundle.edges(edge_type)
        if not backwards:
            return forwards
        with self._lock:
            if edge_type not in self._reverse:
                self._reverse[edge_type] = forwards.reverse()
            return self._reverse[edge_type]

    def reach(self, start_type: str, steps: Steps, rows: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The distinct rows at the end of the way, ascending."""
        current = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        for step in steps:
            adjacency = self.adjacency(start_type, step)
            current = np.unique(adjacency.gather(current)).astype(np.int64)
            start_type = self.end_type(start_type, step)
        return current
