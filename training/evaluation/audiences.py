"""What held-out weeks tell of audiences: how likely users buy, and how far an audience reaches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphdb.schema_types import EdgeType
from graphrec import Recommender
from graphrec.bundle import Adjacency, AudienceFigures
from graphrec.bundle.audiences import (
    LEAST_STEEP,
    Calibration,
    Knot,
    ReachBand,
    ReachFigure,
    Reliability,
    bent,
    log_odds,
)
from training.data import edge_types_of
from training.evaluation.bootstrap import CONFIDENCE
from training.evaluation.results import FEWEST_QUERIES
from training.pairs import adjacency, compose, without
from training.splitting.split import Holdout

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
FEWEST_BUYERS = 30  # of a band and of a calibration: a third more or fewer of them is chance

_MOST_QUERIES, _FEWEST_QUERIES = 400, 20
_MOST_PAIRS = 20_000_000  # of a user and a brand or product, all ranked
_MOST_OTHERS = 2_000  # of a query node: so many who did not buy stand for all of them
_BANDS = 3
_RESAMPLES = 1_000
_BUYERS_PER_PART, _MOST_PARTS = 20, 20  # of a calibration's bends
_AS_TOLD = 5  # buyers beside those of a part
_ALMOST_0 = 1e-9
_RIDGE = 1e-3
_STEPS = 50

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Buyers:
    """Who bought of each brand or product.

    Args:
        bought_before: Per row who bought before the cut-off.
        bought: Per row who bought afterwards.
        new: The part of them who had not bought before.
    """

    bought_before: Adjacency
    bought: Adjacency
    new: Adjacency


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """The known users of one audience, most alike first.

    Args:
        above: The similarity of each, in standard deviations above the average user.
        prior: The log odds that a known user is one of the buyers.
        num_buyers: Who bought before.
        bought_before: Who of the ranked ones did.
        bought: Who of them bought afterwards.
    """

    above: Values
    prior: float
    num_buyers: int
    bought_before: Mask
    bought: Mask

    def new_ones(self) -> "_Ranked":
        """Without those who had bought before."""
        new = ~self.bought_before
        return replace(
            self,
            above=self.above[new],
            bought_before=self.bought_before[new],
            bought=self.bought[new],
        )


def audience_figures(
    recommender: Recommender,
    holdout: Holdout,
    group_edge_type: EdgeType,
    window_days: int,
    *,
    seed: int = 0,
) -> dict[str, AudienceFigures]:
    """What the held-out part tells of audiences of brands and of products.

    Brands and products are drawn from all that anyone had bought, whether or not anyone bought
    them afterwards: to look at those alone that sold would promise too much.

    Args:
        recommender: Of a bundle that was learned from the training part alone, without figures.
        group_edge_type: What connects a product to its brand.
        window_days: How many days were held out.
        seed: Of what is drawn.

    Returns:
        By type; a type of which too few bought afterwards, or where users who are more alike buy
        no more, is left out. Empty without a cut-off.
    """
    if holdout.cutoff is None or not recommender.bundle.has_vectors(holdout.edge_type.source):
        return {}
    found = {}
    for query_type, buyers in _buyers(holdout, group_edge_type).items():
        rng = np.random.default_rng(seed)
        measured = _measured(list(_ranked(recommender, query_type, buyers, rng)), rng)
        if measured is not None:
            first, any_time, reach = measured
            found[query_type] = AudienceFigures(
                cutoff=holdout.cutoff,
                window_days=window_days,
                first_purchase=first,
                any_purchase=any_time,
                reach=reach,
            )
    return found


def _buyers(holdout: Holdout, group_edge_type: EdgeType) -> dict[str, _Buyers]:
    """By type of what has buyers."""
    bought_before, bought = adjacency(holdout.train_graph, holdout.edge_type), holdout.truth
    found = {holdout.edge_type.target: (bought_before, bought)}
    if group_edge_type in edge_types_of(holdout.train_graph):
        made_by = adjacency(holdout.train_graph, group_edge_type)
        found[group_edge_type.target] = (compose(bought_before, made_by), compose(bought, made_by))
    return {
        name: _Buyers(before.reverse(), after.reverse(), without(after, before).reverse())
        for name, (before, after) in found.items()
    }


def _measured(
    ranked: Sequence[_Ranked], rng: np.random.Generator
) -> tuple[Calibration, Calibration, tuple[ReachBand, ...]] | None:
    """How likely a first purchase is, and any; and the reach. None where too little is known."""
    if len(ranked) < FEWEST_QUERIES:
        return None
    new = [one.new_ones() for one in ranked]
    first, any_time, reach = _calibration(new, rng), _calibration(ranked, rng), _reach(new, rng)
    if first is None or any_time is None or not reach:
        return None
    return first, any_time, reach


def _ranked(
    recommender: Recommender, query_type: str, buyers: _Buyers, rng: np.random.Generator
) -> Iterator[_Ranked]:
    """The audiences of some brands or products that anyone had bought, in the order of rows."""
    sold = np.flatnonzero(buyers.bought_before.degrees())
    num_users = max(buyers.bought_before.num_targets, 1)
    most = max(min(_MOST_QUERIES, _MOST_PAIRS // num_users), _FEWEST_QUERIES)
    for row in np.sort(rng.permutation(sold)[:most]).tolist():
        query_id = recommender.bundle.id_of(query_type, row)
        try:
            rows, scores = recommender.lookalike_rows(query_type, [query_id], share=1.0)
        except QueryError:  # nothing tells its audience from everyone
            continue
        users = rows[0][rows[0] >= 0]
        bought_before = np.isin(users, buyers.bought_before.targets(row))
        yield _Ranked(
            above=scores[0][: len(users)],
            prior=log_odds(int(bought_before.sum()), len(users)),
            num_buyers=len(buyers.bought_before.targets(row)),
            bought_before=bought_before,
            bought=np.isin(users, buyers.bought.targets(row)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of a user and a brand or product, to learn probabilities from.

    Args:
        features: float64 [num_pairs, 3]: 1, similarity, prior.
        bought: float64 [num_pairs], 0 or 1.
        weights: float64 [num_pairs]: for how many pairs each stands.
        halves: Which half of the brands or products it is of, bool [num_pairs].
    """

    features: Values
    bought: Values
    weights: Values
    halves: Mask

    def part(self, kept: Mask) -> "_Pairs":
        return _Pairs(self.features[kept], self.bought[kept], self.weights[kept], self.halves[kept])


