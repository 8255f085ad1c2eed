"""Reach against precision: how far an audience can grow before it is like everyone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import pyarrow as pa

from graphdb.errors import QueryError, shown
from graphdb.tabular import Tabular, html_table
from graphrec.bundle.audiences import AudienceFigures, ReachBand
from graphrec.query.audience.lookalike import (
    AudienceScores,
    Values,
    audience_of,
    buyers,
    queries_of,
)
from graphrec.query.embeddings import NO_ROWS, Similarity
from graphrec.query.engine import Engine
from graphrec.query.options import RankOptions, check_number

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class ReachPoint:
    """The figures of one audience size.

    Args:
        share: The size as a share of all known users who never bought and pass the filters.
        users: The number of users in the audience.
        min_score: The score of the last of them: as `min_score` it selects this audience.
        expected: How many of them will buy within the window: the sum of their probabilities.
        precision: The share of the audience that will buy.
        recall: The share of all future buyers who are in the audience.
        lift: How many times more users of such audiences bought in the held-out weeks than of all
            users.
        low: The lower end of the 95 % confidence interval of the lift.
        high: The upper end.
    """

    share: float
    users: int
    min_score: float
    expected: float
    precision: float
    recall: float
    lift: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ReachCurve(Sequence[ReachPoint], Tabular):
    """The sizes of one audience, in the order asked for, and what they were measured on.

    Args:
        window_days: Within how many days users buy.
        band: The brands or products with about as many buyers that were measured.
    """

    points: tuple[ReachPoint, ...]
    window_days: int
    band: ReachBand

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> ReachPoint: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ReachPoint, ...]: ...
    def __getitem__(self, index: int | slice) -> ReachPoint | tuple[ReachPoint, ...]:
        return self.points[index]

    def __iter__(self) -> Iterator[ReachPoint]:
        return iter(self.points)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "window_days": self.window_days,
            "measured_on": self.band.model_dump(mode="json", exclude={"points"}),
            "points": [point.to_dict() for point in self.points],
        }

    def to_arrow(self) -> pa.Table:
        """Returns one row per size, with the figures of `ReachPoint`."""
        return pa.Table.from_pylist([point.to_dict() for point in self], schema=_COLUMNS)

    def __repr__(self) -> str:
        return f"<{self._summary()}: {', '.join(f'{point.share:.0%}' for point in self)}>"

    def _repr_html_(self) -> str:
        return html_table(self._summary(), [point.to_dict() for point in self])

    def _summary(self) -> str:
        return f"{len(self)} audience sizes, buying within {self.window_days} days"


_COLUMNS = pa.schema(
    [(name, pa.int64() if name == "users" else pa.float64()) for name in ReachPoint.__slots__]
)


def reach_curve(
    engine: Engine, query_type: str, query_id: str, question: RankOptions, shares: Sequence[float]
) -> ReachCurve:
    """What held-out weeks told of audiences like this one.

    Raises:
        QueryError: The bundle holds no such figures, a share is out of its range, or nobody may
            come out.
    """
    if not isinstance(shares, Sequence):
        raise QueryError(f"shares is {shown(shares)}", expected="a list of shares", value=shares)
    release = engine.release
    row = release.bundle.row_of(query_type, query_id)
    members = buyers(release, query_type, row)
    figures = release.bundle.manifest.audiences.get(query_type)
    if figures is None:
        raise _nothing_measured(query_type)
    band = figures.band(len(members))
    least = band.points[0].share
    for share in shares:
        why = f"from {least:g}, the smallest that was measured, to 1"
        check_number("a share", share, least, 1, why=why)
    audience = audience_of(release, query_type, query_id, members)
    queries = queries_of(release, query_type, np.array([row]), [audience], NO_ROWS)
    new_only = replace(question, k=max(release.bundle.num_nodes("User"), 1), exclude_seen=True)
    rows, products, _ = engine.rank(queries, "User", new_only, Similarity.DOT)
    ranked = int(np.count_nonzero(rows[0] >= 0))
    if not ranked:
        raise QueryError(
            f"no user who never bought {query_type} '{query_id}' may come out",
            next_step="ask with other filters",
            value=query_id,
        )
    scores = AudienceScores.of(release, query_type, audience, new_only=True)
    likely = scores.of_products(audience, products[0][:ranked])
    return _curve(figures, band, likely, shares)


def _curve(
    figures: AudienceFigures, band: ReachBand, likely: Values, shares: Sequence[float]
) -> ReachCurve:
    reached = np.cumsum(likely)
    points = []
    for share in shares:
        users = max(int(share * len(likely) + 0.5), 1)
        measured, expected = band.at(share), float(reached[users - 1])
        points.append(
            ReachPoint(
                share=share,
                users=users,
                min_score=float(likely[users - 1]),
                expected=expected,
                precision=expected / users,
                recall=expected / float(reached[-1]),
                lift=measured.lift,
                low=measured.low,
                high=measured.high,
            )
        )
    return ReachCurve(tuple(points), figures.window_days, band)


def _nothing_measured(query_type: str) -> QueryError:
    return QueryError(
        f"this bundle holds no held-out figures of audiences of {query_type} nodes",
        expected="a bundle whose last days were held out when it was trained, with enough buyers",
        next_step="train with a holdout (without --no-holdout); what its own vectors would tell "
        "of their own buyers is no measure",
        value=query_type,
    )
