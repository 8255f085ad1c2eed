"""Fits audience figures on the held-out weeks: purchase probabilities, and lift by size."""

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
FEWEST_BUYERS = (
    30  # minimum buyers of a band and of a calibration: a third more or fewer may be chance
)

_MOST_QUERIES, _FEWEST_QUERIES = 400, 20
_MOST_PAIRS = 20_000_000  # pairs of a user and a brand or product, all ranked
_MOST_OTHERS = 2_000  # sampled nonbuyers per query node
_BANDS = 3
_RESAMPLES = 1_000
_BUYERS_PER_PART, _MOST_PARTS = 20, 20  # knots of a calibration
_AS_TOLD = 5  # buyers added to those of a part
_ALMOST_0 = 1e-9
_RIDGE = 1e-3
_STEPS = 50

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Buyers:
    """The buyers of each brand or product.

    Args:
        bought_before: Per row the buyers before the cut-off.
        bought: Per row the buyers afterwards.
        new: Those of them who had not bought before.
    """

    bought_before: Adjacency
    bought: Adjacency
    new: Adjacency


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """The known users of one audience, the most similar first.

    Args:
        above: The similarity of each, in standard deviations above the average user.
        prior: The log odds that a known user is one of the buyers.
        num_buyers: The number of buyers before the cut-off.
        bought_before: Which of the ranked users bought before.
        bought: Which of them bought afterwards.
    """

    above: Values
    prior: float
    num_buyers: int
    bought_before: Mask
    bought: Mask

    def new_ones(self) -> "_Ranked":
        """Returns the same without earlier buyers."""
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
    """Computes the figures of audiences of brands and of products from the holdout.

    Brands and products are sampled from all with an earlier buyer, with or without later sales: a
    sample of only those with later sales would be biased.

    Args:
        recommender: Of a backtest bundle, without audience figures.
        group_edge_type: What connects a product to its brand.
        window_days: The number of held-out days.
        seed: The seed of the samples.

    Returns:
        By type, without types that have too few later buyers, or where similarity does not raise
        sales. Empty without a cut-off.
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
    """Returns the buyers of each type."""
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
    """Fits calibrations of first and of all purchases, and the reach; None with too little data."""
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
    """Yields audiences of sampled brands or products with earlier buyers, in the order of rows."""
    sold = np.flatnonzero(buyers.bought_before.degrees())
    num_users = max(buyers.bought_before.num_targets, 1)
    most = max(min(_MOST_QUERIES, _MOST_PAIRS // num_users), _FEWEST_QUERIES)
    for row in np.sort(rng.permutation(sold)[:most]).tolist():
        query_id = recommender.bundle.id_of(query_type, row)
        try:
            rows, scores = recommender.lookalike_rows(query_type, [query_id], share=1.0)
        except QueryError:  # its audience does not differ from all users
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
    """Pairs of a user and a brand or product, to fit probabilities.

    Args:
        features: float64 [num_pairs, 3]: 1, similarity, prior.
        bought: float64 [num_pairs], 0 or 1.
        weights: float64 [num_pairs]: the number of pairs that each represents.
        halves: The half of the brands or products that it belongs to, bool [num_pairs].
    """

    features: Values
    bought: Values
    weights: Values
    halves: Mask

    def part(self, kept: Mask) -> "_Pairs":
        return _Pairs(self.features[kept], self.bought[kept], self.weights[kept], self.halves[kept])


def _calibration(ranked: Sequence[_Ranked], rng: np.random.Generator) -> Calibration | None:
    """Fits the calibration on all pairs, and measures its error by twofold cross-validation."""
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
    """Returns all buyers, and a weighted sample of the others."""
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
    """Returns the knots that correct the probabilities, by parts with similar numbers of buyers.

    Each part is shrunk by a few correctly predicted buyers. Decreasing parts are pooled (pool
    adjacent violators), with a minimum slope.
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
    """Returns the logit of parts: number of pairs, expected buyers, actual buyers."""
    number, told, bought = block.tolist()
    return _logit(told / number * (bought + _AS_TOLD) / (told + _AS_TOLD))


def _logit(share: float) -> float:
    share = min(max(share, _ALMOST_0), 1 - _ALMOST_0)
    return log(share / (1 - share))


def _sigmoid(logits: Values) -> Values:
    found: Values = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
    return found


def _reliability(told: Values, pairs: _Pairs) -> tuple[tuple[Reliability, ...], Reliability]:
    """Returns tenths by probability, and the top hundredth."""
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
    """Returns bands by number of buyers, at most three, each with enough new buyers."""
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
    """Splits into bands with similar numbers of new buyers; equal ones stay together."""
    number = np.cumsum([int(one.bought.sum()) for one in by_size])
    bands = np.clip((number - 1) * num_bands // max(int(number[-1]), 1), 0, num_bands - 1)
    sizes = np.array([one.num_buyers for one in by_size])
    # Among equal numbers of buyers, the first decides.
    bands = bands[np.searchsorted(sizes, sizes)]
    return [
        [one for one, at in zip(by_size, bands.tolist(), strict=True) if at == band]
        for band in range(num_bands)
    ]


def _band(part: Sequence[_Ranked], rng: np.random.Generator) -> ReachBand:
    """Returns the lifts over all new buyers of a band, by shares of all nonbuyers."""
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