def _calibration(ranked: Sequence[_Ranked], rng: np.random.Generator) -> Calibration | None:
    """Learned from all; how well it tells is measured on halves that it did not learn from."""
    pairs = _pairs(ranked, rng)
    if pairs.bought.sum() < FEWEST_BUYERS:
        return None
    told = np.zeros(len(pairs.bought))
    for half in (pairs.halves, ~pairs.halves):
        other = pairs.part(~half)
        if not other.bought.any():
            return None
        learned = _fitted(other)
        told[half] = _sigmoid(bent(pairs.features[half] @ learned, _knots(learned, other)))
    weights = _fitted(pairs)
    if weights[1] <= 0:
        return None
    tenths, top_percent = _reliability(told, pairs)
    return Calibration(
        intercept=float(weights[0]),
        slope=float(weights[1]),
        prior_slope=float(weights[2]),
        knots=_knots(weights, pairs),
        error=float(np.mean([abs(one.told - one.bought) for one in tenths])),
        tenths=tenths,
        top_percent=top_percent,
    )


def _pairs(ranked: Sequence[_Ranked], rng: np.random.Generator) -> _Pairs:
    """All who bought, and some of the others, who stand for all of them."""
    features, bought, weights, halves = [], [], [], []
    for number, one in enumerate(ranked):
        buying, others = np.flatnonzero(one.bought), np.flatnonzero(~one.bought)
        some = rng.permutation(others)[:_MOST_OTHERS]
        kept = np.concatenate([buying, some])
        features.append(
            np.stack([np.ones(len(kept)), one.above[kept], np.full(len(kept), one.prior)], axis=1)
        )
        bought.append(one.bought[kept].astype(np.float64))
        weight = np.ones(len(kept))
        weight[len(buying) :] = len(others) / max(len(some), 1)
        weights.append(weight)
        halves.append(np.full(len(kept), number % 2 == 0))
    return _Pairs(*(np.concatenate(parts) for parts in (features, bought, weights, halves)))


