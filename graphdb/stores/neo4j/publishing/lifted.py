"""Vectors whose cosine order is the dot-product order: Neo4j's index knows no dot product.

A target's vector z gets one more component, sqrt(M^2 - |z|^2), where M is the largest length of
its type; so all are of length M. A seed's vector gets a zero there. Then
cos(seed', target') = seed . target / (|seed| M), and M and |seed| are the same for every target.
(Bachrach et al., Speeding Up the Xbox Recommender System, 2014, section 3.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphdb.errors import StoreError

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
        """The lifted vectors of some rows, float32 [num_rows, dim + 1]."""
        norms, longest = self.norms[rows], self.max_norm
        # As a product: the difference of squares would lose the digits of what is nearly M.
        height = np.sqrt((longest - norms) * (longest + norms))
        return np.column_stack([self.vectors[rows], height.astype(np.float32)])
