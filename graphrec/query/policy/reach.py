"""What belongs to a node and is barred with it: declared as steps through the graph."""

from collections.abc import Mapping

import numpy as np

from graphrec.query.paths import BACK, Paths
from graphrec.query.rows import NO_ROWS, Rows

RowsByType = dict[str, Rows]

BELONGS: Mapping[str, tuple[str, ...]] = {
    "Agency": ("~MANAGED_BY",),
    "Brand": ("~MADE_BY", "~RUN_BY"),
    "Category": ("~CHILD_OF", "~IN_CATEGORY"),
    "Creator": ("PUBLISHED",),
    "Shop": ("~SOLD_BY",),
    "Tag": ("~TAGGED",),
}
"""Per type the steps to what belongs to it. A step whose edges the bundle lacks leads nowhere."""


def below(paths: Paths, start: Mapping[str, Rows]) -> RowsByType:
    """The nodes given and all that belongs to them, and so on; a circle does no harm.

    Returns:
        Per type int64 rows, ascending and distinct.
    """
    return _closure(paths, start, BELONGS)


def above(paths: Paths, node_type: str, row: int) -> RowsByType:
    """A node and all that it belongs to."""
    return _closure(paths, {node_type: np.array([row])}, _backwards(paths))


def _closure(
    paths: Paths, start: Mapping[str, Rows], steps: Mapping[str, tuple[str, ...]]
) -> RowsByType:
    found: RowsByType = {}
    frontier = [(node_type, np.unique(rows).astype(np.int64)) for node_type, rows in start.items()]
    while frontier:
        node_type, rows = frontier.pop()
        known = found.get(node_type, NO_ROWS)
        new = np.setdiff1d(rows, known, assume_unique=True)
        if not len(new):
            continue
        found[node_type] = np.union1d(known, new)
        for step in steps.get(node_type, ()):
            if paths.can_walk(node_type, (step,)):
                reached = paths.reach(node_type, (step,), new)
                frontier.append((paths.end_type(node_type, step), reached))
    return found


def _backwards(paths: Paths) -> dict[str, tuple[str, ...]]:
    turned: dict[str, tuple[str, ...]] = {}
    for node_type, steps in BELONGS.items():
        for step in steps:
            if paths.can_walk(node_type, (step,)):
                end = paths.end_type(node_type, step)
                back = step.removeprefix(BACK) if step.startswith(BACK) else BACK + step
                turned[end] = (*turned.get(end, ()), back)
    return turned
