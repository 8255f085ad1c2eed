"""What a query gives back: ranked nodes with display fields and reasons."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, overload

import pyarrow as pa

from graphrec.query.names import Skipped
from graphrec.query.planner import Plan


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One node that came out.

    Args:
        type: Its node type.
        id: Its id.
        rank: 1 is best.
        score: Affinity, moved towards value where that was asked for; higher is better,
            comparable within one answer only. With shares, caps or diversity the order is not
            that of the scores alone.
        fields: What to show of it, by name, such as title, brand and price.
        reasons: Why it is here and whether the query node has already seen it, in plain words.
    """

    type: str
    id: str
    rank: int
    score: float
    fields: Mapping[str, Any]
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON but for timestamps among the fields."""
        return {
            "rank": self.rank,
            "type": self.type,
            "id": self.id,
            "score": self.score,
            "fields": dict(self.fields),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Reranked:
    """What shares, caps and diversity did to one list.

    Args:
        pool: How many of the best candidates were looked at.
        new_items: How many new items are in the list; 0 where they have no share.
        raised: Ranks of the new items who stand there for their share, and not by affinity.
        passed_over: How many candidates a cap left out, although better than the last one.
    """

    pool: int
    new_items: int
    raised: tuple[int, ...]
    passed_over: int


@dataclass(frozen=True, slots=True)
class Trace:
    """How an answer came about.

    Args:
        num_targets: All nodes of the target type.
        num_candidates: Those that filters and policy let pass for every query node, and that can be
            bought; what a single query node has seen or must not get is not taken off.
        policy_version: Of the policy that was enforced; None without one.
        excluded: Per reason code the number of targets that the policy took away.
        plan: How the candidates were found, and why so.
        reranked: What shares, caps and diversity did; None where none was asked for.
        skipped: What the question names and the bundle does not hold; it was answered without.
        num_unsellable: How many targets pass the filters, but were left out as they cannot be
            bought.
        score_kind: What scores are: 'affinity' or, in audiences, 'probability' to buy within
            `score_days`, or 'similarity' where the bundle was trained without a holdout: standard
            deviations above the average user, which are no probability.
        score_days: Within how many days; None where a score is no probability.
    """

    num_targets: int
    num_candidates: int
    policy_version: str | None
    excluded: Mapping[str, int]
    plan: Plan
    reranked: Reranked | None = None
    skipped: tuple[Skipped, ...] = ()
    num_unsellable: int = 0
    score_kind: Literal["affinity", "probability", "similarity"] = "affinity"
    score_days: int | None = None


class Outcome(StrEnum):
    """What kind of answer a query node got."""

    ANSWERED = "answered"
    POPULAR = "popular"
    UNKNOWN_ID = "unknown_id"
    NOTHING_KNOWN = "nothing_known"


@dataclass(frozen=True, slots=True)
class Recommendations(Sequence[Recommendation]):
    """The answer for one query node, best first. A sequence; empty when nothing passed.

    Args:
        outcome: 'answered', also where nothing passed; 'popular', since nothing is known about the
            query node; or, in a batch, why it is empty: 'unknown_id', 'nothing_known'.
    """

    query_type: str
    query_id: str
    target_type: str
    items: tuple[Recommendation, ...]
    trace: Trace = field(compare=False, repr=False)
    outcome: Outcome = Outcome.ANSWERED

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Recommendation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Recommendation, ...]: ...
    def __getitem__(self, index: int | slice) -> Recommendation | tuple[Recommendation, ...]:
        return self.items[index]

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self.items)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, best first."""
        return tuple(item.id for item in self.items)

    def to_dicts(self) -> list[dict[str, Any]]:
        """One plain dictionary per recommendation, best first."""
        return [item.to_dict() for item in self.items]

    def to_arrow(self) -> pa.Table:
        """One row per recommendation: query node, rank, target, score, reasons, then the fields."""
        names = dict.fromkeys(name for item in self.items for name in item.fields)
        return pa.table(
            {
                "query_type": pa.array([self.query_type] * len(self), pa.string()),
                "query_id": pa.array([self.query_id] * len(self), pa.string()),
                "rank": pa.array([item.rank for item in self.items], pa.int64()),
                "type": pa.array([item.type for item in self.items], pa.string()),
                "id": pa.array([item.id for item in self.items], pa.string()),
                "score": pa.array([item.score for item in self.items], pa.float64()),
                "reasons": pa.array(
                    [list(item.reasons) for item in self.items], pa.list_(pa.string())
                ),
                **{
                    f"field_{name}": pa.array([item.fields.get(name) for item in self.items])
                    for name in names
                },
            }
        )