def _fitted(pairs: _Pairs) -> Values:
    """Logistic regression by Newton's method, float64 [3]."""
    weights = np.zeros(pairs.features.shape[1])
    ridge = _RIDGE * np.eye(len(weights))
    for _ in range(_STEPS):
        told = _sigmoid(pairs.features @ weights)
        gradient = pairs.features.T @ (pairs.weights * (pairs.bought - told)) - ridge @ weights
        curvature = pairs.weights * told * (1 - told)
        bend = (pairs.features * curvature[:, None]).T @ pairs.features + ridge
        step = np.linalg.solve(bend, gradient)
        weights = weights + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _knots(weights: Values, pairs: _Pairs) -> tuple[Knot, ...]:
    """How what is told has to be bent to be true, by parts with about as many who bought.

    In each part, as if it had been right for a few more. Parts that would fall are made even, as by
    the pool-adjacent-violators algorithm, but for a slight rise.
    """
    logits = pairs.features @ weights
    buying = np.sort(logits[pairs.bought > 0])
    num_parts = int(np.clip(len(buying) // _BUYERS_PER_PART, 1, _MOST_PARTS))
    ends = np.unique(buying[np.arange(1, num_parts) * len(buying) // num_parts])
    part = np.searchsorted(ends, logits, side="right")
    told = pairs.weights * _sigmoid(logits)
    sums = (pairs.weights, told, pairs.weights * pairs.bought)
    parts = np.stack([np.bincount(part, one, len(ends) + 1) for one in sums], axis=1)
    blocks: list[tuple[Values, int]] = []
    for one in parts[parts[:, 0] > 0]:
        blocks.append((one, 1))
        while len(blocks) > 1 and _right(blocks[-2][0]) >= _right(blocks[-1][0]):
            (before, number), (last, more) = blocks[-2:]
            blocks[-2:] = [(before + last, number + more)]
    right = [_right(block) for block, number in blocks for _ in range(number)]
    knots: list[Knot] = []
    for one, logit in zip(parts[parts[:, 0] > 0], right, strict=True):
        at = _logit(one[1] / one[0])
        if knots:
            logit = max(logit, knots[-1].logit + LEAST_STEEP * (at - knots[-1].at))
        knots.append(Knot(at=at, logit=logit))
    return tuple(knots)


def _right(block: Values) -> float:
    """The logit of a part or several: how many pairs, how many should have bought, how many did."""
    number, told, bought = block.tolist()
    return _logit(told / number * (bought + _AS_TOLD) / (told + _AS_TOLD))


def _logit(share: float) -> float:
    share = min(max(share, _ALMOST_0), 1 - _ALMOST_0)
    return log(share / (1 - share))


def _sigmoid(logits: Values) -> Values:
    found: Values = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
    return found


def _reliability(told: Values, pairs: _Pairs) -> tuple[tuple[Reliability, ...], Reliability]:
    """Tenths by probability, and the top hundredth."""
    order = np.argsort(told, kind="stable")
    told, bought, weights = told[order], pairs.bought[order], pairs.weights[order]
    place = (np.cumsum(weights) - weights / 2) / weights.sum()

    def within(low: float, high: float) -> Reliability:
        inside = (place >= low) & (place <= high)
        if not inside.any():
            inside[-1] = True
        of_all = weights[inside] / weights[inside].sum()
        return Reliability(
            told=float(of_all @ told[inside]), bought=min(float(of_all @ bought[inside]), 1.0)
        )

    return tuple(within(tenth / 10, (tenth + 1) / 10) for tenth in range(10)), within(0.99, 1)


def _reach(ranked: Sequence[_Ranked], rng: np.random.Generator) -> tuple[ReachBand, ...]:
    """Bands by number of buyers, as many as have enough new buyers, at most three."""
    by_size = sorted(ranked, key=lambda one: one.num_buyers)
    for num_bands in range(_BANDS, 0, -1):
        parts = _parted(by_size, num_bands)
        enough = [
            len(part) >= FEWEST_QUERIES
            and sum(int(one.bought.sum()) for one in part) >= FEWEST_BUYERS
            for part in parts
        ]
        if all(enough):
            return tuple(_band(part, rng) for part in parts)
    return ()


def _parted(by_size: Sequence[_Ranked], num_bands: int) -> list[list[_Ranked]]:
    """Bands with about as many new buyers; those with as many buyers are in one."""
    number = np.cumsum([int(one.bought.sum()) for one in by_size])
    bands = np.clip((number - 1) * num_bands // max(int(number[-1]), 1), 0, num_bands - 1)
    sizes = np.array([one.num_buyers for one in by_size])
    # With those that have as many, the first decides.
    bands = bands[np.searchsorted(sizes, sizes)]
    return [
        [one for one, at in zip(by_size, bands.tolist(), strict=True) if at == band]
        for band in range(num_bands)
    ]


def _band(part: Sequence[_Ranked], rng: np.random.Generator) -> ReachBand:
    """Lifts over all new buyers of a band, by shares of all who had never bought."""
    hits = np.array([[one.bought[: _size(share, one)].sum() for share in SHARES] for one in part])
    by_chance = np.array(
        [
            [one.bought.sum() * _size(share, one) / max(len(one.bought), 1) for share in SHARES]
            for one in part
        ]
    )
    drawn = rng.integers(len(part), size=(_RESAMPLES, len(part)))
    with np.errstate(invalid="ignore"):
        lifts = hits[drawn].sum(axis=1) / by_chance[drawn].sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = (np.nanquantile(lifts, share, axis=0) for share in (tail, 1 - tail))
    lift = hits.sum(axis=0) / by_chance.sum(axis=0)
    return ReachBand(
        fewest=part[0].num_buyers,
        most=part[-1].num_buyers,
        num_queries=len(part),
        num_new_buyers=int(sum(one.bought.sum() for one in part)),
        points=tuple(
            ReachFigure(share=share, lift=found, low=min(lowest, found), high=max(highest, found))
            for share, found, lowest, highest in zip(
                SHARES, lift.tolist(), low.tolist(), high.tolist(), strict=True
            )
        ),
    )


def _size(share: float, one: _Ranked) -> int:
    return max(int(share * len(one.bought) + 0.5), 1)
