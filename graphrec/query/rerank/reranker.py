"""Reranks candidates between ranking and results.

It draws a pool of the best candidates for each query node and fills the list from it, place by
place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphdb.schema_types import CREATED_AT
from graphrec.query.conditions import Mask, microseconds
from graphrec.query.embeddings import Rows
from graphrec.query.options import DIMENSIONS, Fairness
from graphrec.query.release import ServedBundle
from graphrec.query.rerank.groups import Groups, Membership
from graphrec.query.results import Reranked
from graphrec.query.topk import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The best candidates of one query node, and the best new items among them or beside them.

    Args:
        rows: int64 [size], target rows, best first, each once; equal scores by ascending row.
        scores: float64 [size].
        general: Which are among the best of all, and not here as new items alone, bool [size].
        fresh: Which are new items, bool [size].
        general_cut: There may be more candidates than the pool holds.
        fresh_cut: There may be more new items than the pool holds.
    """

    rows: Rows
    scores: Scores
    general: npt.NDArray[np.bool_]
    fresh: npt.NDArray[np.bool_]
    general_cut: bool
    fresh_cut: bool

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(
        cls,
        best: tuple[Rows, Scores],
        new_items: tuple[Rows, Scores] | None,
        is_new: Mask | None,
    ) -> "Pool":
        """From two rankings of one length, padded with -1: of all, and of the new items.

        Args:
            new_items: None where new items have no share.
            is_new: bool [num_targets]; None where it is not asked.
        """
        found = best[0] >= 0
        rows, scores = best[0][found], best[1][found]
        general_cut, fresh_cut = len(rows) == len(best[0]), False
        general = np.ones(len(rows), dtype=np.bool_)
        if new_items is not None:
            fresh_cut = bool(new_items[0][-1] >= 0)
            beside = (new_items[0] >= 0) & ~np.isin(new_items[0], rows)
            rows = np.concatenate([rows, new_items[0][beside]])
            scores = np.concatenate([scores, new_items[1][beside]])
            general = np.arange(len(rows)) < len(general)
            order = np.lexsort((rows, -scores))
            rows, scores, general = rows[order], scores[order], general[order]
        fresh = np.zeros(len(rows), dtype=np.bool_) if is_new is None else is_new[rows]
        return cls(rows, scores, general, fresh, general_cut, fresh_cut)


Flags = npt.NDArray[np.bool_]

_ROUNDING = 1e-9  # .29 * 100 is a little below 29


@dataclass(frozen=True, slots=True)
class Selection:
    """A list, as positions in its pool.

    Args:
        chosen: Best place first.
        raised: Places, from 0 on, of new items that would not have got them by their own value.
        passed_over: How many candidates a cap left out, although better ones than the last
            chosen.
        complete: False where the pool was too small to tell who is next.
    """

    chosen: tuple[int, ...]
    raised: tuple[int, ...]
    passed_over: int
    complete: bool


def places_due(share: float, k: int) -> npt.NDArray[np.int64]:
    """How many new items there must be among the first 1, 2, ... k.

    >>> places_due(0.2, 10).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    """
    due: npt.NDArray[np.int64] = np.floor(np.arange(1, k + 1) * share + _ROUNDING).astype(np.int64)
    return due


def select(pool: Pool, k: int, fairness: Fairness, groups: Mapping[str, Groups]) -> Selection:
    """Takes for each place who is worth most there.

    A place is new's when fewer new items stand before it than are due (as in FA*IR, Zehlike
    et al., CIKM 2017, with a fixed share for its binomial test). So no one gives way where
    new items come as far by themselves. Caps hold for new items too; places that no new item can
    take go to others.

    Args:
        groups: Per dimension the memberships of the pool; the capped ones, and all that
            diversity is measured by.
    """
    caps = _Caps(len(pool), fairness, groups)
    worth = _Worth(pool, fairness.diversity, groups)
    chosen: list[int] = []
    raised: list[int] = []
    num_fresh, complete = 0, True
    left = np.ones(len(pool), dtype=np.bool_)
    for place, due in enumerate(places_due(fairness.new_item_share, k)):
        eligible = left & ~caps.full
        next_one = worth.best(eligible & pool.general)
        if due > num_fresh:
            new_item = worth.best(eligible & pool.fresh)
            if new_item is None and pool.fresh_cut:
                complete = False
                break
            if new_item is not None and new_item != next_one:
                raised.append(place)
                next_one = new_item
        if next_one is None:
            complete = not pool.general_cut
            break
        chosen.append(next_one)
        left[next_one] = False
        num_fresh += int(pool.fresh[next_one])
        caps.take(next_one)
        worth.take(next_one)
    before = np.arange(len(pool)) < max(chosen, default=0)
    passed_over = int(np.count_nonzero(before & left & caps.full & pool.general))
    return Selection(tuple(chosen), tuple(raised), passed_over, complete)


