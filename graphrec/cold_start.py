"""Computes vectors for cold-start nodes from their neighbors, with NumPy alone.

Each edge type gives a direction of length 1, and rules combine these directions. Training uses the
same code to learn the rules.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.adjacency import Adjacency, Mask, Rows, among, outward, sources_of, thinned
from graphrec.bundle.cold_start_rule import ColdStartRule

Array = npt.NDArray[np.float32]

_BLOCK = 2**14  # vectors gathered at once: 32 MB of them at 512 dimensions


def summed(pairs: Adjacency, vectors: Array, shares: Array | None = None) -> Array:
    """Sums the vectors of each source's targets times the edges' shares: [num_sources, dim].

    Args:
        shares: 1 each by default.

    >>> pairs = Adjacency.from_edges(np.array([0, 0, 2]), np.array([0, 1, 1]), 3, 2)
    >>> vectors = np.array([[1, 0], [0, 4]], np.float32)
    >>> summed(pairs, vectors, np.array([1, 0.5, 2], np.float32)).tolist()
    [[1.0, 2.0], [0.0, 0.0], [0.0, 8.0]]
    """
    found = np.zeros((pairs.num_sources, vectors.shape[1]), dtype=np.float32)
    filled = np.flatnonzero(pairs.degrees())
    blocks = pairs.indptr[filled] // _BLOCK
    for some in np.split(filled, np.flatnonzero(np.diff(blocks)) + 1):
        if len(some):
            first, end = pairs.indptr[some[0]], pairs.indptr[some[-1] + 1]
            gathered = vectors[pairs.indices[first:end]]
            if shares is not None:
                gathered *= shares[first:end, None]
            found[some] = np.add.reduceat(gathered, pairs.indptr[some] - first, axis=0)
    return found


def lengths_of(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Returns the Euclidean norm of every row, [num_rows]."""
    lengths: npt.NDArray[np.float64] = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    return lengths


def unit(rows: Array) -> Array:
    """Scales every row to length 1; zero rows stay zero."""
    lengths = lengths_of(rows)
    scales = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    scaled: Array = rows * scales.astype(np.float32)[:, None]
    return scaled


NeighborsByType = Mapping[EdgeType, Adjacency]
"""Per edge type, the neighbors of each new node: [num_new, num_others]."""

_MOST = 1024  # siblings sampled per group; more change the mean very little
_FEW = 16  # edge types with more edges per node do not count for closest siblings
_NEW_BLOCK = 8192  # new nodes computed at once
_SIBLING_BLOCK = 1024  # the same if pairs of new nodes and siblings are listed


