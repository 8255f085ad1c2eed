"""Ranks what a query node took before beside all other targets, by habit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from graphdb.schema_types import EdgeType
from graphrec.bundle import Bundle, HabitRule, PairHistory
from graphrec.bundle.habits import Numbers, features
from graphrec.query.conditions import Mask
from graphrec.query.embeddings import NO_ROWS, EmbeddingMatrix, Rows, Similarity
from graphrec.query.next_part import Step
from graphrec.query.options import RankOptions
from graphrec.query.results import Trace
from graphrec.query.topk import Scores, exact_scores, keep_best
from graphrec.query.value import Values, stretched


@dataclass(frozen=True, slots=True, eq=False)
class OwnTargets:
    """Targets of one query node that are scored by themselves, beside an index of all others.

    Args:
        rows: int64 [num_own], ascending.
        log_odds: float64 [num_own], see `HabitRule`; NaN for a target without habit, whose score is
            the dot product.
    """

    rows: Rows
    log_odds: Numbers

    def passing(self, mask: Mask | None, excluded: Rows | None = None) -> "OwnTargets":
        """Returns those that pass a mask, if there is one, and are not excluded."""
        keep = np.ones(len(self.rows), dtype=np.bool_) if mask is None else mask[self.rows]
        if excluded is not None:
            keep = keep & ~np.isin(self.rows, excluded)
        return OwnTargets(self.rows[keep], self.log_odds[keep])

    def among(self, wanted: Rows) -> "OwnTargets":
        """Returns exactly the wanted rows, ascending; those that are not here have no habit.

        >>> own = OwnTargets(np.array([2, 5]), np.array([1.5, -1.0]))
        >>> own.among(np.array([5, 7])).log_odds.tolist()
        [-1.0, nan]
        """
        log_odds = np.full(len(wanted), np.nan)
        held = np.isin(wanted, self.rows)
        log_odds[held] = self.log_odds[np.searchsorted(self.rows, wanted[held])]
        return OwnTargets(wanted, log_odds)


NOTHING_OWN = OwnTargets(NO_ROWS, np.empty(0))


class HabitScores:
    """The habits of a bundle, worked out for one query node at a time.

    So an answer does not depend on the batch. Several threads can share it.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._habits = bundle.habits
        self._as_of = bundle.as_of
        self._edge_type: EdgeType | None = None
        if self._habits is not None:
            self._edge_type = bundle.schema.parse_edge_type(self._habits.rule.edge_type)
            self._edges = bundle.edges(self._edge_type)

    @property
    def rule(self) -> HabitRule | None:
        return None if self._habits is None else self._habits.rule

    def fits(self, query_type: str | None, target_type: str) -> bool:
        """Returns whether query nodes of a type have habits about targets of a type."""
        known = self._edge_type
        return known is not None and (known.source, known.target) == (query_type, target_type)

    def of(
        self, query_row: int, now: datetime | None = None, recent: Sequence[Step] = ()
    ) -> OwnTargets:
        """Returns all targets that a query node took.

        Args:
            now: By default the cut-off of the bundle, or the time of the newest event.
            recent: Later events of the query node; those without a time are as late as `now`. What
                it never took is left out, because once is no habit, and so is what is known here.
        """
        habits = self._habits
        assert habits is not None and self._edges.evidence is not None  # see `fits`
        rule, evidence = habits.rule, self._edges.evidence
        part = slice(int(self._edges.indptr[query_row]), int(self._edges.indptr[query_row + 1]))
        rows = self._edges.indices[part].astype(np.int64)
        if not len(rows):
            return NOTHING_OWN
        history = PairHistory(
            evidence.counts[part],
            habits.first_at_s[part],
            evidence.last_at_s[part],
            habits.decayed[part],
            rule.as_of.timestamp(),
        )
        taken = [step for step in recent if step.edge_type == self._edge_type]
        now_s = (now or self._as_of or rule.as_of).timestamp()
        if now is None:
            now_s = max([now_s, *(step.at_s for step in taken if step.at_s is not None)])
        for step in taken:
            place = int(np.searchsorted(rows, step.row))
            at_s = now_s if step.at_s is None else step.at_s
            if place < len(rows) and rows[place] == step.row and at_s > history.last_at_s[place]:
                history = history.with_event(place, at_s, rule.half_lives_days)
        found = features(history, habits.targets.part(rows), now_s, rule.half_lives_days)
        return OwnTargets(rows, rule.log_odds(found))

    def of_all(
        self,
        query_rows: Rows,
        now: datetime | None,
        seen: Sequence[Rows] | None,
        by_habit: bool,
        recent: Sequence[Step],
    ) -> Iterator[OwnTargets]:
        """Returns the own targets of queries; other arguments as for `of`.

        Args:
            seen: Per query the targets that count as own; None for all that it took.
            by_habit: Whether habits are about these types.
        """
        for place, row in enumerate(query_rows.tolist()):
            found = self.of(row, now, recent) if by_habit else NOTHING_OWN
            yield found if seen is None else found.among(seen[place])

    def merged(
        self,
        found: tuple[Rows, Scores],
        own: Sequence[OwnTargets],
        queries: EmbeddingMatrix,
        query_rows: Rows,
        targets: EmbeddingMatrix,
        factors: Values | None,
    ) -> tuple[Rows, Scores]:
        """Returns the best of what was found among all others and of own targets.

        Args:
            found: Per query rows and scores of targets that are not own, as `planned_top_k` gives
                them.
            own: Per query.
            query_rows: int64 [num_queries], rows of `queries`.
            factors: Move scores towards value, see `planned_top_k`.

        Returns:
            In the shape of `found`.
        """
        held = found[0] >= 0
        positions = np.repeat(np.arange(len(own)), [len(one.rows) for one in own])
        own_rows = np.concatenate([NO_ROWS, *(one.rows for one in own)])
        log_odds = np.concatenate([np.empty(0), *(one.log_odds for one in own)])
        exact = exact_scores(queries, query_rows[positions], targets, own_rows, Similarity.DOT)
        if self.rule is not None:
            exact = np.where(np.isnan(log_odds), exact, self.rule.scores(log_odds, exact))
        if factors is not None:
            exact = stretched(exact, factors[own_rows])
        rows, scores = np.full_like(found[0], -1), np.full_like(found[1], -np.inf)
        keep_best(
            np.concatenate([np.nonzero(held)[0], positions]),
            np.concatenate([found[0][held], own_rows]),
            np.concatenate([found[1][held], exact]),
            rows,
            scores,
        )
        return rows, scores


