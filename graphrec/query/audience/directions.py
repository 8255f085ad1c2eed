"""What users have in common, and in which directions they differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.rows import Rows
from graphrec.query.space import Space

Vector = npt.NDArray[np.float64]

_MOST_ROWS = 20_000  # so many users are enough for a mean and a covariance
_ROUNDING = 1e-9  # of a vector's length
_LEVEL = 1 - 1e-9  # directions of equal variance are kept all together, whatever the rounding


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The mean of all known users and the directions in which they differ most.

    Kept are the principal directions of more than average variance (Kaiser's criterion). What
    two users share in the others is mostly noise; see docs/benchmarks.md.

    Args:
        mean: float64 [dim].
        axes: float64 [dim, num_kept], orthonormal.
        variances: float64 [num_kept], of the users along each.
    """

    mean: Vector
    axes: npt.NDArray[np.float64]
    variances: Vector

    @classmethod
    def of(cls, users: Space) -> "Directions":
        known = spread(np.flatnonzero(~users.zero), _MOST_ROWS)
        if not len(known):
            return cls(np.zeros(users.dim), np.zeros((users.dim, 0)), np.zeros(0))
        vectors = users.vectors[known].astype(np.float64)
        mean = vectors.mean(axis=0)
        vectors -= mean
        variances, axes = np.linalg.eigh(vectors.T @ vectors / len(known))
        kept = variances >= max(float(variances.mean()) * _LEVEL, np.finfo(np.float64).tiny)
        return cls(mean, axes[:, kept], variances[kept])

    def along(self, vector: Vector) -> Vector:
        """The part of a vector that lies in the kept directions."""
        part: Vector = self.axes @ (self.axes.T @ vector)
        return part

    def towards(self, start: Vector, end: Vector) -> Vector:
        """The way from one point to another in the kept directions, at length 1; or zero."""
        way = self.along(end - start)
        length = float(np.sqrt(way @ way))
        # Rounding must not pass for a direction where both ends are one point.
        if length <= _ROUNDING * np.sqrt(max(start @ start, end @ end)):
            return np.zeros_like(way)
        return way / length

    def deviation(self, vector: Vector) -> float:
        """The standard deviation of all users' dot products with a vector."""
        return float(np.sqrt(self.variances @ (self.axes.T @ vector) ** 2))


def spread(rows: Rows, most: int) -> Rows:
    """All rows, or as many as `most` of them, evenly spaced.

    >>> spread(np.arange(10), 5).tolist()
    [0, 2, 4, 6, 8]
    """
    if len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // most]
