"""Creators by what they carry and by who their audience is, in one vector each."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from graphrec.query.audience.directions import some_known, spread
from graphrec.query.audience.fans import Fans
from graphrec.query.space import Space

OWN_COUNTS_AS = 10
"""Of how many fans the weight of a creator's own vector is. Chosen on a synthetic world; see
docs/benchmarks.md."""

_MOST_FANS = 4_096  # a mean of so many is as good as that of all


def blended(own: Space, users: Space, fans_of: Callable[[int], Fans]) -> Space:
    """A vector for each creator, between the creator's own and that of the audience.

    With n fans known, the audience has the weight w = n / (n + OWN_COUNTS_AS) in

        w A / |A|_typical + (1 - w) O / |O|_typical.

    A is the weighted mean of the fans' directions less that of all users: each fan has one vote,
    however much he buys, and what everyone likes tells nothing. O is the direction of the
    creator's own vector less the mean of these. A typical length is the median over creators.
    Numbers that are the same in all vectors, as where popularity stands beside a model, tell
    nothing of anyone and are left out.

    Returns:
        float32 vectors, in the creators' order; zero where nothing is known.
    """
    own, users = _telling(own), _telling(users)
    crowd = _mean_direction(users)
    fans = np.zeros((len(own), own.dim))
    number = np.zeros(len(own))
    for row in range(len(own)):
        fans[row], number[row] = _audience(users, fans_of(row), crowd)
    directions = _directions(own.vectors)
    known = ~own.zero
    if known.any():
        directions[known] -= directions[known].mean(axis=0)
    weight = (number / (number + OWN_COUNTS_AS))[:, None]
    mixed = weight * _typical_is_1(fans) + (1 - weight) * _typical_is_1(directions)
    return Space.of(np.ascontiguousarray(mixed, dtype=np.float32))


def _telling(space: Space) -> Space:
    """The vectors, with zeros for the numbers in which no two known ones differ."""
    some = some_known(space)
    if not len(some):
        return space
    same = (some.max(axis=0) == some.min(axis=0)) & (some[0] != 0)
    return Space.of(np.where(same, np.float32(0), space.vectors)) if same.any() else space


def _audience(
    users: Space, fans: Fans, crowd: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], int]:
    """The mean direction of a creator's fans less that of all users, and how many are known."""
    telling = np.flatnonzero(~users.zero[fans.users] & (fans.weights > 0))
    if not len(telling):
        return np.zeros(users.dim), 0
    some = spread(telling, _MOST_FANS)
    weights = fans.weights[some] / fans.weights[some].sum()
    return weights @ _directions(users.vectors[fans.users[some]]) - crowd, len(telling)


def _mean_direction(space: Space) -> npt.NDArray[np.float64]:
    some = some_known(space)
    if not len(some):
        return np.zeros(space.dim)
    mean: npt.NDArray[np.float64] = _directions(some).mean(axis=0)
    return mean


def _directions(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    found = vectors.astype(np.float64)
    lengths = np.sqrt((found * found).sum(axis=1))
    found /= np.where(lengths > 0, lengths, 1.0)[:, None]
    return found


def _typical_is_1(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scaled so that the median length, of those that are not zero, is 1."""
    lengths = np.sqrt((vectors * vectors).sum(axis=1))
    if not lengths.any():
        return vectors
    return vectors / float(np.median(lengths[lengths > 0]))
