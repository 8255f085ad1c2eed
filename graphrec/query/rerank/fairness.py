"""Defines what a list may require beside affinity: a share of new items, caps and diversity.

It also finds the categories, brands and creators that targets belong to, which caps and diversity
need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, shown
from graphrec.query.embeddings import Rows
from graphrec.query.limits import check_moment, check_number
from graphrec.query.metapaths import BACK, NAMED, WAYS, Paths, Steps

DIMENSIONS: Mapping[str, str] = {
    "category": "categories",
    "brand": "brands",
    "creator": "creators",
}
"""What crowds a list, each with the filter whose ways through the graph connect it to targets."""


@dataclass(frozen=True, slots=True)
class Fairness:
    """How a list may depart from pure affinity; the defaults leave it as it is.

    Args:
        new_item_share: Of the first m places at least floor(m * share) go to new items, for every
            m: with .2, one of the first five, two of the first ten, and so on in every page.
        new_item_days: Who is younger than so many days, by `created_at`, is new. Without
            a `created_at` nobody is: an old product without a date must not pass for a new one.
        new_items_as_of: The moment that ages count back from; by default the bundle's cut-off, or
            the time of its newest event where it has none. Who was created later counts as new
            too.
        caps: By dimension, how many of one category, brand or creator there may be.
        diversity: From 0, affinity alone, to 1, difference alone: maximal marginal relevance.

    Raises:
        QueryError: A number is out of its range.
    """

    new_item_share: float = 0.0
    new_item_days: float = 30.0
    new_items_as_of: datetime | None = None
    caps: tuple[tuple[str, int], ...] = ()
    diversity: float = 0.0

    def __post_init__(self) -> None:
        check_number("new_item_share", self.new_item_share, 0, 1)
        check_number("new_item_days", self.new_item_days, 0, 36_500)
        check_number("diversity", self.diversity, 0, 1)
        for dimension, most in self.caps:
            if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
                raise QueryError(
                    f"max_per_{dimension} is {shown(most)}",
                    expected="a whole number, 1 or more",
                    next_step=f"to leave a {dimension} out, filter it",
                    value=most,
                )
        if self.new_items_as_of is not None:
            check_moment("new_items_as_of", self.new_items_as_of)

    @property
    def changes(self) -> bool:
        """Whether anything beside affinity is asked for."""
        return bool(self.new_item_share or self.caps or self.diversity)


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Memberships of a pool of targets in one dimension, as pairs without repeats.

    Args:
        members: int64 [num_pairs], positions in the pool, ascending.
        groups: int64 [num_pairs], numbers from 0 on.
        num_groups: How many there are.
    """

    members: Rows
    groups: Rows
    num_groups: int

    def of(self, member: int) -> Rows:
        """The groups of one position."""
        first, end = np.searchsorted(self.members, (member, member + 1))
        return self.groups[first:end]

    def in_any(self, groups: npt.NDArray[np.bool_]) -> Rows:
        """The positions that belong to a marked group; bool [num_groups]."""
        return self.members[groups[self.groups]]


class Membership:
    """Finds out, for one target type and dimension, who belongs where.

    Products belong to the categories that they stand in directly, to their brand, and to the
    creators who promote or feature them; other types to what their products belong to.

    Raises:
        QueryError: Targets of that type have no such dimension, or the bundle lacks the edges.
    """

    def __init__(self, paths: Paths, dimension: str, target_type: str) -> None:
        self._paths = paths
        self._target_type = target_type
        ways = ways_back(dimension, target_type)
        if not ways:
            raise QueryError(
                f"{target_type} targets have no {dimension} to spread over",
                next_step=f"leave out what asks for the {dimension}",
                value=dimension,
            )
        self._ways = [way for way in ways if paths.can_walk(target_type, way)]
        if not self._ways:
            steps = " and ".join(step.removeprefix(BACK) for step in ways[0])
            raise QueryError(
                f"the bundle lacks edges of {steps}, so the {dimension} of a {target_type} is "
                "unknown",
                next_step="train again with these edges in the snapshot",
                value=dimension,
            )

    @staticmethod
    def can_tell(paths: Paths, dimension: str, target_type: str) -> bool:
        """Whether the bundle knows this dimension of the targets."""
        return any(paths.can_walk(target_type, way) for way in ways_back(dimension, target_type))

    def of(self, rows: Rows) -> Groups:
        """The memberships of a pool of target rows."""
        found = [self._walked(way, rows) for way in self._ways]
        members = np.concatenate([owners for owners, _ in found])
        groups = np.concatenate([ends for _, ends in found])
        kinds, numbers = np.unique(groups, return_inverse=True)
        pairs = np.unique(members * max(len(kinds), 1) + numbers)
        return Groups(pairs // max(len(kinds), 1), pairs % max(len(kinds), 1), len(kinds))

    def _walked(self, way: Steps, rows: Rows) -> tuple[Rows, Rows]:
        """Every end that can be reached from each row, with the position of that row."""
        owners, current, node_type = np.arange(len(rows)), rows, self._target_type
        for step in way:
            edges = self._paths.adjacency(node_type, step)
            owners = np.repeat(owners, edges.indptr[current + 1] - edges.indptr[current])
            current = edges.gather(current).astype(np.int64)
            node_type = self._paths.end_type(node_type, step)
        return owners, current


def ways_back(dimension: str, target_type: str) -> Sequence[Steps]:
    """From a target to its groups: the ways that filters walk, the other way round.

    >>> ways_back("creator", "Product")
    [('~PROMOTES',), ('~FEATURES', '~PUBLISHED')]
    >>> ways_back("brand", "User")
    []
    """
    field = DIMENSIONS[dimension]
    if NAMED[field] == target_type:
        return []  # a node is the only one of its own kind
    return [
        tuple(
            step.removeprefix(BACK) if step.startswith(BACK) else BACK + step
            for step in reversed(way)
        )
        for way in WAYS.get((field, target_type), ())
    ]
