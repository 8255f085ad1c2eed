"""Choosing a set that covers most together: lazy greedy on a weighted coverage function."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphdb.decimals import exact_decimals
from graphrec.query.rows import Rows

Values = npt.NDArray[np.float64]

_ROUNDING = 1e-9  # a bound may be a little too high, never too low


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """reach(S) = sum_u weight_u (1 - prod_{c in S} (1 - chance_cu)), over users u.

    It never falls when S grows, and a further c adds the less, the larger S is: it is monotone
    and submodular.

    Args:
        weights: float64 [num_users], 0 or more.
        users: Per candidate the rows of the users that it may reach, each once.
        chances: Per candidate the chance to reach each of them, 0 to 1.
    """

    weights: Values
    users: Sequence[Rows]
    chances: Sequence[Values]

    def __len__(self) -> int:
        return len(self.users)

    def gain(self, candidate: int, missed: Values) -> float:
        """What a candidate adds to a set.

        Args:
            missed: float64 [num_users], the chance that nobody of the set reaches a user.
        """
        users = self.users[candidate]
        return float((self.weights[users] * missed[users] * self.chances[candidate]).sum())

    def reach(self, chosen: Sequence[int]) -> float:
        """Of a set of candidates."""
        missed = np.ones(len(self.weights))
        for candidate in chosen:
            self.add(candidate, missed)
        return float((self.weights * (1 - missed)).sum())

    def add(self, candidate: int, missed: Values) -> None:
        """Puts a candidate into a set, by changing what the set misses."""
        missed[self.users[candidate]] *= 1 - self.chances[candidate]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A set, in the order in which it was chosen.

    Args:
        candidates: Positions.
        gains: What each added to those before it.
        bound: No allowed set reaches more than this.
    """

    candidates: tuple[int, ...]
    gains: tuple[float, ...]
    bound: float

    @property
    def reach(self) -> float:
        return sum(self.gains)


def best_of(coverage: Coverage, k: int) -> Chosen:
    """At most k candidates with a large reach.

    The greedy choice reaches at least 1 - 1/e (63 %) of what the best k do (Nemhauser, Wolsey
    and Fisher 1978), and this is lazy greedy (Minoux 1978): the same choice with fewer looks. The
    bound is that of Leskovec et al. (KDD 2007, section 3.2): the reach of the set, and the k
    largest gains to it.
    """
    return _greedy(coverage, np.ones(len(coverage)), float(k), by_cost=False)


def best_within(coverage: Coverage, budget: float, costs: Values) -> Chosen:
    """Candidates with a large reach whose costs do not exceed the budget together.

    The better of two greedy choices, by gain and by gain per cost, reaches at least
    (1 - 1/e) / 2 (31 %) of what the best set does (Khuller, Moss and Naor 1999 for coverage;
    Leskovec et al., KDD 2007, theorem 3, for all such functions).

    Args:
        costs: float64 [num_candidates], above 0.
    """
    runs = [_greedy(coverage, costs, budget, by_cost=by_cost) for by_cost in (False, True)]
    # Either run's set gives a bound that holds; the lower one says more.
    bound = min(run.bound for run in runs)
    return replace(max(runs, key=lambda run: run.reach), bound=bound)


def _greedy(coverage: Coverage, costs: Values, budget: float, *, by_cost: bool) -> Chosen:
    """Takes what adds most (per cost) and still fits, until nothing does or nothing adds.

    Gains only fall, so one that was worked out for a smaller set is an upper bound: only the
    first of the heap has to be worked out again. Equal ones go by position.
    """
    divisor = costs if by_cost else np.ones(len(coverage))
    missed = np.ones(len(coverage.weights))
    chosen: list[int] = []
    gains: list[float] = []
    (left, *exact_costs) = exact_decimals([budget, *costs.tolist()])
    heap = [(-coverage.gain(one, missed) / divisor[one], one, 0) for one in range(len(coverage))]
    heapq.heapify(heap)
    while heap:
        negative, candidate, looked_at = heapq.heappop(heap)
        if exact_costs[candidate] > left:
            continue
        gain = coverage.gain(candidate, missed)
        if looked_at < len(chosen):
            heapq.heappush(heap, (-gain / divisor[candidate], candidate, len(chosen)))
            continue
        if negative >= 0:
            break
        chosen.append(candidate)
        gains.append(gain)
        coverage.add(candidate, missed)
        left -= exact_costs[candidate]
    bound = _bound(coverage, costs, budget, chosen, missed)
    return Chosen(tuple(chosen), tuple(gains), bound)


def _bound(
    coverage: Coverage, costs: Values, budget: float, chosen: Sequence[int], missed: Values
) -> float:
    """The reach of a set and all that the budget could buy beside it, the last one in part."""
    gains = np.array([coverage.gain(one, missed) for one in range(len(coverage))])
    gains[list(chosen)] = 0
    gains[costs > budget * (1 + _ROUNDING)] = 0
    best = np.argsort(-gains / costs, kind="stable")
    before = np.cumsum(costs[best]) - costs[best]
    part = np.clip((budget - before) / costs[best], 0, 1)
    beside = float((coverage.weights * (1 - missed)).sum()) + float(part @ gains[best])
    # No set reaches more than all together.
    return min(beside, coverage.reach(range(len(coverage))))
