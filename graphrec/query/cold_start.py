"""Answers for nodes that a bundle does not hold: by their neighbors' vectors, or by popularity.

Vectors of cold-start nodes are computed with NumPy alone. Popularity is the answer where nothing is
known about who asks.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, nearest, shown
from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType, MetaPath
from graphrec.bundle import Adjacency, Bundle, ColdStartRule
from graphrec.cold_start import NeighborAggregator
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.metapaths import CATEGORY, GROUPS, Paths
from graphrec.query.options import as_ids

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


_FROM_USERS: Mapping[str, MetaPath] = {
    "Creator": MetaPath.parse("User-FOLLOWS-Creator"),
    "Content": MetaPath.parse("User-WATCHED-Content"),
}
"""Per target type that is popular by itself, not by its products, the metapath from users to it."""


class Popularity:
    """Counts, per target type when first asked for, the ways from users to each target.

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
        path = self._path(target_type)
        counts: npt.NDArray[np.float64] = np.ones(self._bundle.num_nodes(path.source))
        for step in path.steps:
            edges = self._paths.adjacency(step)
            weights = np.repeat(counts, edges.degrees())
            counts = np.bincount(edges.indices, weights, edges.num_targets).astype(np.float64)
        if target_type == CATEGORY:
            ancestors = self._paths.tree.ancestors
            weights = np.repeat(counts, ancestors.degrees())
            counts = np.bincount(ancestors.indices, weights, len(counts)).astype(np.float64)
        return counts

    def _path(self, target_type: str) -> MetaPath:
        """From users to a target type; all of its instances are counted."""
        name = self._bundle.schema.node_type(target_type).name
        path = _FROM_USERS.get(name)
        if name == "Product":
            path = self._paths.taken
        elif name in GROUPS:
            path = self._paths.taken + GROUPS[name]
        if path is None or not self._paths.holds(path):
            edges = " and ".join(map(str, path.edge_types)) if path else "of users to them"
            raise QueryError(
                f"which {target_type} nodes are popular is unknown",
                expected=f"the edges {edges}",
                next_step='ask with on_unknown="error"',
                value=target_type,
            )
        return path
