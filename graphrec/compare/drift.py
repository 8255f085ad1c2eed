"""Measures how far vectors moved between two releases, after their spaces are aligned.

A new training rotates the whole space, which does not change answers. So an orthogonal matrix first
rotates A's vectors as close to B's as possible (orthogonal Procrustes; Schönemann, Psychometrika
1966); the remaining distance is drift. All node types share the matrix, because scores are products
between types: rotating users without products would change the recommendations. Only directions
count, not lengths, and every type has the same weight. If the dimensions differ, zeros fill the
shorter vectors.

Nodes of the two releases are matched by id and share one numbering.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.bundle import Bundle
from graphrec.bundle.files import norms_of
from graphrec.query.metapaths import Paths
from graphrec.query.reasons import Display

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The nodes of one type in A, in B, or in both.

    The number of a node is its row in A; nodes that are only in B follow.

    Args:
        num_a: The number of nodes in A.
        of_b: int64 [num nodes in B], the number of each row of B.
    """

    num_a: int
    of_b: Numbers

    @classmethod
    def of(cls, ids_a: pa.Array, ids_b: pa.Array) -> "Nodes":
        """Numbers the nodes of one type by their ids.

        >>> Nodes.of(pa.array(["a", "c"]), pa.array(["b", "c"])).of_b.tolist()
        [2, 1]
        """
        found = pc.index_in(ids_b, value_set=ids_a)
        of_b = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        new = of_b < 0
        of_b[new] = len(ids_a) + np.arange(np.count_nonzero(new))
        return cls(len(ids_a), of_b)

    @property
    def total(self) -> int:
        """The number of nodes in A or B."""
        return self.num_a + int(np.count_nonzero(self.of_b >= self.num_a))

    @property
    def rows_in_both(self) -> tuple[Numbers, Numbers]:
        """The nodes in both: their rows in A, and in B."""
        rows_b = np.flatnonzero(self.of_b < self.num_a)
        return self.of_b[rows_b], rows_b

    def numbers(self, rows_of_b: Numbers) -> Numbers:
        """Returns the numbers of rows of B; -1 stays."""
        return np.where(rows_of_b < 0, -1, self.of_b[rows_of_b])


def number_nodes(a: Bundle, b: Bundle) -> Mapping[str, Nodes]:
    """Returns the nodes of every type in A or B."""
    types = sorted({*a.node_types, *b.node_types})
    return {name: Nodes.of(_ids(a, name), _ids(b, name)) for name in types}


def known_in_both(a: Bundle, b: Bundle, nodes: Nodes, node_type: str) -> tuple[Numbers, Numbers]:
    """Returns the nodes with a nonzero vector in both: their rows in A, and in B."""
    rows_a, rows_b = nodes.rows_in_both
    known = (lengths(a, node_type)[rows_a] > 0) & (lengths(b, node_type)[rows_b] > 0)
    return rows_a[known], rows_b[known]


def lengths(bundle: Bundle, node_type: str) -> npt.NDArray[np.float64]:
    """Returns the norms of the vectors of one type."""
    norms = bundle.norms(node_type)
    return norms_of(bundle.vectors(node_type)) if norms is None else norms


def _ids(bundle: Bundle, node_type: str) -> pa.Array:
    if node_type not in bundle.node_types:
        return pa.array([], pa.string())
    return bundle.ids(node_type)


Matrix = npt.NDArray[np.float64]

