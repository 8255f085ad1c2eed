"""What every index can do."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from graphrec.query.index.proposal import Proposal
from graphrec.query.rows import Rows
from graphrec.query.space import Space


class Index(Protocol):
    """Finds targets of one type for one similarity; `topk` scores exactly what it proposes."""

    def can_serve(self, seeds: Space) -> bool:
        """Whether it may be asked for these seeds: no number may overflow on the way.

        All of the space counts, not those of one batch: what is found must not depend on that.
        """
        ...

    def propose(
        self,
        seeds: Space,
        seed_rows: Rows,
        *,
        k: int,
        mask: npt.NDArray[np.bool_] | None,
        excluded: Sequence[npt.NDArray[np.integer]],
    ) -> Proposal:
        """(Position in `seed_rows`, target row) pairs, the best k of each seed among them.

        The pairs of a seed do not depend on the batch it comes in, or hold its true best k anyway.

        Args:
            mask: bool [num_targets], the targets that may come out; all by default.
            excluded: Per seed the target rows that it must not get; empty for none at all.
        """
        ...
