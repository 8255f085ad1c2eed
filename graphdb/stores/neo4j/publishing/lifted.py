"""Vectors whose cosine order is the dot-product order: Neo4j's index knows no dot product.

A target's vector z becomes [z, h r] with h = sqrt(M^2 - |z|^2), M the largest length of its type
and r of length 1; so all are of length M. A seed's vector s becomes [s, 0]. Then
cos(seed', target') = s . z / (|s| M), and M and |s| are the same for every target: the order is
exact, whatever r is.

With r = 1, one number (Bachrach et al., Speeding Up the Xbox Recommender System, 2014, section 3),
all short vectors lie in one spot and the long ones, which are most answers, far away from all
else: the index, a graph of neighbours, hardly has a way to them. So r is the direction of z, folded
to a few numbers: neighbours are then vectors that point the same way.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphdb.errors import StoreError

MOST_EXTRA = 128
"""Numbers that a vector gets at most; with half of them the index finds a little less."""
_BLOCK_ROWS = 16_384
_LONGEST = 2.0**60  # the index squares lengths in float32


@dataclass(frozen=True, slots=True, eq=False)
class Lifted:
    """The vectors of a node type, ready to become such targets.

    Args:
        vectors: float32 [num_nodes, dim].
        norms: float64 [num_nodes], their lengths.
    """

    vectors: NDArray[np.float32]
    norms: NDArray[np.float64]

    @classmethod
    def of(cls, node_type: str, vectors: NDArray[np.float32]) -> "Lifted":
        """Measures the vectors of a type, some rows at a time.

        Raises:
            StoreError: They are too long for a float32 index.
        """
        norms = np.zeros(len(vectors))
        for start in range(0, len(vectors), _BLOCK_ROWS):
            block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
            norms[start : start + _BLOCK_ROWS] = np.sqrt((block * block).sum(axis=1))
        longest = float(norms.max(initial=0.0))
        if longest > _LONGEST:
            raise StoreError(
                f"a vector of {node_type} has the length {longest:.3g}",
                expected=f"at most {_LONGEST:.3g}",
                next_step="look for a diverged training",
                value=longest,
            )
        return cls(vectors, norms)

    @property
    def max_norm(self) -> float:
        """M, which every lifted vector has as its length."""
        return float(self.norms.max(initial=0.0))

    @property
    def typical_norm(self) -> float:
        """The median length of those that are not zero; 0 without any."""
        known = self.norms[self.norms > 0]
        return float(np.median(known)) if len(known) else 0.0

    def targets(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The lifted vectors of some rows, float32 [num_rows, dim + num_extra(dim)]."""
        norms, longest = self.norms[rows], self.max_norm
        # As a product: the difference of squares would lose the digits of what is nearly M.
        height = np.sqrt((longest - norms) * (longest + norms))
        extra = _folded_directions(self.vectors[rows]) * height[:, np.newaxis]
        return np.concatenate([self.vectors[rows], extra.astype(np.float32)], axis=1)


def num_extra(dim: int) -> int:
    """How many numbers a vector of length `dim` gets."""
    return min(dim, MOST_EXTRA)


def _folded_directions(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Vectors of length 1, alike where the given ones point alike, float64 [num_rows, extra]."""
    num_rows, dim = vectors.shape
    width = num_extra(dim)
    folded = np.zeros((num_rows, -(-dim // width) * width))
    folded[:, :dim] = vectors
    folded = folded.reshape(num_rows, -1, width).sum(axis=1)
    lengths = np.sqrt((folded * folded).sum(axis=1))
    # What folds to nothing may point anywhere.
    folded[lengths == 0] = np.eye(1, width)
    lengths[lengths == 0] = 1.0
    made: NDArray[np.float64] = folded / lengths[:, np.newaxis]
    return made
