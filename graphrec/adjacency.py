"""Stores edges as compressed sparse rows, with evidence: the counts and times of events.

All edges of a bundle have this form. The functions test membership of edges, list the neighbors of
either end (`outward` ignores the direction of edges within one node type), and sample edges.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphdb.columns import FIRST_US, LAST_US
from graphdb.errors import BundleError
from graphdb.schema_types import EdgeType

_MIN_COUNT = 1
_FIRST_S, _LAST_S = FIRST_US // 1_000_000, LAST_US // 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The evidence of edges, aligned with the `indices` of their adjacency.

    Args:
        counts: int32 [num_edges], the number of events of each pair, 1 or more. An order of five
            pieces is one event.
        last_at_s: int64 [num_edges], the time of the newest of them: epoch seconds, UTC.
    """

    counts: npt.NDArray[np.int32]
    last_at_s: npt.NDArray[np.int64]

    def part(self, which: npt.NDArray[np.integer]) -> "Evidence":
        """Returns the evidence of some edges, in the given order."""
        return Evidence(self.counts[which], self.last_at_s[which])

    def check(self, of: str, num_edges: int) -> None:
        """Checks that it fits the number of edges.

        Raises:
            BundleError: It does not; the message names `of`.
        """
        parts = (self.counts, self.last_at_s)
        if [part.dtype for part in parts] != [np.int32, np.int64]:
            raise BundleError(
                f"the evidence of {of} has {self.counts.dtype} and {self.last_at_s.dtype} arrays",
                expected="int32 counts and int64 last_at_s; build it with Adjacency.from_events",
            )
        if any(part.shape != (num_edges,) for part in parts):
            raise BundleError(
                f"the evidence of {of} has {len(self.counts)} counts and {len(self.last_at_s)}"
                " times",
                expected=str(num_edges),
                value=len(self.counts),
            )
        if num_edges and not (self.last_at_s.min() >= _FIRST_S and self.last_at_s.max() <= _LAST_S):
            raise BundleError(
                f"an edge of {of} happened at {self.last_at_s.min()} to {self.last_at_s.max()}",
                expected=f"{_FIRST_S} to {_LAST_S}, seconds of the years 1 to 9999",
                value=int(self.last_at_s.max()),
            )
        if num_edges and self.counts.min() < _MIN_COUNT:
            raise BundleError(
                f"an edge of {of} happened {self.counts.min()} times",
                expected=f"{_MIN_COUNT} or more",
                value=int(self.counts.min()),
            )


