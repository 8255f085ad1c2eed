"""Reach against precision: how far an audience can grow before it is like everyone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphdb.errors import QueryError
from graphrec.query.audience.members import audience_of, buyers, seeds_of
from graphrec.query.engine import Engine
from graphrec.query.options import Question
from graphrec.query.propose import Similarity

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class ReachPoint:
    """One size of an audience.

    Args:
        share: Of all users who may come out.
        users: How many these are.
        min_score: The likeness of the last of them: as a cut-off it gives an audience like this.
        found: How many of the buyers who were kept back are among them.
        precision: Their share of the audience.
        recall: The share of all that were kept back.
        lift: How many times the precision of the whole.
    """

    share: float
    users: int
    min_score: float
    found: int
    precision: float
    recall: float
    lift: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def reach_curve(
    engine: Engine, seed_type: str, seed_id: str, question: Question, shares: Sequence[float]
) -> tuple[ReachPoint, ...]:
    """Looks for every other buyer by means of the rest.

    Raises:
        QueryError: A share is not above 0 and at most 1, or there are too few buyers.
    """
    for share in shares:
        if not 0 < share <= 1:
            raise QueryError(f"a share is {share}", expected="above 0, at most 1", value=share)
    release = engine.release
    row = release.bundle.row_of(seed_type, seed_id)
    members = buyers(release, seed_type, row)
    known = members[~release.space("User").zero[members]]
    kept_back, used = known[1::2], known[::2]
    audience = audience_of(release, seed_type, seed_id, used)
    seeds = seeds_of(release, seed_type, np.array([row]), [audience], used)
    everyone = replace(question, k=release.bundle.num_nodes("User"), exclude_seen=False)
    rows, scores, _ = engine.rank(seeds, "User", everyone, Similarity.DOT)
    ranked = rows[0][rows[0] >= 0]
    hits = np.cumsum(np.isin(ranked, kept_back))
    if not len(hits) or not hits[-1]:
        raise QueryError(
            f"{len(known)} buyers of {seed_type} '{seed_id}' are known: too few to keep some back",
            expected="at least 2, with one among those who may come out",
            value=seed_id,
        )
    likeness = audience.likeness(scores[0][: len(ranked)])
    points = []
    for share in shares:
        users = max(int(share * len(ranked) + 0.5), 1)
        found = int(hits[users - 1])
        points.append(
            ReachPoint(
                share=share,
                users=users,
                min_score=float(likeness[users - 1]),
                found=found,
                precision=found / users,
                recall=found / int(hits[-1]),
                lift=found / users / (int(hits[-1]) / len(ranked)),
            )
        )
    return tuple(points)
