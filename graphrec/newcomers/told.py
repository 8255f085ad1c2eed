"""Sums of vectors along pairs, and rows at length 1."""

import numpy as np
import numpy.typing as npt

from graphrec.bundle.adjacency import Adjacency

Array = npt.NDArray[np.float32]

_BLOCK = 2**14  # vectors gathered at once: 32 MB of them at 512 numbers


def summed(pairs: Adjacency, vectors: Array, shares: Array | None = None) -> Array:
    """Per source, the vectors of its targets times the shares of the pairs: [num_sources, dim].

    Args:
        shares: 1 each by default.

    >>> pairs = Adjacency.from_edges(np.array([0, 0, 2]), np.array([0, 1, 1]), 3, 2)
    >>> vectors = np.array([[1, 0], [0, 4]], np.float32)
    >>> summed(pairs, vectors, np.array([1, 0.5, 2], np.float32)).tolist()
    [[1.0, 2.0], [0.0, 0.0], [0.0, 8.0]]
    """
    found = np.zeros((pairs.num_sources, vectors.shape[1]), dtype=np.float32)
    filled = np.flatnonzero(pairs.degrees())
    blocks = pairs.indptr[filled] // _BLOCK
    for some in np.split(filled, np.flatnonzero(np.diff(blocks)) + 1):
        if len(some):
            first, end = pairs.indptr[some[0]], pairs.indptr[some[-1] + 1]
            gathered = vectors[pairs.indices[first:end]]
            if shares is not None:
                gathered *= shares[first:end, None]
            found[some] = np.add.reduceat(gathered, pairs.indptr[some] - first, axis=0)
    return found


def lengths_of(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The Euclidean length of every row, [num_rows]."""
    lengths: npt.NDArray[np.float64] = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    return lengths


def unit(rows: Array) -> Array:
    """Every row at length 1; zero rows stay zero."""
    lengths = lengths_of(rows)
    scales = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    scaled: Array = rows * scales.astype(np.float32)[:, None]
    return scaled
