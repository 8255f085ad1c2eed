"""An exact index: bounds on scores, from a few numbers per target, leave out nearly all targets.

Targets are turned (see `rotation`) and kept longest first: of each the first few numbers, its
head, and the length of the rest, its tail. For a turned seed s and a turned target t (Cauchy and
Schwarz, twice)

    s . t  <=  head(s) . head(t) + tail(s) tail(t)  <=  |s| |t|.

So with k scores at hand, everything after the first target that is too short is left unread, and
of what comes before only the heads are read, and the vectors of those whose bound reaches the k-th
best score. This is the pruning of LEMP (Teflioudi and Gemulla, TODS 2016) and FEXIPRO (Li et al.,
SIGMOD 2017), tile by tile, with a rotation that knows the seeds. The vectors themselves are those
of the bundle.

All is computed in float32, and every comparison has the rounding to spare, so that what is proposed
holds all of the true best k; `topk` scores these again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphdb.errors import BundleError
from graphrec.query.index.bound_search import FRONT_ROWS, BoundSearch, Floats, Mask
from graphrec.query.index.proposal import Proposal
from graphrec.query.index.rotation import Rotation
from graphrec.query.propose import Similarity
from graphrec.query.rounding import (
    EPSILON,
    LARGEST_SAFE,
    UNDERFLOW,
    rounded_up,
    rounding_bound,
)
from graphrec.query.rows import Rows
from graphrec.query.space import Space

BLOCK_SEEDS = 512
_BLOCK_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class BoundIndex:
    """The targets of one type, turned, longest first, for one similarity.

    Args:
        targets: Their vectors as the bundle has them.
        similarity: What is bounded: the dot product, or that with damped targets.
        rotation: How they were turned.
        rows: int32 [num_kept], rows of `targets`; with a cosine, without the zero vectors.
        heads: float32 [num_kept, width], the first width - 1 turned numbers, then the tail.
        lengths: float32 [num_kept], rounded up, falling.
    """

    targets: Space
    similarity: Similarity
    rotation: Rotation
    rows: npt.NDArray[np.int32]
    heads: Floats
    lengths: Floats

    @classmethod
    def build(
        cls, targets: Space, similarity: Similarity, rotation: Rotation, width: int
    ) -> "BoundIndex":
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

    def can_serve(self, seeds: Space) -> bool:
        """Whether no float32 number can overflow on the way."""
        longest = seeds.max_norm
        stretch = float(np.linalg.norm(self.rotation.for_seeds))
        return (
            longest * max(stretch, 1.0) < LARGEST_SAFE
            and max(self._longest, self.targets.max_norm, 1.0)
            * max(longest * stretch, longest, 1.0)
            * max(self._max_scale, 1.0)
            < LARGEST_SAFE
        )

    def propose(
        self,
        seeds: Space,
        seed_rows: Rows,
        *,
        k: int,
        mask: Mask | None,
        excluded: Sequence[npt.NDArray[np.integer]],
    ) -> Proposal:
        """Every (position in `seed_rows`, target row) that can be among a seed's best k, and some.

        Args:
            mask: bool [num_targets], the targets that may come out; all by default.
            excluded: Per seed the target rows that it must not get; empty for none at all.
        """
        found = [
            BoundSearch(self, seeds.vectors[part], seeds.norms[part], k, mask, barred).run(start)
            for start, part, barred in (
                (i, seed_rows[i : i + BLOCK_SEEDS], excluded[i : i + BLOCK_SEEDS])
                for i in range(0, len(seed_rows), BLOCK_SEEDS)
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
        return None if self.similarity is Similarity.DOT else self.targets.damped.astype(np.float32)

    @property
    def reach(self) -> float:
        """No shorter than the longest target, scaled."""
        return index_reach(self.targets, self.similarity)

    @property
    def _longest(self) -> float:
        return float(self.lengths[0]) if len(self.lengths) else 0.0

    @property
    def _max_scale(self) -> float:
        return 1.0 if self.similarity is Similarity.DOT else max(1.0, self.targets.max_damped)

    def score_bound(self, norms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How far the float32 score of a pair can be from the true one, per seed."""
        # Two roundings more than a dot product has: of the scaled front, and of the scale.
        return rounding_bound(self.targets.dim + 2, norms, self.reach, self._max_scale)

    def head_slack(
        self, norms: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """How far a computed bound can lie below the true score, per seed, at most.

        Args:
            norms: Of the seeds.
            lengths: Of the turned seeds.
        """
        width = self.heads.shape[1]
        # 1.1 (width + 12) e covers the product's own rounding, that of both heads to float32, and
        # the factor up to sqrt(2) between |head| |head| + tail tail and |s| |t|.
        computed = 1.6 * (width + 12) * EPSILON * lengths * self._longest
        turned = self.rotation.error * norms * self.reach
        slack: npt.NDArray[np.float64] = computed + turned + 2 * width * UNDERFLOW
        return slack


def index_reach(targets: Space, similarity: Similarity) -> float:
    """No shorter than the longest target as scores have it."""
    return targets.max_norm if similarity is Similarity.DOT else 1.0


def scaled(
    targets: Space, similarity: Similarity, rows: slice | npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Target vectors as a score of that similarity has them, float64 [num_rows, dim]."""
    vectors: npt.NDArray[np.float64] = targets.vectors[rows].astype(np.float64)
    if similarity is Similarity.COSINE:
        vectors *= targets.damped[rows, None]
    return vectors
