"""What a snapshot or a store knows of an edge: how often, last when, for how much."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import log2
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from graphdb.decimals import exact_sum
from graphdb.schema_types import (
    OCCURRED_AT,
    SINCE,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
    Kind,
    Schema,
)

Ends = tuple[str, str]
"""Two ids, or two node types, of source and target."""

COUNT, VALUE, STARS = "count", "value", "stars"
_MOST_STARS = 5


class EdgeSource(Protocol):
    """Who tells of edges: a `Snapshot` or an open `GraphStore`."""

    @property
    def schema(self) -> Schema: ...

    def edges_between(self, edge_type: EdgeType, pairs: pa.Table) -> pa.Table: ...


class EdgeKey(NamedTuple):
    """Names an edge of the real graph; repeated events of one pair are one edge here."""

    edge_type: EdgeType
    source_id: str
    target_id: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one edge.

    Args:
        times: How often it happened, counts of its events added up; 1 for a tie.
        last_at: When it happened last; None for a tie.
        since: Since when a tie stands; None for an event, and where that is not known.
        value: Money paid, all events together; None where none is known.
        stars: How the source rated the target, 1 to 5; None without a rating.
    """

    times: int
    last_at: datetime | None = None
    since: datetime | None = None
    value: float | None = None
    stars: float | None = None

    @property
    def factor(self) -> float:
        """How much more it convinces than one event or tie without a rating.

        >>> Evidence(times=3).factor, Evidence(times=1, stars=2.5).factor
        (2.0, 0.5)
        """
        rated = 1.0 if self.stars is None else self.stars / _MOST_STARS
        return log2(1 + self.times) * rated

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without what is not known; times as datetimes."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def look_up(source: EdgeSource, wanted: Collection[EdgeKey]) -> Mapping[EdgeKey, Evidence]:
    """What the source knows of some edges; an edge that it does not have is not in the answer.

    Raises:
        SchemaError: The source's schema has no such edges.
        StoreError: The store refused.
    """
    pairs: dict[EdgeType, set[Ends]] = defaultdict(set)
    for key in wanted:
        pairs[key.edge_type].add((key.source_id, key.target_id))
    stars = _stars(source, pairs)
    known: dict[EdgeKey, Evidence] = {}
    for edge_type in sorted(pairs):
        rated = stars.get((edge_type.source, edge_type.target), {})
        for ends, rows in _edges(source, edge_type, pairs[edge_type]).items():
            is_event = OCCURRED_AT in rows[0]
            known[EdgeKey(edge_type, *ends)] = _summed(rows, rated.get(ends) if is_event else None)
    return known


def _summed(rows: Sequence[Mapping[str, Any]], stars: float | None) -> Evidence:
    moments = [row[OCCURRED_AT] for row in rows if OCCURRED_AT in row]
    values = [row[VALUE] for row in rows if row.get(VALUE) is not None]
    return Evidence(
        times=sum(row.get(COUNT) or 1 for row in rows),
        last_at=max(moments, default=None),
        since=rows[0].get(SINCE),
        value=exact_sum(values) if values else None,
        stars=stars,
    )


def _stars(
    source: EdgeSource, pairs: Mapping[EdgeType, set[Ends]]
) -> Mapping[Ends, Mapping[Ends, float]]:
    """Per two node types the ratings of pairs that some event ties."""
    asked: dict[Ends, set[Ends]] = defaultdict(set)
    for edge_type, ends in pairs.items():
        if source.schema.relation(edge_type.relation).is_event:
            asked[edge_type.source, edge_type.target] |= ends
    found: dict[Ends, dict[Ends, float]] = defaultdict(dict)
    for edge_type in source.schema.edge_types():
        types = edge_type.source, edge_type.target
        rates = any(column.name == STARS for column in source.schema.columns(edge_type))
        if rates and types in asked:
            for pair, rows in _edges(source, edge_type, asked[types]).items():
                found[types][pair] = rows[-1][STARS]
    return found


def _edges(
    source: EdgeSource, edge_type: EdgeType, ends: Collection[Ends]
) -> Mapping[Ends, list[dict[str, Any]]]:
    """The edges of one type, by pair."""
    ordered = sorted(ends)
    asked = pa.table(
        {
            SOURCE_ID: pa.array([source_id for source_id, _ in ordered], Kind.STRING.arrow),
            TARGET_ID: pa.array([target_id for _, target_id in ordered], Kind.STRING.arrow),
        }
    )
    grouped = defaultdict(list)
    for row in source.edges_between(edge_type, asked).to_pylist():
        grouped[row[SOURCE_ID], row[TARGET_ID]].append(row)
    return grouped
