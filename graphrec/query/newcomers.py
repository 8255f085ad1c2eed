"""Vectors for nodes that training never saw: one propagation step, with NumPy alone."""

from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, nearest
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, Bundle, NewcomerRule

Neighbours = Mapping[str, Sequence[str]] | Mapping[EdgeType, Sequence[str]]
"""Per edge type, such as 'Product-MADE_BY-Brand', the ids of the nodes at the other end."""


class Newcomers:
    """Carries the vectors that a bundle serves one step on, to nodes that it does not hold.

    With N_r the neighbours by ties of kind r, d_r(s) the number of such ties that a node s of the
    bundle has, and the weights w, the length l and the power p of the bundle's `NewcomerRule`,

        y = sum_r w_r sum_{s in N_r} z_s / sqrt(|N_r| d_r(s))    and    z = l |y|^(p - 1) y.

    The inner sum is one layer of LightGCN (He et al., SIGIR 2020, equation 3). Deviations: it
    starts from the vectors after propagation instead of those before it, the new tie itself does
    not count in d_r(s), and the length is calibrated.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._degrees: dict[tuple[EdgeType, str], npt.NDArray[np.int64]] = {}
        self._lock = Lock()

    def encode(self, node_type: str, neighbours: Neighbours) -> npt.NDArray[np.float32]:
        """The vector of a new node; see `Recommender.encode_new`."""
        rule = self._rule(node_type)
        carried = np.zeros(self._bundle.manifest.dim)  # y
        for name, ids in neighbours.items():
            edge_type = self._edge_type(node_type, str(name), rule)
            other = edge_type.other_end(node_type)
            # Ascending and each once, so that neither order nor repeats show in any bit.
            rows = np.unique(np.array([self._bundle.row_of(other, one) for one in ids], np.int64))
            products = np.maximum(self._num_ties(edge_type, other)[rows], 1) * float(len(rows))
            shares = rule.ties[str(edge_type)] / np.sqrt(products)
            carried += shares @ self._bundle.vectors(other)[rows].astype(np.float64)
        length = np.sqrt(carried @ carried)
        if length == 0:
            raise QueryError(
                f"nothing is known about this new {node_type}: no neighbour of it has a vector",
                expected="known ids along " + " or ".join(rule.ties),
                value=neighbours,
            )
        vector: npt.NDArray[np.float32] = (rule.factor(length) * carried).astype(np.float32)
        return vector

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

    def _num_ties(self, edge_type: EdgeType, node_type: str) -> npt.NDArray[np.int64]:
        """Of every node at one end, counted when first asked for."""
        with self._lock:
            if (edge_type, node_type) not in self._degrees:
                ties = self._bundle.edges(edge_type)
                self._degrees[edge_type, node_type] = num_ties(ties, edge_type, node_type)
            return self._degrees[edge_type, node_type]


def num_ties(ties: Adjacency, edge_type: EdgeType, node_type: str) -> npt.NDArray[np.int64]:
    """How many distinct neighbours each node of one end has, int64 [num_nodes].

    Ties within one type have no direction here: two products that name each other are tied once.
    """
    if edge_type.source == edge_type.target:
        sources = np.repeat(np.arange(ties.num_sources), ties.degrees())
        there = np.concatenate([sources, ties.indices])
        back = np.concatenate([ties.indices, sources])
        return Adjacency.from_edges(there, back, ties.num_sources, ties.num_sources).degrees()
    if edge_type.source == node_type:
        return ties.degrees()
    return np.bincount(ties.indices, minlength=ties.num_targets).astype(np.int64)