class NeighborAggregator:
    """Computes vectors for new nodes of one type from the nodes that they are connected to.

    It has three parts, each a vector of length 1, or zero without data. N_r are the neighbors by
    edges of type r, d_r(s) the number of such edges of a node s.

    - `from_neighbors`: sum over s in N_r of z_s / sqrt(d_r(s)), one layer of LightGCN (He et al.,
    SIGIR 2020, equation 3) up to its length, over the served vectors. - `from_siblings`: sum over s
    in N_r of the mean vector of s's other neighbors of the new node's type. A product resembles the
    products of its brand; the brand's own vector is trained to be ranked among brands. -
    `from_closest_siblings`: the mean vector of the siblings by the largest number of edge types, if
    that is two or more: the products of the same brand and category. Types with many edges per
    node, such as the shops that sell a product, do not count.

    Of the types that `trained_by` connects, only nodes with such an edge count: the vectors of the
    others were computed by this rule, too.

    Args:
        vectors: The vectors of a node type, float32 [num_nodes, dim].
        edges: The edges of an edge type.
        trained_by: The edge types from which training knows the nodes at their ends.
    """

    def __init__(
        self,
        node_type: str,
        vectors: Callable[[str], Array],
        edges: Callable[[EdgeType], Adjacency],
        trained_by: Sequence[EdgeType],
    ) -> None:
        self._node_type = node_type
        self._vectors = vectors
        self._edges = edges
        self._trained_by = trained_by
        self._groups: dict[EdgeType, Adjacency] = {}
        self._members: dict[EdgeType, Adjacency] = {}
        self._shares: dict[EdgeType, Array] = {}
        self._lock = ForkLock()

    def aggregate(self, rule: ColdStartRule, neighbors: NeighborsByType) -> Array:
        """Returns the vectors of new nodes, float32 [num_new, dim]; zero without known neighbors.

        With the kinds' directions and the rule's weights, y is the weighted sum; then the vector
        is l |y|^(p - 1) y with the rule's length l and power p.
        """
        (number,) = {pairs.num_sources for pairs in neighbors.values()}
        dim = self._vectors(self._node_type).shape[1]
        found = np.zeros((number, dim), dtype=np.float32)
        for begin in range(0, number, _NEW_BLOCK):
            rows = np.arange(begin, min(begin + _NEW_BLOCK, number))
            total = self._total(
                rule, {edge: _some(pairs, rows) for edge, pairs in neighbors.items()}
            )
            lengths = lengths_of(total)
            some = lengths > 0
            factors = rule.factor(lengths[some]).astype(np.float32)
            found[rows[some]] = total[some] * factors[:, None]
        return found

    def _total(self, rule: ColdStartRule, neighbors: NeighborsByType) -> Array:
        parts = [
            np.float32(weights[str(edge)]) * tell(edge, pairs)
            for weights, tell in (
                (rule.neighbors, self.from_neighbors),
                (rule.siblings, self.from_siblings),
            )
            for edge, pairs in neighbors.items()
            if weights.get(str(edge), 0) > 0
        ]
        groups = {edge: pairs for edge, pairs in neighbors.items() if str(edge) in rule.siblings}
        if rule.closest_siblings and len(groups) > 1:
            parts.append(np.float32(rule.closest_siblings) * self.from_closest_siblings(groups))
        number = next(iter(neighbors.values())).num_sources
        nothing = np.zeros((number, self._vectors(self._node_type).shape[1]), dtype=np.float32)
        total = sum(parts, nothing)
        silent = np.flatnonzero(~total.any(axis=1))
        if len(silent) and groups:  # what weighs nothing beside other edges counts alone
            alone = [
                self.from_siblings(edge, _some(pairs, silent)) for edge, pairs in groups.items()
            ]
            total[silent] = sum(alone, nothing[silent])
        return total

    def neighbors(self, edge: EdgeType, rows: Rows) -> Adjacency:
        """Returns the neighbors of known nodes (ascending), to treat them as new."""
        return _some(self._groups_of(edge), rows)

    def from_neighbors(self, edge: EdgeType, neighbors: Adjacency) -> Array:
        """Returns the aggregated vectors of neighbors, [num_new, dim]."""
        shares = self._neighbor_shares(edge)[neighbors.indices]
        return unit(summed(neighbors, self._vectors(edge.other_end(self._node_type)), shares))

    def from_siblings(self, edge: EdgeType, neighbors: Adjacency, own: Rows | None = None) -> Array:
        """Returns the aggregated vectors of siblings, [num_new, dim].

        Args:
            own: For known nodes treated as new, their rows: no node is its own sibling.
        """
        members = self._members_of(edge)
        groups, places = np.unique(neighbors.indices, return_inverse=True)
        vectors = self._vectors(self._node_type)
        some = _some(members, groups)
        sums = summed(some, vectors)  # [num_groups, dim]
        sizes = some.degrees()[places].astype(np.float32)
        owners = sources_of(neighbors)
        told = sums[places]  # [num_pairs, dim]
        if own is not None:
            itself = among(some, places, own[owners])
            told[itself] -= vectors[own[owners[itself]]]
            sizes[itself] -= 1
        shares = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        one_each = Adjacency(neighbors.indptr, np.arange(len(told), dtype=np.int32), len(told))
        return unit(summed(one_each, told, shares))

    def from_closest_siblings(self, neighbors: NeighborsByType, own: Rows | None = None) -> Array:
        """Returns the mean of the closest siblings, [num_new, dim]; `own` as in `from_siblings`."""
        (number,) = {pairs.num_sources for pairs in neighbors.values()}
        few = {edge: pairs for edge, pairs in neighbors.items() if self._few_each(edge)}
        found = np.zeros((number, self._vectors(self._node_type).shape[1]), dtype=np.float32)
        for begin in range(0, number if len(few) > 1 else 0, _SIBLING_BLOCK):
            rows = np.arange(begin, min(begin + _SIBLING_BLOCK, number))
            some = {edge: _some(pairs, rows) for edge, pairs in few.items()}
            found[rows] = self._closest_siblings(some, None if own is None else own[rows])
        return found

    def _closest_siblings(self, neighbors: NeighborsByType, own: Rows | None) -> Array:
        (number,) = {pairs.num_sources for pairs in neighbors.values()}
        vectors = self._vectors(self._node_type)
        new, siblings = self._candidates(neighbors)
        if own is not None:
            others = siblings != own[new]
            new, siblings = new[others], siblings[others]
        kinds = np.zeros(len(new), dtype=np.int64)
        for edge, pairs in neighbors.items():
            kinds += self._share_a_neighbor(edge, pairs, new, siblings)
        most = np.zeros(number, dtype=np.int64)
        np.maximum.at(most, new, kinds)
        best = (kinds == most[new]) & (kinds >= 2)
        chosen = Adjacency.from_edges(new[best], siblings[best], number, len(vectors))
        return unit(summed(chosen, vectors))

    def _few_each(self, edge: EdgeType) -> bool:
        """Returns whether nodes have few such edges; among many, a common one means little."""
        numbers = self._groups_of(edge).degrees()
        return bool(numbers.sum() <= _FEW * np.count_nonzero(numbers))

    def _candidates(self, neighbors: NeighborsByType) -> tuple[Rows, Rows]:
        """Returns pairs of new nodes and siblings that may share two or more edge types, distinct.

        A pair with two common types is found without one of them, so the type with the most
        siblings is skipped.
        """
        number = len(self._vectors(self._node_type))
        sizes = {
            edge: int(self._members_of(edge).degrees()[pairs.indices].sum())
            for edge, pairs in neighbors.items()
        }
        keys = [np.empty(0, dtype=np.int64)]
        for edge in sorted(neighbors, key=lambda one: (sizes[one], str(one)))[:-1]:
            members = self._members_of(edge)
            owners = np.repeat(
                sources_of(neighbors[edge]), members.degrees()[neighbors[edge].indices]
            )
            keys.append(owners * number + members.gather(neighbors[edge].indices))
        both = np.unique(np.concatenate(keys))
        return both // number, both % number

    def _share_a_neighbor(
        self, edge: EdgeType, neighbors: Adjacency, new: Rows, siblings: Rows
    ) -> Mask:
        groups = self._groups_of(edge)
        couples = np.repeat(np.arange(len(new)), groups.degrees()[siblings])
        shared = among(neighbors, new[couples], groups.gather(siblings).astype(np.int64))
        found = np.zeros(len(new), dtype=np.bool_)
        found[couples[shared]] = True
        return found

    def _groups_of(self, edge: EdgeType) -> Adjacency:
        """Returns the neighbors of every node of the new nodes' type."""
        with self._lock:
            if edge not in self._groups:
                self._groups[edge] = outward(self._edges(edge), edge, self._node_type)
            return self._groups[edge]

    def _members_of(self, edge: EdgeType) -> Adjacency:
        """Returns, per node of the other end, a sample of trained nodes of the new nodes' type."""
        groups = self._groups_of(edge)
        with self._lock:
            if edge not in self._members:
                known = self.trained(self._node_type)
                self._members[edge] = thinned(groups.reverse(), known, _MOST)
            return self._members[edge]

    def _neighbor_shares(self, edge: EdgeType) -> Array:
        """Returns the factor of the vector of every node of the other end; 0 if not trained."""
        other = edge.other_end(self._node_type)
        with self._lock:
            if edge not in self._shares:
                degrees = np.maximum(outward(self._edges(edge), edge, other).degrees(), 1)
                shares = self.trained(other) / np.sqrt(degrees)
                self._shares[edge] = shares.astype(np.float32)
            return self._shares[edge]

    def trained(self, node_type: str) -> Mask:
        """Returns the nodes that training knows by events; all if their type does not need any."""
        events = [edge_type for edge_type in self._trained_by if node_type in edge_type[::2]]
        if not events:
            return np.ones(len(self._vectors(node_type)), dtype=np.bool_)
        done = [outward(self._edges(one), one, node_type).degrees() > 0 for one in events]
        known: Mask = np.any(done, axis=0)
        return known


def _some(pairs: Adjacency, sources: npt.NDArray[np.integer]) -> Adjacency:
    """Returns the edges of some sources, ascending; these are the rows of the result."""
    indptr = np.zeros(len(sources) + 1, dtype=np.int64)
    np.cumsum(pairs.degrees()[sources], out=indptr[1:])
    return Adjacency(indptr, pairs.gather(sources), pairs.num_targets)


__all__ = ["NeighborAggregator", "NeighborsByType", "lengths_of", "unit"]
