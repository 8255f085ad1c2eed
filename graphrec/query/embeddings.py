"""Vectors with their norms, and the targets that can be among the best of a query node.

Top-k stays exact: a float32 matrix product proposes candidates without losing any of the true best.
`rounding_bound` says how far a float32 score can be from the true one. For a float32 dot product of
length n, in any order of summation and with or without fused multiply-add,
|computed - true| <= g |u||v| with g = n e / (1 - n e), e = 2^-24, plus at most n 2^-126 where
products underflow (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).

With this bound, a target among the true best k has a true score of at least (k-th best computed -
bound), so its computed score is at least (k-th best computed - 2 bound). Everything from there on
is proposed.

`ValueProposer` proposes targets whose scores are moved towards their value; see
`graphrec/query/value.py`. It stretches scores target by target, and with them their rounding
errors: with the factor f of a target, a float32 score that is off by b is off by at most
2 b max(f, 1/f) afterwards, also where rounding turned its sign. Every target that could be above
the k-th best lower end is proposed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator

from graphrec.bundle.files import norms_of
from graphrec.bundle.reader import is_text
from graphrec.query.value import Values, stretched

Rows = npt.NDArray[np.int64]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_ROWS.flags.writeable = False  # everyone has the same one


def _as_tuple(value: Any) -> Any:
    """One text is as good as a list of one."""
    return (value,) if isinstance(value, str) else value


def _readable(text: str) -> str:
    if not is_text(text):
        raise ValueError("it is no UTF-8 text")
    return text


Text = Annotated[str, AfterValidator(_readable)]
"""An id or a name; what was read from bytes that are no UTF-8 cannot be one."""

Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]
"""Ids or names; a single one may stand by itself."""

COMMON_LEFT = 0.01  # of the mean direction; where all point one way, it is all that is left


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingMatrix:
    """Vectors and what ranking needs to know about their lengths.

    Args:
        vectors: float32 [num_nodes, dim].
        norms: float64 [num_nodes], the Euclidean length of each.
        cosine_scales: float64 [num_nodes], what a cosine multiplies a vector by: 1 / (norm + the
            median norm), and 0 for a zero vector. A plain cosine trusts the direction of a vector
            that rests on one purchase as much as that of a bestseller's; short vectors are such, so
            their similarity is shrunk, as item-based filtering shrinks it with few co-ratings.
        zero: bool [num_nodes], which have a zero vector: the model knows nothing about them.
        max_norm: The largest norm.
        max_cosine_scale: The largest of `cosine_scales`.
    """

    vectors: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float64]
    cosine_scales: npt.NDArray[np.float64]
    zero: npt.NDArray[np.bool_]
    max_norm: float
    max_cosine_scale: float

    @classmethod
    def of(
        cls, vectors: npt.NDArray[np.float32], norms: npt.NDArray[np.float64] | None = None
    ) -> "EmbeddingMatrix":
        """Measures vectors.

        Args:
            norms: What `norms_of` gave for these vectors, where that is known already.
        """
        norms = norms_of(vectors) if norms is None else norms
        known = norms > 0
        typical = np.median(norms[known]) if known.any() else 0.0
        cosine_scales = np.divide(1.0, norms + typical, out=np.zeros_like(norms), where=known)
        return cls(
            vectors,
            norms,
            cosine_scales,
            ~known,
            float(norms.max(initial=0.0)),
            float(cosine_scales.max(initial=0.0)),
        )

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    def apart(self) -> "EmbeddingMatrix":
        """How each direction differs from the mean direction, for similarity to each other.

        Brands, shops and categories all point where most is sold, so that by plain directions
        everything is like the longest one. A vector of half the typical length and less, which
        rests on little, is short here too: it is multiplied by norm / (norm + the median norm).
        A hundredth of the mean stays, so that who is known has a vector that is not zero.
        """
        known = ~self.zero
        found = np.zeros(self.vectors.shape)
        if not known.any():
            return EmbeddingMatrix.of(found.astype(np.float32))
        norms = self.norms[known]
        directions = self.vectors[known] / norms[:, None]
        away = directions - (1 - COMMON_LEFT) * directions.mean(axis=0)
        found[known] = away * (norms / (norms + np.median(norms)))[:, None]
        return EmbeddingMatrix.of(found.astype(np.float32))


EPSILON = 2.0**-24
UNDERFLOW = 2.0**-126
LARGEST_SAFE = 2.0**100
"""Beyond it float32 might overflow."""

_SPARE = 1.1  # for the rounding of the float64 scores, and for g being a little more than n e


def rounding_bound(
    dim: int,
    query_norms: npt.NDArray[np.float64],
    reach: float | npt.NDArray[np.float64],
    max_scale: float = 1.0,
) -> npt.NDArray[np.float64]:
    """How far each query node's float32 scores can be from the true ones, at most.

    Args:
        dim: Length of the vectors.
        reach: Length of the longest target, scaled as its score is; or of each target, where
            `query_norms` is a column.
        max_scale: By what scores are multiplied after the products, at most; 1 or more.
    """
    relative: npt.NDArray[np.float64] = _SPARE * (dim + 4) * EPSILON * query_norms * reach
    return relative + _SPARE * dim * UNDERFLOW * max_scale


def rounded_up(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """As float32, never smaller, with room for float64's own rounding."""
    return np.nextafter((values * (1 + 2.0**-40)).astype(np.float32), np.float32(np.inf))


