"""One release under one policy: what a question is answered from, from its beginning to its end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from graphrec.query.conditions import Mask
from graphrec.query.embeddings import Rows, Similarity
from graphrec.query.names import Skipped
from graphrec.query.options import RankOptions
from graphrec.query.policy import Enforcement, Exclusion, Policy, Rules
from graphrec.query.query_nodes import QueryNodes
from graphrec.query.ranking import Candidates, rank
from graphrec.query.release import ServedBundle
from graphrec.query.rerank.reranker import Reranker
from graphrec.query.results import Outcome, Recommendation, Recommendations, Reranked, Trace
from graphrec.query.topk import Method, Plan, Scores

NEW_HERE = "new, in a place kept for new items"

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
        for node_type in node_types:
            self.release.bundle.schema.node_type(node_type)
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
        """Rows and scores as `ranking.rank` gives them, in the order shown, and how it came."""
        rules = self.rules()
        targets = self.release.space(target_type) if queries.targets is None else queries.targets
        candidates = Candidates.of(self.release, rules, queries, target_type, question=question)
        factors = self.release.value_factors(target_type, question.value_weight)
        # An index orders targets by their own vectors, not by value, popularity or evidence.
        by_affinity = factors is None and queries.targets is None
        index = self.release.indexes.of(target_type, similarity) if by_affinity else None
        plans: list[Plan] = []

        def ask(positions: Rows, k: int, only: Mask | None) -> tuple[Rows, Scores]:
            some, allowed = queries.part(positions), candidates.part(positions, only)
            rows, scores, plan = rank(
                some, targets, allowed, k=k, similarity=similarity, index=index, factors=factors
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
        return [
            Recommendations(
                queries.type or "",
                query_id,
                target_type,
                self._dress(queries, int(row), target_type, found, reached, similarity, trace),
                trace,
                queries.outcome,
            )
            for query_id, row, found, reached, trace in zip(
                query_ids, queries.node_rows, rows, scores, traces, strict=True
            )
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
        return Recommendations(query_type, query_id, target_type, (), trace, outcome)

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

    def _dress(
        self,
        queries: QueryNodes,
        query_row: int,
        target_type: str,
        rows: Rows,
        scores: Scores,
        similarity: Similarity,
        trace: Trace,
    ) -> tuple[Recommendation, ...]:
        """Results with fields and reasons, for the rows that were found."""
        rows = rows[rows >= 0]
        release = self.release
        reasons: Sequence[tuple[str, ...]] = [()] * len(rows)
        if similarity is Similarity.COSINE:
            reasons = release.reasons.for_similar(target_type, query_row, rows)
        elif queries.type is not None:
            reasons = release.reasons.for_query(queries.type, query_row, target_type, rows)
        if queries.because is not None:
            reasons = [(queries.because, *words) for words in reasons]
        raised = () if trace.reranked is None else trace.reranked.raised
        return tuple(
            Recommendation(
                type=target_type,
                id=release.bundle.id_of(target_type, row),
                rank=position + 1,
                score=float(scores[position]),
                fields=release.display.fields(target_type, row),
                reasons=(*reasons[position], *((NEW_HERE,) if position + 1 in raised else ())),
            )
            for position, row in enumerate(rows.tolist())
        )
