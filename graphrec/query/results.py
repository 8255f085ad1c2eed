"""What a query gives back: ranked nodes with display fields and reasons."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, overload

import pyarrow as pa

from graphrec.query.names import Skipped
from graphrec.query.topk import Plan


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommended node.

    Args:
        type: Its node type.
        id: Its id.
        rank: The place in the list, from 1.
        score: Affinity, or affinity moved towards value if that was asked for. Higher is better.
            Scores are comparable only within one answer. With shares, caps or diversity, the order
            is not that of the scores alone.
        fields: The display fields by name, such as title, brand and price.
        reasons: Why the node is in the list, and whether the query node has seen it, in plain
            words.
    """

    type: str
    id: str
    rank: int
    score: float
    fields: Mapping[str, Any]
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, ready for JSON except for timestamps among the fields."""
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
    """How an answer was computed.

    Args:
        num_targets: The number of nodes of the target type.
        num_candidates: How many of them pass filters and policy for every query node and can be
            bought. Targets that a single query node has seen, or may not get, are not subtracted.
        policy_version: The version of the enforced policy; None without a policy.
        excluded: The number of targets that the policy excluded, per reason code.
        plan: How the candidates were searched, and why.
        reranked: What shares, caps and diversity changed; None without these options.
        skipped: What the query names and the bundle does not hold; it was ignored.
        num_unsellable: How many targets pass the filters but were excluded because they cannot be
            bought.
        score_kind: The meaning of scores: 'affinity', or for audiences the 'probability' to buy
            within `score_days`, or 'similarity' if the bundle was trained without a holdout:
            standard deviations above the average user, which are no probability.
        score_days: The days within which the probability holds; None for other scores.
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
    """The kind of answer that a query node got."""

    ANSWERED = "answered"
    POPULAR = "popular"
    UNKNOWN_ID = "unknown_id"
    NOTHING_KNOWN = "nothing_known"


@dataclass(frozen=True, slots=True)
class Recommendations(Sequence[Recommendation]):
    """The answer for one query node: a sequence, best first, empty if nothing passed.

    Args:
        outcome: 'answered', also if nothing passed; 'popular' if nothing is known about the query
            node; or, in a batch, why the answer is empty: 'unknown_id' or 'nothing_known'.
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
        """Returns one plain dictionary per recommendation, best first."""
        return [item.to_dict() for item in self.items]

    def to_arrow(self) -> pa.Table:
        """Returns one row per recommendation: query node, rank, target, score, reasons, fields."""
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
