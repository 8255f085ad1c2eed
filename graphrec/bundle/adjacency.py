"""Who is tied to whom, as compressed sparse rows: the only form edges have in a bundle."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphdb.errors import BundleError
from graphrec.bundle.evidence import Evidence

_MAX_TARGETS = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """The distinct targets of every source, ascending.

    Args:
        indptr: int64 [num_sources + 1]; the targets of source s are
            `indices[indptr[s]:indptr[s + 1]]`.
        indices: int32 [num_edges], ascending and without duplicates per source.
        num_targets: Number of rows of the target type.
        evidence: For events, how often and when last, per edge; None for ties.

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
        """Builds it from edges in any order; an edge that stands twice counts once.

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
        """The same from events, with the evidence of each pair.

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
            raise BundleError(f"{len(keys)} events but {len(at_s)} moments")
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
        """The targets of one source, ascending."""
        return self.indices[self.indptr[source_row] : self.indptr[source_row + 1]]

    def degrees(self) -> npt.NDArray[np.int64]:
        """Number of targets per source, int64 [num_sources]."""
        return np.diff(self.indptr)

    def first_targets(self) -> npt.NDArray[np.int64]:
        """The lowest target of every source, -1 for none, int64 [num_sources].

        >>> Adjacency.from_edges(np.array([0, 0]), np.array([2, 1]), 2, 3).first_targets().tolist()
        [1, -1]
        """
        found = np.full(self.num_sources, -1, dtype=np.int64)
        some = np.flatnonzero(self.degrees())
        found[some] = self.indices[self.indptr[some]]
        return found

    def gather(self, source_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """The targets of many sources, one source after the other, duplicates kept.

        >>> adjacency = Adjacency.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 2, 2)
        >>> adjacency.gather(np.array([1, 0, 1])).tolist()
        [1, 0, 1, 1]
        """
        if len(source_rows) == 1:
            return self.targets(int(source_rows[0]))
        targets: npt.NDArray[np.int32] = self.indices[self.positions(source_rows)]
        return targets

    def positions(self, source_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Where in `indices`, and in the evidence, the targets that `gather` gives stand."""
        starts = self.indptr[source_rows]
        lengths = self.indptr[np.asarray(source_rows) + 1] - starts
        # Position within the result, moved to where its source's targets lie.
        shift = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        positions: npt.NDArray[np.int64] = np.arange(len(shift)) + shift
        return positions

    def reverse(self) -> "Adjacency":
        """The same edges with the same evidence, walked the other way."""
        sources = np.repeat(np.arange(self.num_sources), self.degrees())
        backwards = Adjacency.from_edges(self.indices, sources, self.num_targets, self.num_sources)
        if self.evidence is None:
            return backwards
        # Stable, so that among the edges of one target the sources stay ascending.
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
    """Which of the keys are not the same as the one before."""
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
