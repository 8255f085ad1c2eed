"""What the same seeds are recommended by two releases."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.bundle import Bundle
from graphrec.compare.agreement import agreement
from graphrec.compare.exposure import Exposure, newcomers_among
from graphrec.compare.numbering import Nodes, Numbers, known_in_both
from graphrec.query import Recommender

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
"""What people ask for, each as seed type and target type; those that both releases can answer."""


@dataclass(frozen=True, slots=True)
class ListChange:
    """How the lists of one direction changed.

    Args:
        num_seeds: How many seeds were asked for; those who get nothing of either are left out.
        changed: The share of seeds whose list changed in any place.
        members_changed: The share of seeds in whose list anything came or went.
        mean_overlap: What both lists hold, as a share of the longer one, mean over seeds.
        mean_rbo: Rank-biased overlap, mean over seeds; see `agreement`.
        newcomers: The share of B's targets that are newcomers.
        exposure_a: What the lists of A show.
        exposure_b: What the lists of B show.
    """

    seed_type: str
    target_type: str
    num_seeds: int
    changed: float
    members_changed: float
    mean_overlap: float
    mean_rbo: float
    newcomers: float
    exposure_a: Exposure
    exposure_b: Exposure

    @classmethod
    def of(
        cls,
        direction: tuple[str, str],
        lists_a: Numbers,
        lists_b: Numbers,
        targets: Nodes,
        new: npt.NDArray[np.bool_],
    ) -> "ListChange":
        """Measures lists.

        Args:
            lists_a: int64 [num_seeds, k], numbers of targets padded with -1.
            lists_b: The same, for the same seeds.
            new: bool, by number, who is a newcomer.
        """
        agreed = agreement(lists_a, lists_b)
        return cls(
            *direction,
            num_seeds=len(lists_a),
            changed=float(agreed.changed.mean()),
            members_changed=float(agreed.members_changed.mean()),
            mean_overlap=float(agreed.overlap.mean()),
            mean_rbo=float(agreed.rbo.mean()),
            newcomers=float(new[targets.of_b].mean()) if len(targets.of_b) else 0.0,
            exposure_a=Exposure.of(lists_a, np.arange(targets.num_a), new),
            exposure_b=Exposure.of(lists_b, targets.of_b, new),
        )

    @property
    def name(self) -> str:
        """Such as 'User -> Product'."""
        return f"{self.seed_type} -> {self.target_type}"


def list_changes(
    a: Bundle,
    b: Bundle,
    nodes: Mapping[str, Nodes],
    *,
    num_seeds: int,
    k: int,
    newcomer_days: float,
    seed: int,
) -> tuple[ListChange, ...]:
    """Asks both releases the same, for seeds that are drawn at random among those both know."""
    asked = Recommender(a), Recommender(b)
    found = []
    for seed_type, target_type in DIRECTIONS:
        ends = {seed_type, target_type}
        if not all(_has_vectors(bundle, end) for bundle in (a, b) for end in ends):
            continue
        rows = _draw(a, b, nodes[seed_type], seed_type, num_seeds, seed)
        ranked = [
            each.top_rows(seed_type, of_each, target_type, k=k)[0]
            for each, of_each in zip(asked, rows, strict=True)
        ]
        targets = nodes[target_type]
        lists_a, lists_b = ranked[0], targets.numbers(ranked[1])
        some = (lists_a >= 0).any(axis=1) | (lists_b >= 0).any(axis=1)
        if some.any():
            new = newcomers_among(b, target_type, targets, newcomer_days)
            change = ListChange.of(
                (seed_type, target_type), lists_a[some], lists_b[some], targets, new
            )
            found.append(change)
    return tuple(found)


def _has_vectors(bundle: Bundle, node_type: str) -> bool:
    return node_type in bundle.node_types and bundle.has_vectors(node_type)


def _draw(
    a: Bundle, b: Bundle, nodes: Nodes, seed_type: str, num_seeds: int, seed: int
) -> tuple[Numbers, Numbers]:
    """Rows in A and in B of seeds that both know something about, in the order of their ids."""
    rows_a, rows_b = known_in_both(a, b, nodes, seed_type)
    size = min(num_seeds, len(rows_a))
    drawn = np.sort(np.random.default_rng(seed).choice(len(rows_a), size, replace=False))
    return rows_a[drawn], rows_b[drawn]
