"""Ranks the candidates of every query, in one function that all queries share.

Candidates are the targets of a type without those that filters, the policy or the rule for seen
targets exclude.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphrec.query.conditions import Mask
from graphrec.query.embeddings import EmbeddingMatrix, Rows, Similarity
from graphrec.query.metapaths import CATEGORY
from graphrec.query.names import Skipped
from graphrec.query.options import RankOptions
from graphrec.query.policy import Rules
from graphrec.query.query_nodes import QueryNodes
from graphrec.query.release import ServedBundle
from graphrec.query.seen import Seen, SeenRows
from graphrec.query.topk import Plan, Scores, planned_top_k
from graphrec.query.value import Values

if TYPE_CHECKING:
    from graphrec.query.index.base import ServedIndex


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What is left to rank.

    Args:
        mask: bool [num_targets], for all queries of a batch alike; None when all pass.
        excluded: Per query the rows that it must not get; empty for none at all.
        excluded_by: Per reason code the number of targets that the policy takes away.
        skipped: What the filters name and the bundle does not hold.
        num_unsellable: How many targets pass the filters, but cannot be bought.
    """

    mask: Mask | None
    excluded: Sequence[Rows]
    excluded_by: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    num_unsellable: int

    @classmethod
    def of(
        cls,
        release: ServedBundle,
        rules: Rules | None,
        queries: QueryNodes,
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
        excluded_by: Mapping[str, int] = {}
        if rules is not None:
            shared = rules.excluded_for_all(target_type, queries.type)
            mask, excluded_by = _both(mask, shared.allowed), shared.counts
        excluded = _excluded(release, rules, queries, target_type, question.seen)
        return cls(mask, excluded, excluded_by, passing.skipped, num_unsellable)

    def part(self, positions: Rows, only: Mask | None) -> "Candidates":
        """The same for some of the queries, and with a further mask if there is one."""
        excluded = [self.excluded[position] for position in positions] if self.excluded else ()
        return replace(self, mask=_both(self.mask, only), excluded=excluded)


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


def _excluded(
    release: ServedBundle,
    rules: Rules | None,
    queries: QueryNodes,
    target_type: str,
    seen: Seen | None,
) -> Sequence[Rows]:
    """Per query the rows that it must not get; empty for none at all."""
    query_type, shared = queries.type, queries.excluded
    if query_type is None:
        return () if shared is None else [shared] * len(queries)
    seen_by = None if seen is None else SeenRows(release.paths, query_type, target_type, seen)
    itself = query_type == target_type
    if not (seen_by or itself or rules or shared is not None):
        return ()
    excluded = []
    for row in queries.node_rows.tolist():
        parts = [np.array([row])] if itself else []
        if shared is not None:
            parts.append(shared)
        if seen_by is not None:
            parts.append(seen_by.of(row))
        if rules is not None:
            parts.append(rules.excluded(query_type, row, target_type))
        excluded.append(np.concatenate(parts))
    return excluded


def rank(
    queries: QueryNodes,
    targets: EmbeddingMatrix,
    candidates: Candidates,
    *,
    k: int,
    similarity: Similarity,
    index: "ServedIndex | None",
    factors: Values | None = None,
) -> tuple[Rows, Scores, Plan]:
    """The k best candidates of every query node.

    Args:
        index: Of these targets and this similarity; None where there is none.
        factors: Move scores towards value, see `planned_top_k`.

    Returns:
        Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
        with -inf; best first, equal scores by ascending row. A query node with a zero vector gets
        nothing. And how they were found.

    Raises:
        QueryError: k is not a whole number of 1 or more.
    """
    known = queries.known()
    excluded = candidates.excluded
    rows, scores, plan = planned_top_k(
        queries.space,
        queries.rows[known],
        targets,
        k=k,
        similarity=similarity,
        mask=candidates.mask,
        excluded=[excluded[position] for position in known] if excluded else (),
        index=index,
        factors=factors,
    )
    return *_spread((rows, scores), known, len(queries)), plan


def _spread(
    found: tuple[Rows, Scores], positions: npt.NDArray[np.int64], num_queries: int
) -> tuple[Rows, Scores]:
    """Puts the answers of the known queries in their places; the others stay empty."""
    rows, scores = found
    if len(positions) == num_queries:
        return rows, scores
    all_rows = np.full((num_queries, rows.shape[1]), -1, dtype=np.int64)
    all_scores = np.full((num_queries, rows.shape[1]), -np.inf)
    all_rows[positions], all_scores[positions] = rows, scores
    return all_rows, all_scores