_BLOCK_ROWS = 16_384
_STILL = 1e-6
"""A smaller movement, as 1 - cosine, is rounding of float32."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A node and its movement.

    Args:
        name: Its display name in B.
        cosine: Between its rotated vector in A and its vector in B.
    """

    id: str
    name: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of one node type.

    Args:
        num_nodes: The number of nodes with vectors in both releases.
        mean_cosine: Between rotated vectors in A and vectors in B; 1 without any drift.
        by_chance: The same for random pairs of nodes of the type, as a reference.
        length_ratio: The median of B's lengths over A's; lengths carry popularity.
        moved_most: The nodes with the largest movement.
    """

    node_type: str
    num_nodes: int
    mean_cosine: float
    by_chance: float
    length_ratio: float
    moved_most: tuple[Moved, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """The nodes of one type with vectors in both: rows in A and in B."""

    vectors_a: npt.NDArray[np.float32]
    vectors_b: npt.NDArray[np.float32]
    rows_a: Numbers
    rows_b: Numbers

    def directions(self, start: int, shuffled: Numbers | None) -> tuple[Matrix, Matrix]:
        """Returns a block of unit vectors of A, and of their counterparts."""
        block = slice(start, start + _BLOCK_ROWS)
        rows_b = self.rows_b if shuffled is None else self.rows_b[shuffled]
        return _unit(self.vectors_a[self.rows_a[block]]), _unit(self.vectors_b[rows_b[block]])


def drifts(
    a: Bundle, b: Bundle, nodes: Mapping[str, Nodes], *, most: int, seed: int
) -> tuple[Drift, ...]:
    """Returns the drift of each node type with vectors in both releases.

    Args:
        most: The number of most moved nodes to name.
    """
    pairs = {}
    for node_type, each in nodes.items():
        held = all(node_type in one.node_types and one.has_vectors(node_type) for one in (a, b))
        rows = known_in_both(a, b, each, node_type) if held else ((), ())
        if len(rows[0]):
            pairs[node_type] = _Pairs(a.vectors(node_type), b.vectors(node_type), *rows)
    if not pairs:
        return ()
    draw = np.random.default_rng(seed)
    shuffles = {name: draw.permutation(len(each.rows_a)) for name, each in pairs.items()}
    moves, by_chance = _moves(pairs, {}), _moves(pairs, shuffles)
    display = Display(b, Paths(b))
    return tuple(
        Drift(
            node_type=name,
            num_nodes=len(each.rows_a),
            mean_cosine=float(1 - moves[name].mean()),
            by_chance=float(1 - by_chance[name].mean()),
            length_ratio=float(
                np.median(lengths(b, name)[each.rows_b] / lengths(a, name)[each.rows_a])
            ),
            moved_most=_named(display, name, _farthest(each.rows_b, moves[name], most)),
        )
        for name, each in pairs.items()
    )


def _moves(pairs: Mapping[str, _Pairs], shuffles: Mapping[str, Numbers]) -> dict[str, Matrix]:
    """Returns 1 - cosine of every pair, by type, after the best common rotation."""
    turn = _turn(pairs, shuffles)
    found = {}
    for name, each in pairs.items():
        moves = np.empty(len(each.rows_a))
        for start in range(0, len(moves), _BLOCK_ROWS):
            in_a, in_b = each.directions(start, shuffles.get(name))
            # Half the squared distance is 1 - cosine, and exact for equal vectors.
            apart = in_a @ turn
            apart[:, : in_b.shape[1]] -= in_b
            moves[start : start + _BLOCK_ROWS] = (apart * apart).sum(axis=1) / 2
        found[name] = moves
    return found


def _turn(pairs: Mapping[str, _Pairs], shuffles: Mapping[str, Numbers]) -> Matrix:
    """Returns the orthogonal matrix [dim of A, larger dim] from A's directions to B's."""
    dims = [
        max(getattr(each, name).shape[1] for each in pairs.values())
        for name in ("vectors_a", "vectors_b")
    ]
    together = np.zeros((max(dims), max(dims)))
    for name, each in pairs.items():
        for start in range(0, len(each.rows_a), _BLOCK_ROWS):
            in_a, in_b = each.directions(start, shuffles.get(name))
            together[: dims[0], : dims[1]] += in_a.T @ in_b / len(each.rows_a)
    left, _, right = np.linalg.svd(together)
    turn: Matrix = (left @ right)[: dims[0]]
    return turn


def _unit(vectors: npt.NDArray[np.float32]) -> Matrix:
    wide = vectors.astype(np.float64)
    unit: Matrix = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit


def _named(
    display: Display, node_type: str, farthest: Sequence[tuple[int, float]]
) -> tuple[Moved, ...]:
    rows = np.array([row for row, _ in farthest], dtype=np.int64)
    ids, names = display.ids_of(node_type, rows), display.names_of(node_type, rows)
    return tuple(
        Moved(node_id, name, 1 - move)
        for node_id, name, (_, move) in zip(ids, names, farthest, strict=True)
    )


def _farthest(rows: Numbers, moves: Matrix, most: int) -> list[tuple[int, float]]:
    order = np.argsort(-moves, kind="stable")[:most]
    return [(int(rows[at]), float(moves[at])) for at in order if moves[at] > _STILL]
