"""What most users have: the answer where nothing is known about who asks."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, SchemaError
from graphdb.fork_lock import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.bundle import Bundle
from graphrec.query.paths import Paths
from graphrec.query.space import Space
from graphrec.query.tree import CATEGORY

_BOUGHT = "User-PURCHASED-Product"
WAYS: Mapping[str, tuple[str, ...]] = {
    "Product": (_BOUGHT,),
    "Brand": (_BOUGHT, "Product-MADE_BY-Brand"),
    "Category": (_BOUGHT, "Product-IN_CATEGORY-Category"),
    "Shop": (_BOUGHT, "Product-SOLD_BY-Shop"),
    "Tag": (_BOUGHT, "Product-TAGGED-Tag"),
    "PriceBand": (_BOUGHT, "Product-IN_PRICE_BAND-PriceBand"),
    "Creator": ("User-FOLLOWS-Creator",),
    "Content": ("User-WATCHED-Content",),
}
"""Per target type the edges from users to it; those on the way are all counted."""


class Popularity:
    """Counts, per target type when first asked for, the distinct ways from users to each target.

    For products that is their buyers, for a brand the buyers of each of its products together, for
    a category those of the products of all that is below it too.
    """

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle, self._paths = bundle, paths
        self._spaces: dict[str, Space] = {}
        self._lock = ForkLock()

    def space(self, target_type: str) -> Space:
        """The counts as vectors of one number, so that they are ranked as all else is.

        Raises:
            QueryError: What users did with this type is unknown.
        """
        with self._lock:
            if target_type not in self._spaces:
                counts = self._counts(target_type)
                self._spaces[target_type] = Space.of(counts.astype(np.float32)[:, None])
            return self._spaces[target_type]

    def _counts(self, target_type: str) -> npt.NDArray[np.float64]:
        edge_types = self._edge_types(target_type)
        first = self._bundle.edges(edge_types[0])
        counts: npt.NDArray[np.float64] = np.ones(first.num_sources)
        for edge_type in edge_types:
            edges = self._bundle.edges(edge_type)
            weights = np.repeat(counts, edges.degrees())
            counts = np.bincount(edges.indices, weights, edges.num_targets).astype(np.float64)
        if target_type == CATEGORY:
            ancestors = self._paths.tree.ancestors
            weights = np.repeat(counts, ancestors.degrees())
            counts = np.bincount(ancestors.indices, weights, len(counts)).astype(np.float64)
        return counts

    def _edge_types(self, target_type: str) -> list[EdgeType]:
        name = self._bundle.schema.node_type(target_type).name
        try:
            found = [self._bundle.schema.parse_edge_type(edge) for edge in WAYS.get(name, ())]
        except SchemaError:
            found = []
        if not found or not all(map(self._bundle.has_edges, found)):
            raise QueryError(
                f"which {target_type} nodes are popular is unknown",
                expected=f"the edges {' and '.join(WAYS.get(name, ())) or 'of users to them'}",
                next_step='ask with on_unknown="error"',
                value=target_type,
            )
        return found
