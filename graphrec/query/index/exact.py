"""Implements the exact index, which skips nearly all targets by bounds on their scores.

Targets are rotated (see `orders.Rotation`) and kept longest first: of each the first few numbers,
its head, and the length of the rest, its tail. For a rotated query node s and a rotated target t
(Cauchy and Schwarz, twice)

    s . t  <=  head(s) . head(t) + tail(s) tail(t)  <=  |s| |t|.

So once k scores are known, everything after the first target that is too short is left unread. Of
the targets before it only the heads are read, and the vectors of those whose bound reaches the k-th
best score. This is the pruning of LEMP (Teflioudi and Gemulla, TODS 2016) and FEXIPRO (Li et al.,
SIGMOD 2017), tile by tile, with a rotation that depends on the query nodes. The vectors themselves
are those of the bundle. One pass answers a block of query nodes.

Everything is computed in float32, and every comparison leaves room for rounding, so that the
proposal holds all of the true best k; `topk` scores these again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphdb.errors import BundleError
from graphrec.query.embeddings import (
    EPSILON,
    FORBIDDEN,
    LARGEST_SAFE,
    LOWEST,
    NO_ROWS,
    UNDERFLOW,
    EmbeddingMatrix,
    Rows,
    Similarity,
    rounded_down,
    rounded_up,
    rounding_bound,
    true_places,
)
from graphrec.query.index.base import Proposal
from graphrec.query.index.orders import Rotation, scaled

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FRONT_ROWS = 2_048  # the longest targets: their scores give a first k-th best
TILE_ROWS = 4_096
TILE_SCORES = 2**19  # few query nodes take longer tiles, up to this many scores
_PAIR_ROWS = 16_384  # vectors of pairs held at once: 16 MB at 128 dimensions
_FLAG_NUMBERS = 4  # to look up whether a target passes takes as long as reading four numbers


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """(Query node of the block, target) pairs with their float32 scores."""

    queries: Rows
    rows: Rows
    scores: Floats

    def joined(self, other: "Pairs") -> "Pairs":
        return Pairs(
            np.concatenate([self.queries, other.queries]),
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.scores, other.scores]),
        )

    def kept(self, which: Mask | Rows) -> "Pairs":
        return Pairs(self.queries[which], self.rows[which], self.scores[which])


class ExactMipsSearch:
    """Finds, for some queries, all targets that can be among the best k of each.

    Args:
        vectors: float32 [num_queries, dim].
        norms: float64 [num_queries], their lengths.
        mask: bool [num_targets], the targets that may come out; all by default.
        excluded: Per query node the target rows that it must not get; empty for none at all.
    """

    def __init__(
        self,
        index: "ExactMipsIndex",
        vectors: Floats,
        norms: npt.NDArray[np.float64],
        k: int,
        mask: Mask | None,
        excluded: Sequence[npt.NDArray[np.integer]],
    ) -> None:
        self._index = index
        self._vectors = vectors
        self._k = k
        self._mask = mask
        turned = vectors.astype(np.float64) @ index.rotation.for_queries.T  # [num_queries, dim]
        self._lengths = np.linalg.norm(turned, axis=1)
        width = index.heads.shape[1]
        self._heads = np.empty((len(vectors), width), dtype=np.float32)
        self._heads[:, :-1] = turned[:, : width - 1]
        self._heads[:, -1] = rounded_up(np.linalg.norm(turned[:, width - 1 :], axis=1))
        self._bound = index.score_bound(norms)
        self._slack = index.head_slack(norms, self._lengths)
        self._excluded = excluded
        self._excluded_keys = _keys(excluded, len(index.targets))
        self._kth = np.full(len(vectors), -np.inf)
        self._read_once = self._read_in_line = self._read_at_random = 0

    def run(self, first_position: int) -> Proposal:
        """Looks at the longest targets, then goes on tile by tile while a query node needs it."""
        pairs, low = self._front()
        ends = self._ends()
        while (ends > low).any():
            active = np.flatnonzero(ends > low)
            tile = max(TILE_SCORES // len(active), TILE_ROWS)
            high = min(low + tile, int(ends.max()))
            found = self._scored(self._reaching(active, low, high))
            if len(found.rows):
                pairs = self._best(pairs.joined(found))
                ends = self._ends()
            low = high
        order = np.argsort(pairs.queries, kind="stable")
        return Proposal(
            pairs.queries[order] + first_position,
            pairs.rows[order],
            self._read_once,
            self._read_in_line,
            self._read_at_random,
        )

    def _front(self) -> tuple[Pairs, int]:
        """The best of the longest targets that pass, and the first place after these targets."""
        index = self._index
        passing = None if self._mask is None else self._mask[index.rows[: len(index.front)]]
        if passing is None or np.count_nonzero(passing) >= len(passing) / 2:
            places, vectors, low = np.arange(len(index.front)), index.front, len(index.front)
        else:
            passing = None
            places, low = self._passing_places()
            vectors = index.scaled_vectors(index.rows[places])
            self._read_once += vectors.size
        scores = self._vectors @ vectors.T  # [num_queries, num_front]
        self._read_in_line += scores.size * index.targets.dim
        if passing is not None:
            scores[:, ~passing] = FORBIDDEN
        for row_scores, forbidden in zip(scores, self._excluded, strict=False):
            row_scores[_columns(places, index.places[forbidden])] = FORBIDDEN
        if self._k < len(places):
            kth = np.partition(scores, len(places) - self._k, axis=1)[:, len(places) - self._k]
            self._kth = kth.astype(np.float64)
        lowest = np.maximum(self._kth - 2 * self._bound, LOWEST)
        queries, columns = true_places(scores >= rounded_down(lowest)[:, None])
        rows = index.rows[places[columns]].astype(np.int64)
        return Pairs(queries, rows, scores[queries, columns]), low

    def _passing_places(self) -> tuple[Rows, int]:
        """The first places that pass, ascending, and the first place that was not looked at."""
        rows, mask, wanted = self._index.rows, self._mask, FRONT_ROWS
        assert mask is not None
        low = min(2 * wanted, len(rows))
        passing = np.flatnonzero(mask[rows[:low]])
        while len(passing) < wanted and low < len(rows):
            high = min(2 * low, len(rows))
            passing = np.concatenate([passing, low + np.flatnonzero(mask[rows[low:high]])])
            low = high
        if len(passing) > wanted:
            low = int(passing[wanted])
        self._read_once += _FLAG_NUMBERS * low
        return passing[:wanted], low

    def _ends(self) -> Rows:
        """Per query node, from which place on all targets are too short, int64 [num_queries]."""
        needed = self._kth - self._bound - self._slack
        with np.errstate(divide="ignore", invalid="ignore"):
            shortest = np.where(needed > 0, needed / self._lengths, -np.inf)
        return np.searchsorted(self._index.shortness, -rounded_down(shortest), side="right")

    def _reaching(self, active: Rows, low: int, high: int) -> tuple[Rows, Rows]:
        """The pairs (active query, target at places [low, high)) whose bound is high enough."""
        bounds = self._heads[active] @ self._index.heads[low:high].T  # [num_active, num_tile]
        self._read_in_line += bounds.size * self._heads.shape[1]
        needed = rounded_down((self._kth - self._bound - self._slack)[active])
        hits, columns = true_places(bounds >= needed[:, None])
        queries, rows = active[hits], self._index.rows[low:high][columns].astype(np.int64)
        if self._mask is not None:
            passing = self._mask[rows]
            queries, rows = queries[passing], rows[passing]
        if len(self._excluded_keys) and len(rows):
            keys = queries * len(self._index.targets) + rows
            place = np.searchsorted(self._excluded_keys, keys)
            place = np.minimum(place, len(self._excluded_keys) - 1)
            free = self._excluded_keys[place] != keys
            queries, rows = queries[free], rows[free]
        return queries, rows

    def _scored(self, pairs: tuple[Rows, Rows]) -> Pairs:
        """The pairs that still can be among the best, with scores good to the rounding bound."""
        queries, rows = pairs
        index = self._index
        scores = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _PAIR_ROWS):
            part = slice(start, start + _PAIR_ROWS)
            vectors = index.targets.vectors[rows[part]]
            if len(self._vectors) == 1:
                scores[part] = vectors @ self._vectors[0]
            else:
                np.einsum("ij,ij->i", vectors, self._vectors[queries[part]], out=scores[part])
        if index.scale is not None:
            scores *= index.scale[rows]
        self._read_at_random += len(rows) * index.targets.dim
        return self._possible(Pairs(queries, rows, scores))

    def _best(self, pairs: Pairs) -> Pairs:
        """Raises each query node's k-th best score, and drops what is too far below it."""
        order = np.lexsort((-pairs.scores, pairs.queries))
        pairs = pairs.kept(order)
        starts = np.searchsorted(pairs.queries, np.arange(len(self._vectors) + 1))
        enough = np.flatnonzero(np.diff(starts) >= self._k)
        self._kth[enough] = pairs.scores[starts[enough] + self._k - 1]
        return self._possible(pairs)

    def _possible(self, pairs: Pairs) -> Pairs:
        """Without those below the k-th best by more than all rounding."""
        return pairs.kept(pairs.scores >= rounded_down(self._kth - 2 * self._bound)[pairs.queries])


