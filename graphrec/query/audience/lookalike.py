"""Finds users who are similar to the buyers of a brand or product, or to a list of users.

An audience becomes one vector by which users are ranked. The score of a user is a probability where
one was measured, and a similarity otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, shown
from graphdb.schema_types import MetaPath
from graphrec.bundle.audiences import Calibration
from graphrec.query.audience.directions import Directions, Vector, spread
from graphrec.query.embeddings import NO_ROWS, EmbeddingMatrix, Rows, Similarity
from graphrec.query.engine import Engine
from graphrec.query.limits import MOST_K
from graphrec.query.metapaths import MAKES
from graphrec.query.names import held_rows
from graphrec.query.options import RankOptions, as_ids, check_number, check_whole
from graphrec.query.release import QueryNodes, ServedBundle
from graphrec.query.results import Recommendations
from graphrec.query.seen import USUAL_RULE
from graphrec.query.topk import Scores

OWN_COUNTS_AS = 30
"""Of how many buyers the weight of a brand's or product's own vector is. Chosen on Complete
Journey's validation weeks; see docs/history."""

_MOST_MEMBERS = 20_000  # a mean of so many is as good as that of all
_PRIOR_SEPARATION = 1.0
_LEAST_SEPARATION = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """What tells the members of an audience from everyone.

    The vector tells the mean of the members from the mean of all users, see `Directions`; the
    brand's or product's own vector counts as `OWN_COUNTS_AS` members. A user's dot product with
    it, in standard deviations above the average user, is z.

    With both groups normal and equally spread, as in linear discriminant analysis, the members'
    mean d standard deviations above that of all, the odds that a user is a member rather than
    anyone are exp(d (z - d/2)), if a draw of either was as likely. Where few members are known,
    d leans towards 1. It is an in-sample estimate: the vectors have seen what members did. So it
    weighs users against each other, in `creator_portfolio`; what is told of a user is z, or the
    probability that held-out weeks make of it, see `AudienceScores`.

    Args:
        vector: float32 [dim].
        average: The dot product of the average user.
        deviation: The standard deviation of users' dot products.
        separation: d.
        num_members: Members with a known vector.
    """

    vector: npt.NDArray[np.float32]
    average: float
    deviation: float
    separation: float
    num_members: int

    @classmethod
    def of(
        cls, directions: Directions, users: EmbeddingMatrix, members: Rows, own: Vector | None
    ) -> "Audience":
        """From its members, and the vector of what they bought if there is one."""
        known = members[~users.zero[members]]
        number = len(known)
        mean = directions.mean
        if number:
            mean = users.vectors[spread(known, _MOST_MEMBERS)].astype(np.float64).mean(axis=0)
        vector = directions.towards(mean)
        if own is not None:
            weight = number / (number + OWN_COUNTS_AS)
            vector = weight * vector + (1 - weight) * directions.levelled(own)
        served = vector.astype(np.float32)
        vector = served.astype(np.float64)
        deviation = directions.deviation(vector)
        found = float(vector @ (mean - directions.mean)) / deviation if deviation else 0.0
        prior = OWN_COUNTS_AS * _PRIOR_SEPARATION
        separation = (number * found + prior) / (number + OWN_COUNTS_AS)
        return cls(
            vector=served,
            average=float(vector @ directions.mean),
            deviation=deviation,
            separation=max(separation, _LEAST_SEPARATION),
            num_members=number,
        )

    @property
    def is_known(self) -> bool:
        """Whether anything tells the members from everyone."""
        return self.deviation > 0

    def above(self, products: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The z of users, by their dot products with the vector: it never saturates."""
        z: npt.NDArray[np.float64] = (np.asarray(products, dtype=np.float64) - self.average) / (
            self.deviation
        )
        return z

    def similarity(self, scores: npt.ArrayLike, prior: float = 0.5) -> npt.NDArray[np.float64]:
        """How likely users are members, from 0 to 1, by their dot products with the vector.

        Args:
            prior: The share of members among those who are asked about. With 1/2, the default,
                one half is as like the members as everyone.

        >>> audience = Audience(np.ones(1, np.float32), 0.0, 2.0, 1.0, 9)
        >>> audience.similarity([-7.0, 1.0, 9.0]).round(2).tolist()
        [0.02, 0.5, 0.98]
        """
        similarity_at = self.separation * (self.above(scores) - self.separation / 2)
        log_odds = similarity_at + np.log(prior / (1 - prior))
        similarity: npt.NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))
        return similarity


BUYERS: Mapping[str, MetaPath] = {"Brand": MAKES, "Product": MetaPath("Product")}
"""Per type that has buyers the metapath to what they bought of it."""


def buyers(release: ServedBundle, query_type: str, row: int) -> Rows:
    """The users who bought it, ascending; none where the bundle does not tell.

    Raises:
        QueryError: Nobody buys nodes of this type.
    """
    if query_type not in BUYERS:
        raise QueryError(
            f"a {query_type} has no buyers",
            expected="one of " + ", ".join(BUYERS),
            next_step="ask for users who are like a list of users",
            value=query_type,
        )
    path = BUYERS[query_type] + release.paths.taken.reverse()
    return release.paths.reach(path, row) if release.paths.holds(path) else NO_ROWS


def audience_of(
    release: ServedBundle, query_type: str, query_id: str, members: Rows | None = None
) -> Audience:
    """The audience of a brand or product.

    Args:
        members: Its buyers by default.

    Raises:
        UnknownIdError: There is no such node.
        QueryError: Nothing is known about it or its buyers.
    """
    row = release.bundle.row_of(query_type, query_id)
    return _known(audience_of_row(release, query_type, row, members), f"{query_type} '{query_id}'")


def audience_of_row(
    release: ServedBundle, query_type: str, row: int, members: Rows | None = None
) -> Audience:
    """The same, which may be one that nothing is known about."""
    members = buyers(release, query_type, row) if members is None else members
    own = None
    if release.bundle.has_vectors(query_type):
        own = release.space(query_type).vectors[row].astype(np.float64)
    return Audience.of(release.audiences.directions(), release.space("User"), members, own)


def audience_of_users(release: ServedBundle, rows: Rows) -> Audience:
    """The audience that consists of some users.

    Raises:
        QueryError: Nothing tells them from everyone.
    """
    directions, users = release.audiences.directions(), release.space("User")
    return _known(Audience.of(directions, users, rows, None), f"{len(rows)} users")


def queries_of(
    release: ServedBundle,
    query_type: str | None,
    nodes: Rows,
    audiences: Sequence[Audience],
    excluded: Rows,
) -> QueryNodes:
    """Audiences as queries, for which users are ranked by `Audiences.candidates`.

    Users whose vectors are zero are like nobody and never come out.

    Args:
        query_type: None for an audience that belongs to no node.
        nodes: int64 [num_queries], the rows of the nodes.
        excluded: Further users who must not come out.
    """
    dim = release.space("User").dim
    vectors = np.array([one.vector for one in audiences], dtype=np.float32).reshape(-1, dim)
    unknown = np.flatnonzero(release.space("User").zero)
    return QueryNodes(
        query_type,
        EmbeddingMatrix.of(vectors),
        np.arange(len(audiences)),
        excluded=np.union1d(unknown, excluded),
        targets=release.audiences.candidates(),
        nodes=None if query_type is None else nodes,
    )


def _known(audience: Audience, name: str) -> Audience:
    if not audience.is_known:
        raise QueryError(
            f"nothing tells the audience of {name} from all users",
            expected="buyers, or a vector of its own, that are not those of everyone",
            value=name,
        )
    return audience


Values = npt.NDArray[np.float64]
ScoreKind = Literal["probability", "similarity"]


@dataclass(frozen=True, slots=True)
class AudienceScores:
    """Turns dot products with an audience's vector into what a score says; higher is better.

    With a calibration, the probability that the user buys within `window_days`: for the first
    time where only new customers are asked for, else at all. Without one, the similarity: how many
    standard deviations the user stands above the average one.

    Args:
        calibration: What held-out weeks told; None where nothing was held out.
        window_days: Of the weeks.
        prior: The log odds that a known user is one of the members.
    """

    calibration: Calibration | None
    window_days: int | None
    prior: float

    @classmethod
    def of(
        cls, release: ServedBundle, query_type: str | None, audience: Audience, *, new_only: bool
    ) -> "AudienceScores":
        """Of an audience of a bundle; `query_type` is None for a list of users."""
        figures = release.bundle.manifest.audiences.get(query_type or "")
        prior = release.audiences.prior(audience.num_members)
        if figures is None:
            return cls(None, None, prior)
        of_window = figures.first_purchase if new_only else figures.any_purchase
        return cls(of_window, figures.window_days, prior)

    @property
    def kind(self) -> ScoreKind:
        """What the scores are."""
        return "similarity" if self.calibration is None else "probability"

    def of_products(self, audience: Audience, products: npt.ArrayLike) -> Values:
        """Scores by dot products with the audience's vector, in the same order."""
        above = audience.above(products)
        if self.calibration is None:
            return above
        return self.calibration.probabilities(above, self.prior)

    def check_least(self, min_score: float | None) -> float:
        """The least score, -inf for no limit.

        Raises:
            QueryError: No score can be that high or low, or it is no number.
        """
        if min_score is None:
            return -np.inf
        largest = float(np.finfo(np.float64).max)
        check_number("min_score", min_score, -largest, largest, why="a finite number")
        if self.calibration is not None and not 0 <= min_score <= 1:
            raise QueryError(
                f"min_score is {min_score}",
                expected=f"from 0 to 1: the chance to buy within {self.window_days} days",
                value=min_score,
            )
        return min_score


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
    engine: Engine, query_type: str, query_ids: Sequence[str], size: Size, question: RankOptions
) -> list[Recommendations]:
    """Users who are like the buyers of each brand or product; scores as `AudienceScores` says.

    Args:
        question: With `exclude_seen`, only users who never bought it.
    """
    queries, audiences = _queries(engine, query_type, query_ids)
    scores = _scores(engine.release, query_type, audiences, size, question)
    sized = replace(question, k=size.of(engine.release.bundle.num_nodes("User")))
    answers = engine.answer(queries, query_ids, "User", sized)
    return [_scored(*one, size) for one in zip(answers, audiences, scores, strict=True)]


