"""Computes vectors for cold-start nodes from their neighbours, with NumPy alone.

Each edge type gives a direction of length 1, and rules combine these directions. Training uses the
same code to learn the rules.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.adjacency import Adjacency, Mask, Rows, among, outward, sources_of, thinned
from graphrec.bundle.cold_start_rule import NewcomerRule

Array = npt.NDArray[np.float32]

_BLOCK = 2**14  # vectors gathered at once: 32 MB of them at 512 numbers


def summed(pairs: Adjacency, vectors: Array, shares: Array | None = None) -> Array:
    """Per source, the vectors of its targets times the shares of the pairs: [num_sources, dim].

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
    """The Euclidean length of every row, [num_rows]."""
    lengths: npt.NDArray[np.float64] = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    return lengths


def unit(rows: Array) -> Array:
    """Every row at length 1; zero rows stay zero."""
    lengths = lengths_of(rows)
    scales = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    scaled: Array = rows * scales.astype(np.float32)[:, None]
    return scaled


Near = Mapping[EdgeType, Adjacency]
"""Per kind of tie, whom each new node is tied to: [num_new, num_others]."""

_MOST = 1024  # peers that speak for a group; more move their mean by very little
_FEW = 16  # ties of one kind that a node has on average, at most, to be alike by it
_NEW_BLOCK = 8192  # new nodes told at once
_CLOSEST_BLOCK = 1024  # the same where couples of new nodes and peers are listed


