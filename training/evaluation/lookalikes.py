"""Measures the lift of lookalike audiences of brands and products over real new buyers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphdb.errors import InsufficientDataError, TrainingError
from graphdb.schema_types import EdgeType
from graphrec import Recommender
from graphrec.bundle import Adjacency
from training.data import AT_S, DAY_S, edge_types_of
from training.evaluation.results import LiftPoint
from training.pairs import adjacency, compose, without
from training.splitting.split import Holdout

RECENT_HALF_LIFE_DAYS = 30.0
SERVED = {"Brand": "users_for_brand", "Product": "users_for_product"}
"""The question that answers, by query type."""
IN_CATEGORY = EdgeType("Product", "IN_CATEGORY", "Category")
MOST_QUERIES = 400
"""Of more products with enough new buyers, so many are drawn."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NewBuyers:
    """The new buyers of each brand or product: users who bought it first in the holdout.

    Args:
        query_type: 'Brand' or 'Product'.
        rows: The brands or products with enough new buyers, int64 [num_queries].
        bought_before: Per row the buyers before the cut-off.
        new: Per row the first-time buyers after it.
        products: Per row of a brand its products; of a product, itself.
    """

    query_type: str
    rows: npt.NDArray[np.int64]
    bought_before: Adjacency
    new: Adjacency
    products: Adjacency


def new_buyers(
    holdout: Holdout, group_edge_type: EdgeType | None, *, min_new_buyers: int = 10
) -> NewBuyers:
    """Returns the brands or products to evaluate.

    Args:
        group_edge_type: What connects a product to its brand; None for products.
        min_new_buyers: The minimum of new buyers of each; it also needs one earlier buyer.

    Raises:
        InsufficientDataError: None has enough.
    """
    found = _asked(holdout, group_edge_type, min_new_buyers)
    if not len(found.rows):
        most = int(found.new.degrees().max(initial=0))
        raise InsufficientDataError(
            f"no {found.query_type} with a buyer before has {min_new_buyers} new ones in the "
            f"held-out part; the most are {most}",
            next_step="hold out more days, or lower min_new_buyers",
            value=min_new_buyers,
        )
    return found


def _asked(holdout: Holdout, group_edge_type: EdgeType | None, min_new_buyers: int) -> NewBuyers:
    """Returns the same, maybe empty."""
    bought_before, bought = adjacency(holdout.train_graph, holdout.edge_type), holdout.truth
    if group_edge_type is None:
        query_type, every = holdout.edge_type.target, np.arange(bought.num_targets)
        products = Adjacency.from_edges(every, every, len(every), len(every))
    else:
        query_type, made_by = (
            group_edge_type.target,
            adjacency(holdout.train_graph, group_edge_type),
        )
        bought_before, bought = compose(bought_before, made_by), compose(bought, made_by)
        products = made_by.reverse()
    new = without(bought, bought_before).reverse()
    bought_before = bought_before.reverse()
    rows = np.flatnonzero((new.degrees() >= min_new_buyers) & (bought_before.degrees() > 0))
    return NewBuyers(query_type, rows, bought_before, new, products)


def has_new_buyers(
    holdout: Holdout, group_edge_type: EdgeType | None, *, min_new_buyers: int = 10
) -> bool:
    """Returns whether `lift_points` has anything to evaluate."""
    return bool(len(_asked(holdout, group_edge_type, min_new_buyers).rows))


def lift_points(
    recommender: Recommender,
    holdout: Holdout,
    group_edge_type: EdgeType | None,
    shares: Sequence[float],
    *,
    seed: int = 0,
    min_new_buyers: int = 10,
) -> tuple[LiftPoint, ...]:
    """Returns the mean lift over brands or products, next to random and activity orders.

    It ranks all users who had never bought it. The lift of a share is the rate of real new
    buyers at the top over their rate among all of these users; 1 is chance.

    Args:
        recommender: Of a backtest bundle.
        group_edge_type: What connects a product to its brand; None for products.
        shares: The sizes of the top, as shares of these users, each above 0 and at most 1.
        seed: The seed of the random order, and of the products drawn.
        min_new_buyers: Brands or products with fewer are skipped: their lift is too noisy.

    Returns:
        A point per order and share, in the given order of shares.

    Raises:
        InsufficientDataError: None has enough new buyers.
        TrainingError: A share is out of its range.
    """
    for share in shares:
        if not 0 < share <= 1:
            raise TrainingError(
                f"a share is {share}", expected="above 0 and at most 1", value=share
            )
    asked = new_buyers(holdout, group_edge_type, min_new_buyers=min_new_buyers)
    if group_edge_type is None and len(asked.rows) > MOST_QUERIES:
        drawn = np.random.default_rng(seed).permutation(asked.rows)[:MOST_QUERIES]
        asked = replace(asked, rows=np.sort(drawn))
    return tuple(
        LiftPoint(
            query_type=asked.query_type,
            num_queries=len(asked.rows),
            model=name,
            share=share,
            lift=float(lift),
        )
        for name, scores in orders(recommender, holdout, asked, seed=seed)
        for share, lift in zip(shares, lifts(asked, scores, shares).mean(axis=0), strict=True)
    )