def _columns(places: Rows, excluded: npt.NDArray[np.integer]) -> Rows:
    """Where excluded places stand among some, ascending, places."""
    if not len(places):
        return NO_ROWS
    columns = np.minimum(np.searchsorted(places, excluded), len(places) - 1)
    found: Rows = columns[places[columns] == excluded]
    return found


def _keys(excluded: Sequence[npt.NDArray[np.integer]], num_targets: int) -> Rows:
    """One number for each excluded pair, ascending."""
    if not len(excluded):
        return NO_ROWS
    queries = np.repeat(np.arange(len(excluded)), [len(rows) for rows in excluded])
    return np.sort(queries * num_targets + np.concatenate(excluded).astype(np.int64))


BLOCK_QUERIES = 512
_BLOCK_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class ExactMipsIndex:
    """The targets of one type, turned, longest first, for one similarity.

    Args:
        targets: Their vectors as the bundle has them.
        similarity: What is bounded: the dot product, or that with targets shrunk for the cosine.
        rotation: How they were turned.
        rows: int32 [num_kept], rows of `targets`; with a cosine, without the zero vectors.
        heads: float32 [num_kept, width], the first width - 1 turned numbers, then the tail.
        lengths: float32 [num_kept], rounded up, falling.
    """

    targets: EmbeddingMatrix
    similarity: Similarity
    rotation: Rotation
    rows: npt.NDArray[np.int32]
    heads: Floats
    lengths: Floats

    @classmethod
    def build(
        cls, targets: EmbeddingMatrix, similarity: Similarity, rotation: Rotation, width: int
    ) -> "ExactMipsIndex":
        """Turns and sorts all targets.

        Args:
            width: Numbers kept per target, 2 to dim; the more, the closer the bounds, and the more
                there is to read.

        Raises:
            BundleError: The vectors are so long that float32 might overflow.
        """
        if index_reach(targets, similarity) * np.linalg.norm(rotation.for_targets) > LARGEST_SAFE:
            raise BundleError(
                f"the longest vector, {targets.max_norm:.3g}, is too long for an index",
                expected="vectors of ordinary length, below 1e20",
                next_step="scale the vectors, or go without an index: answers are exact then, too",
                value=targets.max_norm,
            )
        heads = np.empty((len(targets), width), dtype=np.float32)
        lengths = np.empty(len(targets), dtype=np.float32)
        for start in range(0, len(targets), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            turned = scaled(targets, similarity, part) @ rotation.for_targets.T
            heads[part, :-1] = turned[:, : width - 1]
            heads[part, -1] = rounded_up(np.linalg.norm(turned[:, width - 1 :], axis=1))
            lengths[part] = rounded_up(np.linalg.norm(turned, axis=1))
        rows = np.argsort(-lengths, kind="stable").astype(np.int32)
        if similarity is Similarity.COSINE:
            rows = rows[~targets.zero[rows]]
        return cls(targets, similarity, rotation, rows, heads[rows], lengths[rows])

    def can_serve(self, queries: EmbeddingMatrix) -> bool:
        """Whether no float32 number can overflow on the way."""
        longest = queries.max_norm
        stretch = float(np.linalg.norm(self.rotation.for_queries))
        return (
            longest * max(stretch, 1.0) < LARGEST_SAFE
            and max(self._longest, self.targets.max_norm, 1.0)
            * max(longest * stretch, longest, 1.0)
            * max(self._max_scale, 1.0)
            < LARGEST_SAFE
        )

    def propose(
        self,
        queries: EmbeddingMatrix,
        query_rows: Rows,
        *,
        k: int,
        mask: Mask | None,
        excluded: Sequence[npt.NDArray[np.integer]],
    ) -> Proposal:
        """Every (position in `query_rows`, target row) that can be among the best k, and some.

        Args:
            mask: bool [num_targets], the targets that may come out; all by default.
            excluded: Per query node the target rows that it must not get; empty for none at all.
        """
        found = [
            ExactMipsSearch(
                self, queries.vectors[part], queries.norms[part], k, mask, excluded_part
            ).run(start)
            for start, part, excluded_part in (
                (i, query_rows[i : i + BLOCK_QUERIES], excluded[i : i + BLOCK_QUERIES])
                for i in range(0, len(query_rows), BLOCK_QUERIES)
            )
        ]
        return Proposal.joined(found)

    @cached_property
    def front(self) -> Floats:
        """The vectors of the longest targets, scaled: read by every query, so kept in memory."""
        return self.scaled_vectors(self.rows[:FRONT_ROWS])

    def scaled_vectors(self, rows: npt.NDArray[np.integer]) -> Floats:
        """The vectors of these targets as scores have them, float32 [num_rows, dim]."""
        vectors: Floats = self.targets.vectors[rows]
        return vectors if self.scale is None else vectors * self.scale[rows, None]

    @cached_property
    def places(self) -> npt.NDArray[np.int32]:
        """Where each target stands in `rows`, int32 [num_targets]; -1 where it does not."""
        places = np.full(len(self.targets), -1, dtype=np.int32)
        places[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        return places

    @cached_property
    def shortness(self) -> Floats:
        """The lengths with their sign turned: ascending, as binary search needs it."""
        return -np.asarray(self.lengths)

    @cached_property
    def scale(self) -> Floats | None:
        return (
            None
            if self.similarity is Similarity.DOT
            else self.targets.cosine_scales.astype(np.float32)
        )

    @property
    def reach(self) -> float:
        """No shorter than the longest target, scaled."""
        return index_reach(self.targets, self.similarity)

    @property
    def _longest(self) -> float:
        return float(self.lengths[0]) if len(self.lengths) else 0.0

    @property
    def _max_scale(self) -> float:
        return 1.0 if self.similarity is Similarity.DOT else max(1.0, self.targets.max_cosine_scale)

    def score_bound(self, norms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How far the float32 score of a pair can be from the true one, per query node."""
        # Two roundings more than a dot product has: of the scaled front, and of the scale.
        return rounding_bound(self.targets.dim + 2, norms, self.reach, self._max_scale)

    def head_slack(
        self, norms: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """How far a computed bound can lie below the true score, per query node, at most.

        Args:
            norms: Of the queries.
            lengths: Of the turned queries.
        """
        width = self.heads.shape[1]
        # 1.1 (width + 12) e covers the product's own rounding, that of both heads to float32, and
        # the factor up to sqrt(2) between |head| |head| + tail tail and |s| |t|.
        computed = 1.6 * (width + 12) * EPSILON * lengths * self._longest
        turned = self.rotation.error * norms * self.reach
        slack: npt.NDArray[np.float64] = computed + turned + 2 * width * UNDERFLOW
        return slack


def index_reach(targets: EmbeddingMatrix, similarity: Similarity) -> float:
    """No shorter than the longest target as scores have it."""
    return targets.max_norm if similarity is Similarity.DOT else 1.0
