"""One release under one policy: what a question is answered from, from its beginning to its end.

All questions rank in one function. Candidates are the targets of a type without those that filters,
the policy or the rule for seen targets exclude.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from graphrec.query.conditions import Mask
from graphrec.query.embeddings import EmbeddingMatrix, Rows, Similarity
from graphrec.query.facts import phrase
from graphrec.query.filters import Passing
from graphrec.query.habits import NOTHING_OWN, HabitScores, OwnTargets, by_share
from graphrec.query.metapaths import CATEGORY
from graphrec.query.names import Skipped
from graphrec.query.options import RankOptions
from graphrec.query.policy import Enforcement, Exclusion, Policy, Rules
from graphrec.query.reasons import Sight
from graphrec.query.release import QueryNodes, ServedBundle, excluded_rows, sellable_targets
from graphrec.query.rerank.reranker import Reranker
from graphrec.query.results import Outcome, Recommendation, Recommendations, Reranked, Trace
from graphrec.query.seen import USUAL_RULE
from graphrec.query.topk import Method, Plan, Scores, planned_top_k, spread
from graphrec.query.value import Values

if TYPE_CHECKING:
    from graphrec.query.index.base import ServedIndex

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Answers questions; a `Recommender` swaps it for another one as a whole.

    Raises:
        PolicyError: The policy names a type or property that the bundle's schema does not have.
    """

    def __init__(self, release: ServedBundle, policy: Policy | None, clock: Clock) -> None:
        self.release = release
        self.policy = policy
        self._clock = clock
        self._enforcement = (
            None
            if policy is None
            else Enforcement(release.bundle, release.paths, release.columns, policy)
        )

    def check_types(self, *node_types: str) -> "Engine":
        """Itself again.

        Raises:
            SchemaError: One of them is no node type.
        """
        schema = self.release.bundle.schema
        for node_type in node_types:
            if not isinstance(node_type, str) or node_type not in schema.node_types:
                schema.node_type(node_type)  # says which one may be meant
        return self

    def rules(self) -> Rules | None:
        """The rules that hold now."""
        return None if self._enforcement is None else self._enforcement.at(self._clock())

    @property
    def unknown_policy_ids(self) -> Mapping[str, int]:
        """Per node type how many ids of the policy the bundle does not hold."""
        return {} if self._enforcement is None else self._enforcement.unknown_ids

    @property
    def policy_warnings(self) -> tuple[str, ...]:
        """What of the policy does no harm but may be a mistake."""
        return () if self._enforcement is None else self._enforcement.warnings

    def rank(
        self, queries: QueryNodes, target_type: str, question: RankOptions, similarity: Similarity
    ) -> tuple[Rows, Scores, list[Trace]]:
        """Rows and scores as `_ranked` gives them, in the order shown, and how it came."""
        if question.repeat_share is not None and queries.type is not None:
            ranked = partial(self.rank, queries, target_type, similarity=similarity)
            return by_share(ranked, question, question.repeat_share)
        rules = self.rules()
        targets = self.release.space(target_type) if queries.targets is None else queries.targets
        candidates = _Candidates.of(self.release, rules, queries, target_type, question=question)
        if similarity is Similarity.DOT:
            candidates = candidates.with_own(self.release, queries, target_type, question)
        factors = self.release.value_factors(target_type, question.value_weight)
        # An index orders targets by their own vectors, not by value, popularity or evidence.
        by_affinity = factors is None and queries.targets is None
        index = self.release.indexes.of(target_type, similarity) if by_affinity else None
        plans: list[Plan] = []

        def ask(positions: Rows, k: int, only: Mask | None) -> tuple[Rows, Scores]:
            some, allowed = queries.part(positions), candidates.part(positions, only)
            rows, scores, plan = _ranked(
                some,
                targets,
                allowed,
                k=k,
                similarity=similarity,
                index=index,
                habits=self.release.habits,
                factors=factors,
            )
            plans.append(plan)
            return rows, scores

        notes: Sequence[Reranked | None] = [None] * len(queries)
        if question.fairness.changes and len(queries):
            reranker = Reranker(self.release, target_type, question.fairness)
            lists = reranker.lists(ask, len(queries), question.k)
            rows, scores, notes = lists.rows, lists.scores, lists.notes
        else:
            rows, scores = ask(np.arange(len(queries)), question.k, None)
        mask = candidates.mask
        trace = Trace(
            num_targets=len(targets),
            num_candidates=len(targets) if mask is None else int(np.count_nonzero(mask)),
            policy_version=None if rules is None else rules.version,
            excluded=candidates.excluded_by,
            plan=plans[0],
            skipped=(*queries.skipped, *candidates.skipped),
            num_unsellable=candidates.num_unsellable,
        )
        return rows, scores, [replace(trace, reranked=note) for note in notes]

    def answer(
        self,
        queries: QueryNodes,
        query_ids: Sequence[str],
        target_type: str,
        question: RankOptions,
        similarity: Similarity = Similarity.DOT,
    ) -> list[Recommendations]:
        """Ranks, and dresses the rows up as results.

        Args:
            query_ids: What to call each query node in its answer.
        """
        enough = replace(question, k=min(question.k, max(len(self.release.space(target_type)), 1)))
        rows, scores, traces = self.rank(queries, target_type, enough, similarity)
        items = self._described(queries, target_type, question, rows, scores, traces)
        columns = self.release.answer_columns(target_type)
        return [
            Recommendations(
                queries.type or "",
                query_id,
                target_type,
                found,
                trace,
                queries.outcome,
                columns=columns,
            )
            for query_id, found, trace in zip(query_ids, items, traces, strict=True)
        ]

    def no_answer(
        self,
        query_type: str,
        query_id: str,
        target_type: str,
        outcome: Outcome,
        skipped: tuple[Skipped, ...],
    ) -> Recommendations:
        """The answer for a query node about which nothing is known, where that is no error."""
        rules, total = self.rules(), len(self.release.space(target_type))
        trace = Trace(
            num_targets=total,
            num_candidates=0,
            policy_version=None if rules is None else rules.version,
            excluded={},
            plan=Plan(Method.NONE, 0, total, 0.0, 1.0, "nothing is known about the query node"),
            skipped=skipped,
        )
        columns = self.release.answer_columns(target_type)
        return Recommendations(
            query_type, query_id, target_type, (), trace, outcome, columns=columns
        )

    def allowed_for(self, query_type: str, query_id: str) -> Callable[[str], Mask | None] | None:
        """Per node type which nodes one query node may be shown, bool [num_nodes]; itself always.

        None where there is no policy.
        """
        rules, query_row = self.rules(), self.release.bundle.row_of(query_type, query_id)
        if rules is None:
            return None

        def allowed(node_type: str) -> Mask | None:
            for_all = rules.excluded_for_all(node_type, query_type).allowed
            own = rules.excluded(query_type, query_row, node_type)
            if for_all is None and not len(own):
                return None
            size = self.release.bundle.num_nodes(node_type)
            mask = np.ones(size, dtype=np.bool_) if for_all is None else for_all.copy()
            mask[own] = False
            if node_type == query_type:
                mask[query_row] = True
            return mask

        return allowed

    def exclusions(
        self, node_type: str, node_id: str, query: tuple[str, str] | None
    ) -> tuple[Exclusion, ...]:
        """Why the policy keeps a node from coming out; see `Recommender.explain_exclusion`."""
        rules, bundle = self.rules(), self.release.bundle
        row = bundle.row_of(node_type, node_id)
        query_row = None if query is None else bundle.row_of(*query)
        if rules is None:
            return ()
        found = rules.exclusions(node_type, row)
        if query is None or query_row is None:
            return found
        found = tuple(one for one in found if not one.scope or query[0] in one.scope)
        return (*found, *rules.exclusions_for(query[0], query_row, node_type, row))

    def _described(
        self,
        queries: QueryNodes,
        target_type: str,
        question: RankOptions,
        rows: Rows,
        scores: Scores,
        traces: Sequence[Trace],
    ) -> Iterator[tuple[Recommendation, ...]]:
        """Per query its results with fields and reasons, for the rows that were found.

        All targets of a batch are read and described together: one by one takes most of the time.
        """
        display = self.release.display
        held = rows >= 0
        targets, which = np.unique(rows[held], return_inverse=True)
        ids, fields = display.ids_of(target_type, targets), display.fields_of(target_type, targets)
        reasons = self._reasons(queries, target_type, question, rows)
        found = zip(which.tolist(), scores[held].tolist(), reasons, strict=True)
        for number, trace in zip(held.sum(axis=1).tolist(), traces, strict=True):
            raised = () if trace.reranked is None else trace.reranked.raised
            yield tuple(
                Recommendation(
                    target_type,
                    ids[target],
                    rank,
                    score,
                    fields[target].copy(),
                    (*because, phrase("new_item", question.language))
                    if question.reasons and rank in raised
                    else because,
                )
                for rank, (target, score, because) in enumerate(islice(found, number), start=1)
            )

    def _reasons(
        self, queries: QueryNodes, target_type: str, question: RankOptions, rows: Rows
    ) -> Sequence[tuple[str, ...]]:
        """Why each target that was found is in the list of its query node, row after row."""
        held = rows >= 0
        number = int(np.count_nonzero(held))
        if not question.reasons:
            return [()] * number
        reasons: Sequence[tuple[str, ...]] = [()] * number
        if queries.type is not None:
            reasons = self.release.reasons.between(
                queries.type,
                np.repeat(queries.node_rows, held.sum(axis=1)),
                target_type,
                rows[held],
                language=question.language,
                sight=self.sight(queries.type),
            )
        if queries.because is None:
            return reasons
        name, of = queries.because
        because = phrase(name, question.language).format(name=of)
        return [(because, *words) for words in reasons]

    def sight(self, query_type: str) -> Sight:
        """What the policy lets reasons for query nodes of a type rest on and name."""
        rules = self.rules()
        if rules is None:
            return Sight()
        return Sight(
            lambda node_type: rules.excluded_for_all(node_type, query_type).allowed,
            lambda query_row, node_type: rules.excluded(query_type, query_row, node_type),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """What is left to rank.

    Args:
        mask: bool [num_targets], for all queries of a batch alike; None when all pass.
        excluded: Per query the rows that it must not get; empty for none at all.
        excluded_by: Per reason code the number of targets that the policy takes away.
        skipped: What the filters name and the bundle does not hold.
        num_unsellable: How many targets pass the filters, but cannot be bought.
        own: Per query the targets that are ranked by themselves, without those that do not pass;
            empty for none at all.
        only_own: Whether all others are excluded.
    """

    mask: Mask | None
    excluded: Sequence[Rows]
    excluded_by: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    num_unsellable: int
    own: Sequence[OwnTargets] = ()
    only_own: bool = False

    @classmethod
    def of(
        cls,
        release: ServedBundle,
        rules: Rules | None,
        queries: QueryNodes,
        target_type: str,
        *,
        question: RankOptions,
    ) -> "_Candidates":
        passing = Passing()
        if question.filters is not None:
            passing = release.filter_masks.passing(question.filters, target_type)
        mask = passing.mask
        if target_type == CATEGORY and question.levels == "leaf":
            mask = _both(mask, release.paths.tree.leaves)
        sellable = sellable_targets(release, target_type, question)
        num_unsellable = 0
        if sellable is not None:
            num_passing = len(sellable) if mask is None else np.count_nonzero(mask)
            mask = sellable if mask is None else mask & sellable
            num_unsellable = int(num_passing - np.count_nonzero(mask))
        excluded_by: Mapping[str, int] = {}
        if rules is not None:
            shared = rules.excluded_for_all(target_type, queries.type)
            mask, excluded_by = _both(mask, shared.allowed), shared.counts
        excluded = excluded_rows(release, rules, queries, target_type, question.seen)
        return cls(mask, excluded, excluded_by, passing.skipped, num_unsellable)

    def part(self, positions: Rows, only: Mask | None) -> "_Candidates":
        """The same for some of the queries, and with a further mask if there is one."""
        excluded = [self.excluded[position] for position in positions] if self.excluded else ()
        own = [self.own[position] for position in positions] if self.own else ()
        if only is not None:
            own = [one.passing(only) for one in own]
        return replace(self, mask=_both(self.mask, only), excluded=excluded, own=own)

    def with_own(
        self,
        release: ServedBundle,
        queries: QueryNodes,
        target_type: str,
        question: RankOptions,
    ) -> "_Candidates":
        """The same with what each query node took before, as far as it passes and may come out."""
        query_type, only = queries.type, question.repeated == "only"
        if query_type is None:
            nothing = [NOTHING_OWN] * len(queries)
            return replace(self, own=nothing, only_own=True) if only else self
        if not only and question.seen == USUAL_RULE:
            return self
        by_habit = queries.targets is None and release.habits.fits(query_type, target_type)
        if not (only or by_habit):
            return self
        rows, seen = queries.node_rows, None
        if only:
            rule = release.seen_rows(query_type, target_type, question.seen_rule)
            seen = [rule.of(row) for row in rows.tolist()]
        now = question.habits_as_of
        found = release.habits.of_all(rows, now, seen, by_habit, queries.recent)
        own = [
            one.passing(self.mask, self.excluded[place] if self.excluded else None)
            for place, one in enumerate(found)
        ]
        return replace(self, own=own, only_own=only)


def _both(one: Mask | None, other: Mask | None) -> Mask | None:
    """What passes both; None lets everything pass."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _others(candidates: _Candidates, known: Rows) -> Sequence[Rows]:
    """Per known query the rows that it must not get from an index of all targets."""
    excluded = [candidates.excluded[place] for place in known] if candidates.excluded else ()
    own = [candidates.own[place].rows for place in known] if candidates.own else ()
    if not (excluded and own):
        return excluded or own
    return [np.concatenate(pair) for pair in zip(excluded, own, strict=True)]


def _ranked(
    queries: QueryNodes,
    targets: EmbeddingMatrix,
    candidates: _Candidates,
    *,
    k: int,
    similarity: Similarity,
    index: "ServedIndex | None",
    habits: HabitScores,
    factors: Values | None = None,
) -> tuple[Rows, Scores, Plan]:
    """The k best candidates of every query node.

    Args:
        index: Of these targets and this similarity; None where there is none.
        habits: Score own targets.
        factors: Move scores towards value, see `planned_top_k`.

    Returns:
        Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
        with -inf; best first, equal scores by ascending row. A query node with a zero vector gets
        nothing. And how they were found.

    Raises:
        QueryError: k is not a whole number of 1 or more.
    """
    known = queries.known()
    nothing = np.zeros(len(targets), dtype=np.bool_)
    rows, scores, plan = planned_top_k(
        queries.space,
        queries.rows[known],
        targets,
        k=k,
        similarity=similarity,
        mask=nothing if candidates.only_own else candidates.mask,
        excluded=_others(candidates, known),
        index=index,
        factors=factors,
    )
    if candidates.own:
        own = [candidates.own[position] for position in known]
        rows, scores = habits.merged(
            (rows, scores), own, queries.space, queries.rows[known], targets, factors
        )
        plan = replace(plan, reason=f"{plan.reason}; what was taken before is ranked beside")
    return *spread((rows, scores), known, len(queries)), plan