def orders(
    recommender: Recommender, holdout: Holdout, asked: NewBuyers, *, seed: int
) -> Iterator[tuple[str, list[Floats]]]:
    """Returns, by name, a score of every user for each query; -inf for excluded users."""
    num_users = asked.bought_before.num_targets
    rng = np.random.default_rng(seed)
    yield "random", [rng.random(num_users) for _ in asked.rows]
    for name, activity in _activity(holdout).items():
        yield name, [activity] * len(asked.rows)
    if IN_CATEGORY in edge_types_of(holdout.train_graph):
        yield "most active in its categories", _active_in_categories(holdout, asked)
    yield SERVED[asked.query_type], _served(recommender, asked)


def lifts(asked: NewBuyers, scores: Sequence[Floats], shares: Sequence[float]) -> Floats:
    """Returns the lift by query and share, float64 [num_queries, num_shares]; ties by row.

    Args:
        scores: Per query, of every user.
    """
    return np.array(
        [
            _lift(asked, int(row), found, shares)
            for row, found in zip(asked.rows, scores, strict=True)
        ]
    )


def _lift(asked: NewBuyers, row: int, scores: Floats, shares: Sequence[float]) -> list[float]:
    ranked = ranked_others(asked, row, scores)
    is_new = np.isin(ranked, asked.new.targets(row))
    sizes = [max(round(share * len(ranked)), 1) for share in shares]
    return [float(is_new[:size].mean() / is_new.mean()) for size in sizes]


def ranked_others(asked: NewBuyers, row: int, scores: Floats) -> npt.NDArray[np.int64]:
    """Returns users who had never bought of a brand or product, the best score first; ties by row.

    Args:
        scores: Of every user.
    """
    others = np.setdiff1d(
        np.arange(asked.bought_before.num_targets), asked.bought_before.targets(row)
    )
    return others[np.argsort(-scores[others], kind="stable")]


def _activity(holdout: Holdout) -> Mapping[str, Floats]:
    """Counts each user's training events, all and recent ones, float64 [num_users]."""
    store = holdout.train_graph[holdout.edge_type]
    users, at_s = store.edge_index[0].numpy(), store[AT_S].numpy()
    num_users = holdout.train_graph[holdout.edge_type.source].num_nodes
    recency = 0.5 ** ((at_s.max() - at_s) / DAY_S / RECENT_HALF_LIFE_DAYS)
    weights = {"most active": np.ones(len(users)), "most active recently": recency}
    return {
        name: np.bincount(users, weight, minlength=num_users).astype(np.float64)
        for name, weight in weights.items()
    }


def _active_in_categories(holdout: Holdout, asked: NewBuyers) -> list[Floats]:
    """Counts, per query, each user's training events in the categories of its products."""
    graph = holdout.train_graph
    categories = adjacency(graph, IN_CATEGORY)
    users, products = graph[holdout.edge_type].edge_index.numpy()
    number = categories.degrees()[products]
    num_users = graph[holdout.edge_type.source].num_nodes
    in_category = categories.gather(products).astype(np.int64)
    keys, counts = np.unique(in_category * num_users + np.repeat(users, number), return_counts=True)
    ends = np.searchsorted(keys, np.arange(categories.num_targets + 1) * num_users)
    found = []
    for row in asked.rows.tolist():
        scores = np.zeros(num_users)
        for category in np.unique(categories.gather(asked.products.targets(row))).tolist():
            part = slice(ends[category], ends[category + 1])
            scores[keys[part] % num_users] += counts[part]
        found.append(scores)
    return found


def _served(recommender: Recommender, asked: NewBuyers) -> list[Floats]:
    """Returns the ranks of the query layer as scores of users."""
    ids = [recommender.bundle.id_of(asked.query_type, int(row)) for row in asked.rows]
    ranked, _ = recommender.lookalike_rows(
        asked.query_type, ids, new_customers_only=True, share=1.0
    )
    found = np.full((len(ids), asked.bought_before.num_targets), -np.inf)
    for scores, rows in zip(found, ranked, strict=True):
        # By rank, not by score: similarities close to 1 may round to the same number.
        scores[rows[rows >= 0]] = -np.arange(np.count_nonzero(rows >= 0), dtype=np.float64)
    return list(found)
