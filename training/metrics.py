"""How good ranked lists are, against what happened afterwards."""

import numpy as np
import numpy.typing as npt

from graphdb.errors import NotEnoughDataError, TrainingError
from graphrec.bundle import Adjacency
from training.pairs import pair_keys

Rows = npt.NDArray[np.int64]


def recall_at_k(ranked: Rows, seed_rows: Rows, truth: Adjacency, k: int) -> float:
    """The share of a seed's true targets among its first k, averaged over seeds with any.

    Args:
        ranked: int64 [num_seeds, width], best first, -1 where a list is shorter. A target that
            stands twice counts at its first place only. A width below k counts as misses.
        seed_rows: int64 [num_seeds], which seed each list is for.
        truth: The true targets per seed row.

    Raises:
        NotEnoughDataError: No seed has a true target.
        TrainingError: k is below 1.
    """
    hits, num_true = _hits(ranked, seed_rows, truth, k)
    return float(np.mean(hits.sum(axis=1) / num_true))


def ndcg_at_k(ranked: Rows, seed_rows: Rows, truth: Adjacency, k: int) -> float:
    """Binary NDCG: a hit at rank r counts 1 / log2(r + 1), over the most a seed could reach.

    The most is what min(k, number of true targets) hits at the top would give. Arguments and
    errors as for `recall_at_k`.
    """
    hits, num_true = _hits(ranked, seed_rows, truth, k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(num_true, k) - 1]
    return float(np.mean(hits @ discounts[: hits.shape[1]] / ideal))


def gain_ndcg_at_k(
    ranked: Rows,
    seed_rows: Rows,
    truth: Adjacency,
    gains: npt.NDArray[np.float64],
    k: int,
) -> float:
    """NDCG where every true target has a gain of its own, such as the money that it brought.

    A hit at rank r counts gain / log2(r + 1), over the most that a seed's k best gains at the top
    could give. Averaged over seeds with any gain.

    Args:
        gains: Aligned with the truth's indices, float64 [num_edges], 0 or more.

    Raises:
        NotEnoughDataError: No seed has a gain.
        TrainingError: k is below 1, or a gain is negative or no number.
    """
    _check_k(k)
    if not (np.isfinite(gains) & (gains >= 0)).all():
        raise TrainingError("a gain is negative or no number", expected="0 or more")
    discounts = 1 / np.log2(np.arange(2, k + 2))
    found = _gains_at(ranked, seed_rows, truth, gains, k) @ discounts[: ranked.shape[1]]
    ideal = np.array(
        [
            best @ discounts[: len(best)]
            for row in seed_rows
            for best in [-np.sort(-gains[truth.indptr[row] : truth.indptr[row + 1]])[:k]]
        ]
    )
    counted = ideal > 0
    if not counted.any():
        raise NotEnoughDataError(f"none of {len(seed_rows)} seeds has anything to gain")
    return float(np.mean(found[counted] / ideal[counted]))


def _gains_at(
    ranked: Rows,
    seed_rows: Rows,
    truth: Adjacency,
    gains: npt.NDArray[np.float64],
    k: int,
) -> npt.NDArray[np.float64]:
    """What stands at each place of the lists brought, float64 [num_seeds, at most k]."""
    lists = ranked[:, :k]
    is_hit, place = _places(lists, seed_rows, truth)
    found: npt.NDArray[np.float64] = np.where(is_hit, gains[place], 0.0)
    return found


def _hits(
    ranked: Rows, seed_rows: Rows, truth: Adjacency, k: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Where the lists are right, and how much there was to find, for seeds with a true target."""
    _check_k(k)
    num_true = truth.degrees()[seed_rows]
    counted = num_true > 0
    if not counted.any():
        raise NotEnoughDataError(
            f"none of {len(seed_rows)} seeds has anything true to find",
            next_step="hold out more days, or evaluate other seeds",
        )
    is_hit, _ = _places(ranked[counted, :k], seed_rows[counted], truth)
    return is_hit, num_true[counted]


def _check_k(k: int) -> None:
    if k < 1:
        raise TrainingError(f"k is {k}", expected="1 or more", value=k)


def _places(
    lists: Rows, seed_rows: Rows, truth: Adjacency
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Where lists are right for the first time, and which of the true pairs stands there."""
    keys = seed_rows[:, None] * truth.num_targets + lists
    known = pair_keys(truth)
    place = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
    is_hit = (known[place] == keys) & (lists >= 0) & ~_is_repeat(lists)
    return is_hit, place


def _is_repeat(lists: Rows) -> npt.NDArray[np.bool_]:
    """Which entries stood further ahead in their list already."""
    order = np.argsort(lists, axis=1, kind="stable")
    ordered = np.take_along_axis(lists, order, axis=1)
    same = np.zeros(lists.shape, dtype=bool)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    repeats = np.empty_like(same)
    np.put_along_axis(repeats, order, same, axis=1)
    return repeats
