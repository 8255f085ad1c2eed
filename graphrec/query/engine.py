"""One release under one policy: what a question is answered from, from its beginning to its end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from graphrec.query.candidates import Candidates
from graphrec.query.options import Question
from graphrec.query.policy import Enforcement, Exclusion, Policy, Rules
from graphrec.query.propose import Similarity
from graphrec.query.ranking import rank
from graphrec.query.release import Release
from graphrec.query.results import Recommendation, Recommendations, Trace
from graphrec.query.seeds import Seeds
from graphrec.query.space import Space
from graphrec.query.topk import Rows, Scores

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Answers questions; a `Recommender` swaps it for another one as a whole.

    Raises:
        PolicyError: The policy names a type or property that the bundle's schema does not have.
    """

    def __init__(self, release: Release, policy: Policy | None, clock: Clock) -> None:
        self.release = release
        self.policy = policy
        self._clock = clock
        self._enforcement = (
            None
            if policy is None
            else Enforcement(release.bundle, release.paths, release.columns, policy)
        )

    def rules(self) -> Rules | None:
        """The rules that hold now."""
        return None if self._enforcement is None else self._enforcement.at(self._clock())

    def rank(
        self,
        seeds: Seeds,
        target_type: str,
        question: Question,
        similarity: Similarity,
        targets: Space | None = None,
    ) -> tuple[Rows, Scores, Trace]:
        """Rows and scores as `ranking.rank` gives them, and how they came about.

        Args:
            targets: Other vectors of the target type, by its rows, than the bundle's own.
        """
        targets = self.release.space(target_type) if targets is None else targets
        rules = self.rules()
        candidates = Candidates.of(
            self.release,
            rules,
            seeds,
            target_type,
            filters=question.filters,
            exclude_seen=question.exclude_seen,
        )
        rows, scores = rank(seeds, targets, candidates, k=question.k, similarity=similarity)
        mask = candidates.mask
        trace = Trace(
            num_targets=len(targets),
            num_candidates=len(targets) if mask is None else int(np.count_nonzero(mask)),
            policy_version=None if rules is None else rules.version,
            excluded=candidates.excluded,
        )
        return rows, scores, trace

    def answer(
        self,
        seeds: Seeds,
        seed_ids: Sequence[str],
        target_type: str,
        question: Question,
        similarity: Similarity = Similarity.DOT,
        targets: Space | None = None,
    ) -> list[Recommendations]:
        """Ranks, and dresses the rows up as results.

        Args:
            seed_ids: What to call each seed in its answer.
            targets: See `rank`.
        """
        enough = replace(question, k=min(question.k, max(len(self.release.space(target_type)), 1)))
        rows, scores, trace = self.rank(seeds, target_type, enough, similarity, targets)
        return [
            Recommendations(
                seeds.type or "",
                seed_id,
                target_type,
                self._dress(seeds.type, int(row), target_type, found, reached, similarity),
                trace,
            )
            for seed_id, row, found, reached in zip(
                seed_ids, seeds.node_rows, rows, scores, strict=True
            )
        ]

    def exclusions(
        self, node_type: str, node_id: str, user_id: str | None
    ) -> tuple[Exclusion, ...]:
        """Why the policy keeps a node from coming out; see `Recommender.explain_exclusion`."""
        rules, bundle = self.rules(), self.release.bundle
        row = bundle.row_of(node_type, node_id)
        user = None if user_id is None else bundle.row_of("User", user_id)
        if rules is None:
            return ()
        own = () if user is None else rules.own_exclusions(user, node_type, row)
        return (*rules.exclusions(node_type, row), *own)

    def _dress(
        self,
        seed_type: str | None,
        seed_row: int,
        target_type: str,
        rows: Rows,
        scores: Scores,
        similarity: Similarity,
    ) -> tuple[Recommendation, ...]:
        """Results with fields and reasons, for the rows that were found."""
        rows = rows[rows >= 0]
        release = self.release
        reasons: Sequence[tuple[str, ...]] = [()] * len(rows)
        if similarity is Similarity.COSINE:
            reasons = release.reasons.for_similar(target_type, seed_row, rows)
        elif seed_type is not None:
            reasons = release.reasons.for_seed(seed_type, seed_row, target_type, rows)
        return tuple(
            Recommendation(
                type=target_type,
                id=release.bundle.id_of(target_type, row),
                rank=position + 1,
                score=float(scores[position]),
                fields=release.display.fields(target_type, row),
                reasons=reasons[position],
            )
            for position, row in enumerate(rows.tolist())
        )


def excluded_rows(release: Release, target_type: str, ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """The rows of ids.

    Raises:
        UnknownIdError: One of them is not in the bundle.
    """
    rows = [release.bundle.row_of(target_type, node_id) for node_id in ids]
    return np.array(rows, dtype=np.int64)