def lookalike_rows(
    engine: Engine, query_type: str, query_ids: Sequence[str], size: Size, question: RankOptions
) -> tuple[Rows, Scores]:
    """The same as rows int64 [num_queries, k], padded with -1, and scores, padded with -inf."""
    queries, audiences = _queries(engine, query_type, query_ids)
    told = _scores(engine.release, query_type, audiences, size, question)
    sized = replace(question, k=size.of(engine.release.bundle.num_nodes("User")))
    rows, scores, _ = engine.rank(queries, "User", sized, Similarity.DOT)
    for position, (audience, how) in enumerate(zip(audiences, told, strict=True)):
        found = how.of_products(audience, scores[position])
        left_out = (rows[position] < 0) | (found < how.check_least(size.min_score))
        scores[position] = np.where(left_out, -np.inf, found)
        rows[position, left_out] = -1
    return rows, scores


def _scores(
    release: ServedBundle,
    query_type: str | None,
    audiences: Sequence[Audience],
    size: Size,
    question: RankOptions,
) -> list[AudienceScores]:
    """What is told of users, per audience; a least score that none can have is an error."""
    new_only = question.seen == USUAL_RULE
    found = [AudienceScores.of(release, query_type, one, new_only=new_only) for one in audiences]
    for one in found:
        one.check_least(size.min_score)
    return found


