"""Which targets a seed has had already: declared as ways through the graph."""

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphrec.query.paths import Paths, Steps

SEEN: dict[tuple[str, str], Steps] = {
    ("User", "Product"): ("PURCHASED",),
    ("User", "Brand"): ("PURCHASED", "MADE_BY"),
    ("User", "Category"): ("PURCHASED", "IN_CATEGORY"),
    ("Product", "User"): ("~PURCHASED",),
    ("Brand", "User"): ("~MADE_BY", "~PURCHASED"),
    ("Creator", "Product"): ("PROMOTES",),
    ("Creator", "Brand"): ("PROMOTES", "MADE_BY"),
    ("Creator", "Category"): ("PROMOTES", "IN_CATEGORY"),
    ("Product", "Creator"): ("~PROMOTES",),
    ("Brand", "Creator"): ("~MADE_BY", "~PROMOTES"),
}
"""Per (seed type, target type) the way to what was had. Following a brand is not having it; what a
creator promotes the creator has."""


def check_seen_known(paths: Paths, seed_type: str, target_type: str) -> None:
    """Checks that what a seed has had can be told.

    Raises:
        QueryError: There is a declared way, but the bundle lacks its edges.
    """
    steps = SEEN.get((seed_type, target_type))
    if steps is not None and not paths.can_walk(seed_type, steps):
        raise QueryError(
            f"the bundle lacks edges of {' and '.join(step.lstrip('~') for step in steps)}, so "
            f"which {target_type} nodes a {seed_type} has had is unknown",
            next_step="train with these edges, or ask with exclude_seen=False",
            value=steps,
        )


def seen_rows(
    paths: Paths, seed_type: str, target_type: str, seed_row: int
) -> npt.NDArray[np.int64]:
    """The target rows that one seed has had, ascending; none where nothing counts as had."""
    steps = SEEN.get((seed_type, target_type))
    if steps is None:
        return np.empty(0, dtype=np.int64)
    return paths.reach(seed_type, steps, seed_row)
