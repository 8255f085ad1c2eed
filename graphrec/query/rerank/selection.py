"""Fills a list place by place, from a pool."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.rerank.fairness import Fairness
from graphrec.query.rerank.groups import Groups
from graphrec.query.rerank.pool import Pool

Flags = npt.NDArray[np.bool_]

_ROUNDING = 1e-9  # .29 * 100 is a little below 29


@dataclass(frozen=True, slots=True)
class Selection:
    """A list, as positions in its pool.

    Args:
        chosen: Best place first.
        raised: Places, from 0 on, of newcomers who would not have had them by their own value.
        passed_over: How many candidates a cap left out, although better ones than the last
            chosen.
        complete: False where the pool was too small to tell who is next.
    """

    chosen: tuple[int, ...]
    raised: tuple[int, ...]
    passed_over: int
    complete: bool


def places_due(share: float, k: int) -> npt.NDArray[np.int64]:
    """How many newcomers there must be among the first 1, 2, ... k.

    >>> places_due(0.2, 10).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    """
    due: npt.NDArray[np.int64] = np.floor(np.arange(1, k + 1) * share + _ROUNDING).astype(np.int64)
    return due


def select(pool: Pool, k: int, fairness: Fairness, groups: Mapping[str, Groups]) -> Selection:
    """Takes for each place who is worth most there.

    A place is a newcomer's when fewer newcomers stand before it than are due (as in FA*IR, Zehlike
    et al., CIKM 2017, with a fixed share for its binomial test). So no one gives way where
    newcomers come as far by themselves. Caps hold for newcomers too; places that no newcomer can
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
    for place, due in enumerate(places_due(fairness.newcomer_share, k)):
        eligible = left & ~caps.full
        next_one = worth.best(eligible & pool.general)
        if due > num_fresh:
            newcomer = worth.best(eligible & pool.fresh)
            if newcomer is None and pool.fresh_cut:
                complete = False
                break
            if newcomer is not None and newcomer != next_one:
                raised.append(place)
                next_one = newcomer
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
    the greatest likeness to one that is chosen: the share of the dimensions in which both belong
    to one group (Carbonell and Goldstein, SIGIR 1998). With d = 0 the pool's own order decides.
    """

    def __init__(self, pool: Pool, diversity: float, groups: Mapping[str, Groups]) -> None:
        self._diversity = diversity
        self._groups = list(groups.values())
        self._likeness = np.zeros(len(pool))
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
        worth = (1 - self._diversity) * self._affinity - self._diversity * self._likeness
        return int(members[np.argmax(worth[members])])

    def take(self, member: int) -> None:
        if not self._diversity:
            return
        shared = np.zeros(len(self._likeness))
        for groups in self._groups:
            own = np.zeros(groups.num_groups, dtype=np.bool_)
            own[groups.of(member)] = True
            shared[np.unique(groups.in_any(own))] += 1
        np.maximum(self._likeness, shared / len(self._groups), out=self._likeness)
