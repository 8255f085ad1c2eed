"""The vectors of one node type, with their lengths at hand."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BLOCK_ROWS = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Vectors and what ranking needs to know about their lengths.

    Args:
        vectors: float32 [num_nodes, dim].
        norms: float64 [num_nodes], the Euclidean length of each.
        damped: float64 [num_nodes], what a cosine multiplies a vector by: 1 / (norm + the median
            norm), and 0 for a zero vector. A plain cosine trusts the direction of a vector that
            rests on one purchase as much as that of a bestseller's; short vectors are such, so
            their likeness is shrunk, as item-based filtering shrinks it with few co-ratings.
    """

    vectors: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float64]
    damped: npt.NDArray[np.float64]

    @classmethod
    def of(cls, vectors: npt.NDArray[np.float32]) -> "Space":
        norms = np.zeros(len(vectors))
        for start in range(0, len(vectors), _BLOCK_ROWS):
            block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
            norms[start : start + _BLOCK_ROWS] = np.sqrt((block * block).sum(axis=1))
        known = norms > 0
        typical = np.median(norms[known]) if known.any() else 0.0
        damped = np.divide(1.0, norms + typical, out=np.zeros_like(norms), where=known)
        return cls(vectors, norms, damped)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    def is_zero(self) -> npt.NDArray[np.bool_]:
        """Which nodes have a zero vector: the model knows nothing about them."""
        zero: npt.NDArray[np.bool_] = self.norms == 0
        return zero
