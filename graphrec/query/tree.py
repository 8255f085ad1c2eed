"""The category tree: what is above and below a category, and where the tree ends."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphrec.bundle import Adjacency
from graphrec.query.rows import Rows

CATEGORY, CHILD_OF = "Category", "CHILD_OF"
LEVELS = ("leaf", "all")
"""Which categories a question is about: those where the tree ends, or all of them."""


class CategoryTree:
    """Never changes; safe to use from several threads.

    A ring in the tree does no harm: all of it is above and below each of its categories.

    Args:
        parents: From every category to those that it is directly a part of.

    >>> parents = Adjacency.from_edges(np.array([0, 1]), np.array([1, 2]), 4, 4)
    >>> tree = CategoryTree(parents)
    >>> tree.above(np.array([0])).tolist(), tree.below(np.array([1])).tolist()
    ([0, 1, 2], [0, 1])
    >>> np.flatnonzero(tree.leaves).tolist()
    [0, 3]
    """

    def __init__(self, parents: Adjacency) -> None:
        self._parents = parents

    @classmethod
    def flat(cls, num_categories: int) -> "CategoryTree":
        """One in which no category is a part of another."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(Adjacency.from_edges(nothing, nothing, num_categories, num_categories))

    def above(self, rows: Rows) -> Rows:
        """The categories and all that they are a part of, int64, ascending and distinct."""
        return np.unique(self.ancestors.gather(rows)).astype(np.int64)

    def below(self, rows: Rows) -> Rows:
        """The categories and all that is a part of them, int64, ascending and distinct."""
        return np.unique(self._descendants.gather(rows)).astype(np.int64)

    @cached_property
    def ancestors(self) -> Adjacency:
        """From every category to itself and all that it is a part of."""
        return _repeated(self._parents)

    @cached_property
    def _descendants(self) -> Adjacency:
        return self.ancestors.reverse()

    @cached_property
    def leaves(self) -> npt.NDArray[np.bool_]:
        """The categories that have none below them, bool [num_categories], read-only.

        In a ring at the end of the tree that is each one; a category that is named as its own
        parent has nothing below it for that.
        """
        without_children = np.ones(self._parents.num_targets, dtype=np.bool_)
        without_children[self._parents.indices] = False
        ends = np.flatnonzero(without_children)
        leaves = np.ones(len(without_children), dtype=np.bool_)
        leaves[self.above(ends)] = False
        leaves[ends] = True
        leaves.flags.writeable = False
        return leaves


def _repeated(steps: Adjacency) -> Adjacency:
    """From every row to itself and all that taking the steps again and again reaches."""
    size, degrees = steps.num_sources, steps.degrees()
    found = frontier = np.arange(size, dtype=np.int64) * (size + 1)  # origin * size + row
    while len(frontier):
        origins, rows = np.divmod(frontier, size)
        keys = np.repeat(origins, degrees[rows]) * size + steps.indices[steps.positions(rows)]
        frontier = np.setdiff1d(np.unique(keys), found, assume_unique=True)
        found = np.union1d(found, frontier)
    return Adjacency.from_edges(*np.divmod(found, max(size, 1)), size, size)
