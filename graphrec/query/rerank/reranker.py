"""The stage between ranking and results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphdb.errors import QueryError
from graphdb.schema_types import CREATED_AT
from graphrec.query.conditions import Mask, microseconds
from graphrec.query.release import Release
from graphrec.query.rerank.fairness import DIMENSIONS, Fairness
from graphrec.query.rerank.groups import Membership
from graphrec.query.rerank.pool import Pool
from graphrec.query.rerank.selection import Selection, select
from graphrec.query.results import Reranked
from graphrec.query.rows import Rows
from graphrec.query.topk import Scores

Ask = Callable[[Rows, int, Mask | None], tuple[Rows, Scores]]
"""Ranks for some positions among the seeds so many candidates, of all or of those of a mask."""

_POOL_FACTOR, _SMALLEST_POOL = 5, 100
_GROWTH = 4
_DAY_MICROSECONDS = 86_400e6


@dataclass(frozen=True, slots=True, eq=False)
class RerankedLists:
    """Rows and scores as `ranking.rank` gives them, in the order that is shown, and notes."""

    rows: Rows
    scores: Scores
    notes: tuple[Reranked, ...]


class Reranker:
    """Makes lists that are fair, out of candidates that may come out.

    Where a pool turns out too small, because caps used it up, a larger one is asked for: what
    comes out does not depend on where pools begin, nor on who else is in the batch.

    Raises:
        QueryError: The bundle cannot tell who is a newcomer, or what crowds the list.
    """

    def __init__(self, release: Release, target_type: str, fairness: Fairness) -> None:
        self._fairness = fairness
        self._num_targets = len(release.space(target_type))
        self._is_new = _newcomers(release, target_type, fairness)
        self._memberships = _memberships(release, target_type, fairness)

    def lists(self, ask: Ask, num_seeds: int, k: int) -> RerankedLists:
        """The best lists of k for all seeds."""
        rows = np.full((num_seeds, k), -1, dtype=np.int64)
        scores = np.full((num_seeds, k), -np.inf)
        notes: dict[int, Reranked] = {}
        waiting, size = np.arange(num_seeds), self._first_size(k)
        while len(waiting):
            pools = self._pools(ask, waiting, size)
            unfinished = []
            for position, pool in zip(waiting.tolist(), pools, strict=True):
                selection = self._selection(pool, k)
                if not selection.complete and size < self._num_targets:
                    unfinished.append(position)
                    continue
                chosen = np.array(selection.chosen, dtype=np.int64)
                rows[position, : len(chosen)] = pool.rows[chosen]
                scores[position, : len(chosen)] = pool.scores[chosen]
                notes[position] = _note(pool, selection)
            waiting, size = np.array(unfinished, dtype=np.int64), size * _GROWTH
        return RerankedLists(rows, scores, tuple(notes[at] for at in range(num_seeds)))

    def _first_size(self, k: int) -> int:
        crowded = self._fairness.caps or self._fairness.diversity
        return max(_POOL_FACTOR * k, _SMALLEST_POOL) if crowded else k

    def _pools(self, ask: Ask, positions: Rows, size: int) -> list[Pool]:
        size = min(size, max(self._num_targets, 1))
        rows, scores = ask(positions, size, None)
        if self._is_new is None:
            return [Pool.of(best, None, None) for best in zip(rows, scores, strict=True)]
        fresh = ask(positions, size, self._is_new)
        return [
            Pool.of(best, newcomers, self._is_new)
            for best, newcomers in zip(
                zip(rows, scores, strict=True), zip(*fresh, strict=True), strict=True
            )
        ]

    def _selection(self, pool: Pool, k: int) -> Selection:
        groups = {name: of.of(pool.rows) for name, of in self._memberships.items()}
        return select(pool, k, self._fairness, groups)


def _note(pool: Pool, selection: Selection) -> Reranked:
    return Reranked(
        pool=len(pool),
        newcomers=int(np.count_nonzero(pool.fresh[list(selection.chosen)])),
        raised=tuple(place + 1 for place in selection.raised),
        passed_over=selection.passed_over,
    )


def _newcomers(release: Release, target_type: str, fairness: Fairness) -> Mask | None:
    """Who is a newcomer, bool [num_targets]; None where newcomers have no share."""
    if not fairness.newcomer_share:
        return None
    moment = fairness.newcomers_as_of or release.bundle.as_of
    if moment is None:
        raise QueryError(
            "who is a newcomer cannot be told: the bundle has neither a cut-off nor events with "
            "times to count back from",
            next_step="give newcomers_as_of, such as the present",
        )
    oldest = microseconds(moment) - float(fairness.newcomer_days) * _DAY_MICROSECONDS
    created = release.columns.numbers(target_type, CREATED_AT)
    is_new: Mask = created > oldest  # never where it is missing: NaN
    return is_new


def _memberships(
    release: Release, target_type: str, fairness: Fairness
) -> Mapping[str, Membership]:
    """What is capped, and with diversity all dimensions that the bundle knows."""
    wanted = [dimension for dimension, _ in fairness.caps]
    if fairness.diversity:
        told = [
            name for name in DIMENSIONS if Membership.can_tell(release.paths, name, target_type)
        ]
        if not told:
            raise QueryError(
                f"the bundle knows no category, brand or creator of {target_type} targets",
                next_step="leave out diversity",
                value=target_type,
            )
        wanted += [name for name in told if name not in wanted]
    return {name: Membership(release.paths, name, target_type) for name in wanted}
