"""Who is tied to whom, as compressed sparse rows: the only form edges have in a bundle."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.errors import BundleError

_MAX_TARGETS = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """The distinct targets of every source, ascending.

    Args:
        indptr: int64 [num_sources + 1]; the targets of source s are
            `indices[indptr[s]:indptr[s + 1]]`.
        indices: int32 [num_edges], ascending and without duplicates per source.
        num_targets: Number of rows of the target type.

    >>> adjacency = Adjacency.from_edges(np.array([1, 0, 1, 1]), np.array([2, 0, 1, 2]), 2, 3)
    >>> adjacency.targets(1).tolist(), adjacency.reverse().targets(2).tolist()
    ([1, 2], [1])
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    num_targets: int

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
        if len(source_rows) != len(target_rows):
            raise BundleError(f"{len(source_rows)} source rows but {len(target_rows)} target rows")
        if num_targets > _MAX_TARGETS:
            raise BundleError(f"{num_targets} targets", expected=f"at most {_MAX_TARGETS}")
        _check_range("source", source_rows, num_sources)
        _check_range("target", target_rows, num_targets)
        # One integer per edge: sorting plain integers is many times faster than sorting pairs.
        keys = source_rows.astype(np.int64) * num_targets + target_rows
        keys.sort()
        if len(keys):
            keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
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

    def gather(self, source_rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """The targets of many sources, one source after the other, duplicates kept.

        >>> adjacency = Adjacency.from_edges(np.array([0, 0, 1]), np.array([0, 1, 1]), 2, 2)
        >>> adjacency.gather(np.array([1, 0, 1])).tolist()
        [1, 0, 1, 1]
        """
        if len(source_rows) == 1:
            return self.targets(int(source_rows[0]))
        starts = self.indptr[source_rows]
        lengths = self.indptr[np.asarray(source_rows) + 1] - starts
        # Position within the result, moved to where its source's targets lie.
        shift = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        targets: npt.NDArray[np.int32] = self.indices[np.arange(len(shift)) + shift]
        return targets

    def reverse(self) -> "Adjacency":
        """The same edges, walked the other way."""
        sources = np.repeat(np.arange(self.num_sources), self.degrees())
        return Adjacency.from_edges(self.indices, sources, self.num_targets, self.num_sources)


def _check_range(end: str, rows: npt.NDArray[np.integer], num_rows: int) -> None:
    if len(rows) and not (rows.min() >= 0 and rows.max() < num_rows):
        bad = rows[(rows < 0) | (rows >= num_rows)][0]
        raise BundleError(
            f"{end} row {bad} is outside its node type",
            expected=f"0 to {num_rows - 1}",
            value=int(bad),
        )