class _Caps:
    """Knows whose groups are full."""

    def __init__(self, size: int, fairness: Fairness, groups: Mapping[str, Groups]) -> None:
        self.full: Flags = np.zeros(size, dtype=np.bool_)
        self._capped = [
            (groups[dimension], most, np.zeros(groups[dimension].num_groups, dtype=np.int64))
            for dimension, most in fairness.caps
        ]

    def take(self, member: int) -> None:
        for groups, most, counts in self._capped:
            counts[groups.of(member)] += 1
            self.full[groups.in_any(counts >= most)] = True


class _Worth:
    """What each of a pool is worth at the next place: maximal marginal relevance.

    (1 - d) a - d s, with d the diversity, a the score scaled to 0 .. 1 over the pool's best, and s
    the greatest similarity to one that is chosen: the share of the dimensions in which both belong
    to one group (Carbonell and Goldstein, SIGIR 1998). With d = 0 the pool's own order decides.
    """

    def __init__(self, pool: Pool, diversity: float, groups: Mapping[str, Groups]) -> None:
        self._diversity = diversity
        self._groups = list(groups.values())
        self._similarity = np.zeros(len(pool))
        self._affinity = np.zeros(len(pool))
        if diversity and len(pool):
            best, worst = pool.scores[0], pool.scores[pool.general].min()
            self._affinity = (pool.scores - worst) / (best - worst if best > worst else 1.0)

    def best(self, eligible: Flags) -> int | None:
        """Who is worth most; of equals the first of the pool. None where no one is eligible."""
        members = np.flatnonzero(eligible)
        if not len(members):
            return None
        if not self._diversity:
            return int(members[0])
        worth = (1 - self._diversity) * self._affinity - self._diversity * self._similarity
        return int(members[np.argmax(worth[members])])

    def take(self, member: int) -> None:
        if not self._diversity:
            return
        shared = np.zeros(len(self._similarity))
        for groups in self._groups:
            own = np.zeros(groups.num_groups, dtype=np.bool_)
            own[groups.of(member)] = True
            shared[np.unique(groups.in_any(own))] += 1
        np.maximum(self._similarity, shared / len(self._groups), out=self._similarity)


Ask = Callable[[Rows, int, Mask | None], tuple[Rows, Scores]]
"""Ranks for some positions among the queries so many candidates, of all or of those of a mask."""

_POOL_FACTOR, _SMALLEST_POOL = 5, 100
_GROWTH = 4
_DAY_MICROSECONDS = 86_400e6


@dataclass(frozen=True, slots=True, eq=False)
class RerankedLists:
    """Rows and scores as `Engine.rank` gives them, in the order that is shown, and notes."""

    rows: Rows
    scores: Scores
    notes: tuple[Reranked, ...]


class Reranker:
    """Makes lists that are fair, out of candidates that may come out.

    Where a pool turns out too small, because caps used it up, a larger one is asked for: what
    comes out does not depend on where pools begin, nor on who else is in the batch.

    Raises:
        QueryError: The bundle cannot tell who is new, or what crowds the list.
    """

    def __init__(self, release: ServedBundle, target_type: str, fairness: Fairness) -> None:
        self._fairness = fairness
        self._num_targets = len(release.space(target_type))
        self._is_new = _new_items(release, target_type, fairness)
        self._memberships = _memberships(release, target_type, fairness)

    def lists(self, ask: Ask, num_queries: int, k: int) -> RerankedLists:
        """The best lists of k for all queries."""
        rows = np.full((num_queries, k), -1, dtype=np.int64)
        scores = np.full((num_queries, k), -np.inf)
        notes: dict[int, Reranked] = {}
        waiting, size = np.arange(num_queries), self._first_size(k)
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
        return RerankedLists(rows, scores, tuple(notes[at] for at in range(num_queries)))

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
            Pool.of(best, new_items, self._is_new)
            for best, new_items in zip(
                zip(rows, scores, strict=True), zip(*fresh, strict=True), strict=True
            )
        ]

    def _selection(self, pool: Pool, k: int) -> Selection:
        groups = {name: of.of(pool.rows) for name, of in self._memberships.items()}
        return select(pool, k, self._fairness, groups)


def _note(pool: Pool, selection: Selection) -> Reranked:
    return Reranked(
        pool=len(pool),
        new_items=int(np.count_nonzero(pool.fresh[list(selection.chosen)])),
        raised=tuple(place + 1 for place in selection.raised),
        passed_over=selection.passed_over,
    )


def _new_items(release: ServedBundle, target_type: str, fairness: Fairness) -> Mask | None:
    """Who is new, bool [num_targets]; None where new items have no share."""
    if not fairness.new_item_share:
        return None
    moment = fairness.new_items_as_of or release.bundle.as_of
    if moment is None:
        raise QueryError(
            "who is new cannot be told: the bundle has neither a cut-off nor events with "
            "times to count back from",
            next_step="give new_items_as_of, such as the present",
        )
    oldest = microseconds(moment) - float(fairness.new_item_days) * _DAY_MICROSECONDS
    created = release.columns.numbers(target_type, CREATED_AT)
    is_new: Mask = created > oldest  # never where it is missing: NaN
    return is_new


def _memberships(
    release: ServedBundle, target_type: str, fairness: Fairness
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