def _queries(
    engine: Engine, query_type: str, query_ids: Sequence[str]
) -> tuple[QueryNodes, list[Audience]]:
    release = engine.release
    audiences = [audience_of(release, query_type, one) for one in query_ids]
    nodes = np.array([release.bundle.row_of(query_type, one) for one in query_ids], dtype=np.int64)
    return queries_of(release, query_type, nodes, audiences, NO_ROWS), audiences


def lookalikes_of_users(
    engine: Engine, user_ids: Sequence[str], size: Size, question: RankOptions, *, new_only: bool
) -> Recommendations:
    """Users who are like these.

    Args:
        new_only: These themselves do not come out.
    """
    release = engine.release
    ids = as_ids(user_ids, "user_ids")
    rows, skipped = held_rows(release.bundle, "User", "user_ids", ids)
    if skipped and not len(rows):
        release.bundle.row_of("User", skipped[0].id)  # says that it is unknown
    rows = np.sort(rows)
    audience = audience_of_users(release, rows)
    queries = queries_of(release, None, NO_ROWS, [audience], rows if new_only else NO_ROWS)
    queries = replace(queries, skipped=skipped)
    scores = _scores(release, None, [audience], size, question)[0]
    sized = replace(question, k=size.of(release.bundle.num_nodes("User")))
    answer = engine.answer(queries, [""], "User", sized)[0]
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
