"""From long vectors to places in the plane."""

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

FEWEST = 12
"""Nodes that a map needs at least."""
_DIMENSIONS = 50  # as van der Maaten and Hinton (2008, section 4.2) shorten vectors before t-SNE
_PERPLEXITY = 30.0
_STEPS = 500  # twice as many move little, and take twice as long


def places(vectors: npt.NDArray[np.float32], seed: int = 0) -> npt.NDArray[np.float64]:
    """Where nodes stand on a map, by t-SNE of their directions.

    Lengths of vectors are left out: they carry popularity.

    Args:
        vectors: float32 [num_nodes, dim], none of them zero; at least `FEWEST`.
        seed: The same vectors and seed give the same map.

    Returns:
        float64 [num_nodes, 2], within 0 and 1.
    """
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    num_nodes = len(directions)
    short = PCA(min(_DIMENSIONS, *directions.shape), random_state=seed).fit_transform(directions)
    found = TSNE(
        perplexity=min(_PERPLEXITY, (num_nodes - 1) / 3),
        init="random" if short.shape[1] < 2 else "pca",
        random_state=seed,
        max_iter=_STEPS,
    ).fit_transform(short)
    lowest, highest = found.min(0), found.max(0)
    spread = np.maximum(highest - lowest, 1e-9)
    inside: npt.NDArray[np.float64] = ((found - lowest) / spread).astype(np.float64)
    return inside
