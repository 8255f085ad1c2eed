"""One pass over a bound index, for a block of seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphrec.query.flags import true_places
from graphrec.query.index.proposal import Proposal
from graphrec.query.propose import FORBIDDEN, LOWEST
from graphrec.query.rounding import rounded_down, rounded_up
from graphrec.query.rows import NO_ROWS, Rows

if TYPE_CHECKING:
    from graphrec.query.index.bounds import BoundIndex

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FRONT_ROWS = 2_048  # the longest targets: their scores give a first k-th best
TILE_ROWS = 4_096
TILE_SCORES = 2**19  # few seeds take longer tiles, up to this many scores
_PAIR_ROWS = 16_384  # vectors of pairs held at once: 16 MB at 128 numbers
_FLAG_NUMBERS = 4  # to look up whether a target passes takes as long as reading four numbers


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """(Seed of the block, target) pairs with their float32 scores."""

    seeds: Rows
    rows: Rows
    scores: Floats

    def joined(self, other: "Pairs") -> "Pairs":
        return Pairs(
            np.concatenate([self.seeds, other.seeds]),
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.scores, other.scores]),
        )

    def kept(self, which: Mask | Rows) -> "Pairs":
        return Pairs(self.seeds[which], self.rows[which], self.scores[which])


class BoundSearch:
    """Finds, for some seeds, all targets that can be among the best k of each.

    Args:
        vectors: float32 [num_seeds, dim].
        norms: float64 [num_seeds], their lengths.
        mask: bool [num_targets], the targets that may come out; all by default.
        barred: Per seed the target rows that it must not get; empty for none at all.
    """

    def __init__(
        self,
        index: "BoundIndex",
        vectors: Floats,
        norms: npt.NDArray[np.float64],
        k: int,
        mask: Mask | None,
        barred: Sequence[npt.NDArray[np.integer]],
    ) -> None:
        self._index = index
        self._vectors = vectors
        self._k = k
        self._mask = mask
        turned = vectors.astype(np.float64) @ index.rotation.for_seeds.T  # [num_seeds, dim]
        self._lengths = np.linalg.norm(turned, axis=1)
        width = index.heads.shape[1]
        self._heads = np.empty((len(vectors), width), dtype=np.float32)
        self._heads[:, :-1] = turned[:, : width - 1]
        self._heads[:, -1] = rounded_up(np.linalg.norm(turned[:, width - 1 :], axis=1))
        self._bound = index.score_bound(norms)
        self._slack = index.head_slack(norms, self._lengths)
        self._barred = barred
        self._barred_keys = _keys(barred, len(index.targets))
        self._kth = np.full(len(vectors), -np.inf)
        self._read_once = self._read_in_line = self._read_at_random = 0

    def run(self, first_position: int) -> Proposal:
        """Looks at the longest targets, then goes on tile by tile while a seed needs it."""
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
        order = np.argsort(pairs.seeds, kind="stable")
        return Proposal(
            pairs.seeds[order] + first_position,
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
        scores = self._vectors @ vectors.T  # [num_seeds, num_front]
        self._read_in_line += scores.size * index.targets.dim
        if passing is not None:
            scores[:, ~passing] = FORBIDDEN
        for row_scores, barred in zip(scores, self._barred, strict=False):
            row_scores[_columns(places, index.places[barred])] = FORBIDDEN
        if self._k < len(places):
            kth = np.partition(scores, len(places) - self._k, axis=1)[:, len(places) - self._k]
            self._kth = kth.astype(np.float64)
        lowest = np.maximum(self._kth - 2 * self._bound, LOWEST)
        seeds, columns = true_places(scores >= rounded_down(lowest)[:, None])
        rows = index.rows[places[columns]].astype(np.int64)
        return Pairs(seeds, rows, scores[seeds, columns]), low

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
        """Per seed, from which place on all targets are too short, int64 [num_seeds]."""
        needed = self._kth - self._bound - self._slack
        with np.errstate(divide="ignore", invalid="ignore"):
            shortest = np.where(needed > 0, needed / self._lengths, -np.inf)
        return np.searchsorted(self._index.shortness, -rounded_down(shortest), side="right")

    def _reaching(self, active: Rows, low: int, high: int) -> tuple[Rows, Rows]:
        """The pairs (active seed, target at places [low, high)) whose bound is high enough."""
        bounds = self._heads[active] @ self._index.heads[low:high].T  # [num_active, num_tile]
        self._read_in_line += bounds.size * self._heads.shape[1]
        needed = rounded_down((self._kth - self._bound - self._slack)[active])
        hits, columns = true_places(bounds >= needed[:, None])
        seeds, rows = active[hits], self._index.rows[low:high][columns].astype(np.int64)
        if self._mask is not None:
            passing = self._mask[rows]
            seeds, rows = seeds[passing], rows[passing]
        if len(self._barred_keys) and len(rows):
            keys = seeds * len(self._index.targets) + rows
            place = np.searchsorted(self._barred_keys, keys)
            place = np.minimum(place, len(self._barred_keys) - 1)
            free = self._barred_keys[place] != keys
            seeds, rows = seeds[free], rows[free]
        return seeds, rows

    def _scored(self, pairs: tuple[Rows, Rows]) -> Pairs:
        """The pairs that still can be among the best, with scores good to the rounding bound."""
        seeds, rows = pairs
        index = self._index
        scores = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _PAIR_ROWS):
            part = slice(start, start + _PAIR_ROWS)
            vectors = index.targets.vectors[rows[part]]
            if len(self._vectors) == 1:
                scores[part] = vectors @ self._vectors[0]
            else:
                np.einsum("ij,ij->i", vectors, self._vectors[seeds[part]], out=scores[part])
        if index.scale is not None:
            scores *= index.scale[rows]
        self._read_at_random += len(rows) * index.targets.dim
        return self._possible(Pairs(seeds, rows, scores))

    def _best(self, pairs: Pairs) -> Pairs:
        """Raises each seed's k-th best score, and drops what is too far below it."""
        order = np.lexsort((-pairs.scores, pairs.seeds))
        pairs = pairs.kept(order)
        starts = np.searchsorted(pairs.seeds, np.arange(len(self._vectors) + 1))
        enough = np.flatnonzero(np.diff(starts) >= self._k)
        self._kth[enough] = pairs.scores[starts[enough] + self._k - 1]
        return self._possible(pairs)

    def _possible(self, pairs: Pairs) -> Pairs:
        """Without those below the k-th best by more than all rounding."""
        return pairs.kept(pairs.scores >= rounded_down(self._kth - 2 * self._bound)[pairs.seeds])


def _columns(places: Rows, barred: npt.NDArray[np.integer]) -> Rows:
    """Where barred places stand among some, ascending, places."""
    if not len(places):
        return NO_ROWS
    columns = np.minimum(np.searchsorted(places, barred), len(places) - 1)
    found: Rows = columns[places[columns] == barred]
    return found


def _keys(barred: Sequence[npt.NDArray[np.integer]], num_targets: int) -> Rows:
    """One number for each barred pair, ascending."""
    if not len(barred):
        return NO_ROWS
    seeds = np.repeat(np.arange(len(barred)), [len(rows) for rows in barred])
    return np.sort(seeds * num_targets + np.concatenate(barred).astype(np.int64))
