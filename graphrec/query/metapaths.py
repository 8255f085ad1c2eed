"""Walks along the edges of a bundle, forwards and backwards, and along the category tree.

It also declares which filters work on which targets, as metapaths through the graph.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType, MetaPath, Step
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency, Bundle
from graphrec.query.embeddings import Rows

CATEGORY = "Category"
PARENT = MetaPath.parse("Category-CHILD_OF-Category")
BOUGHT = MetaPath.parse("User-PURCHASED-Product")
MAKES = MetaPath.parse("Brand-~MADE_BY-Product")
GROUPS: Mapping[str, MetaPath] = {
    "Brand": MAKES.reverse(),
    "Category": MetaPath.parse("Product-IN_CATEGORY-Category"),
    "Shop": MetaPath.parse("Product-SOLD_BY-Shop"),
    "Tag": MetaPath.parse("Product-TAGGED-Tag"),
    "PriceBand": MetaPath.parse("Product-IN_PRICE_BAND-PriceBand"),
}
"""Per node type that groups products, the metapath from a product to its groups."""
CARRIES = (
    MetaPath.parse("Creator-PROMOTES-Product"),
    MetaPath.parse("Creator-PUBLISHED-Content-FEATURES-Product"),
)
"""From a creator to the products that it carries."""
Mask = npt.NDArray[np.bool_]
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
        return np.unique(self.descendants.gather(rows)).astype(np.int64)

    @cached_property
    def ancestors(self) -> Adjacency:
        """From every category to itself and all that it is a part of."""
        return _repeated(self._parents)

    @cached_property
    def descendants(self) -> Adjacency:
        """From every category to itself and all that is a part of it."""
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


class Paths:
    """The edges of one bundle, with the reverse of each made when first walked."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._reverse: dict[EdgeType, Adjacency] = {}
        self._lock = ForkLock()

    @property
    def bundle(self) -> Bundle:
        """The bundle whose edges these are."""
        return self._bundle

    @cached_property
    def tree(self) -> CategoryTree:
        """The category tree; a flat one where the bundle holds no edges between categories."""
        if self.holds(PARENT):
            return CategoryTree(self.adjacency(PARENT.steps[0]))
        return CategoryTree.flat(self._bundle.num_nodes(CATEGORY))

    @cached_property
    def taken(self) -> MetaPath:
        """From users to the products they took: purchases, or the events the bundle predicts.

        A shop without purchases trains on ratings, say: then who rated a product has seen it.
        """
        named = self._bundle.manifest.config.get("target_edge_type", str(BOUGHT))
        if str(named) in self._bundle.manifest.num_edges:
            path = MetaPath.parse(str(named))
            if (path.source, path.target) == (BOUGHT.source, BOUGHT.target):
                return path
        return BOUGHT

    def holds(self, path: MetaPath) -> bool:
        """Whether the bundle holds every edge type of a metapath."""
        return all(self._bundle.has_edges(step.edge_type) for step in path.steps)

    def adjacency(self, step: Step) -> Adjacency:
        """The neighbors one step away.

        Raises:
            QueryError: The bundle does not hold these edges.
        """
        edges = self._bundle.edges(step.edge_type)
        if not step.backwards:
            return edges
        found = self._reverse.get(step.edge_type)
        if found is None:
            with self._lock:
                if step.edge_type not in self._reverse:
                    self._reverse[step.edge_type] = edges.reverse()
                found = self._reverse[step.edge_type]
        return found

    @cached_property
    def _in_categories(self) -> Adjacency:
        """From products to their categories and all that these are a part of."""
        within = self.adjacency(GROUPS[CATEGORY].steps[0])
        above = self.tree.ancestors
        return Adjacency.from_edges(
            np.repeat(sources_of(within), above.degrees(within.indices)),
            above.gather(within.indices),
            within.num_sources,
            within.num_targets,
        )

    def groups_of(self, group: str) -> Adjacency:
        """From products to what they belong to; to a category also from all below it."""
        return self._in_categories if group == CATEGORY else self.adjacency(GROUPS[group].steps[0])

    def reach_each(
        self,
        ways: Sequence[MetaPath],
        rows: npt.NDArray[np.int64],
        *,
        allowed: Callable[[str], Mask | None] | None = None,
        most_edges: int | None = None,
    ) -> Adjacency:
        """From each of some rows to the distinct rows at the end of any of some metapaths.

        Longer metapaths that begin at a category begin at all below it as well.

        Args:
            ways: All from one node type to one other.
            rows: int64 [num_rows]; row number i is source i of the result.
            allowed: Gives which nodes of a type may be walked over and reached, bool [num_nodes],
                or None for all of them.
            most_edges: A row whose metapath crosses more edges than that reaches nothing along it,
                unless it has one step; None for no limit.
        """
        first = ways[0]
        if len(ways) == 1 and len(first.steps) == 1 and first.source != CATEGORY and not allowed:
            edges = self.adjacency(first.steps[0])
            indptr = np.concatenate([[0], np.cumsum(edges.degrees(rows))])
            return Adjacency(indptr, edges.gather(rows), edges.num_targets)
        origins, ends = [], []
        for way in ways:
            origin, current = self._walked(way, rows, allowed, most_edges)
            origins.append(origin)
            ends.append(current)
        num_targets = (
            self.adjacency(first.steps[-1]).num_targets
            if first.steps
            else self._bundle.num_nodes(first.source)
        )
        return Adjacency.from_edges(
            np.concatenate(origins), np.concatenate(ends), len(rows), num_targets
        )

    def _walked(
        self,
        way: MetaPath,
        rows: npt.NDArray[np.int64],
        allowed: Callable[[str], Mask | None] | None,
        most_edges: int | None,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The number of the row and the row reached, per end of a metapath."""
        origin, current = np.arange(len(rows)), rows
        crossed = np.zeros(len(rows))
        steps = [(self.adjacency(step), step) for step in way.steps]
        if way.source == CATEGORY and steps:
            origin = np.repeat(origin, self.tree.descendants.degrees(rows))
            current = self.tree.descendants.gather(rows).astype(np.int64)
        for edges, step in steps:
            degrees = edges.degrees(current)
            crossed += np.bincount(origin, degrees, minlength=len(rows))
            if most_edges is not None and len(steps) > 1:
                few = crossed[origin] <= most_edges
                origin, current, degrees = origin[few], current[few], degrees[few]
            origin, current = np.repeat(origin, degrees), edges.gather(current).astype(np.int64)
            mask = allowed(step.target) if allowed else None
            if mask is not None:
                seen = mask[current]
                origin, current = origin[seen], current[seen]
            if len(steps) > 1:
                keys = np.unique(origin * edges.num_targets + current)
                origin, current = np.divmod(keys, max(edges.num_targets, 1))
        return origin, current

    def reach(self, path: MetaPath, rows: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The distinct rows at the end of a metapath, ascending."""
        current = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        for step in path.steps:
            current = np.unique(self.adjacency(step).gather(current)).astype(np.int64)
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


def _parsed(*paths: str) -> tuple[MetaPath, ...]:
    return tuple(map(MetaPath.parse, paths))


_FROM_PRODUCT: Mapping[str, tuple[MetaPath, ...]] = {
    "Product": _parsed("Product"),
    "Creator": tuple(path.reverse() for path in CARRIES),
    "Content": _parsed("Product-~FEATURES-Content"),
    "Shop": (GROUPS["Shop"],),
    "Brand": (GROUPS["Brand"],),
}
_TO_PRODUCT: Mapping[str, tuple[MetaPath, ...]] = {
    "categories": (GROUPS["Category"].reverse(),),
    "brands": (MAKES,),
    "shops": (GROUPS["Shop"].reverse(),),
    "tags": (GROUPS["Tag"].reverse(),),
    "creators": CARRIES,
    "price_bands": (GROUPS["PriceBand"].reverse(),),
}
_SHORTER: Mapping[tuple[str, str], tuple[MetaPath, ...]] = {
    ("categories", "Category"): _parsed("Category"),
    ("brands", "Brand"): _parsed("Brand"),
    ("brands", "Shop"): _parsed("Brand-~RUN_BY-Shop", "Brand-~MADE_BY-Product-SOLD_BY-Shop"),
    ("shops", "Shop"): _parsed("Shop"),
    ("shops", "Brand"): _parsed("Shop-RUN_BY-Brand", "Shop-~SOLD_BY-Product-MADE_BY-Brand"),
    ("creators", "Creator"): _parsed("Creator"),
    ("creators", "Content"): _parsed("Creator-PUBLISHED-Content"),
    ("agencies", "Creator"): _parsed("Agency-~MANAGED_BY-Creator"),
    ("agencies", "Agency"): _parsed("Agency"),
}

FILTER_PATHS: Mapping[tuple[str, str], tuple[MetaPath, ...]] = {
    **{
        (field, target): tuple(
            to_product + onwards for to_product in paths for onwards in from_product
        )
        for field, paths in _TO_PRODUCT.items()
        for target, from_product in _FROM_PRODUCT.items()
    },
    **_SHORTER,
}
"""Per (filter, target type) the metapaths from the named nodes to the targets that pass."""

OF_PRODUCTS = ("price_min", "price_max", "status", "in_stock")
"""Filters on what only products have."""


def targets_of(field: str) -> tuple[str, ...]:
    """The target types on which a filter works; empty for any type."""
    if field in OF_PRODUCTS:
        return ("Product",)
    return tuple(target for name, target in FILTER_PATHS if name == field)
