"""Turns vectors so that a dot product is mostly decided by its first few numbers.

With second moments U of the seeds and V of the targets, there is a matrix A with
A' U A = A^-1 V A^-T = D diagonal and falling (the balancing of linear systems: Moore, Principal
component analysis in linear systems, IEEE TAC 1981). Seeds become A'u, targets A^-1 v: every dot
product stays what it was, and the mean square of what the last numbers add to it is as small as
any such turn can make it. A principal component analysis of the targets alone does not know which
directions the seeds ask about.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.rounding import UNDERFLOW

Matrix = npt.NDArray[np.float64]

_RIDGE = 1e-3  # of the mean variance: keeps A well conditioned, so that little rounding is added


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """Two matrices, nearly each other's inverse transposed.

    Args:
        for_seeds: float64 [dim, dim]; a seed u becomes `for_seeds @ u`.
        for_targets: float64 [dim, dim]; a target v becomes `for_targets @ v`.
        error: (`for_seeds @ u`) . (`for_targets @ v`) differs from u . v by at most this times
            |u| |v|.
    """

    for_seeds: Matrix
    for_targets: Matrix
    error: float

    @classmethod
    def of(cls, for_seeds: Matrix, for_targets: Matrix) -> "Rotation":
        """Measures how far two matrices are from keeping dot products."""
        dim = len(for_seeds)
        gap = np.linalg.norm(for_seeds.T @ for_targets - np.eye(dim))
        # float64 rounding: of the product just computed, and of turning a seed and a target.
        sizes = np.linalg.norm(for_seeds) * np.linalg.norm(for_targets)
        return cls(for_seeds, for_targets, float(gap + 4 * (dim + 4) * 2.0**-53 * sizes))

    @property
    def dim(self) -> int:
        return len(self.for_seeds)


def balanced(seeds: npt.NDArray[np.float32], targets: npt.NDArray[np.float64]) -> Rotation:
    """The rotation for samples of seeds [num_seeds, dim] and targets [num_targets, dim]."""
    seed_moment, target_moment = (_second_moment(sample) for sample in (seeds, targets))
    lower = np.linalg.cholesky(target_moment)
    squares, turn = np.linalg.eigh(lower.T @ seed_moment @ lower)
    squares, turn = squares[::-1], turn[:, ::-1]  # largest first
    change = (lower @ turn) * squares**-0.25
    return Rotation.of(np.ascontiguousarray(change.T), np.linalg.inv(change))


def _second_moment(sample: npt.NDArray[np.floating]) -> Matrix:
    """Of the sample scaled to mean square 1, with a ridge."""
    vectors = sample.astype(np.float64)
    largest = np.abs(vectors).max(initial=0.0)
    if largest < UNDERFLOW:  # nothing is known: all directions count the same
        return np.eye(sample.shape[1])
    vectors /= largest
    moment = vectors.T @ vectors
    moment /= np.trace(moment) / len(moment)
    ridged: Matrix = moment + _RIDGE * np.eye(len(moment))
    return ridged
