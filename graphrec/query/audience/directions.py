"""What users have in common, and in which directions they differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.rows import Rows
from graphrec.query.space import Space

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

RIDGE = 3.0
"""What is added to every variance, times their mean. Chosen on Complete Journey's validation weeks;
see docs/benchmarks.md."""

SHRINKAGE = 2
"""To how many products that a user met as many like everyone's are added. Chosen on synthetic
worlds; see docs/benchmarks.md."""

_MOST_ROWS = 20_000  # so many users are enough for a mean and a covariance
_MOST_TARGETS = 20_000  # the longest ones, which make most of the scores
_ROUNDING = 1e-9  # of a vector's length


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The mean of all known users, and how they differ in their scores.

    Only scores say what the numbers of a vector mean: half of a user's vector may be a hundred
    times longer than the other half and count the same, where the targets' is as much shorter. So
    two users differ by how their scores for all targets do, |X (u - v)|, X the targets' vectors.
    In that measure, group means are told apart as in linear discriminant analysis with a ridge:
    what varies much among all users tells less of a group.

    Args:
        mean: float64 [dim].
        covariance: float64 [dim, dim], of the known users.
        telling: float64 [dim, dim], symmetric. From a way between two means to the vector whose
            dot products tell the two apart.
    """

    mean: Vector
    covariance: Matrix
    telling: Matrix

    @classmethod
    def of(cls, users: Space, targets: Space | None = None) -> "Directions":
        """Measures users.

        Args:
            targets: What they are asked for. Without, the vectors' own numbers count.
        """
        vectors = some_known(users).astype(np.float64)
        if not len(vectors):
            nothing = np.zeros((users.dim, users.dim))
            return cls(np.zeros(users.dim), nothing, nothing)
        mean = vectors.mean(axis=0)
        vectors -= mean
        covariance = vectors.T @ vectors / len(vectors)
        measure = _root(_moments(targets)) if targets is not None else np.eye(users.dim)
        variances, axes = np.linalg.eigh(measure.T @ covariance @ measure)
        variances = np.maximum(variances, 0)
        ridge = RIDGE * variances.mean()
        if not ridge:
            return cls(mean, covariance, np.zeros_like(covariance))
        steps = measure @ axes
        return cls(mean, covariance, (steps / (variances + ridge)) @ steps.T)

    def towards(self, end: Vector) -> Vector:
        """What tells users around `end` from all, at a deviation of 1 among all users; or zero."""
        way = end - self.mean
        # Rounding must not pass for a direction where both ends are one point.
        if way @ way <= _ROUNDING**2 * max(end @ end, self.mean @ self.mean):
            return np.zeros_like(way)
        return self.levelled(self.telling @ way)

    def levelled(self, vector: Vector) -> Vector:
        """A vector by whose dot products all users deviate by 1; zero where they do not."""
        deviation = self.deviation(vector)
        return vector / deviation if deviation else np.zeros_like(vector)

    def alike(self, users: Space) -> Space:
        """The users as vectors whose dot products say how alike two are, in the same measure.

        float32 [num_users, dim], in blocks; zero for users of whom nothing is known.
        """
        root = _root(self.telling)
        placed = np.zeros_like(users.vectors)
        for start in range(0, len(placed), _MOST_ROWS):
            rows = slice(start, start + _MOST_ROWS)
            placed[rows] = (users.vectors[rows] - self.mean) @ root
        placed[users.zero] = 0
        return Space.of(placed)

    def shrunk(self, users: Space, evidence: Vector) -> Space:
        """The users, each moved towards the mean by how little is known.

        With the evidence n, v becomes mean + c n / (n + SHRINKAGE) (v - mean). The vector of a user
        who met a single product points nowhere else, and would be the most alike of all. c is such
        that all users together differ as much as before.

        Args:
            evidence: float64 [num_users], in products. Less than 1 counts as 1: a vector that is
                not zero rests on something.

        Returns:
            float32 [num_users, dim], in blocks; zero for users of whom nothing is known.
        """
        known = spread(np.flatnonzero(~users.zero), _MOST_ROWS)
        evidence = np.maximum(evidence, 1)
        shares = evidence / (evidence + SHRINKAGE)
        squares = ((users.vectors[known] - self.mean) ** 2).sum(axis=1)
        left = float((shares[known] ** 2 * squares).sum())
        factors = shares * np.sqrt(squares.sum() / left) if left else shares
        placed = np.zeros_like(users.vectors)
        for start in range(0, len(placed), _MOST_ROWS):
            rows = slice(start, start + _MOST_ROWS)
            placed[rows] = self.mean + factors[rows, None] * (users.vectors[rows] - self.mean)
        placed[users.zero] = 0
        return Space.of(placed)

    def deviation(self, vector: Vector) -> float:
        """The standard deviation of all users' dot products with a vector."""
        variance = float(vector @ self.covariance @ vector)
        most = float(vector @ vector) * float(np.trace(self.covariance))
        return float(np.sqrt(variance)) if variance > _ROUNDING**2 * most else 0.0


def _moments(targets: Space) -> Matrix:
    """The mean of x x^T over the longest targets, float64 [dim, dim]."""
    longest = np.sort(np.argsort(-targets.norms, kind="stable")[:_MOST_TARGETS])
    vectors = targets.vectors[longest].astype(np.float64)
    found: Matrix = vectors.T @ vectors / max(len(vectors), 1)
    return found


def _root(moments: Matrix) -> Matrix:
    """M with M M^T the matrix given, float64 [dim, dim]."""
    values, axes = np.linalg.eigh(moments)
    found: Matrix = axes * np.sqrt(np.maximum(values, 0))
    return found


def some_known(space: Space) -> npt.NDArray[np.float32]:
    """Vectors of which something is known, evenly spaced and enough to tell what all are like."""
    return space.vectors[spread(np.flatnonzero(~space.zero), _MOST_ROWS)]


def spread(rows: Rows, most: int) -> Rows:
    """All rows, or as many as `most` of them, evenly spaced.

    >>> spread(np.arange(10), 5).tolist()
    [0, 2, 4, 6, 8]
    """
    if len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // most]
