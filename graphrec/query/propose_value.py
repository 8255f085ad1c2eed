"""Proposes targets whose scores are moved towards their value; see `graphrec/query/value.py`.

Scores are stretched target by target, and so are their rounding errors: with the factor f of a
target, a float32 score that is off by b is off by at most 2 b max(f, 1/f) afterwards, also where
rounding turned its sign. What could be above the k-th best lower end is proposed.
"""

import numpy as np
import numpy.typing as npt

from graphrec.query.propose import FORBIDDEN, LOWEST, Proposer, Similarity
from graphrec.query.rounding import LARGEST_SAFE, rounding_bound
from graphrec.query.space import Space
from graphrec.query.value import Values, stretched


class ValueProposer(Proposer):
    """Finds, for blocks of seeds, every target that can be among the k best by value.

    Args:
        factors: float64 [num_targets], what `value_factors` gives.
        mask: As for `Proposer`.
        gather: As for `Proposer`.
    """

    def __init__(
        self,
        targets: Space,
        k: int,
        factors: Values,
        mask: npt.NDArray[np.bool_] | None,
        *,
        gather: bool,
    ) -> None:
        super().__init__(targets, k, Similarity.DOT, mask, gather=gather)
        self._factors = factors if self._columns is None else factors[self._columns]
        norms = targets.norms if self._columns is None else targets.norms[self._columns]
        worst = np.maximum(self._factors, 1 / self._factors)
        self._reaches = norms * worst
        self._max_factor = float(worst.max(initial=1.0))

    def _may_be_best(
        self,
        scores: npt.NDArray[np.float32],
        tolerance: npt.NDArray[np.float64],
        seed_norms: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.bool_]:
        largest = self._reaches.max(initial=0.0) * seed_norms.max(initial=0.0)
        is_safe = np.isfinite(tolerance).all() and max(largest, self._max_factor) < LARGEST_SAFE
        if self._k >= self.width or not is_safe:
            allowed: npt.NDArray[np.bool_] = scores > FORBIDDEN
            return allowed
        likely = stretched(scores.astype(np.float64), self._factors)
        slack = 2 * rounding_bound(
            self._targets.dim, seed_norms[:, None], self._reaches, self._max_factor
        )
        kth = np.partition(likely - slack, self.width - self._k, axis=1)
        threshold = np.maximum(kth[:, self.width - self._k], LOWEST)
        best: npt.NDArray[np.bool_] = likely + slack >= threshold[:, None]
        return best
