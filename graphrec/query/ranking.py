"""Ranks the candidates of every query, in one function that all queries share.

Candidates are the targets of a type without those that filters, the policy or the rule for seen
targets exclude.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphrec.query.conditions import Mask
from graphrec.query.embeddings import EmbeddingMatrix, Rows
from graphrec.query.metapaths import CATEGORY
from graphrec.query.names import Skipped
from graphrec.query.options import RankOptions
from graphrec.query.planner import Plan
from graphrec.query.policy import Rules
from graphrec.query.propose import Similarity
from graphrec.query.release import ServedBundle
from graphrec.query.seeds import Seeds
from graphrec.query.seen import Seen, SeenRows
from graphrec.query.topk import Excluded, Scores, planned_top_k
from graphrec.query.value import Values

if TYPE_CHECKING:
    from graphrec.query.index.base import ServedIndex


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What is left to rank.

    Args:
        mask: bool [num_targets], for all seeds of a batch alike; None when all pass.
        barred: Per position of a seed the rows that it must not get; None for none.
        excluded: Per reason code the number of targets that the policy takes away.
        skipped: What the filters name and the bundle does not hold.
        num_unsellable: How many targets pass the filters, but cannot be bought.
    """

    mask: Mask | None
    barred: Excluded | None
    excluded: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    num_unsellable: int

    @classmethod
    def of(
        cls,
        release: ServedBundle,
        rules: Rules | None,
        seeds: Seeds,
        target_type: str,
        *,
        question: RankOptions,
    ) -> "Candidates":
        passing = release.filter_masks.passing(question.filters, target_type)
        mask = passing.mask
        if target_type == CATEGORY and question.levels == "leaf":
            mask = _both(mask, release.paths.tree.leaves)
        sellable = _sellable(release, target_type, question)
        num_unsellable = 0
        if sellable is not None:
            num_passing = len(sellable) if mask is None else np.count_nonzero(mask)
            mask = sellable if mask is None else mask & sellable
            num_unsellable = int(num_passing - np.count_nonzero(mask))
        excluded: Mapping[str, int] = {}
        if rules is not None:
            barred = rules.barred_for_all(target_type, seeds.type)
            mask, excluded = _both(mask, barred.allowed), barred.counts
        barred_each = _barred(release, rules, seeds, target_type, question.seen)
        return cls(mask, barred_each, excluded, passing.skipped, num_unsellable)

    def part(self, positions: Rows, only: Mask | None) -> "Candidates":
        """The same for some of the seeds, and with a further mask if there is one."""
        barred, mask = self.barred, _both(self.mask, only)
        of_part = None if barred is None else lambda at: barred(int(positions[at]))
        return Candidates(mask, of_part, self.excluded, self.skipped, self.num_unsellable)


def _both(one: Mask | None, other: Mask | None) -> Mask | None:
    """What passes both; None lets everything pass."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _sellable(release: ServedBundle, target_type: str, question: RankOptions) -> Mask | None:
    """Which targets can be bought, where that matters; None where all may come out."""
    asked_for = question.filters is not None and question.filters.asks_for_unsellable()
    if target_type != "Product" or question.include_unsellable or asked_for:
        return None
    return release.columns.sellable(target_type)


def _barred(
    release: ServedBundle, rules: Rules | None, seeds: Seeds, target_type: str, seen: Seen | None
) -> Excluded | None:
    """Per seed the rows it must not get, worked out block by block as ranking goes on."""
    seed_type, had = seeds.type, seeds.had
    if seed_type is None:
        return None if had is None else lambda _: had
    seen_by = None if seen is None else SeenRows(release.paths, seed_type, target_type, seen)
    itself = seed_type == target_type
    if not (seen_by or itself or rules or had is not None):
        return None

    def barred(position: int) -> Rows:
        row = int(seeds.node_rows[position])
        found = [np.array([row])] if itself else []
        if had is not None:
            found.append(had)
        if seen_by is not None:
            found.append(seen_by.of(row))
        if rules is not None:
            found.append(rules.barred(seed_type, row, target_type))
        return np.concatenate(found)

    return barred


def rank(
    seeds: Seeds,
    targets: EmbeddingMatrix,
    candidates: Candidates,
    *,
    k: int,
    similarity: Similarity,
    index: "ServedIndex | None",
    factors: Values | None = None,
) -> tuple[Rows, Scores, Plan]:
    """The k best candidates of every seed.

    Args:
        index: Of these targets and this similarity; None where there is none.
        factors: Move scores towards value, see `planned_top_k`.

    Returns:
        Rows int64 [num_seeds, k], padded with -1, and scores float64 [num_seeds, k], padded
        with -inf; best first, equal scores by ascending row. A seed with a zero vector gets
        nothing. And how they were found.

    Raises:
        QueryError: k is not a whole number of 1 or more.
    """
    known = seeds.known()
    barred = candidates.barred
    rows, scores, plan = planned_top_k(
        seeds.space,
        seeds.rows[known],
        targets,
        k=k,
        similarity=similarity,
        mask=candidates.mask,
        excluded=None if barred is None else lambda position: barred(int(known[position])),
        index=index,
        factors=factors,
    )
    return *_spread((rows, scores), known, len(seeds)), plan


def _spread(
    found: tuple[Rows, Scores], positions: npt.NDArray[np.int64], num_seeds: int
) -> tuple[Rows, Scores]:
    """Puts the answers of the known seeds in their places; the others stay empty."""
    rows, scores = found
    if len(positions) == num_seeds:
        return rows, scores
    all_rows = np.full((num_seeds, rows.shape[1]), -1, dtype=np.int64)
    all_scores = np.full((num_seeds, rows.shape[1]), -np.inf)
    all_rows[positions], all_scores[positions] = rows, scores
    return all_rows, all_scores
