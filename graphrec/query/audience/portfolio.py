"""Chooses a set of creators who together reach most of a brand's likely buyers.

The choice is lazy greedy maximization of a weighted coverage function, within a number of creators
or a sum of money.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphdb.decimals import exact_decimals, exact_sum
from graphdb.errors import QueryError, shown
from graphdb.tabular import Tabular, html_table
from graphrec.query.audience.lookalike import AudienceScores, audience_of, queries_of
from graphrec.query.audience.matching import creators_for
from graphrec.query.embeddings import NO_ROWS, Rows, Similarity
from graphrec.query.engine import Engine
from graphrec.query.limits import MOST_K, MOST_MONEY
from graphrec.query.options import RankOptions, check_number, check_whole
from graphrec.query.results import Recommendation, Recommendations, Trace

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


_SMOOTHING = 1  # buyers, and others, beside those that are known


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a set of creators may cost: a number of them, or money.

    Raises:
        QueryError: Both or neither is given, money without costs or costs without money, or a
            value is out of its range.
    """

    k: int | None = None
    money: float | None = None
    costs: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if (self.k is None) == (self.money is None):
            raise QueryError(
                f"a portfolio of k={shown(self.k)} creators within budget={shown(self.money)}",
                expected="one of the two",
                value=(self.k, self.money),
            )
        if (self.money is None) != (self.costs is None):
            raise QueryError(
                "a budget needs costs, and costs a budget",
                expected="budget=1000 and costs={'creator id': 250, ...}, or k=5",
                value=self.money,
            )
        if self.k is not None:
            check_whole("k", self.k, 1, MOST_K)
            return
        check_number("the budget", self.money, 0, MOST_MONEY, above=True)
        if not isinstance(self.costs, Mapping):
            raise QueryError(
                f"costs is {shown(self.costs)}", expected="a cost by creator id", value=self.costs
            )
        for creator_id, cost in self.costs.items():
            check_number(f"the cost of {shown(creator_id)}", cost, 0, MOST_MONEY, above=True)


