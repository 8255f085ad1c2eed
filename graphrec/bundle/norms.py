"""Lengths of vectors, which every ranking needs: written once with the bundle."""

import numpy as np
import numpy.typing as npt

_BLOCK_ROWS = 512  # whose copies stay in the cache


def norms_of(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The Euclidean length of each vector, float64 [num_nodes].

    >>> norms_of(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist()
    [5.0, 0.0]
    """
    norms = np.zeros(len(vectors))
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
        norms[start : start + _BLOCK_ROWS] = np.sqrt((block * block).sum(axis=1))
    return norms
