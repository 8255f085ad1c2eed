"""Defines the parts of an explanation: nodes, edges, groups of paths, and the evidence of edges.

The evidence of an edge comes from a snapshot or a store: its count, last time and money.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import log2
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.decimals import exact_sum
from graphdb.schema_types import OCCURRED_AT, SINCE, SOURCE_ID, TARGET_ID, EdgeType, Kind
from graphrec.query.facts import Language


def short(text: str, longest: int) -> str:
    r"""Returns a text on one line, shortened with an ellipsis if it is too long.

    >>> short("A very long name indeed", 12), short("two\nlines", 12)
    ('A very long…', 'two lines')
    """
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


Ends = tuple[str, str]
"""Two ids, or two node types, of source and target."""

COUNT, VALUE, STARS = "count", "value", "stars"
_MOST_STARS = 5


class EdgeSource(Protocol):
    """A source of evidence: a `Snapshot` or an open `GraphStore`."""

    @property
    def schema(self) -> Schema: ...

    def edges_between(self, edge_type: EdgeType, pairs: pa.Table) -> pa.Table: ...


class EdgeKey(NamedTuple):
    """Identifies an edge of the graph; repeated events of a pair are one edge here."""

    edge_type: EdgeType
    source_id: str
    target_id: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one edge.

    Args:
        times: The sum of the counts of its events; 1 for a static edge.
        last_at: The time of the last event; None for a static edge.
        since: The start of a static edge; None for an event or if unknown.
        value: Money paid in all events; None if unknown.
        stars: How the source rated the target, 1 to 5; None without a rating.
    """

    times: int
    last_at: datetime | None = None
    since: datetime | None = None
    value: float | None = None
    stars: float | None = None

    @property
    def factor(self) -> float:
        """Its strength relative to one event or static edge without a rating.

        >>> Evidence(times=3).factor, Evidence(times=1, stars=2.5).factor
        (2.0, 0.5)
        """
        rated = 1.0 if self.stars is None else self.stars / _MOST_STARS
        return log2(1 + self.times) * rated

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, without unknown values; times are datetimes."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def look_up(source: EdgeSource, wanted: Collection[EdgeKey]) -> Mapping[EdgeKey, Evidence]:
    """Returns the evidence of edges; edges that the source lacks are missing in the result.

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
    """Returns, by two node types, the ratings of pairs with an event."""
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
    """Returns the edges of one type, by pair."""
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


_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class PathNode:
    """A node on a path.

    Args:
        type: Its node type.
        id: Its id.
        name: Its display name; its id if it has no name.
        key: The property that holds the id, such as 'user_id'.
    """

    type: str
    id: str
    name: str
    key: str

    def __str__(self) -> str:
        """Returns type, id and name.

        >>> str(PathNode("User", "u1", "u1", "user_id"))
        'User:u1'
        >>> str(PathNode("Tag", "t1", "Soft", "tag_id"))
        "Tag:t1 'Soft'"
        """
        node = f"{self.type}:{self.id}"
        return node if self.name == self.id else f"{node} '{short(self.name, _LONGEST_NAME)}'"

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.type, "id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class PathEdge:
    """An edge on a path.

    Args:
        source, target: Its ends in the graph, in any direction of the path.
        evidence: Its evidence; None without a source.
    """

    source: PathNode
    relation: str
    target: PathNode
    evidence: Evidence | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source.to_dict(),
            "relation": self.relation,
            "target": self.target.to_dict(),
            "evidence": self.evidence.to_dict() if self.evidence else None,
        }


@dataclass(frozen=True, slots=True)
class ExplainedPath:
    """A path in the graph from query node to target, without repeated nodes.

    Args:
        nodes: The nodes, in order.
        edges: The edge between each node and the next, in either direction.
        strength: Higher is better; comparable within one explanation.
    """

    nodes: tuple[PathNode, ...]
    edges: tuple[PathEdge, ...]
    strength: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
            "strength": self.strength,
        }


@dataclass(frozen=True, slots=True)
class PathGroup:
    """All paths of one sequence of node types, with a few of them to show.

    Args:
        types: The node types, from query node to target.
        paths: The best paths to show, the strongest first, as diverse as possible.
        num_paths: The number of all paths.
        at_least: Whether there are more: the weakest were not counted.
        strength: Of all paths together.
        widths: The number of distinct nodes at each position of all paths.
    """

    types: tuple[str, ...]
    paths: tuple[ExplainedPath, ...]
    num_paths: int
    at_least: bool
    strength: float
    widths: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "types": list(self.types),
            "num_paths": self.num_paths,
            "at_least": self.at_least,
            "strength": self.strength,
            "widths": list(self.widths),
            "paths": [path.to_dict() for path in self.paths],
        }


@dataclass(frozen=True, slots=True)
class PathGroups:
    """Why a target fits a query node: groups of paths in the graph, strongest first.

    It is false if no path was found.

    Args:
        max_hops: The maximum length of paths.
        whole: Whether the search was complete; if not, paths over nodes with very many edges
            may be missing.
        reasons: The same in a few sentences, those that a recommendation has, strongest first.
        language: Of all sentences.
    """

    query: PathNode
    target: PathNode
    groups: tuple[PathGroup, ...]
    max_hops: int
    whole: bool
    reasons: tuple[str, ...] = ()
    language: Language = "en"

    def __bool__(self) -> bool:
        return bool(self.groups)

    @property
    def paths(self) -> tuple[ExplainedPath, ...]:
        """Returns the paths of all groups."""
        return tuple(path for group in self.groups for path in group.paths)

    def to_dict(self) -> Mapping[str, Any]:
        """Returns plain data, ready for JSON except for times."""
        return {
            "query": self.query.to_dict(),
            "target": self.target.to_dict(),
            "max_hops": self.max_hops,
            "whole": self.whole,
            "reasons": list(self.reasons),
            "groups": [group.to_dict() for group in self.groups],
        }