@dataclass(frozen=True, slots=True)
class Pick:
    """One creator of a portfolio.

    Args:
        creator: The creator with score, fields and reasons; its rank is the place in the portfolio.
        gain: The buyers whom the creator reaches in addition to those before.
        reach: The buyers whom all creators up to this one reach.
        cost: The cost; None if a number of creators was asked for.
    """

    creator: Recommendation
    gain: float
    reach: float
    cost: float | None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, ready for JSON except for timestamps among the fields."""
        return {
            **self.creator.to_dict(),
            "gain": self.gain,
            "reach": self.reach,
            "cost": self.cost,
        }


@dataclass(frozen=True, slots=True)
class Portfolio(Tabular):
    """A set of creators, in the order in which they were chosen.

    Args:
        bound: An upper bound: no set of this size, or within this budget, reaches more.
        window_days: The reach is the expected number of users who buy within this many days and see
            one of the creators, by held-out days. None if the bundle was trained without a holdout:
            then every user counts by similarity to the buyers, and reach only compares sets of one
            brand.
        trace: How the candidates were computed.
        columns: The columns of the creators in `to_arrow`.
    """

    brand_id: str
    picks: tuple[Pick, ...]
    bound: float
    window_days: int | None
    trace: Trace = field(repr=False)
    columns: pa.Schema = field(compare=False, repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """The creators' ids, in order."""
        return tuple(pick.creator.id for pick in self.picks)

    @property
    def reach(self) -> float:
        """The expected number of distinct likely buyers whom the creators reach together."""
        return self.picks[-1].reach if self.picks else 0.0

    @property
    def cost(self) -> float | None:
        """The cost of all creators; None if a number of creators was asked for."""
        costs = [pick.cost for pick in self.picks if pick.cost is not None]
        return exact_sum(costs) if len(costs) == len(self.picks) else None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, ready for JSON except for timestamps among the fields."""
        return {
            "brand": self.brand_id,
            "reach": self.reach,
            "bound": self.bound,
            "window_days": self.window_days,
            "cost": self.cost,
            "creators": [pick.to_dict() for pick in self.picks],
        }

    def to_arrow(self) -> pa.Table:
        """Returns one row per creator: the columns of recommendations, then gain, reach, cost."""
        creators = tuple(pick.creator for pick in self.picks)
        answer = Recommendations(
            "Brand", self.brand_id, "Creator", creators, self.trace, columns=self.columns
        )
        table = answer.to_arrow()
        for name in ("gain", "reach", "cost"):
            numbers = [getattr(pick, name) for pick in self.picks]
            table = table.append_column(name, pa.array(numbers, pa.float64()))
        return table

    def __repr__(self) -> str:
        return f"<{self._summary()}: {', '.join(self.ids)}>"

    def _repr_html_(self) -> str:
        rows = [
            {"#": pick.creator.rank, "id": pick.creator.id, **pick.creator.fields}
            | {"gain": pick.gain, "reach": pick.reach, "cost": pick.cost}
            for pick in self.picks
        ]
        return html_table(self._summary(), rows)

    def _summary(self) -> str:
        reached = f"reach {self.reach:.4g} of at most {self.bound:.4g}"
        return f"{len(self.picks):,} creators for Brand {self.brand_id!r}, {reached}"


def portfolio_for(
    engine: Engine, brand_id: str, budget: Budget, question: RankOptions, *, new_only: bool
) -> Portfolio:
    """The creators who together reach most of a brand's likely buyers.

    Candidates and people are what the engine lets out: filters, policy and seen hold for both.
    """
    release = engine.release
    candidates = _candidates(engine, brand_id, question)
    rows = np.array([release.bundle.row_of("Creator", one) for one in candidates.ids], np.int64)
    followers_of = release.audiences.followers_of()
    followers = [followers_of(row) for row in rows.tolist()]
    likely, window_days = likely_buyers(engine, brand_id, new_only=new_only)
    coverage = Coverage(
        likely,
        [one.users for one in followers],
        [one.chances for one in followers],
    )
    costs = None if budget.costs is None else _costs(candidates.ids, budget.costs)
    chosen = _choose(coverage, budget, costs)
    picks = _picks(candidates, chosen, costs)
    return Portfolio(
        brand_id, picks, chosen.bound, window_days, candidates.trace, candidates.columns
    )


def likely_buyers(
    engine: Engine, brand_id: str, *, new_only: bool
) -> tuple[npt.NDArray[np.float64], int | None]:
    """How likely each user is to buy from the brand, float64 [num_users], and within which days.

    The probability that held-out days told, see `AudienceScores`. Without a holdout the similarity
    to its buyers, with the share of buyers among all users as the prior, and None. Users who must
    not come out for the brand, and with `new_only` those who bought before, have 0.
    """
    release = engine.release
    num_users = release.bundle.num_nodes("User")
    audience = audience_of(release, "Brand", brand_id)
    row = np.array([release.bundle.row_of("Brand", brand_id)])
    queries = queries_of(release, "Brand", row, [audience], NO_ROWS)
    everyone = RankOptions(k=num_users, exclude_seen=new_only)
    rows, scores, _ = engine.rank(queries, "User", everyone, Similarity.DOT)
    found = rows[0] >= 0
    likely = np.zeros(num_users)
    told = AudienceScores.of(release, "Brand", audience, new_only=new_only)
    if told.kind == "probability":
        likely[rows[0][found]] = told.of_products(audience, scores[0][found])
    else:
        prior = (audience.num_members + _SMOOTHING) / (num_users + 2 * _SMOOTHING)
        likely[rows[0][found]] = audience.similarity(scores[0][found], prior)
    return likely, told.window_days


def _candidates(engine: Engine, brand_id: str, question: RankOptions) -> Recommendations:
    """All creators who may come out for the brand, by affinity."""
    everyone = replace(question, k=max(engine.release.bundle.num_nodes("Creator"), 1))
    return creators_for(engine, "Brand", [brand_id], everyone)[0]


def _costs(ids: Sequence[str], costs: Mapping[str, float]) -> npt.NDArray[np.float64]:
    missing = [one for one in ids if one not in costs]
    if missing:
        raise QueryError(
            f"there is no cost for {len(missing)} of {len(ids)} creators, such as '{missing[0]}'",
            expected="a cost for every creator who may come out",
            next_step="give the missing costs, or leave creators out with filters",
            value=missing[0],
        )
    return np.array([costs[one] for one in ids], dtype=np.float64)


def _choose(coverage: Coverage, budget: Budget, costs: npt.NDArray[np.float64] | None) -> Chosen:
    if costs is not None and budget.money is not None:
        return best_within(coverage, budget.money, costs)
    return best_of(coverage, budget.k or 1)


def _picks(
    candidates: Recommendations, chosen: Chosen, costs: npt.NDArray[np.float64] | None
) -> tuple[Pick, ...]:
    reaches = np.cumsum(chosen.gains).tolist()
    return tuple(
        Pick(
            creator=replace(candidates[position], rank=place + 1),
            gain=gain,
            reach=reach,
            cost=None if costs is None else float(costs[position]),
        )
        for place, (position, gain, reach) in enumerate(
            zip(chosen.candidates, chosen.gains, reaches, strict=True)
        )
    )