class Ranking(Protocol):
    """Ranks under a question with other repeats; returns rows, scores and traces."""

    def __call__(self, *, question: RankOptions) -> tuple[Rows, Scores, list[Trace]]: ...


def by_share(
    ranked: Ranking, question: RankOptions, share: float
) -> tuple[Rows, Scores, list[Trace]]:
    """Ranks what repeats and all else, each by itself, and gives repeats their share of places."""
    rows, scores, _ = ranked(question=question.repeating("only"))
    other_rows, other_scores, traces = ranked(question=question.repeating("exclude"))
    return *with_share((rows, scores), (other_rows, other_scores), share), traces


def with_share(
    repeats: tuple[Rows, Scores], others: tuple[Rows, Scores], share: float
) -> tuple[Rows, Scores]:
    """Returns the best of two lists per query, a share of the places for the first.

    Args:
        repeats: Per query rows, -1 where there are no more, and scores, each [num_queries, k].
        others: The same shape, of other targets. Where one list is too short, the other fills up.

    Returns:
        In the same shape, by score.

    >>> repeats = np.array([[4, 5, -1]]), np.array([[9.0, 8.0, -np.inf]])
    >>> others = np.array([[2, 1, 3]]), np.array([[8.5, 7.0, 6.0]])
    >>> with_share(repeats, others, 1 / 3)[0].tolist(), with_share(repeats, others, 1)[0].tolist()
    ([[4, 2, 1]], [[4, 2, 5]])
    """
    k = repeats[0].shape[1]
    held, other_held = ((rows >= 0).sum(axis=1) for rows, _ in (repeats, others))
    number = np.minimum(held, np.maximum(round(share * k), k - other_held))
    rows, scores = np.full_like(repeats[0], -1), np.full_like(repeats[1], -np.inf)
    kept = [
        np.nonzero(np.arange(k) < most[:, None])
        for most in (number, np.minimum(other_held, k - number))
    ]
    keep_best(
        np.concatenate([part[0] for part in kept]),
        np.concatenate([repeats[0][kept[0]], others[0][kept[1]]]),
        np.concatenate([repeats[1][kept[0]], others[1][kept[1]]]),
        rows,
        scores,
    )
    return rows, scores
