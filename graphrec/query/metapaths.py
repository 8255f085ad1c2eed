"""Walks along the edges of a bundle, forwards and backwards, and along the category tree.

It also declares which filters work on which targets, as metapaths through the graph.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, Bundle
from graphrec.query.embeddings import Rows

CATEGORY, CHILD_OF = "Category", "CHILD_OF"
LEVELS = ("leaf", "all")
"""Which categories a question is about: those where the tree ends, or all of them."""


class CategoryTree:
    """Never changes; safe to use from several threads.

    A ring in the tree does no harm: all of it is above and below each of its categories.

    Args:
        parents: From every category to those that it is directly a part of.

    >>> parents = Adjacency.from_edges(np.array([0, 1]), np.array([1, 2]), 4, 4)
    >>> tree = CategoryTree(parents)
    >>> tree.above(np.array([0])).tolist(), tree.below(np.array([1])).tolist()
    ([0, 1, 2], [0, 1])
    >>> np.flatnonzero(tree.leaves).tolist()
    [0, 3]
    """

    def __init__(self, parents: Adjacency) -> None:
        self._parents = parents

    @classmethod
    def flat(cls, num_categories: int) -> "CategoryTree":
        """One in which no category is a part of another."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(Adjacency.from_edges(nothing, nothing, num_categories, num_categories))

    def above(self, rows: Rows) -> Rows:
        """The categories and all that they are a part of, int64, ascending and distinct."""
        return np.unique(self.ancestors.gather(rows)).astype(np.int64)

    def below(self, rows: Rows) -> Rows:
        """The categories and all that is a part of them, int64, ascending and distinct."""
        return np.unique(self._descendants.gather(rows)).astype(np.int64)

    @cached_property
    def ancestors(self) -> Adjacency:
        """From every category to itself and all that it is a part of."""
        return _repeated(self._parents)

    @cached_property
    def _descendants(self) -> Adjacency:
        return self.ancestors.reverse()

    @cached_property
    def leaves(self) -> npt.NDArray[np.bool_]:
        """The categories that have none below them, bool [num_categories], read-only.

        In a ring at the end of the tree that is each one; a category that is named as its own
        parent has nothing below it for that.
        """
        without_children = np.ones(self._parents.num_targets, dtype=np.bool_)
        without_children[self._parents.indices] = False
        ends = np.flatnonzero(without_children)
        leaves = np.ones(len(without_children), dtype=np.bool_)
        leaves[self.above(ends)] = False
        leaves[ends] = True
        leaves.flags.writeable = False
        return leaves


def _repeated(steps: Adjacency) -> Adjacency:
    """From every row to itself and all that taking the steps again and again reaches."""
    size, degrees = steps.num_sources, steps.degrees()
    found = frontier = np.arange(size, dtype=np.int64) * (size + 1)  # origin * size + row
    while len(frontier):
        origins, rows = np.divmod(frontier, size)
        keys = np.repeat(origins, degrees[rows]) * size + steps.indices[steps.positions(rows)]
        frontier = np.setdiff1d(np.unique(keys), found, assume_unique=True)
        found = np.union1d(found, frontier)
    return Adjacency.from_edges(*np.divmod(found, max(size, 1)), size, size)


BACK = "~"

Steps = tuple[str, ...]
"""Relations to follow one after the other; '~MADE_BY' follows MADE_BY against its direction."""


