"""Decides which indexes a bundle gets and draws the sample that each is built and measured with.

It also finds the rotation after which the first few numbers of two vectors decide most of their dot
product. With second moments U of the query nodes and V of the targets, there is a matrix A with
A' U A = A^-1 V A^-T = D diagonal and falling (the balancing of linear systems: Moore, Principal
component analysis in linear systems, IEEE TAC 1981). Query nodes become A'u, targets A^-1 v: every
dot product stays what it was, and the mean square of what the last numbers add to it is as small as
any such rotation can make it. A principal component analysis of the targets alone does not know
which directions the query nodes ask about.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.bundle import Bundle
from graphrec.query.embeddings import UNDERFLOW, EmbeddingMatrix, Rows, Similarity
from graphrec.query.fold_in import USER
from graphrec.query.index.base import IndexConfig

Matrix = npt.NDArray[np.float64]

_RIDGE = 1e-3  # of the mean variance: keeps A well conditioned, so that little rounding is added


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """Two matrices, nearly each other's inverse transposed.

    Args:
        for_queries: float64 [dim, dim]; a query node u becomes `for_queries @ u`.
        for_targets: float64 [dim, dim]; a target v becomes `for_targets @ v`.
        error: (`for_queries @ u`) . (`for_targets @ v`) differs from u . v by at most this times
            |u| |v|.
    """

    for_queries: Matrix
    for_targets: Matrix
    error: float

    @classmethod
    def of(cls, for_queries: Matrix, for_targets: Matrix) -> "Rotation":
        """Measures how far two matrices are from keeping dot products."""
        dim = len(for_queries)
        gap = np.linalg.norm(for_queries.T @ for_targets - np.eye(dim))
        # float64 rounding: of the product just computed, and of turning a query node and a target.
        sizes = np.linalg.norm(for_queries) * np.linalg.norm(for_targets)
        return cls(for_queries, for_targets, float(gap + 4 * (dim + 4) * 2.0**-53 * sizes))

    @property
    def dim(self) -> int:
        return len(self.for_queries)


def balanced(queries: npt.NDArray[np.float32], targets: npt.NDArray[np.float64]) -> Rotation:
    """The rotation for samples of queries [num_queries, dim] and targets [num_targets, dim]."""
    query_moment, target_moment = (_second_moment(sample) for sample in (queries, targets))
    lower = np.linalg.cholesky(target_moment)
    squares, turn = np.linalg.eigh(lower.T @ query_moment @ lower)
    squares, turn = squares[::-1], turn[:, ::-1]  # largest first
    change = (lower @ turn) * squares**-0.25
    return Rotation.of(np.ascontiguousarray(change.T), np.linalg.inv(change))


def _second_moment(sample: npt.NDArray[np.floating]) -> Matrix:
    """Of the sample scaled to mean square 1, with a ridge."""
    vectors = sample.astype(np.float64)
    largest = np.abs(vectors).max(initial=0.0)
    if largest < UNDERFLOW:  # nothing is known: all directions count the same
        return np.eye(sample.shape[1])
    vectors /= largest
    moment = vectors.T @ vectors
    moment /= np.trace(moment) / len(moment)
    ridged: Matrix = moment + _RIDGE * np.eye(len(moment))
    return ridged


def scaled(
    targets: EmbeddingMatrix, similarity: Similarity, rows: slice | npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Target vectors as a score of that similarity has them, float64 [num_rows, dim]."""
    vectors: npt.NDArray[np.float64] = targets.vectors[rows].astype(np.float64)
    if similarity is Similarity.COSINE:
        vectors *= targets.cosine_scales[rows, None]
    return vectors


_ROTATION_QUERIES = 20_000
_ROTATION_TARGETS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One index to build.

    Args:
        queries: Those that it is measured with.
        itself: Per query node the target rows that it must not get: itself, where queries are
            targets.
        counts: How many queries are of which type.
    """

    target_type: str
    similarity: Similarity
    targets: EmbeddingMatrix
    queries: EmbeddingMatrix
    itself: list[Rows]
    counts: dict[str, int]
    rotation: Rotation

    @property
    def name(self) -> str:
        return f"{self.target_type}.{self.similarity}"


def orders_of(bundle: Bundle, config: IndexConfig) -> Iterator[Order]:
    """One for dot products, queried by all other types, one for similarity within the type."""
    types = [name for name in bundle.node_types if bundle.has_vectors(name)]
    spaces = {name: EmbeddingMatrix.of(bundle.vectors(name), bundle.norms(name)) for name in types}
    for target_type, targets in spaces.items():
        if len(targets) < config.min_targets or not targets.max_norm:
            continue
        others = [name for name in types if name != target_type and spaces[name].max_norm > 0]
        asked = {Similarity.DOT: others or [target_type]}
        if target_type != USER:  # who are alike in a measure of their own, see `Directions`
            asked[Similarity.COSINE] = [target_type]
        for similarity, asking in asked.items():
            yield order_of(
                target_type, similarity, {name: spaces[name] for name in asking}, targets, config
            )


def order_of(
    target_type: str,
    similarity: Similarity,
    asking: dict[str, EmbeddingMatrix],
    targets: EmbeddingMatrix,
    config: IndexConfig,
) -> Order:
    """Draws what an index is cut to and measured with.

    Args:
        asking: The queries' vectors, by type.
    """
    random = np.random.default_rng(config.seed)
    drawn = {
        name: _drawn(random, space, max(config.num_queries // len(asking), 2))
        for name, space in asking.items()
    }
    samples = [
        space.vectors[rows] / space.norms[rows, None]  # each query node counts the same
        for space in asking.values()
        for rows in [_drawn(random, space, max(_ROTATION_QUERIES // len(asking), 1))]
    ]
    among_targets = _drawn(random, targets, _ROTATION_TARGETS)
    return Order(
        target_type,
        similarity,
        targets,
        EmbeddingMatrix.of(
            np.concatenate([space.vectors[drawn[name]] for name, space in asking.items()])
        ),
        _itself(target_type, drawn),
        {name: len(rows) for name, rows in drawn.items()},
        balanced(np.concatenate(samples), scaled(targets, similarity, among_targets)),
    )


def _drawn(random: np.random.Generator, space: EmbeddingMatrix, size: int) -> Rows:
    """Rows with a vector that is not zero, ascending."""
    known = np.flatnonzero(~space.zero)
    return np.sort(random.choice(known, min(size, len(known)), replace=False))


def _itself(target_type: str, drawn: dict[str, Rows]) -> list[Rows]:
    return [
        np.array([row] if name == target_type else [], dtype=np.int64)
        for name, rows in drawn.items()
        for row in rows
    ]
