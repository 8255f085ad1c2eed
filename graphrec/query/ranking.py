"""The one ranking function under every query."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphrec.query.candidates import Candidates
from graphrec.query.planner import Plan
from graphrec.query.propose import Similarity
from graphrec.query.rows import Rows
from graphrec.query.seeds import Seeds
from graphrec.query.space import Space
from graphrec.query.topk import Scores, planned_top_k
from graphrec.query.value import Values

if TYPE_CHECKING:
    from graphrec.query.index.served import ServedIndex


def rank(
    seeds: Seeds,
    targets: Space,
    candidates: Candidates,
    *,
    k: int,
    similarity: Similarity,
    index: "ServedIndex | None",
    factors: Values | None = None,
) -> tuple[Rows, Scores, Plan]:
    """The k best candidates of every seed.

    Args:
        index: Of these targets and this similarity; None where there is none.
        factors: Move scores towards value, see `planned_top_k`.

    Returns:
        Rows int64 [num_seeds, k], padded with -1, and scores float64 [num_seeds, k], padded
        with -inf; best first, equal scores by ascending row. A seed with a zero vector gets
        nothing. And how they were found.

    Raises:
        QueryError: k is not a whole number of 1 or more.
    """
    known = seeds.known()
    barred = candidates.barred
    rows, scores, plan = planned_top_k(
        seeds.space,
        seeds.rows[known],
        targets,
        k=k,
        similarity=similarity,
        mask=candidates.mask,
        excluded=None if barred is None else lambda position: barred(int(known[position])),
        index=index,
        factors=factors,
    )
    return *_spread((rows, scores), known, len(seeds)), plan


def _spread(
    found: tuple[Rows, Scores], positions: npt.NDArray[np.int64], num_seeds: int
) -> tuple[Rows, Scores]:
    """Puts the answers of the known seeds in their places; the others stay empty."""
    rows, scores = found
    if len(positions) == num_seeds:
        return rows, scores
    all_rows = np.full((num_seeds, rows.shape[1]), -1, dtype=np.int64)
    all_scores = np.full((num_seeds, rows.shape[1]), -np.inf)
    all_rows[positions], all_scores[positions] = rows, scores
    return all_rows, all_scores
