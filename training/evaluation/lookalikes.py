"""How well audiences of brands find real new buyers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.errors import InsufficientDataError, TrainingError
from graphdb.schema_types import EdgeType
from graphrec import Recommender
from graphrec.bundle import Adjacency
from training.data import AT_S, DAY_S
from training.evaluation.results import LiftPoint
from training.pairs import adjacency, compose, without
from training.splitting.split import Holdout

RECENT_HALF_LIFE_DAYS = 30.0
SERVED = "users_for_brand"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NewBuyers:
    """What is asked: per brand, who of those who had never bought it did so afterwards.

    Args:
        brand_type: Node type of the brands.
        rows: The brands with enough new buyers, int64 [num_brands].
        bought_before: Per brand row who had bought before.
        new: Per brand row who bought for the first time since.
    """

    brand_type: str
    rows: npt.NDArray[np.int64]
    bought_before: Adjacency
    new: Adjacency


def new_buyers(
    holdout: Holdout, group_edge_type: EdgeType, *, min_new_buyers: int = 10
) -> NewBuyers:
    """The brands to ask for.

    Args:
        group_edge_type: What connects a product to its brand.
        min_new_buyers: A brand needs so many in the held-out part, and one buyer before.

    Raises:
        InsufficientDataError: No brand has as many.
    """
    found = _brands(holdout, group_edge_type, min_new_buyers)
    if not len(found.rows):
        most = int(found.new.degrees().max(initial=0))
        raise InsufficientDataError(
            f"no {group_edge_type.target} with a buyer before has {min_new_buyers} new ones in the "
            f"held-out part; the most are {most}",
            next_step="hold out more days, or ask for fewer new buyers",
            value=min_new_buyers,
        )
    return found


def _brands(holdout: Holdout, group_edge_type: EdgeType, min_new_buyers: int) -> NewBuyers:
    """The same, which may be none."""
    made_by = adjacency(holdout.train_graph, group_edge_type)
    bought_before = compose(adjacency(holdout.train_graph, holdout.edge_type), made_by)
    new = without(compose(holdout.truth, made_by), bought_before).reverse()
    bought_before = bought_before.reverse()
    rows = np.flatnonzero((new.degrees() >= min_new_buyers) & (bought_before.degrees() > 0))
    return NewBuyers(group_edge_type.target, rows, bought_before, new)


def has_new_buyers(
    holdout: Holdout, group_edge_type: EdgeType, *, min_new_buyers: int = 10
) -> bool:
    """Whether `lift_points` has any brand to ask for."""
    return bool(len(_brands(holdout, group_edge_type, min_new_buyers).rows))


def lift_points(
    recommender: Recommender,
    holdout: Holdout,
    group_edge_type: EdgeType,
    shares: Sequence[float],
    *,
    seed: int = 0,
    min_new_buyers: int = 10,
) -> tuple[LiftPoint, ...]:
    """Mean lift over brands, beside chance and activity.

    All users who had never bought a brand are put in order; the lift of a share is that of real
    new buyers at the top over their share among all of them. 1 is chance.

    Args:
        recommender: Of a bundle that was learned from the training part alone.
        group_edge_type: What connects a product to its brand.
        shares: How much of these users the top is, each above 0 and at most 1; at least one user.
        seed: Of the random order.
        min_new_buyers: Brands with fewer are not asked for: they say little.

    Returns:
        Order by order, the shares as they are given.

    Raises:
        InsufficientDataError: No brand has enough new buyers.
        TrainingError: A share is out of its range.
    """
    for share in shares:
        if not 0 < share <= 1:
            raise TrainingError(
                f"a share is {share}", expected="above 0 and at most 1", value=share
            )
    asked = new_buyers(holdout, group_edge_type, min_new_buyers=min_new_buyers)
    return tuple(
        LiftPoint(model=name, share=share, lift=float(lift))
        for name, scores in orders(recommender, holdout, asked, seed=seed)
        for share, lift in zip(shares, lifts(asked, scores, shares).mean(axis=0), strict=True)
    )


def orders(
    recommender: Recommender, holdout: Holdout, asked: NewBuyers, *, seed: int
) -> Iterator[tuple[str, list[Floats]]]:
    """By name, a score of every user for each brand that is asked for; -inf for who is left out."""
    num_users = asked.bought_before.num_targets
    rng = np.random.default_rng(seed)
    yield "random", [rng.random(num_users) for _ in asked.rows]
    for name, activity in _activity(holdout).items():
        yield name, [activity] * len(asked.rows)
    yield SERVED, _served(recommender, asked)


def lifts(asked: NewBuyers, scores: Sequence[Floats], shares: Sequence[float]) -> Floats:
    """Lift by brand and share, float64 [num_brands, num_shares]; equal scores by row.

    Args:
        scores: Per brand, of every user.
    """
    return np.array(
        [
            _lift(asked, int(brand), found, shares)
            for brand, found in zip(asked.rows, scores, strict=True)
        ]
    )


def _lift(asked: NewBuyers, brand: int, scores: Floats, shares: Sequence[float]) -> list[float]:
    ranked = ranked_others(asked, brand, scores)
    is_new = np.isin(ranked, asked.new.targets(brand))
    sizes = [max(round(share * len(ranked)), 1) for share in shares]
    return [float(is_new[:size].mean() / is_new.mean()) for size in sizes]


def ranked_others(asked: NewBuyers, brand: int, scores: Floats) -> npt.NDArray[np.int64]:
    """The users who had never bought a brand, the best score first; equal scores by row.

    Args:
        scores: Of every user.
    """
    others = np.setdiff1d(
        np.arange(asked.bought_before.num_targets), asked.bought_before.targets(brand)
    )
    return others[np.argsort(-scores[others], kind="stable")]


def _activity(holdout: Holdout) -> Mapping[str, Floats]:
    """How much each user did in the training part, of old and recently, float64 [num_users]."""
    store = holdout.train_graph[holdout.edge_type]
    users, at_s = store.edge_index[0].numpy(), store[AT_S].numpy()
    num_users = holdout.train_graph[holdout.edge_type.source].num_nodes
    recency = 0.5 ** ((at_s.max() - at_s) / DAY_S / RECENT_HALF_LIFE_DAYS)
    weights = {"most active": np.ones(len(users)), "most active recently": recency}
    return {
        name: np.bincount(users, weight, minlength=num_users).astype(np.float64)
        for name, weight in weights.items()
    }


def _served(recommender: Recommender, asked: NewBuyers) -> list[Floats]:
    """What the query layer ranks, as scores of users."""
    ids = [recommender.bundle.id_of(asked.brand_type, int(row)) for row in asked.rows]
    ranked, _ = recommender.lookalike_rows(
        asked.brand_type, ids, new_customers_only=True, share=1.0
    )
    found = np.full((len(ids), asked.bought_before.num_targets), -np.inf)
    for scores, rows in zip(found, ranked, strict=True):
        # By place, not by score: likenesses near 1 may round to one number.
        scores[rows[rows >= 0]] = -np.arange(np.count_nonzero(rows >= 0), dtype=np.float64)
    return list(found)