class NeighborAggregator:
    """Where new nodes of one type point, by the nodes that they are tied to.

    Three ways, each giving a direction, that is, a vector of length 1, or zero where nothing is
    told. N_r are the neighbours by ties of kind r, d_r(s) the number of such ties of a node s.

    - `step`: sum over s in N_r of z_s / sqrt(d_r(s)), one layer of LightGCN (He et al., SIGIR
      2020, equation 3) up to its length, over the vectors that are served.
    - `peers`: sum over s in N_r of the mean vector of s's other neighbours in the new node's
      own type. A product is like those of its brand; the brand's own vector is made to be ranked
      among brands.
    - `closest`: the mean vector of the peers by the largest number of kinds of ties, where
      that is two or more: the products of the same brand and the same category. Kinds of which
      nodes have many ties, such as the shops that sell a product, do not count.

    Of the types that `trained_by` ties, only nodes with such a tie tell anything: the vectors of
    the others were themselves told.

    Args:
        vectors: Of a node type, float32 [num_nodes, dim].
        edges: Of an edge type, every source's targets.
        trained_by: The edge types by which nodes at their ends are known.
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

    def told(self, rule: NewcomerRule, near: Near) -> Array:
        """The vectors of new nodes, float32 [num_new, dim]; zero where no neighbour tells any.

        With the ways' directions and the rule's weights, y is the weighted sum; then the vector
        is l |y|^(p - 1) y with the rule's length l and power p.
        """
        (number,) = {pairs.num_sources for pairs in near.values()}
        dim = self._vectors(self._node_type).shape[1]
        found = np.zeros((number, dim), dtype=np.float32)
        for begin in range(0, number, _NEW_BLOCK):
            rows = np.arange(begin, min(begin + _NEW_BLOCK, number))
            total = self._total(rule, {tie: _some(pairs, rows) for tie, pairs in near.items()})
            lengths = lengths_of(total)
            some = lengths > 0
            factors = rule.factor(lengths[some]).astype(np.float32)
            found[rows[some]] = total[some] * factors[:, None]
        return found

    def _total(self, rule: NewcomerRule, near: Near) -> Array:
        parts = [
            np.float32(weights[str(tie)]) * tell(tie, pairs)
            for weights, tell in ((rule.steps, self.step), (rule.peers, self.peers))
            for tie, pairs in near.items()
            if weights.get(str(tie), 0) > 0
        ]
        groups = {tie: pairs for tie, pairs in near.items() if str(tie) in rule.peers}
        if rule.closest and len(groups) > 1:
            parts.append(np.float32(rule.closest) * self.closest(groups))
        number = next(iter(near.values())).num_sources
        nothing = np.zeros((number, self._vectors(self._node_type).shape[1]), dtype=np.float32)
        return sum(parts, nothing)

    def near(self, tie: EdgeType, rows: Rows) -> Adjacency:
        """Whom known nodes, ascending, are tied to: they can be taken as if they were new."""
        return _some(self._groups_of(tie), rows)

    def step(self, tie: EdgeType, near: Adjacency) -> Array:
        """What neighbours' own vectors tell, [num_new, dim]."""
        shares = self._step_shares(tie)[near.indices]
        return unit(summed(near, self._vectors(tie.other_end(self._node_type)), shares))

    def peers(self, tie: EdgeType, near: Adjacency, own: Rows | None = None) -> Array:
        """What those with the same neighbours tell, [num_new, dim].

        Args:
            own: For nodes that are known but taken as new, their rows: none is its own peer.
        """
        members = self._members_of(tie)
        groups, places = np.unique(near.indices, return_inverse=True)
        vectors = self._vectors(self._node_type)
        some = _some(members, groups)
        sums = summed(some, vectors)  # [num_groups, dim]
        sizes = some.degrees()[places].astype(np.float32)
        owners = sources_of(near)
        told = sums[places]  # [num_pairs, dim]
        if own is not None:
            itself = among(some, places, own[owners])
            told[itself] -= vectors[own[owners[itself]]]
            sizes[itself] -= 1
        shares = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        one_each = Adjacency(near.indptr, np.arange(len(told), dtype=np.int32), len(told))
        return unit(summed(one_each, told, shares))

    def closest(self, near: Near, own: Rows | None = None) -> Array:
        """What the peers by most kinds of ties tell, [num_new, dim]; `own` as for `peers`."""
        (number,) = {pairs.num_sources for pairs in near.values()}
        few = {tie: pairs for tie, pairs in near.items() if self._few_each(tie)}
        found = np.zeros((number, self._vectors(self._node_type).shape[1]), dtype=np.float32)
        for begin in range(0, number if len(few) > 1 else 0, _CLOSEST_BLOCK):
            rows = np.arange(begin, min(begin + _CLOSEST_BLOCK, number))
            some = {tie: _some(pairs, rows) for tie, pairs in few.items()}
            found[rows] = self._closest(some, None if own is None else own[rows])
        return found

    def _closest(self, near: Near, own: Rows | None) -> Array:
        (number,) = {pairs.num_sources for pairs in near.values()}
        vectors = self._vectors(self._node_type)
        new, peers = self._candidates(near)
        if own is not None:
            others = peers != own[new]
            new, peers = new[others], peers[others]
        kinds = np.zeros(len(new), dtype=np.int64)
        for tie, pairs in near.items():
            kinds += self._share_a_neighbour(tie, pairs, new, peers)
        most = np.zeros(number, dtype=np.int64)
        np.maximum.at(most, new, kinds)
        best = (kinds == most[new]) & (kinds >= 2)
        chosen = Adjacency.from_edges(new[best], peers[best], number, len(vectors))
        return unit(summed(chosen, vectors))

    def _few_each(self, tie: EdgeType) -> bool:
        """Whether nodes have few such ties; where they have many, one in common says little."""
        numbers = self._groups_of(tie).degrees()
        return bool(numbers.sum() <= _FEW * np.count_nonzero(numbers))

    def _candidates(self, near: Near) -> tuple[Rows, Rows]:
        """Who could be tied alike by two kinds or more, without repeats: new nodes and peers.

        Whoever is has a tie alike of all kinds but one, so the kind with most peers is left out.
        """
        number = len(self._vectors(self._node_type))
        sizes = {
            tie: int(self._members_of(tie).degrees()[pairs.indices].sum())
            for tie, pairs in near.items()
        }
        keys = [np.empty(0, dtype=np.int64)]
        for tie in sorted(near, key=lambda one: (sizes[one], str(one)))[:-1]:
            members = self._members_of(tie)
            owners = np.repeat(sources_of(near[tie]), members.degrees()[near[tie].indices])
            keys.append(owners * number + members.gather(near[tie].indices))
        both = np.unique(np.concatenate(keys))
        return both // number, both % number

    def _share_a_neighbour(self, tie: EdgeType, near: Adjacency, new: Rows, peers: Rows) -> Mask:
        groups = self._groups_of(tie)
        couples = np.repeat(np.arange(len(new)), groups.degrees()[peers])
        shared = among(near, new[couples], groups.gather(peers).astype(np.int64))
        found = np.zeros(len(new), dtype=np.bool_)
        found[couples[shared]] = True
        return found

    def _groups_of(self, tie: EdgeType) -> Adjacency:
        """Whom every node of the new nodes' type is tied to."""
        with self._lock:
            if tie not in self._groups:
                self._groups[tie] = outward(self._edges(tie), tie, self._node_type)
            return self._groups[tie]

    def _members_of(self, tie: EdgeType) -> Adjacency:
        """Per node of the other end, the trained ones of the new nodes' type; not too many."""
        groups = self._groups_of(tie)
        with self._lock:
            if tie not in self._members:
                known = self.trained(self._node_type)
                self._members[tie] = thinned(groups.reverse(), known, _MOST)
            return self._members[tie]

    def _step_shares(self, tie: EdgeType) -> Array:
        """By what the vector of every node of the other end is multiplied; 0 if not trained."""
        other = tie.other_end(self._node_type)
        with self._lock:
            if tie not in self._shares:
                degrees = np.maximum(outward(self._edges(tie), tie, other).degrees(), 1)
                shares = self.trained(other) / np.sqrt(degrees)
                self._shares[tie] = shares.astype(np.float32)
            return self._shares[tie]

    def trained(self, node_type: str) -> Mask:
        """Which nodes training knew by deeds; all, where that is not asked of their type."""
        deeds = [edge_type for edge_type in self._trained_by if node_type in edge_type[::2]]
        if not deeds:
            return np.ones(len(self._vectors(node_type)), dtype=np.bool_)
        done = [outward(self._edges(one), one, node_type).degrees() > 0 for one in deeds]
        known: Mask = np.any(done, axis=0)
        return known


def _some(pairs: Adjacency, sources: npt.NDArray[np.integer]) -> Adjacency:
    """The pairs of some sources, ascending; these are the rows of the result."""
    indptr = np.zeros(len(sources) + 1, dtype=np.int64)
    np.cumsum(pairs.degrees()[sources], out=indptr[1:])
    return Adjacency(indptr, pairs.gather(sources), pairs.num_targets)


__all__ = ["Near", "NeighborAggregator", "lengths_of", "unit"]