_MAX_TARGETS = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """The distinct targets of every source, in ascending order.

    Args:
        indptr: int64 [num_sources + 1]; the targets of source s are
            `indices[indptr[s]:indptr[s + 1]]`.
        indices: int32 [num_edges], ascending and without duplicates per source.
        num_targets: The number of rows of the target type.
        evidence: For events: count and newest time per edge. None for static edges.

    >>> adjacency = Adjacency.from_edges(np.array([1, 0, 1, 1]), np.array([2, 0, 1, 2]), 2, 3)
    >>> adjacency.targets(1).tolist(), adjacency.reverse().targets(2).tolist()
    ([1, 2], [1])
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    num_targets: int
    evidence: Evidence | None = None

    @classmethod
    def from_edges(
        cls,
        source_rows: npt.NDArray[np.integer],
        target_rows: npt.NDArray[np.integer],
        num_sources: int,
        num_targets: int,
    ) -> "Adjacency":
        """Builds an adjacency from edges in any order; duplicates count once.

        Raises:
            BundleError: The two arrays differ in length, or a row is outside its type.
        """
        keys = _keys(source_rows, target_rows, num_sources, num_targets)
        keys.sort()
        return cls._from_sorted_keys(keys[_firsts(keys)], num_sources, num_targets)

    @classmethod
    def from_events(
        cls,
        source_rows: npt.NDArray[np.integer],
        target_rows: npt.NDArray[np.integer],
        at_s: npt.NDArray[np.integer],
        num_sources: int,
        num_targets: int,
    ) -> "Adjacency":
        """Builds an adjacency from events, with the evidence of each pair.

        Args:
            at_s: Epoch seconds (UTC) of every event.

        Raises:
            BundleError: As for `from_edges`.

        >>> rows = np.array([0, 0, 0])
        >>> bought = Adjacency.from_events(rows, np.array([4, 2, 4]), np.array([7, 8, 9]), 1, 5)
        >>> bought.indices.tolist(), bought.evidence.counts.tolist()
        ([2, 4], [1, 2])
        >>> bought.evidence.last_at_s.tolist()
        [8, 9]
        """
        keys = _keys(source_rows, target_rows, num_sources, num_targets)
        if len(at_s) != len(keys):
            raise BundleError(f"{len(keys)} events but {len(at_s)} times")
        order = np.argsort(keys)
        keys = keys[order]
        firsts = np.flatnonzero(_firsts(keys))
        counts = np.diff(firsts, append=len(keys)).astype(np.int32)
        moments = at_s[order].astype(np.int64)
        last_at_s = np.maximum.reduceat(moments, firsts) if len(keys) else moments
        pairs = cls._from_sorted_keys(keys[firsts], num_sources, num_targets)
        return replace(pairs, evidence=Evidence(counts, last_at_s))

    @classmethod
    def _from_sorted_keys(
        cls, keys: npt.NDArray[np.int64], num_sources: int, num_targets: int
    ) -> "Adjacency":
        sources = keys // max(num_targets, 1)
        indices = (keys - sources * num_targets).astype(np.int32)
        indptr = np.zeros(num_sources + 1, dtype=np.int64)
        np.cumsum(np.bincount(sources, minlength=num_sources), out=indptr[1:])
        return cls(indptr, indices, num_targets)

    @property
    def num_sources(self) -> int:
        return len(self.indptr) - 1

    @property
    def num_edges(self) -> int:
        return len(self.indices)

    def targets(self, source_row: int) -> npt.NDArray[np.int32]:
        """Returns the targets of one source, ascending."""
        return self.indices[self.indptr[source_row] : self.indptr[source_row + 1]]

    def degrees(self, source_rows: npt.NDArray[np.integer] | None = None) -> npt.NDArray[np.int64]:
        """Returns the number of targets of every source, or of some in the given order, int64.

        >>> adjacency = Adjacency.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 3, 2)
        >>> adjacency.degrees().tolist(), adjacency.degrees(np.array([1, 0])).tolist()
        ([2, 1, 0], [1, 2])
        """
        if source_rows is None:
            return np.diff(self.indptr)
        degrees: npt.NDArray[np.int64] = self.indptr[source_rows + 1] - self.indptr[source_rows]
        return degrees

    def first_targets(self) -> npt.NDArray[np.int64]:
        """Returns the lowest target of every source, or -1, int64 [num_sources].

        >>> Adjacency.from_edges(np.array([0, 0]), np.array([2, 1]), 2, 3).first_targets().tolist()
        [1, -1]
        """
        found = np.full(self.num_sources, -1, dtype=np.int64)
        some = np.flatnonzero(self.degrees())
        found[some] = self.indices[self.indptr[some]]
        return found

    def gather(self, source_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Returns the targets of many sources, one source after the other, with duplicates.

        >>> adjacency = Adjacency.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 2, 2)
        >>> adjacency.gather(np.array([1, 0, 1])).tolist()
        [1, 0, 1, 1]
        """
        if len(source_rows) == 1:
            return self.targets(int(source_rows[0]))
        targets: npt.NDArray[np.int32] = self.indices[self.positions(source_rows)]
        return targets

    def positions(self, source_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Returns the positions in `indices`, and in the evidence, of the result of `gather`."""
        starts = self.indptr[source_rows]
        lengths = self.indptr[np.asarray(source_rows) + 1] - starts
        # Position within the result, shifted to the targets of its source.
        shift = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        positions: npt.NDArray[np.int64] = np.arange(len(shift)) + shift
        return positions

    def reverse(self) -> "Adjacency":
        """Returns the same edges with the same evidence, from targets to sources."""
        sources = sources_of(self)
        backwards = Adjacency.from_edges(self.indices, sources, self.num_targets, self.num_sources)
        if self.evidence is None:
            return backwards
        # Stable, so that the sources of each target stay ascending.
        order = np.argsort(self.indices, kind="stable")
        return replace(backwards, evidence=self.evidence.part(order))


def _keys(
    source_rows: npt.NDArray[np.integer],
    target_rows: npt.NDArray[np.integer],
    num_sources: int,
    num_targets: int,
) -> npt.NDArray[np.int64]:
    """One integer per edge: sorting plain integers is many times faster than sorting pairs."""
    if len(source_rows) != len(target_rows):
        raise BundleError(f"{len(source_rows)} source rows but {len(target_rows)} target rows")
    if num_targets > _MAX_TARGETS:
        raise BundleError(f"{num_targets} targets", expected=f"at most {_MAX_TARGETS}")
    _check_range("source", source_rows, num_sources)
    _check_range("target", target_rows, num_targets)
    keys: npt.NDArray[np.int64] = source_rows.astype(np.int64) * num_targets + target_rows
    return keys


def _firsts(sorted_keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Returns which keys differ from the previous one."""
    firsts = np.ones(len(sorted_keys), dtype=np.bool_)
    firsts[1:] = sorted_keys[1:] != sorted_keys[:-1]
    return firsts


def _check_range(end: str, rows: npt.NDArray[np.integer], num_rows: int) -> None:
    if len(rows) and not (rows.min() >= 0 and rows.max() < num_rows):
        bad = rows[(rows < 0) | (rows >= num_rows)][0]
        raise BundleError(
            f"{end} row {bad} is outside its node type",
            expected=f"0 to {num_rows - 1}",
            value=int(bad),
        )


Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def sources_of(pairs: Adjacency) -> Rows:
    """Returns the source of every edge, ascending, int64 [num_edges]."""
    return np.repeat(np.arange(pairs.num_sources), pairs.degrees())


def among(pairs: Adjacency, sources: npt.NDArray[np.integer], targets: Rows) -> Mask:
    """Returns which (source, target) pairs are edges, bool [len(sources)].

    >>> pairs = Adjacency.from_edges(np.array([0, 1]), np.array([1, 0]), 2, 2)
    >>> among(pairs, np.array([0, 0, 1]), np.array([0, 1, 0])).tolist()
    [False, True, True]
    """
    known = sources_of(pairs) * pairs.num_targets + pairs.indices  # ascending
    asked = sources.astype(np.int64) * pairs.num_targets + targets
    return places_of(known, asked)[1]


def common_targets(
    pairs: Rows, walked: Adjacency, starts: Rows, known: Adjacency, others: Rows
) -> tuple[Rows, Rows]:
    """Returns the targets that both ends of a pair have, as numbers of pairs and target rows.

    Args:
        pairs: int64 [num_pairs], their numbers.
        starts: int64 [num_pairs], sources of `walked`, whose targets are gone through.
        others: int64 [num_pairs], sources of `known`, whose targets are looked up.

    >>> one = Adjacency.from_edges(np.array([0, 0]), np.array([1, 2]), 1, 3)
    >>> other = Adjacency.from_edges(np.array([0, 1]), np.array([2, 0]), 2, 3)
    >>> both = common_targets(np.array([7, 8]), one, np.array([0, 0]), other, np.array([0, 1]))
    >>> [part.tolist() for part in both]
    [[7], [2]]
    """
    degrees = walked.degrees(starts)
    reached = walked.gather(starts).astype(np.int64)
    both = among(known, np.repeat(others, degrees), reached)
    return np.repeat(pairs, degrees)[both], reached[both]


def places_of(known: Rows, asked: Rows) -> tuple[Rows, Mask]:
    """Returns where those of the asked keys that are known stand, and which these are.

    Args:
        known: Ascending.

    >>> [part.tolist() for part in places_of(np.array([2, 5]), np.array([5, 3]))]
    [[1], [True, False]]
    """
    places = np.searchsorted(known, asked)
    found = places < len(known)
    found[found] = known[places[found]] == asked[found]
    return places[found], found


def counted(rows: npt.NDArray[np.integer], size: int) -> tuple[Rows, Rows]:
    """Returns the distinct rows, ascending, and how often each occurs.

    Args:
        size: All rows are below it.

    >>> [part.tolist() for part in counted(np.array([3, 1, 3]), 4)]
    [[1, 3], [1, 2]]
    """
    if size > 4 * len(rows):  # a count for every row that there could be would cost more
        found, numbers = np.unique(rows, return_counts=True)
        return found.astype(np.int64), numbers
    numbers = np.bincount(rows, minlength=size)
    found = np.flatnonzero(numbers)
    return found, numbers[found]


def outward(edges: Adjacency, edge_type: EdgeType, node_type: str) -> Adjacency:
    """Returns the neighbors of every node of one end.

    Edges within one type have no direction here: two products that name each other have one edge.
    """
    if edge_type.source == edge_type.target:
        sources = sources_of(edges)
        there = np.concatenate([sources, edges.indices])
        back = np.concatenate([edges.indices, sources])
        return Adjacency.from_edges(there, back, edges.num_sources, edges.num_sources)
    return edges if edge_type.source == node_type else edges.reverse()


def thinned(pairs: Adjacency, keep: Mask, most: int) -> Adjacency:
    """Returns the edges to kept targets, at most `most` per source, evenly spread.

    >>> pairs = Adjacency.from_edges(np.zeros(6, int), np.arange(6), 1, 6)
    >>> thinned(pairs, np.array([True, True, True, True, True, False]), 3).targets(0).tolist()
    [0, 2, 4]
    """
    sources, targets = sources_of(pairs)[keep[pairs.indices]], pairs.indices[keep[pairs.indices]]
    sizes = np.bincount(sources, minlength=pairs.num_sources)
    begins = np.cumsum(sizes) - sizes
    places = np.arange(len(sources)) - begins[sources]
    size = np.maximum(sizes[sources] - 1, 1)
    step = (np.minimum(sizes[sources], most) - 1) / size
    # An edge is kept if the rounded number of its place among `most` changes.
    number = np.floor(places * step + 1e-9)
    stays = (places == 0) | (number > np.floor((places - 1) * step + 1e-9))
    return Adjacency.from_edges(
        sources[stays], targets[stays], pairs.num_sources, pairs.num_targets
    )
