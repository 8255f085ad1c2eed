"""Shortens the vectors of all blocks at once: a rotation that keeps the scores that matter.

Blocks are made one by one and joined, 555 to 765 dimensions on real data, many of which hardly move
a score. With the second moments U of the query nodes and V of the targets, dimension e of an
orthonormal basis adds to the squared scores about (e U e) (e V e). The basis of the eigenvectors of
the geometric mean of U and V (Pusz and Woronowicz, 1975) has these products fall fastest; where U
and V commute, no projection keeps more of the scores. Being orthonormal, it leaves lengths and
cosines as near as it leaves scores. Balanced factors (`graphrec.query.index.orders`) keep scores a
little better, and change what is similar to what; see docs/adr/091-short-vectors.md.

Columns that the same node types have are rotated among themselves alone: so types without a block
keep zeros in it, and the dimensions of what comes next stay together.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from graphrec.bundle import VectorType
from training.encoders import Vectors, is_source

Matrix = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int64]

_MOST_ROWS = 20_000  # of a type; more change its second moments very little
_FLOOR = 1e-9  # of the largest eigenvalue: what lies below is rounding


class CompressionConfig(BaseModel):
    """How short vectors are. What is left open is chosen with the other settings, on the data.

    See `training.compression_choice` and `[selection]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = False
    """Whether vectors are shortened."""

    dim: int | None = Field(default=None, ge=1, le=4096)
    """The dimensions; by default chosen, or all where settings are not chosen."""

    dims: tuple[int, ...] = Field(
        default=(64, 96, 128, 192, 256, 384, 512), min_length=1, max_length=16
    )
    """The dimensions to choose among, beside all that there are."""

    vector_type: VectorType | None = None
    """How numbers are written: 'float32', 'float16' or 'int8'; by default chosen, or 'float16'
    where settings are not chosen.
    """

    tolerance: float = Field(default=0.005, ge=0, lt=1)
    """The smallest vectors are taken whose recall is within this share of the best."""

    @property
    def is_open(self) -> bool:
        """Whether something is left to be chosen."""
        return self.enabled and (self.dim is None or self.vector_type is None)

    @property
    def written_as(self) -> VectorType:
        """How numbers are written, as far as nothing is chosen."""
        if not self.enabled:
            return "float32"
        return self.vector_type or "float16"  # rounds by less than any choice of dimensions


def shortened(vectors: Vectors, query_type: str, config: CompressionConfig) -> Vectors:
    """The vectors along as many dimensions as the config says.

    Args:
        vectors: Of all node types, float32 [num_nodes, dim].
    """
    if not config.enabled or config.dim is None or not vectors:
        return vectors
    return Rotation.of(vectors, query_type).shortened(vectors, config.dim)


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """An orthonormal basis whose first dimensions keep most of the scores.

    Args:
        basis: float64 [dim, num_axes], an axis per column, the one that counts most first.
        groups: int64 [num_axes], the group of columns that each axis is in, in order.
    """

    basis: Matrix
    groups: Columns

    @classmethod
    def of(cls, vectors: Vectors, query_type: str) -> "Rotation":
        """Fits the basis to the vectors of all node types.

        Every target type counts the same. Columns of zeros get no axis.
        """
        queries = _moment(vectors[query_type])
        targets = np.zeros_like(queries)
        for name, rows in vectors.items():
            if name != query_type and not is_source(name):
                moment = _moment(rows)
                scores = float((queries * moment).sum())  # mean square
                targets += moment / scores if scores > 0 else 0.0
        axes, groups = [np.empty((len(queries), 0))], [np.empty(0, dtype=np.int64)]
        for number, columns in enumerate(column_groups(vectors)):
            square = np.ix_(columns, columns)
            group = np.zeros((len(queries), len(columns)))
            group[columns] = _mean_axes(queries[square], targets[square])
            axes.append(group)
            groups.append(np.full(len(columns), number))
        basis, of_group = np.concatenate(axes, axis=1), np.concatenate(groups)
        counts = _values(queries, basis) * _values(targets, basis)
        # No group may vanish, because some types have vectors in it alone.
        first = [np.flatnonzero(of_group == group) for group in np.unique(of_group)]
        counts[[rows[np.argmax(counts[rows])] for rows in first]] += counts.sum()
        order = np.argsort(-counts, kind="stable")
        return cls(basis[:, order], of_group[order])

    @property
    def num_axes(self) -> int:
        return len(self.groups)

    def shortened(self, vectors: Vectors, dim: int) -> Vectors:
        """The vectors along the first axes, group by group, float32 [num_nodes, dim] each.

        Zero vectors stay zero. Vectors come back as they are if `dim` is no less than they have.
        """
        if dim >= min(self.num_axes, len(self.basis)):
            return vectors
        return self._along(vectors, np.argsort(self.groups[:dim], kind="stable"))

    def turned(self, vectors: Vectors, dim: int) -> Vectors:
        """The vectors along at most so many axes, the one that counts most first."""
        return self._along(vectors, np.arange(min(dim, self.num_axes)))

    def _along(self, vectors: Vectors, chosen: Columns) -> Vectors:
        axes = np.ascontiguousarray(self.basis[:, chosen], dtype=np.float32)
        return {name: rows @ axes for name, rows in vectors.items()}


def column_groups(vectors: Vectors) -> list[Columns]:
    """The columns that the same node types have, group by group, in order of their first columns.

    >>> users, tags = np.array([[1, 2, 3, 0]], np.float32), np.array([[0, 4, 0, 0]], np.float32)
    >>> [columns.tolist() for columns in column_groups({"User": users, "Tag": tags})]
    [[0, 2], [1]]
    """
    has = [rows.any(axis=0) for rows in vectors.values()]
    groups: dict[tuple[bool, ...], list[int]] = {}
    for column, types in enumerate(zip(*has, strict=True)):
        if any(types):
            groups.setdefault(types, []).append(column)
    return [np.array(columns) for columns in groups.values()]


def _moment(rows: npt.NDArray[np.float32]) -> Matrix:
    """The mean of x x^T over the vectors that are not zero, [dim, dim]."""
    known = np.flatnonzero(rows.any(axis=1))
    if len(known) > _MOST_ROWS:
        known = known[np.arange(_MOST_ROWS) * len(known) // _MOST_ROWS]
    some = rows[known].astype(np.float64)
    found: Matrix = some.T @ some / max(len(some), 1)
    return found


def _mean_axes(one: Matrix, other: Matrix) -> Matrix:
    """The eigenvectors of the geometric mean of two moments, the largest first."""
    root, inverse = _power(one, 0.5), _power(one, -0.5)
    mean = root @ _power(inverse @ other @ inverse, 0.5) @ root
    _, axes = np.linalg.eigh((mean + mean.T) / 2)
    axes = axes[:, ::-1]
    # Eigenvectors have no sign of their own.
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found: Matrix = axes * signs
    return found


def _power(moment: Matrix, exponent: float) -> Matrix:
    values, axes = np.linalg.eigh((moment + moment.T) / 2)
    values = np.maximum(values, max(values[-1] * _FLOOR, np.finfo(np.float64).tiny))
    found: Matrix = (axes * values**exponent) @ axes.T
    return found


def _values(moment: Matrix, axes: Matrix) -> npt.NDArray[np.float64]:
    """e^T M e of each axis."""
    found: npt.NDArray[np.float64] = np.einsum("de,de->e", axes, moment @ axes)
    return np.maximum(found, 0.0)
