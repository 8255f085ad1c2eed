"""What events say about an edge beyond that it is there: how often and when last."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.column_checks import FIRST_US, LAST_US
from graphdb.errors import BundleError

_MIN_COUNT = 1
_FIRST_S, _LAST_S = FIRST_US // 1_000_000, LAST_US // 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Aligned with the `indices` of the adjacency that carries it.

    Args:
        counts: int32 [num_edges], the number of events of each pair, 1 or more. An order of five
            pieces is one event.
        last_at_s: int64 [num_edges], when the newest of them happened: epoch seconds, UTC.
    """

    counts: npt.NDArray[np.int32]
    last_at_s: npt.NDArray[np.int64]

    def part(self, which: npt.NDArray[np.integer]) -> "Evidence":
        """The evidence of some edges, in the given order."""
        return Evidence(self.counts[which], self.last_at_s[which])

    def check(self, of: str, num_edges: int) -> None:
        """Checks that it is evidence of so many edges.

        Raises:
            BundleError: Names `of` and what is wrong.
        """
        parts = (self.counts, self.last_at_s)
        if [part.dtype for part in parts] != [np.int32, np.int64]:
            raise BundleError(
                f"the evidence of {of} has {self.counts.dtype} and {self.last_at_s.dtype} arrays",
                expected="int32 counts and int64 last_at_s; build it with Adjacency.from_events",
            )
        if any(part.shape != (num_edges,) for part in parts):
            raise BundleError(
                f"the evidence of {of} is of {len(self.counts)} and {len(self.last_at_s)} edges",
                expected=str(num_edges),
                value=len(self.counts),
            )
        if num_edges and not (self.last_at_s.min() >= _FIRST_S and self.last_at_s.max() <= _LAST_S):
            raise BundleError(
                f"an edge of {of} happened at {self.last_at_s.min()} to {self.last_at_s.max()}",
                expected=f"{_FIRST_S} to {_LAST_S}, seconds of the years 1 to 9999",
                value=int(self.last_at_s.max()),
            )
        if num_edges and self.counts.min() < _MIN_COUNT:
            raise BundleError(
                f"an edge of {of} happened {self.counts.min()} times",
                expected=f"{_MIN_COUNT} or more",
                value=int(self.counts.min()),
            )
