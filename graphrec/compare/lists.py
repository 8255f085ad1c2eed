"""Compares the recommendations of two releases for the same query nodes.

It measures the agreement of lists, and the exposure of targets over all lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import CREATED_AT
from graphrec.bundle import Bundle
from graphrec.compare.drift import Nodes, Numbers, known_in_both
from graphrec.query import Recommender
from graphrec.query.conditions import Columns

PERSISTENCE = 0.9
"""The probability that a reader continues to the next place; with .9, the first ten places have
86 % of the weight."""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """The agreement of each pair of lists, which may be incomplete.

    Args:
        changed: bool, whether any place differs.
        members_changed: bool, whether any item was added or removed.
        overlap: float64, the common items as a share of the longer list.
        rbo: float64, rank-biased overlap: the same with more weight on high places.
    """

    changed: npt.NDArray[np.bool_]
    members_changed: npt.NDArray[np.bool_]
    overlap: npt.NDArray[np.float64]
    rbo: npt.NDArray[np.float64]


def agreement(a: Numbers, b: Numbers, persistence: float = PERSISTENCE) -> Agreement:
    """Compares lists row by row.

    Rank-biased overlap as in Webber, Moffat and Zobel (TOIS 2010), extrapolated from complete lists
    (equation 23). Deviation from their equation 32: lists of different lengths agree at depth d by
    2 x / (their lengths up to d), which is 1 for lists with the same items.

    Args:
        a: int64 [num_lists, k], padded with -1. No pair of lists is empty on both sides.
        b: The same.
        persistence: From 0 (only the first place counts) to 1 (all count the same).

    >>> found = agreement(np.array([[1, 2, 3]]), np.array([[2, 1, -1]]), persistence=0.5)
    >>> found.overlap.round(3).tolist(), found.rbo.round(3).tolist()
    ([0.667], [0.45])
    """
    k = a.shape[1]
    lengths_a, lengths_b = np.count_nonzero(a >= 0, axis=1), np.count_nonzero(b >= 0, axis=1)
    same = (a[:, :, None] == b[:, None, :]) & (a[:, :, None] >= 0)
    weights = (1 - persistence) * persistence ** np.arange(k)
    weights[-1] += persistence**k  # as if the lists continued with the same agreement
    # Sums the difference from 1, so that equal lists give exactly 1.
    missing = np.zeros(len(a))
    common = np.zeros(len(a), dtype=np.int64)
    for depth in range(1, k + 1):
        common = np.count_nonzero(same[:, :depth, :depth], axis=(1, 2))
        lengths = np.minimum(lengths_a, depth) + np.minimum(lengths_b, depth)
        missing += weights[depth - 1] * (1 - 2 * common / lengths)
    longer = np.maximum(lengths_a, lengths_b)
    return Agreement(
        changed=(a != b).any(axis=1),
        members_changed=common < longer,
        overlap=common / longer,
        rbo=1 - missing,
    )


_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Exposure:
    """The exposure in the lists of one release.

    Args:
        places: The number of places in all lists together.
        coverage: The share of the release's targets that are in any list.
        gini: From 0 (all targets have the same exposure) to 1 (one target has all places).
        new_items: The share of places with new items.
    """

    places: int
    coverage: float
    gini: float
    new_items: float

    @classmethod
    def of(cls, lists: Numbers, held: Numbers, new_items: npt.NDArray[np.bool_]) -> "Exposure":
        """Measures lists.

        Args:
            lists: int64 [num_queries, k], node numbers padded with -1.
            held: The numbers of the release's targets.
            new_items: bool, by node number.
        """
        shown = lists[lists >= 0]
        counts = np.bincount(shown, minlength=len(new_items))[held]
        if not len(shown):
            return cls(0, 0.0, 0.0, 0.0)
        return cls(
            places=len(shown),
            coverage=float(np.count_nonzero(counts) / len(held)),
            gini=gini(counts),
            new_items=float(new_items[shown].mean()),
        )


def gini(counts: npt.NDArray[np.integer | np.floating]) -> float:
    """Returns the Gini coefficient of counts, at least one of which is not 0.

    It is the mean difference of two counts over twice the mean: 0 for equal ones, almost 1 if one
    has all.

    >>> gini(np.array([2, 2, 2])), gini(np.array([0, 0, 0, 4]))
    (0.0, 0.75)
    """
    ordered = np.sort(counts).astype(np.float64)
    ranks = np.arange(1, len(ordered) + 1)
    return float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))


def new_items_among(
    b: Bundle, node_type: str, nodes: Nodes, new_item_days: float
) -> npt.NDArray[np.bool_]:
    """Returns new items of B: not in A, or created within some days before B's known end.

    Returns:
        bool, by node number.
    """
    new = np.zeros(nodes.total, dtype=np.bool_)
    new[nodes.num_a :] = True
    if b.as_of is not None:
        oldest_us = (b.as_of.timestamp() - new_item_days * _DAY_S) * 1e6
        created_us = Columns(b).numbers(node_type, CREATED_AT)
        new[nodes.of_b[created_us > oldest_us]] = True  # never true for a missing time (NaN)
    return new


DIRECTIONS = (
    ("User", "Product"),
    ("User", "Brand"),
    ("User", "Creator"),
    ("User", "Content"),
    ("Brand", "User"),
    ("Brand", "Creator"),
    ("Product", "User"),
    ("Product", "Creator"),
    ("Creator", "Product"),
    ("Creator", "Brand"),
    ("Creator", "Category"),
)
"""Returns the compared (query type, target type) pairs that both releases can answer."""


@dataclass(frozen=True, slots=True)
class ListChange:
    """The change of the lists of one query and target type.

    Args:
        num_queries: The number of queries, without those that get no results from either release.
        changed: The share of queries whose list changed in any place.
        members_changed: The share of queries with an added or removed item.
        mean_overlap: The common items as a share of the longer list, mean over queries.
        mean_rbo: Rank-biased overlap, mean over queries; see `agreement`.
        new_items: The share of B's targets that are new items.
        exposure_a: The exposure in A.
        exposure_b: The exposure in B.
    """

    query_type: str
    target_type: str
    num_queries: int
    changed: float
    members_changed: float
    mean_overlap: float
    mean_rbo: float
    new_items: float
    exposure_a: Exposure
    exposure_b: Exposure

    @classmethod
    def of(
        cls,
        ends: tuple[str, str],
        lists_a: Numbers,
        lists_b: Numbers,
        targets: Nodes,
        new: npt.NDArray[np.bool_],
    ) -> "ListChange":
        """Measures lists.

        Args:
            lists_a: int64 [num_queries, k], numbers of targets padded with -1.
            lists_b: The same, for the same queries.
            new: bool, by number, whether a target is new.
        """
        agreed = agreement(lists_a, lists_b)
        return cls(
            *ends,
            num_queries=len(lists_a),
            changed=float(agreed.changed.mean()),
            members_changed=float(agreed.members_changed.mean()),
            mean_overlap=float(agreed.overlap.mean()),
            mean_rbo=float(agreed.rbo.mean()),
            new_items=float(new[targets.of_b].mean()) if len(targets.of_b) else 0.0,
            exposure_a=Exposure.of(lists_a, np.arange(targets.num_a), new),
            exposure_b=Exposure.of(lists_b, targets.of_b, new),
        )

    @property
    def name(self) -> str:
        """Such as 'User -> Product'."""
        return f"{self.query_type} -> {self.target_type}"


def list_changes(
    a: Bundle,
    b: Bundle,
    nodes: Mapping[str, Nodes],
    *,
    num_queries: int,
    k: int,
    new_item_days: float,
    seed: int,
) -> tuple[ListChange, ...]:
    """Runs the same random queries, which both releases know, on both releases."""
    asked = Recommender(a), Recommender(b)
    found = []
    for query_type, target_type in DIRECTIONS:
        ends = {query_type, target_type}
        if not all(_has_vectors(bundle, end) for bundle in (a, b) for end in ends):
            continue
        rows = _draw(a, b, nodes[query_type], query_type, num_queries, seed)
        ranked = [
            each.top_rows(query_type, of_each, target_type, k=k)[0]
            for each, of_each in zip(asked, rows, strict=True)
        ]
        targets = nodes[target_type]
        lists_a, lists_b = ranked[0], targets.numbers(ranked[1])
        some = (lists_a >= 0).any(axis=1) | (lists_b >= 0).any(axis=1)
        if some.any():
            new = new_items_among(b, target_type, targets, new_item_days)
            change = ListChange.of(
                (query_type, target_type), lists_a[some], lists_b[some], targets, new
            )
            found.append(change)
    return tuple(found)


def _has_vectors(bundle: Bundle, node_type: str) -> bool:
    return node_type in bundle.node_types and bundle.has_vectors(node_type)


def _draw(
    a: Bundle, b: Bundle, nodes: Nodes, query_type: str, num_queries: int, seed: int
) -> tuple[Numbers, Numbers]:
    """Returns rows in A and B of queries with vectors in both, in the order of their ids."""
    rows_a, rows_b = known_in_both(a, b, nodes, query_type)
    size = min(num_queries, len(rows_a))
    drawn = np.sort(np.random.default_rng(seed).choice(len(rows_a), size, replace=False))
    return rows_a[drawn], rows_b[drawn]
