"""A set of creators for a brand, chosen for whom they reach together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.decimals import exact_sum
from graphdb.errors import QueryError, shown
from graphrec.query.audience.coverage import Chosen, Coverage, best_of, best_within
from graphrec.query.audience.matching import creators_for
from graphrec.query.audience.members import audience_of, seeds_of
from graphrec.query.audience.scores import AudienceScores
from graphrec.query.engine import Engine
from graphrec.query.limits import MOST_K, MOST_MONEY, check_number, check_whole
from graphrec.query.options import Question
from graphrec.query.propose import Similarity
from graphrec.query.results import Recommendation, Recommendations, Trace
from graphrec.query.rows import NO_ROWS

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
        creator: With score, fields and reasons; its rank is the place in the portfolio.
        gain: Buyers whom the creator reaches beside those before: the incremental reach.
        reach: Of all up to this one.
        cost: None where a number of creators was asked for.
    """

    creator: Recommendation
    gain: float
    reach: float
    cost: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON but for timestamps among the fields."""
        return {
            **self.creator.to_dict(),
            "gain": self.gain,
            "reach": self.reach,
            "cost": self.cost,
        }


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A set of creators, in the order in which they were chosen.

    Args:
        bound: No set of this number, or within this budget, reaches more.
        window_days: Reach is the expected number of those who buy within so many days and see one
            of the creators, as held-out days told. None where the bundle was trained without a
            holdout: then every user counts by likeness to the buyers, and reach compares sets of
            one brand alone.
        trace: How the candidates came about.
    """

    brand_id: str
    picks: tuple[Pick, ...]
    bound: float
    window_days: int | None
    trace: Trace

    @property
    def ids(self) -> tuple[str, ...]:
        """The creators' ids, in order."""
        return tuple(pick.creator.id for pick in self.picks)

    @property
    def reach(self) -> float:
        """Expected number of distinct likely buyers whom they reach together."""
        return self.picks[-1].reach if self.picks else 0.0

    @property
    def cost(self) -> float | None:
        """Of all together; None where a number of creators was asked for."""
        costs = [pick.cost for pick in self.picks if pick.cost is not None]
        return exact_sum(costs) if len(costs) == len(self.picks) else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON but for timestamps among the fields."""
        return {
            "brand": self.brand_id,
            "reach": self.reach,
            "bound": self.bound,
            "window_days": self.window_days,
            "cost": self.cost,
            "creators": [pick.to_dict() for pick in self.picks],
        }


def portfolio_for(
    engine: Engine, brand_id: str, budget: Budget, question: Question, *, new_only: bool
) -> Portfolio:
    """The creators who together reach most of a brand's likely buyers.

    Candidates and people are what the engine lets out: filters, policy and seen hold for both.
    """
    release = engine.release
    candidates = _candidates(engine, brand_id, question)
    rows = np.array([release.bundle.row_of("Creator", one) for one in candidates.ids], np.int64)
    fans_of = release.audiences.fans_of()
    fans = [fans_of(row) for row in rows.tolist()]
    likely, window_days = likely_buyers(engine, brand_id, new_only=new_only)
    coverage = Coverage(
        likely,
        [one.users for one in fans],
        [one.chances for one in fans],
    )
    costs = None if budget.costs is None else _costs(candidates.ids, budget.costs)
    chosen = _choose(coverage, budget, costs)
    picks = _picks(candidates, chosen, costs)
    return Portfolio(brand_id, picks, chosen.bound, window_days, candidates.trace)


def likely_buyers(
    engine: Engine, brand_id: str, *, new_only: bool
) -> tuple[npt.NDArray[np.float64], int | None]:
    """How likely each user is to buy from the brand, float64 [num_users], and within which days.

    The probability that held-out days told, see `AudienceScores`. Without a holdout the likeness
    to its buyers, with the share of buyers among all users as the prior, and None. Users who must
    not come out for the brand, and with `new_only` those who bought before, have 0.
    """
    release = engine.release
    num_users = release.bundle.num_nodes("User")
    audience = audience_of(release, "Brand", brand_id)
    row = np.array([release.bundle.row_of("Brand", brand_id)])
    seeds = seeds_of(release, "Brand", row, [audience], NO_ROWS)
    everyone = Question(k=num_users, exclude_seen=new_only)
    rows, scores, _ = engine.rank(seeds, "User", everyone, Similarity.DOT)
    found = rows[0] >= 0
    likely = np.zeros(num_users)
    told = AudienceScores.of(release, "Brand", audience, new_only=new_only)
    if told.kind == "probability":
        likely[rows[0][found]] = told.of_products(audience, scores[0][found])
    else:
        prior = (audience.num_members + _SMOOTHING) / (num_users + 2 * _SMOOTHING)
        likely[rows[0][found]] = audience.likeness(scores[0][found], prior)
    return likely, told.window_days


def _candidates(engine: Engine, brand_id: str, question: Question) -> Recommendations:
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
