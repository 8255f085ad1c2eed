"""The half of top-k that decides: float64 scores, each by itself, and their order."""

import numpy as np
import numpy.typing as npt

from graphrec.query.propose import Similarity
from graphrec.query.rows import Rows
from graphrec.query.space import Space
from graphrec.query.value import Values, stretched

Scores = npt.NDArray[np.float64]

_BLOCK_PRODUCTS = 2**21  # float64 products held at once: 16 MB


def exact_scores(
    seeds: Space,
    seed_rows: Rows,
    targets: Space,
    target_rows: Rows,
    similarity: Similarity,
    factors: Values | None = None,
) -> Scores:
    """The score of each (seed, target) pair, computed from that pair alone, float64 [num_pairs].

    Args:
        factors: float64 [num_targets], towards whose values scores are moved; None for not at all.
    """
    scores = np.empty(len(target_rows))
    step = max(_BLOCK_PRODUCTS // targets.dim, 1)
    for start in range(0, len(target_rows), step):
        part = slice(start, start + step)
        products = targets.vectors[target_rows[part]].astype(np.float64)
        products *= seeds.vectors[seed_rows[part]]
        scores[part] = products.sum(axis=1)  # row by row, so the block size does not matter
    if similarity is Similarity.COSINE:
        scores *= targets.damped[target_rows]
        scores *= seeds.damped[seed_rows]
    return scores if factors is None else stretched(scores, factors[target_rows])


def keep_best(
    positions: Rows, found: Rows, exact: Scores, out_rows: Rows, out_scores: Scores
) -> None:
    """Writes each seed's best pairs into its row of the result."""
    order = np.lexsort((found, -exact, positions))
    positions, found, exact = positions[order], found[order], exact[order]
    first = np.searchsorted(positions, np.arange(len(out_rows)))
    rank = np.arange(len(positions)) - first[positions]
    kept = rank < out_rows.shape[1]
    out_rows[positions[kept], rank[kept]] = found[kept]
    out_scores[positions[kept], rank[kept]] = exact[kept]
