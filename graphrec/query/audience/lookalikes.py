"""Who else is like the buyers, or like a list of users."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphdb.errors import QueryError
from graphrec.query.audience.lookalike import Audience
from graphrec.query.audience.members import audience_of, audience_of_users, seeds_of
from graphrec.query.engine import Engine
from graphrec.query.names import held_rows
from graphrec.query.options import Question
from graphrec.query.propose import Similarity
from graphrec.query.results import Recommendations
from graphrec.query.rows import NO_ROWS, Rows
from graphrec.query.seeds import Seeds
from graphrec.query.topk import Scores


@dataclass(frozen=True, slots=True)
class Size:
    """How large an audience may be.

    Args:
        k: A number of users; 10 by default.
        share: A share of all users, instead.
        min_score: The least likeness; 0 for no limit.

    Raises:
        QueryError: Both k and share are given, or a value is out of its range.
    """

    k: int | None = None
    share: float | None = None
    min_score: float = 0.0

    def __post_init__(self) -> None:
        if self.k is not None and self.share is not None:
            raise QueryError(
                f"an audience of k={self.k} users and of share={self.share} at once",
                expected="one of the two",
                value=(self.k, self.share),
            )
        if self.share is not None and not 0 < self.share <= 1:
            raise QueryError(
                f"share is {self.share}", expected="above 0, at most 1", value=self.share
            )
        if not 0 <= self.min_score <= 1:
            raise QueryError(
                f"min_score is {self.min_score}", expected="from 0 to 1", value=self.min_score
            )

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
    """Users who are like the buyers of each brand or product; scores are likenesses.

    Args:
        question: With `exclude_seen`, only users who never bought it.
    """
    seeds, audiences = _seeds(engine, seed_type, seed_ids)
    sized = replace(question, k=size.of(engine.release.bundle.num_nodes("User")))
    answers = engine.answer(seeds, seed_ids, "User", sized)
    return [_scored(*pair, size) for pair in zip(answers, audiences, strict=True)]


def lookalike_rows(
    engine: Engine, seed_type: str, seed_ids: Sequence[str], size: Size, question: Question
) -> tuple[Rows, Scores]:
    """The same as rows int64 [num_seeds, k], padded with -1, and scores, padded with -inf."""
    seeds, audiences = _seeds(engine, seed_type, seed_ids)
    sized = replace(question, k=size.of(engine.release.bundle.num_nodes("User")))
    rows, scores, _ = engine.rank(seeds, "User", sized, Similarity.DOT)
    for position, audience in enumerate(audiences):
        likeness = audience.likeness(scores[position])
        left_out = (rows[position] < 0) | (likeness < size.min_score)
        scores[position] = np.where(left_out, -np.inf, likeness)
        rows[position, left_out] = -1
    return rows, scores


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
    sized = replace(question, k=size.of(release.bundle.num_nodes("User")))
    answer = engine.answer(seeds, [""], "User", sized)[0]
    return _scored(answer, audience, size)


def _scored(answer: Recommendations, audience: Audience, size: Size) -> Recommendations:
    """With likenesses as scores, cut off at the least that is asked for."""
    likeness = audience.likeness([item.score for item in answer]).tolist()
    items = tuple(
        replace(item, score=score)
        for item, score in zip(answer, likeness, strict=True)
        if score >= size.min_score
    )
    return replace(answer, items=items)
