"""How far a float32 score can be from the true one.

For a float32 dot product of length n, in any order of summation and with or without fused
multiply-add, |computed - true| <= g |u||v| with g = n e / (1 - n e), e = 2^-24, plus at most
n 2^-126 where products underflow (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).
"""

import numpy as np
import numpy.typing as npt

EPSILON = 2.0**-24
UNDERFLOW = 2.0**-126
LARGEST_SAFE = 2.0**100
"""Beyond it float32 might overflow."""

_SPARE = 1.1  # for the rounding of the float64 scores, and for g being a little more than n e


def rounding_bound(
    dim: int,
    seed_norms: npt.NDArray[np.float64],
    reach: float | npt.NDArray[np.float64],
    max_scale: float = 1.0,
) -> npt.NDArray[np.float64]:
    """How far each seed's float32 scores can be from the true ones, at most.

    Args:
        dim: Length of the vectors.
        reach: Length of the longest target, scaled as its score is; or of each target, where
            `seed_norms` is a column.
        max_scale: By what scores are multiplied after the products, at most; 1 or more.
    """
    relative: npt.NDArray[np.float64] = _SPARE * (dim + 4) * EPSILON * seed_norms * reach
    return relative + _SPARE * dim * UNDERFLOW * max_scale


def rounded_up(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """As float32, never smaller, with room for float64's own rounding."""
    return np.nextafter((values * (1 + 2.0**-40)).astype(np.float32), np.float32(np.inf))


def rounded_down(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """As float32, never larger."""
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))
