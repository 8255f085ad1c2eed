"""How much two lists have in common."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.compare.numbering import Numbers

PERSISTENCE = 0.9
"""How likely a reader goes on from one place to the next; with .9, the first ten places make
86 % of what counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Per pair of lists, neither of which has to be full.

    Args:
        changed: bool, whether anything stands in another place.
        members_changed: bool, whether anything came or went.
        overlap: float64, what both hold, as a share of the longer list.
        rbo: float64, rank-biased overlap: the same, where high places count more.
    """

    changed: npt.NDArray[np.bool_]
    members_changed: npt.NDArray[np.bool_]
    overlap: npt.NDArray[np.float64]
    rbo: npt.NDArray[np.float64]


def agreement(a: Numbers, b: Numbers, persistence: float = PERSISTENCE) -> Agreement:
    """Compares lists row by row.

    Rank-biased overlap as in Webber, Moffat and Zobel (TOIS 2010), extrapolated from the whole
    lists (equation 23). Lists of different lengths agree at depth d by 2 x / (their lengths up to
    d), which is 1 for two lists that end alike, in place of their equation 32.

    Args:
        a: int64 [num_lists, k], padded with -1. No pair of lists is empty on both sides.
        b: The same.
        persistence: From 0, where only the first place counts, to 1, where all count alike.

    >>> found = agreement(np.array([[1, 2, 3]]), np.array([[2, 1, -1]]), persistence=0.5)
    >>> found.overlap.round(3).tolist(), found.rbo.round(3).tolist()
    ([0.667], [0.45])
    """
    k = a.shape[1]
    lengths_a, lengths_b = np.count_nonzero(a >= 0, axis=1), np.count_nonzero(b >= 0, axis=1)
    same = (a[:, :, None] == b[:, None, :]) & (a[:, :, None] >= 0)
    weights = (1 - persistence) * persistence ** np.arange(k)
    weights[-1] += persistence**k  # as if the lists went on as they end
    # Summed as what is missing from 1, so that equal lists give exactly 1.
    missing = np.zeros(len(a))
    common = np.zeros(len(a), dtype=np.int64)
    for depth in range(1, k + 1):
        common = np.count_nonzero(same[:, :depth, :depth], axis=(1, 2))
        lengths = np.minimum(lengths_a, depth) + np.minimum(lengths_b, depth)
        missing += weights[depth - 1] * (1 - 2 * common / lengths)
    longer = np.maximum(lengths_a, lengths_b)
    return Agreement(
        changed=(a != b).any(axis=1),
        members_changed=common < longer,
        overlap=common / longer,
        rbo=1 - missing,
    )
