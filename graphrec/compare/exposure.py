"""Who is shown in many lists together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import CREATED_AT
from graphrec.bundle import Bundle
from graphrec.compare.numbering import Nodes, Numbers
from graphrec.query.conditions import Columns

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the lists of one release show.

    Args:
        places: How many places there are in all lists together.
        coverage: The share of the release's targets that are in any list.
        gini: From 0, where all targets are shown equally often, to 1, where one is in all places.
        newcomers: The share of the places that newcomers have.
    """

    places: int
    coverage: float
    gini: float
    newcomers: float

    @classmethod
    def of(cls, lists: Numbers, held: Numbers, newcomers: npt.NDArray[np.bool_]) -> "Exposure":
        """Measures lists.

        Args:
            lists: int64 [num_seeds, k], node numbers padded with -1.
            held: The numbers of the release's targets.
            newcomers: bool, by node number.
        """
        shown = lists[lists >= 0]
        counts = np.bincount(shown, minlength=len(newcomers))[held]
        if not len(shown):
            return cls(0, 0.0, 0.0, 0.0)
        return cls(
            places=len(shown),
            coverage=float(np.count_nonzero(counts) / len(held)),
            gini=gini(counts),
            newcomers=float(newcomers[shown].mean()),
        )


def gini(counts: npt.NDArray[np.integer | np.floating]) -> float:
    """Gini's coefficient of some counts, of which at least one is not 0.

    The mean difference between two of them, over twice the mean: 0 for equal ones, near 1 where
    one has all.

    >>> gini(np.array([2, 2, 2])), gini(np.array([0, 0, 0, 4]))
    (0.0, 0.75)
    """
    ordered = np.sort(counts).astype(np.float64)
    ranks = np.arange(1, len(ordered) + 1)
    return float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))


def newcomers_among(
    b: Bundle, node_type: str, nodes: Nodes, newcomer_days: float
) -> npt.NDArray[np.bool_]:
    """Who is new in B: not in A, or created within so many days before what B knows ends.

    Returns:
        bool, by node number.
    """
    new = np.zeros(nodes.total, dtype=np.bool_)
    new[nodes.num_a :] = True
    if b.as_of is not None:
        oldest_us = (b.as_of.timestamp() - newcomer_days * _DAY_S) * 1e6
        created_us = Columns(b).numbers(node_type, CREATED_AT)
        new[nodes.of_b[created_us > oldest_us]] = True  # never where it is missing: NaN
    return new
