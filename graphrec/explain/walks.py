"""Walks from one end, made longer step by step, and no longer than pays."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.explain.steps import Floats, Mask, Rows, Steps

MOST_TIES = 200_000
"""Ties that one lengthening of walks looks through at most; the strongest walks come first."""

Allowed = Callable[[str], "Mask | None"]
"""Per node type which rows may be on a path, bool [num_nodes]; None for all of them."""

End = tuple[str, int]
"""Type and row of the node that walks begin at."""


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """Walks of one sequence of node types.

    Args:
        types: The node types, from the first node on.
        rows: int64 [num_walks, num_steps + 1], one walk per line; no node twice on one.
        steps: int64 [num_walks, num_steps], numbers of steps.
        strengths: float64 [num_walks], the product of the ties' strengths.
        whole: Whether these are all; if not, weak ones were left out.
    """

    types: tuple[str, ...]
    rows: Rows
    steps: Rows
    strengths: Floats
    whole: bool

    @property
    def ends(self) -> Rows:
        """The row of each walk's last node."""
        return self.rows[:, -1]


class WalksFrom:
    """Walks from one node, for any sequence of types; each is worked out once.

    Args:
        avoided: A node that walks must not touch: the other end of the paths.
    """

    def __init__(self, steps: Steps, start: End, avoided: End, allowed: Allowed) -> None:
        self._steps = steps
        self._barred = (start, avoided)
        self._allowed = allowed
        self._known: dict[tuple[str, ...], Walks] = {}
        start_type, row = start
        mask = allowed(start_type)
        begin = np.array([[row]] if mask is None or mask[row] else np.empty((0, 1)), np.int64)
        self._known[start_type,] = Walks(
            (start_type,), begin, np.empty((len(begin), 0), np.int64), np.ones(len(begin)), True
        )

    def along(self, types: tuple[str, ...]) -> Walks:
        """All walks of a sequence of types, or the strongest if there are too many."""
        if types not in self._known:
            self._known[types] = self._lengthened(self.along(types[:-1]), types[-1])
        return self._known[types]

    def cost(self, types: tuple[str, ...]) -> int:
        """How many ties the last step looks through, if it is not known yet."""
        if types in self._known:
            return 0
        shorter = self.along(types[:-1])
        return int(self._steps.degrees(types[-2], types[-1], shorter.ends).sum())

    def _lengthened(self, walks: Walks, end_type: str) -> Walks:
        degrees = self._steps.degrees(walks.types[-1], end_type, walks.ends)
        # From a node of many ties each is weak, whatever it leads to.
        kept = within(MOST_TIES, degrees, walks.strengths / np.sqrt(np.maximum(degrees, 1)))
        rows, steps, strengths = walks.rows[kept], walks.steps[kept], walks.strengths[kept]
        ties = self._steps.neighbours(walks.types[-1], end_type, rows[:, -1])
        ties = ties.where(self._free(end_type, walks.types, rows[ties.origin], ties.rows))
        return Walks(
            (*walks.types, end_type),
            np.column_stack([rows[ties.origin], ties.rows]),
            np.column_stack([steps[ties.origin], ties.steps]),
            strengths[ties.origin] * ties.strengths,
            walks.whole and len(kept) == len(degrees),
        )

    def _free(self, end_type: str, types: tuple[str, ...], before: Rows, ends: Rows) -> Mask:
        """Which ends may be walked to: allowed, neither end of the paths, not on the walk yet."""
        allowed = self._allowed(end_type)
        free = np.ones(len(ends), dtype=np.bool_) if allowed is None else allowed[ends]
        for barred_type, barred_row in self._barred:
            if barred_type == end_type:
                free &= ends != barred_row
        for position, node_type in enumerate(types):
            if node_type == end_type:
                free &= before[:, position] != ends
        return free


def within(budget: int, costs: Rows, worth: Floats) -> npt.NDArray[np.intp]:
    """The positions to keep, ascending: most worth first, equal ones in order, while they fit.

    What alone is over the budget does not count.

    >>> within(10, np.array([5, 11, 5, 5]), np.array([0.1, 0.4, 0.2, 0.3])).tolist()
    [2, 3]
    """
    if costs.sum() <= budget:
        return np.arange(len(costs))
    order = np.argsort(-worth, kind="stable")
    order = order[costs[order] <= budget]
    kept: npt.NDArray[np.intp] = np.sort(order[np.cumsum(costs[order]) <= budget])
    return kept
