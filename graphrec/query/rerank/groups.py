"""Finds the categories, brands and creators that targets belong to, for caps and diversity."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphdb.schema_types import MetaPath
from graphrec.query.embeddings import Rows
from graphrec.query.metapaths import FILTER_PATHS, NAMED, Paths
from graphrec.query.options import DIMENSIONS


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
        paths_to = group_paths(dimension, target_type)
        if not paths_to:
            raise QueryError(
                f"{target_type} targets have no {dimension} to spread over",
                next_step=f"leave out what asks for the {dimension}",
                value=dimension,
            )
        self._group_paths = [path for path in paths_to if paths.holds(path)]
        if not self._group_paths:
            steps = " and ".join(one.relation for one in paths_to[0].edge_types)
            raise QueryError(
                f"the bundle lacks edges of {steps}, so the {dimension} of a {target_type} is "
                "unknown",
                next_step="train again with these edges in the snapshot",
                value=dimension,
            )

    @staticmethod
    def can_tell(paths: Paths, dimension: str, target_type: str) -> bool:
        """Whether the bundle knows this dimension of the targets."""
        return any(map(paths.holds, group_paths(dimension, target_type)))

    def of(self, rows: Rows) -> Groups:
        """The memberships of a pool of target rows."""
        found = [self._walked(path, rows) for path in self._group_paths]
        members = np.concatenate([owners for owners, _ in found])
        groups = np.concatenate([ends for _, ends in found])
        kinds, numbers = np.unique(groups, return_inverse=True)
        pairs = np.unique(members * max(len(kinds), 1) + numbers)
        return Groups(pairs // max(len(kinds), 1), pairs % max(len(kinds), 1), len(kinds))

    def _walked(self, path: MetaPath, rows: Rows) -> tuple[Rows, Rows]:
        """Every end that can be reached from each row, with the position of that row."""
        owners, current = np.arange(len(rows)), rows
        for step in path.steps:
            edges = self._paths.adjacency(step)
            owners = np.repeat(owners, edges.degrees(current))
            current = edges.gather(current).astype(np.int64)
        return owners, current


def group_paths(dimension: str, target_type: str) -> list[MetaPath]:
    """From a target to its groups: the metapaths of filters, the other way round.

    >>> [str(path) for path in group_paths("creator", "Product")]
    ['Product-~PROMOTES-Creator', 'Product-~FEATURES-Content-~PUBLISHED-Creator']
    >>> group_paths("brand", "User")
    []
    """
    field = DIMENSIONS[dimension]
    if NAMED[field] == target_type:
        return []  # a node is the only one of its own kind
    return [path.reverse() for path in FILTER_PATHS.get((field, target_type), ())]