class Paths:
    """The edges of one bundle, with the reverse of each made when first walked."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._edge_types: dict[tuple[str, str], EdgeType] = {}
        self._reverse: dict[EdgeType, Adjacency] = {}
        self._lock = ForkLock()

    @property
    def bundle(self) -> Bundle:
        """The bundle whose edges these are."""
        return self._bundle

    @cached_property
    def tree(self) -> CategoryTree:
        """The category tree; a flat one where the bundle holds no edges between categories."""
        if self.can_walk(CATEGORY, (CHILD_OF,)):
            return CategoryTree(self.adjacency(CATEGORY, CHILD_OF))
        return CategoryTree.flat(self._bundle.num_nodes(CATEGORY))

    def edge_type(self, start_type: str, step: str) -> EdgeType:
        """The edge type that a step from `start_type` runs along."""
        if (start_type, step) not in self._edge_types:
            schema, relation = self._bundle.schema, step.removeprefix(BACK)
            self._edge_types[start_type, step] = (
                schema.edge_type(relation, target=start_type)
                if step.startswith(BACK)
                else schema.edge_type(relation, source=start_type)
            )
        return self._edge_types[start_type, step]

    def end_type(self, start_type: str, step: str) -> str:
        """The node type where a step from `start_type` ends."""
        edge_type = self.edge_type(start_type, step)
        return edge_type.source if step.startswith(BACK) else edge_type.target

    def can_walk(self, start_type: str, steps: Steps) -> bool:
        """Whether the bundle holds every edge type on the way."""
        for step in steps:
            if step.removeprefix(BACK) not in self._bundle.schema.relations:
                return False
            if not self._bundle.has_edges(self.edge_type(start_type, step)):
                return False
            start_type = self.end_type(start_type, step)
        return True

    def adjacency(self, start_type: str, step: str) -> Adjacency:
        """The neighbors one step away.

        Raises:
            QueryError: The bundle does not hold these edges.
        """
        return self.along(self.edge_type(start_type, step), backwards=step.startswith(BACK))

    def along(self, edge_type: EdgeType, *, backwards: bool) -> Adjacency:
        """The neighbors by one edge type: who stands at its target end, or at its source end.

        Raises:
            QueryError: The bundle does not hold these edges.
        """
        forwards = self._bundle.edges(edge_type)
        if not backwards:
            return forwards
        with self._lock:
            if edge_type not in self._reverse:
                self._reverse[edge_type] = forwards.reverse()
            return self._reverse[edge_type]

    def reach(self, start_type: str, steps: Steps, rows: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The distinct rows at the end of the way, ascending."""
        current = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        for step in steps:
            adjacency = self.adjacency(start_type, step)
            current = np.unique(adjacency.gather(current)).astype(np.int64)
            start_type = self.end_type(start_type, step)
        return current


NAMED: Mapping[str, str] = {
    "categories": "Category",
    "brands": "Brand",
    "shops": "Shop",
    "tags": "Tag",
    "creators": "Creator",
    "agencies": "Agency",
    "price_bands": "PriceBand",
}
"""Per filter that names nodes, their type."""

_FROM_PRODUCT: Mapping[str, tuple[Steps, ...]] = {
    "Product": ((),),
    "Creator": (("~PROMOTES",), ("~FEATURES", "~PUBLISHED")),
    "Content": (("~FEATURES",),),
    "Shop": (("SOLD_BY",),),
    "Brand": (("MADE_BY",),),
}
_TO_PRODUCT: Mapping[str, tuple[Steps, ...]] = {
    "categories": (("~IN_CATEGORY",),),
    "brands": (("~MADE_BY",),),
    "shops": (("~SOLD_BY",),),
    "tags": (("~TAGGED",),),
    "creators": (("PROMOTES",), ("PUBLISHED", "FEATURES")),
    "price_bands": (("~IN_PRICE_BAND",),),
}
_SHORTER: Mapping[tuple[str, str], tuple[Steps, ...]] = {
    ("categories", "Category"): ((),),
    ("brands", "Brand"): ((),),
    ("brands", "Shop"): (("~RUN_BY",), ("~MADE_BY", "SOLD_BY")),
    ("shops", "Shop"): ((),),
    ("shops", "Brand"): (("RUN_BY",), ("~SOLD_BY", "MADE_BY")),
    ("creators", "Creator"): ((),),
    ("creators", "Content"): (("PUBLISHED",),),
    ("agencies", "Creator"): (("~MANAGED_BY",),),
    ("agencies", "Agency"): ((),),
}

WAYS: Mapping[tuple[str, str], tuple[Steps, ...]] = {
    **{
        (field, target): tuple(
            (*to_product, *onwards) for to_product in ways for onwards in from_product
        )
        for field, ways in _TO_PRODUCT.items()
        for target, from_product in _FROM_PRODUCT.items()
    },
    **_SHORTER,
}
"""Per (filter, target type) the ways from the named nodes to the targets that pass."""

OF_PRODUCTS = ("price_min", "price_max", "status", "in_stock")
"""Filters on what only products have."""


def targets_of(field: str) -> tuple[str, ...]:
    """The target types on which a filter works; empty for any type."""
    if field in OF_PRODUCTS:
        return ("Product",)
    return tuple(target for name, target in WAYS if name == field)
