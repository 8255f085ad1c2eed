"""Who else is like the buyers, or like a list of users."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphdb.errors import QueryError, shown
from graphrec.query.audience.lookalike import Audience
from graphrec.query.audience.members import audience_of, audience_of_users, seeds_of
from graphrec.query.audience.scores import AudienceScores
from graphrec.query.engine import Engine
from graphrec.query.limits import MOST_K, check_number, check_whole
from graphrec.query.names import held_rows
from graphrec.query.options import Question
from graphrec.query.propose import Similarity
from graphrec.query.release import Release
from graphrec.query.results import Recommendations
from graphrec.query.rows import NO_ROWS, Rows
from graphrec.query.seeds import Seeds
from graphrec.query.seen import USUAL_RULE
from graphrec.query.topk import Scores


@dataclass(frozen=True, slots=True)
class Size:
    """How large an audience may be.

    Args:
        k: A number of users; 10 by default.
        share: A share of all users, instead.
        min_score: The least score, see `AudienceScores`; None for no limit.

    Raises:
        QueryError: Both k and share are given, or a value is out of its range.
    """

    k: int | None = None
    share: float | None = None
    min_score: float | None = None

    def __post_init__(self) -> None:
        if self.k is not None and self.share is not None:
            raise QueryError(
                f"an audience of k={shown(self.k)} users and of share={shown(self.share)} at once",
                expected="one of the two",
                value=(self.k, self.share),
            )
        if self.k is not None:
            check_whole("k", self.k, 1, MOST_K)
        if self.share is not None:
            check_number("share", self.share, 0, 1, above=True)

    def of(self, num_users: int) -> int:
        """As a number of users, at least 1.

        >>> Size(share=0.01).of(250), Size().of(250)
        (3, 10)
        """
        if self.share is None:
            return 10 if self.k is None else self.k
        return max(int(self.share * num_users + 0.5), 1)


def lookalikes(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], size: Size, question: Question
) -> list[Recommendations]:
    """Users who are like the buyers of each brand or product; scores as `AudienceScores` says.

    Args:
        question: With `exclude_seen`, only users who never bought it.
    """
    seeds, audiences = _seeds(engine, seed_type, seed_ids)
    scores = _scores(engine.release, seed_type, audiences, size, question)
    sized = replace(question, k=size.of(engine.release.bundle.num_nodes("User")))
    answers = engine.answer(seeds, seed_ids, "User", sized)
    return [_scored(*one, size) for one in zip(answers, audiences, scores, strict=True)]


def lookalike_rows(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], size: Size, question: Question
) -> tuple[Rows, Scores]:
    """The same as rows int64 [num_seeds, k], padded with -1, and scores, padded with -inf."""
    seeds, audiences = _seeds(engine, seed_type, seed_ids)
    told = _scores(engine.release, seed_type, audiences, size, question)
    sized = replace(question, k=size.of(engine.release.bundle.num_nodes("User")))
    rows, scores, _ = engine.rank(seeds, "User", sized, Similarity.DOT)
    for position, (audience, how) in enumerate(zip(audiences, told, strict=True)):
        found = how.of_products(audience, scores[position])
        left_out = (rows[position] < 0) | (found < how.check_least(size.min_score))
        scores[position] = np.where(left_out, -np.inf, found)
        rows[position, left_out] = -1
    return rows, scores


def _scores(
    release: Release,
    seed_type: str | None,
    audiences: Sequence[Audience],
    size: Size,
    question: Question,
) -> list[AudienceScores]:
    """What is told of users, per audience; a least score that none can have is an error."""
    new_only = question.seen == USUAL_RULE
    found = [AudienceScores.of(release, seed_type, one, new_only=new_only) for one in audiences]
    for one in found:
        one.check_least(size.min_score)
    return found


def _seeds(engine: Engine, seed_type: str, seed_ids: Sequence[str]) -> tuple[Seeds, list[Audience]]:
    release = engine.release
    audiences = [audience_of(release, seed_type, one) for one in seed_ids]
    nodes = np.array([release.bundle.row_of(seed_type, one) for one in seed_ids], dtype=np.int64)
    return seeds_of(release, seed_type, nodes, audiences, NO_ROWS), audiences


def lookalikes_of_users(
    engine: Engine, user_ids: Sequence[str], size: Size, question: Question, *, new_only: bool
) -> Recommendations:
    """Users who are like these.

    Args:
        new_only: These themselves do not come out.
    """
    release = engine.release
    rows, skipped = held_rows(release.bundle, "User", "user_ids", user_ids)
    if skipped and not len(rows):
        release.bundle.row_of("User", skipped[0].id)  # says that it is unknown
    rows = np.sort(rows)
    audience = audience_of_users(release, rows)
    seeds = seeds_of(release, None, NO_ROWS, [audience], rows if new_only else NO_ROWS)
    seeds = replace(seeds, skipped=skipped)
    scores = _scores(release, None, [audience], size, question)[0]
    sized = replace(question, k=size.of(release.bundle.num_nodes("User")))
    answer = engine.answer(seeds, [""], "User", sized)[0]
    return _scored(answer, audience, scores, size)


def _scored(
    answer: Recommendations, audience: Audience, scores: AudienceScores, size: Size
) -> Recommendations:
    """With scores that say something, cut off at the least that is asked for."""
    least = scores.check_least(size.min_score)
    found = scores.of_products(audience, [item.score for item in answer]).tolist()
    items = tuple(
        replace(item, score=score)
        for item, score in zip(answer, found, strict=True)
        if score >= least
    )
    trace = replace(answer.trace, score_kind=scores.kind, score_days=scores.window_days)
    return replace(answer, items=items, trace=trace)
