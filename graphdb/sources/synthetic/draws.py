"""Small seeded draws that several parts of a world share."""

import zlib

import numpy as np
import numpy.typing as npt

from graphdb.sources.synthetic.arrays import Positions, Rows, Weights


def generator(seed: int, part: str) -> np.random.Generator:
    """A generator of its own for each part, so that a change in one leaves the others as they are.

    >>> generator(1, "users").random() == generator(1, "users").random()
    True
    >>> generator(1, "users").random() == generator(1, "brands").random()
    False
    """
    return np.random.default_rng((seed, zlib.crc32(part.encode())))


def zipf_weights(rng: np.random.Generator, num: int, exponent: float) -> Weights:
    """Weights rank^-exponent, ranks in random order."""
    ranks = rng.permutation(num) + 1.0
    return np.asarray(ranks**-exponent)


def pick(rng: np.random.Generator, num: int, shares: npt.ArrayLike) -> Rows:
    """Numbers from 0 on, drawn with these shares (any positive scale)."""
    sums = np.cumsum(np.asarray(shares, dtype=np.float64))
    drawn = np.searchsorted(sums, rng.random(num) * sums[-1], side="right")
    picked: Rows = np.minimum(drawn, len(sums) - 1).astype(np.int32)
    return picked


def choose(rng: np.random.Generator, weights: Weights, num: int) -> Positions:
    """Distinct positions, drawn with these weights (0: never), ascending.

    Exponential clocks: the first `num` to ring are a weighted draw without replacement.
    """
    num = min(num, int(np.count_nonzero(weights)))
    if num == 0:
        return np.empty(0, dtype=np.int64)
    with np.errstate(divide="ignore"):
        rings = rng.standard_exponential(len(weights)) / weights
    return np.sort(np.argpartition(rings, num - 1)[:num])
