"""Answers for nodes that a bundle does not hold: by their neighbors' vectors, or by popularity.

Vectors of cold-start nodes are computed with NumPy alone. Popularity is the answer where nothing is
known about who asks.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, SchemaError, nearest, shown
from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, Bundle, ColdStartRule
from graphrec.cold_start import NeighborAggregator
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.metapaths import CATEGORY, Paths
from graphrec.query.names import as_ids

Neighbors = Mapping[str, Sequence[str]] | Mapping[EdgeType, Sequence[str]]
"""Per edge type, such as 'Product-MADE_BY-Brand', the ids of the nodes at the other end."""


class ColdStart:
    """Applies the rules that a bundle brings to nodes of which only the neighbors are known."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._aggregators: dict[str, NeighborAggregator] = {}
        self._lock = ForkLock()

    def embed(self, node_type: str, neighbors: Neighbors) -> npt.NDArray[np.float32]:
        """The vector of a new node; see `Recommender.embed_new`."""
        rule = self._rule(node_type)
        rows: dict[EdgeType, Adjacency] = {}
        if not isinstance(neighbors, Mapping):
            raise QueryError(
                f"neighbors is {shown(neighbors)}",
                expected="ids by edge type",
                value=neighbors,
            )
        for name, ids in neighbors.items():
            edge_type = self._edge_type(node_type, str(name), rule)
            rows[edge_type] = self._rows(edge_type.other_end(node_type), ids)
        vectors = self._aggregator(node_type, rule).aggregate(rule, rows) if rows else None
        if vectors is None or not vectors.any():
            raise QueryError(
                f"nothing is known about this new {node_type}: no neighbor of it has a vector",
                expected="known ids along " + " or ".join(rule.edge_types),
                value=neighbors,
            )
        vector: npt.NDArray[np.float32] = vectors[0]
        return vector

    def _rows(self, other: str, ids: Sequence[str]) -> Adjacency:
        """The neighbors of the one new node, each once and ascending."""
        names = as_ids(ids, f"the {other} neighbors")
        rows = np.array([self._bundle.row_of(other, one) for one in names], np.int64)
        return Adjacency.from_edges(np.zeros_like(rows), rows, 1, self._bundle.num_nodes(other))

    def _aggregator(self, node_type: str, rule: ColdStartRule) -> NeighborAggregator:
        """Kept from the first question on, because it counts edges."""
        with self._lock:
            if node_type not in self._aggregators:
                bundle = self._bundle
                known_by = [bundle.schema.parse_edge_type(name) for name in rule.trained_by]
                self._aggregators[node_type] = NeighborAggregator(
                    node_type, bundle.vectors, bundle.edges, known_by
                )
            return self._aggregators[node_type]

    def _rule(self, node_type: str) -> ColdStartRule:
        rules = self._bundle.manifest.cold_start
        name = self._bundle.schema.node_type(node_type).name
        if name not in rules:
            raise QueryError(
                f"the bundle cannot embed new {node_type} nodes",
                expected="one of " + ", ".join(sorted(rules)) if rules else None,
                next_step="train again, with `cold_start` in the settings",
                value=node_type,
            )
        return rules[name]

    def _edge_type(self, node_type: str, name: str, rule: ColdStartRule) -> EdgeType:
        if name not in rule.edge_types:
            raise QueryError(
                f"'{name}' does not count for a new {node_type}",
                expected="one of " + ", ".join(rule.edge_types),
                next_step=nearest(name, list(rule.edge_types)),
                value=name,
            )
        return self._bundle.schema.parse_edge_type(name)


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
    """Counts, per target type when first asked for, the distinct kinds from users to each target.

    For products that is their buyers, for a brand the buyers of each of its products together, for
    a category those of the products of all that is below it too.
    """

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle, self._paths = bundle, paths
        self._spaces: dict[str, EmbeddingMatrix] = {}
        self._lock = ForkLock()

    def space(self, target_type: str) -> EmbeddingMatrix:
        """The counts as vectors of one number, so that they are ranked as all else is.

        Raises:
            QueryError: What users did with this type is unknown.
        """
        with self._lock:
            if target_type not in self._spaces:
                counts = self._counts(target_type)
                self._spaces[target_type] = EmbeddingMatrix.of(counts.astype(np.float32)[:, None])
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
