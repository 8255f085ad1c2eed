"""What a snapshot or a store knows of an edge: how often, last when, for how much."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import log2
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from graphdb.schema_types import (
    OCCURRED_AT,
    SINCE,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
    Kind,
    Schema,
)

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
    pairs = defaultdict(set)
    for key in wanted:
        pairs[key.edge_type].add((key.source_id, key.target_id))
    known: dict[EdgeKey, Evidence] = {}
    for edge_type in sorted(pairs):
        asked = _pairs(pairs[edge_type])
        stars = _stars(source, edge_type, asked)
        for ends, rows in _by_pair(source.edges_between(edge_type, asked)).items():
            known[EdgeKey(edge_type, *ends)] = _summed(rows, stars.get(ends))
    return known


def _summed(rows: Sequence[Mapping[str, Any]], stars: float | None) -> Evidence:
    moments = [row[OCCURRED_AT] for row in rows if OCCURRED_AT in row]
    values = [row[VALUE] for row in rows if row.get(VALUE) is not None]
    return Evidence(
        times=sum(row.get(COUNT) or 1 for row in rows),
        last_at=max(moments, default=None),
        since=rows[0].get(SINCE),
        value=float(sum(values)) if values else None,
        stars=stars,
    )


def _stars(
    source: EdgeSource, edge_type: EdgeType, asked: pa.Table
) -> Mapping[tuple[str, str], float]:
    """Per pair its rating, from the relations between the same types that carry stars."""
    if not source.schema.relation(edge_type.relation).is_event:
        return {}
    found: dict[tuple[str, str], float] = {}
    for other in source.schema.edge_types():
        same_ends = (other.source, other.target) == (edge_type.source, edge_type.target)
        if same_ends and any(column.name == STARS for column in source.schema.columns(other)):
            for ends, rows in _by_pair(source.edges_between(other, asked)).items():
                found[ends] = rows[-1][STARS]
    return found


def _by_pair(edges: pa.Table) -> Mapping[tuple[str, str], list[dict[str, Any]]]:
    grouped = defaultdict(list)
    for row in edges.to_pylist():
        grouped[row[SOURCE_ID], row[TARGET_ID]].append(row)
    return grouped


def _pairs(ends: Collection[tuple[str, str]]) -> pa.Table:
    ordered = sorted(ends)
    return pa.table(
        {
            SOURCE_ID: pa.array([source for source, _ in ordered], Kind.STRING.arrow),
            TARGET_ID: pa.array([target for _, target in ordered], Kind.STRING.arrow),
        }
    )
