"""Vectors for nodes that a bundle does not hold: what their neighbours tell, with NumPy alone."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, nearest, shown
from graphdb.fork_lock import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, Bundle, NewcomerRule
from graphrec.newcomers import Surroundings
from graphrec.query.names import as_ids

Neighbours = Mapping[str, Sequence[str]] | Mapping[EdgeType, Sequence[str]]
"""Per edge type, such as 'Product-MADE_BY-Brand', the ids of the nodes at the other end."""


class Newcomers:
    """Applies the rules that a bundle brings to nodes of which only the neighbours are known."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._surroundings: dict[str, Surroundings] = {}
        self._lock = ForkLock()

    def encode(self, node_type: str, neighbours: Neighbours) -> npt.NDArray[np.float32]:
        """The vector of a new node; see `Recommender.encode_new`."""
        rule = self._rule(node_type)
        near = {}
        if not isinstance(neighbours, Mapping):
            raise QueryError(
                f"neighbours is {shown(neighbours)}",
                expected="ids by edge type",
                value=neighbours,
            )
        for name, ids in neighbours.items():
            edge_type = self._edge_type(node_type, str(name), rule)
            near[edge_type] = self._near(edge_type.other_end(node_type), ids)
        vectors = self._around(node_type, rule).told(rule, near) if near else None
        if vectors is None or not vectors.any():
            raise QueryError(
                f"nothing is known about this new {node_type}: no neighbour of it has a vector",
                expected="known ids along " + " or ".join(rule.ties),
                value=neighbours,
            )
        vector: npt.NDArray[np.float32] = vectors[0]
        return vector

    def _near(self, other: str, ids: Sequence[str]) -> Adjacency:
        """The neighbours of the one new node, each once and ascending."""
        names = as_ids(ids, f"the {other} neighbours")
        rows = np.array([self._bundle.row_of(other, one) for one in names], np.int64)
        return Adjacency.from_edges(np.zeros_like(rows), rows, 1, self._bundle.num_nodes(other))

    def _around(self, node_type: str, rule: NewcomerRule) -> Surroundings:
        """Kept from the first question on, because it counts ties."""
        with self._lock:
            if node_type not in self._surroundings:
                bundle = self._bundle
                known_by = [bundle.schema.parse_edge_type(name) for name in rule.trained_by]
                self._surroundings[node_type] = Surroundings(
                    node_type, bundle.vectors, bundle.edges, known_by
                )
            return self._surroundings[node_type]

    def _rule(self, node_type: str) -> NewcomerRule:
        rules = self._bundle.manifest.newcomers
        name = self._bundle.schema.node_type(node_type).name
        if name not in rules:
            raise QueryError(
                f"the bundle cannot encode new {node_type} nodes",
                expected="one of " + ", ".join(sorted(rules)) if rules else None,
                next_step="train again, with `newcomers` in the settings",
                value=node_type,
            )
        return rules[name]

    def _edge_type(self, node_type: str, name: str, rule: NewcomerRule) -> EdgeType:
        if name not in rule.ties:
            raise QueryError(
                f"'{name}' tells nothing about a new {node_type}",
                expected="one of " + ", ".join(rule.ties),
                next_step=nearest(name, list(rule.ties)),
                value=name,
            )
        return self._bundle.schema.parse_edge_type(name)