def rounded_down(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """As float32, never larger."""
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))


def true_places(
    flags: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of what is true, row by row.

    np.nonzero does the same, but takes seven times as long on two axes.

    >>> true_places(np.array([[False, True], [True, True]]))
    (array([0, 1, 1]), array([1, 0, 1]))
    """
    rows, columns = np.divmod(np.flatnonzero(flags), flags.shape[1])
    return rows, columns


_TILE_ROWS = 2_048  # gathered at once: 1 MB at 128 dimensions stays near the processor
LOWEST = np.float32(-(2.0**127))  # below every safe score, above a forbidden one
FORBIDDEN = np.float32(-np.inf)


class Similarity(StrEnum):
    """How two vectors make a score; the cosine is shrunk by `EmbeddingMatrix.cosine_scales`."""

    DOT = "dot"
    COSINE = "cosine"


class Proposer:
    """Finds, for blocks of queries, every target that can be among the k best.

    Args:
        mask: bool [num_targets], the targets that may come out; all by default.
        gather: Multiply the vectors of those only, not all of them.
    """

    def __init__(
        self,
        targets: EmbeddingMatrix,
        k: int,
        similarity: Similarity,
        mask: npt.NDArray[np.bool_] | None,
        *,
        gather: bool,
    ) -> None:
        self._targets = targets
        self._k = k
        cosine = similarity is Similarity.COSINE
        passing = len(targets) if mask is None else int(np.count_nonzero(mask))
        self._columns: npt.NDArray[np.int64] | None = None
        self._excluded: npt.NDArray[np.bool_] | None = None
        if mask is not None and gather:
            self._columns = np.flatnonzero(mask)
        elif mask is not None and passing < len(targets):
            self._excluded = ~mask
        self.width = passing if self._columns is not None or not passing else len(targets)
        scale = targets.cosine_scales if cosine else None
        self._scale = None if scale is None else self._pick(scale)
        self._reach = 1.0 if cosine else targets.max_norm
        self._max_scale = max(1.0, targets.max_cosine_scale) if cosine else 1.0

    def propose(
        self,
        queries: EmbeddingMatrix,
        query_rows: npt.NDArray[np.int64],
        excluded: Sequence[npt.NDArray[np.integer]],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The pairs (position in `query_rows`, target row) to be scored exactly.

        Args:
            excluded: Per query node the target rows that it must not get; empty for none at all.

        Returns:
            Two int64 arrays of one length, ordered by position, then by row.
        """
        norms = queries.norms[query_rows]
        tolerance = self._tolerance(norms)
        if np.isfinite(tolerance).all():
            scores = self._approximate(queries.vectors[query_rows])
        else:
            scores = np.zeros((len(query_rows), self.width), dtype=np.float32)
        if self._excluded is not None:
            scores[:, self._excluded] = FORBIDDEN
        for row_scores, rows in zip(scores, excluded, strict=False):
            row_scores[self._columns_of(rows)] = FORBIDDEN
        positions, columns = true_places(self._may_be_best(scores, tolerance, norms))
        return positions, columns if self._columns is None else self._columns[columns]

    def _may_be_best(
        self,
        scores: npt.NDArray[np.float32],
        tolerance: npt.NDArray[np.float64],
        query_norms: npt.NDArray[np.float64],  # noqa: ARG002 - for scores that are stretched
    ) -> npt.NDArray[np.bool_]:
        """Which scores may be those of the k best; never a forbidden one."""
        best: npt.NDArray[np.bool_] = scores >= self._threshold(scores, tolerance)[:, None]
        return best

    def _tolerance(self, query_norms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Twice the rounding bound; infinite where float32 might overflow: all is proposed then."""
        dim = self._targets.dim
        bound = rounding_bound(dim, query_norms, self._reach, self._max_scale)
        largest = query_norms * max(self._targets.max_norm, 1.0)
        safe = (largest < LARGEST_SAFE) & (self._max_scale < LARGEST_SAFE) & (dim < 2**20)
        return np.where(safe, 2 * bound, np.inf)

    def _threshold(
        self, scores: npt.NDArray[np.float32], tolerance: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float32]:
        """Per query node the lowest float32 score to propose; always above a forbidden one."""
        if self._k >= self.width:
            return np.full(len(scores), LOWEST)
        kth = np.partition(scores, self.width - self._k, axis=1)[:, self.width - self._k]
        exact = np.maximum(kth.astype(np.float64) - tolerance, LOWEST)
        return np.nextafter(exact.astype(np.float32), FORBIDDEN)

    def _approximate(self, queries: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 scores [num_queries, width], good to the rounding bound."""
        scores = np.empty((len(queries), self.width), dtype=np.float32)
        vectors = self._targets.vectors
        if self._columns is None:
            np.matmul(queries, vectors.T, out=scores)
        else:
            for start in range(0, self.width, _TILE_ROWS):
                tile = vectors[self._columns[start : start + _TILE_ROWS]]
                scores[:, start : start + len(tile)] = queries @ tile.T
        if self._scale is not None:
            scores *= self._scale
        return scores

    def _pick(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        with np.errstate(over="ignore"):  # the tolerance is infinite then and this is not used
            picked = values if self._columns is None else values[self._columns]
            return picked.astype(np.float32)

    def _columns_of(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Where target rows stand among the scores, those without a column left out."""
        if self._columns is None:
            return rows
        columns = np.searchsorted(self._columns, rows)
        columns = np.minimum(columns, self.width - 1)
        kept: npt.NDArray[np.integer] = columns[self._columns[columns] == rows]
        return kept


class ValueProposer(Proposer):
    """Finds, for blocks of queries, every target that can be among the k best by value.

    Args:
        factors: float64 [num_targets], what `value_factors` gives.
        mask: As for `Proposer`.
        gather: As for `Proposer`.
    """

    def __init__(
        self,
        targets: EmbeddingMatrix,
        k: int,
        factors: Values,
        mask: npt.NDArray[np.bool_] | None,
        *,
        gather: bool,
    ) -> None:
        super().__init__(targets, k, Similarity.DOT, mask, gather=gather)
        self._factors = factors if self._columns is None else factors[self._columns]
        norms = targets.norms if self._columns is None else targets.norms[self._columns]
        worst = np.maximum(self._factors, 1 / self._factors)
        self._reaches = norms * worst
        self._max_factor = float(worst.max(initial=1.0))

    def _may_be_best(
        self,
        scores: npt.NDArray[np.float32],
        tolerance: npt.NDArray[np.float64],
        query_norms: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.bool_]:
        largest = self._reaches.max(initial=0.0) * query_norms.max(initial=0.0)
        is_safe = np.isfinite(tolerance).all() and max(largest, self._max_factor) < LARGEST_SAFE
        if self._k >= self.width or not is_safe:
            allowed: npt.NDArray[np.bool_] = scores > FORBIDDEN
            return allowed
        likely = stretched(scores.astype(np.float64), self._factors)
        slack = 2 * rounding_bound(
            self._targets.dim, query_norms[:, None], self._reaches, self._max_factor
        )
        kth = np.partition(likely - slack, self.width - self._k, axis=1)
        threshold = np.maximum(kth[:, self.width - self._k], LOWEST)
        best: npt.NDArray[np.bool_] = likely + slack >= threshold[:, None]
        return best
