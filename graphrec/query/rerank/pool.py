"""The candidates that a list is made from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.conditions import Mask
from graphrec.query.rows import Rows
from graphrec.query.topk import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The best candidates of one seed, and the best newcomers among them or beside them.

    Args:
        rows: int64 [size], target rows, best first, each once; equal scores by ascending row.
        scores: float64 [size].
        general: Which are among the best of all, and not here as newcomers alone, bool [size].
        fresh: Which are newcomers, bool [size].
        general_cut: There may be more candidates than the pool holds.
        fresh_cut: There may be more newcomers than the pool holds.
    """

    rows: Rows
    scores: Scores
    general: npt.NDArray[np.bool_]
    fresh: npt.NDArray[np.bool_]
    general_cut: bool
    fresh_cut: bool

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(
        cls,
        best: tuple[Rows, Scores],
        newcomers: tuple[Rows, Scores] | None,
        is_new: Mask | None,
    ) -> "Pool":
        """From two rankings of one length, padded with -1: of all, and of the newcomers.

        Args:
            newcomers: None where newcomers have no share.
            is_new: bool [num_targets]; None where it is not asked.
        """
        found = best[0] >= 0
        rows, scores = best[0][found], best[1][found]
        general_cut, fresh_cut = len(rows) == len(best[0]), False
        general = np.ones(len(rows), dtype=np.bool_)
        if newcomers is not None:
            fresh_cut = bool(newcomers[0][-1] >= 0)
            beside = (newcomers[0] >= 0) & ~np.isin(newcomers[0], rows)
            rows = np.concatenate([rows, newcomers[0][beside]])
            scores = np.concatenate([scores, newcomers[1][beside]])
            general = np.arange(len(rows)) < len(general)
            order = np.lexsort((rows, -scores))
            rows, scores, general = rows[order], scores[order], general[order]
        fresh = np.zeros(len(rows), dtype=np.bool_) if is_new is None else is_new[rows]
        return cls(rows, scores, general, fresh, general_cut, fresh_cut)
