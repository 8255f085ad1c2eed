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
        inverse_norms: float64 [num_nodes], 1 / norm, and 0 for a zero vector.
    """

    vectors: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float64]
    inverse_norms: npt.NDArray[np.float64]

    @classmethod
    def of(cls, vectors: npt.NDArray[np.float32]) -> "Space":
        norms = np.zeros(len(vectors))
        for start in range(0, len(vectors), _BLOCK_ROWS):
            block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
            norms[start : start + _BLOCK_ROWS] = np.sqrt((block * block).sum(axis=1))
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        return cls(vectors, norms, inverse)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    def is_zero(self) -> npt.NDArray[np.bool_]:
        """Which nodes have a zero vector: the model knows nothing about them."""
        zero: npt.NDArray[np.bool_] = self.norms == 0
        return zero
