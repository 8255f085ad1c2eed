"""A block of vectors that speaks of some types only, beside vectors that stay as they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.encoders.base import Encoder, Vectors
from training.encoders.two_halves import joined, score_spread
from training.pyg import HeteroData

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BesideEncoder:
    """Adds numbers to the vectors of an encoder; see `beside`.

    Args:
        first: What scores everything.
        second: What scores some types.
        seed_type: From whose view spreads are measured, such as the users.
        balance: How widely the second's scores spread beside the first's.
        seed_share: How long a seed's added numbers are beside its others.
    """

    first: Encoder
    second: Encoder
    seed_type: str
    balance: float
    seed_share: float

    def fit(self, graph: HeteroData) -> Vectors:
        """Fits both and joins them."""
        return beside(
            self.first.fit(graph),
            self.second.fit(graph),
            self.seed_type,
            self.balance,
            self.seed_share,
        )


def beside(
    first: Vectors, second: Vectors, seed_type: str, balance: float, seed_share: float
) -> Vectors:
    """The first vectors with the second's numbers behind them.

    Seeds' scores for a type of the second spread `balance` times as widely as the first's. Types
    that the second does not know get zeros, so that seeds score them exactly as before: unlike
    `side_by_side`, the first's vectors are not scaled. An empty second adds nothing.

    Args:
        seed_share: The root mean square length of what seeds get, as a share of what they have.
            The less, the more their cosines stay as they were; the other types get the rest.
    """
    if not second:
        return first
    seeds = first[seed_type]
    longer = seed_share * _length(seeds) / _length(second[seed_type])
    added = {seed_type: second[seed_type] * np.float32(longer)}
    for name in second.keys() - {seed_type}:
        spread = score_spread(added[seed_type], second[name])
        wanted = balance * score_spread(seeds, first[name]) if name in first else 0.0
        added[name] = second[name] * np.float32(wanted / spread if wanted and spread else 1.0)
    return joined([first, added])


def _length(vectors: Array) -> float:
    return float(np.sqrt(np.square(vectors).sum(axis=1).mean()))
