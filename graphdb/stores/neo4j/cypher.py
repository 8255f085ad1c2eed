"""Builds the Cypher of the Neo4j store from the schema and converts Arrow columns for Bolt.

Names come only from the schema and are quoted; every value, ids included, is a bound parameter.
Batches are sent as one list per column and unwound by position, which is smaller on the wire and
quicker to pack than one map per row.

Times are sent as whole microseconds and become datetimes in Cypher: packing one datetime takes the
driver longer than the rest of its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.checked_schema import Schema
from graphdb.errors import StoreError
from graphdb.printable import quoted as quoted
from graphdb.schema_types import CREATED_AT, EVENT_ID, OCCURRED_AT, SINCE, EdgeType, Kind, Property

YEAR_ONE_S = 62_135_596_800
"""Seconds from year 1 to 1970. Times are sent from year 1 on, because Cypher's `/` and `%` round
towards zero and `datetime.fromEpoch` takes no negative fraction."""


def to_bolt(column: pa.ChunkedArray) -> list[Any]:
    """A column as plain Python values; times as microseconds since year 1."""
    if pa.types.is_timestamp(column.type):
        column = pc.add(column.cast(pa.int64()), YEAR_ONE_S * 1_000_000)
    if column.null_count == 0 and not pa.types.is_string(column.type):
        return list(column.to_numpy().tolist())
    return list(column.to_pylist())


def microseconds(moment: datetime) -> int:
    """Returns a time as `to_bolt` sends it.

    >>> from datetime import UTC
    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) - YEAR_ONE_S * 1_000_000
    1000000
    """
    (number,) = to_bolt(pa.chunked_array([pa.array([moment], Kind.TIMESTAMP.arrow)]))
    return int(number)


def sent(kind: Kind, value: str) -> str:
    """The Cypher expression that makes the stored value of a sent one."""
    if kind != Kind.TIMESTAMP:
        return value
    seconds, nanoseconds = f"{value} / 1000000 - {YEAR_ONE_S}", f"({value} % 1000000) * 1000"
    # fromEpoch refuses nulls instead of returning one.
    return f"CASE WHEN {value} IS NOT NULL THEN datetime.fromEpoch({seconds}, {nanoseconds}) END"


def fetched(kind: Kind, value: str) -> str:
    """The Cypher expression that `to_arrow` understands for a stored value."""
    if kind != Kind.TIMESTAMP:
        return value
    # not epochSeconds, which rounds towards 1970
    return f"{value}.epochMillis * 1000 + {value}.microsecond % 1000"


def to_arrow(
    values: Sequence[Any] | None, num_rows: int, column: Property, of: str | EdgeType
) -> pa.Array:
    """A fetched column as Arrow; None stands for a column of nulls.

    Raises:
        StoreError: The database holds a value of another type, such as one edited by hand.
    """
    kind = column.kind
    carried = pa.int64() if kind == Kind.TIMESTAMP else kind.arrow
    try:
        made = pa.nulls(num_rows, carried) if values is None else pa.array(values, carried)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise StoreError(
            f"{of}.{column.name} holds a value that is not a {kind}: {error}",
            next_step="correct it in the database",
            value=f"{of}.{column.name}",
        ) from error
    # The empty event id is a part of the key but not stored: it would clutter the display.
    return made.fill_null("") if column.name == EVENT_ID else made.cast(kind.arrow)


def differs(given: pa.Array, kept: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Returns where given values would change kept ones. Null means not given; NaN equals NaN."""
    changed = pc.coalesce(pc.not_equal(given, kept), kept.is_null())
    changed = pc.and_(changed, given.is_valid())
    if pa.types.is_floating(given.type):
        both = pc.and_(pc.fill_null(pc.is_nan(given), False), pc.fill_null(pc.is_nan(kept), False))
        changed = pc.and_not(changed, both)
    return np.asarray(changed.to_numpy(zero_copy_only=False), dtype=bool)


META = "_GraphRec"
"""The label of the store's metadata: one node for the store, and those of published releases."""
REJECT = "_GraphRecReject"
FORGOTTEN = "_GraphRecForgotten"
"""The label of the marks of forgotten nodes."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index of the store on properties of a label; a unique one is a constraint."""

    label: str
    properties: tuple[str, ...]
    unique: bool

    def create(self) -> str:
        name = quoted("graphrec " + self.label)
        what = f"FOR (n:{quoted(self.label)})"
        on = "(" + ", ".join(f"n.{quoted(name)}" for name in self.properties) + ")"
        if self.unique:
            return f"CREATE CONSTRAINT {name} IF NOT EXISTS {what} REQUIRE {on} IS UNIQUE"
        return f"CREATE INDEX {name} IF NOT EXISTS {what} ON {on}"


def indexes(schema: Schema) -> list[Index]:
    """Returns a unique index per node type and for the metadata nodes, and an index on rejects."""
    keys = {node_type.name: node_type.key for node_type in schema.node_types.values()}
    unique = [Index(label, (key,), unique=True) for label, key in {**keys, META: "name"}.items()]
    return [*unique, Index(REJECT, ("table_name", "file"), unique=False)]


def lock() -> str:
    """Makes writers of the tables $names wait for each other, so that no two add the same edge.

    The lock is that of the name in the unique index of the metadata nodes, which lasts until the
    end of the transaction. No node stays: they would be the first that `MATCH (n)` finds.
    """
    return f"UNWIND $names AS name MERGE (m:{META} {{name: name}}) DELETE m"


def count(schema: Schema, of: str | EdgeType) -> str:
    """Counts the rows of a table, from Neo4j's count store if possible."""
    if not isinstance(of, EdgeType):
        return f"MATCH (n:{quoted(of)}) RETURN count(n)"
    ends = schema.relation(of.relation).ends
    source, target = f":{quoted(of.source)}", f":{quoted(of.target)}"
    if [end for end in ends if end[1] == of.target] == [(of.source, of.target)]:
        source = ""
    elif [end for end in ends if end[0] == of.source] == [(of.source, of.target)]:
        target = ""
    return f"MATCH ({source})-[r:{quoted(of.relation)}]->({target}) RETURN count(r)"


def resolve(schema: Schema, node_type: str) -> str:
    """Internal ids of the nodes with the keys $keys: lists of positions and of ids."""
    key = quoted(schema.node_type(node_type).key)
    return (
        "UNWIND range(0, size($keys) - 1) AS i"
        f" MATCH (n:{quoted(node_type)} {{{key}: $keys[i]}})"
        " RETURN collect(i), collect(id(n))"
    )


def kept_nodes(schema: Schema, node_type: str, columns: Sequence[Property]) -> str:
    """Those of $keys that exist: positions, internal ids, then one list per column."""
    key = quoted(schema.node_type(node_type).key)
    return (
        "UNWIND range(0, size($keys) - 1) AS i"
        f" MATCH (n:{quoted(node_type)} {{{key}: $keys[i]}})"
        " WITH collect(i) AS positions, collect(n) AS kept"
        f" RETURN positions, [x IN kept | id(x)]{_lists(columns)}"
    )


def kept_edges(schema: Schema, edge_type: EdgeType, columns: Sequence[Property]) -> str:
    """Returns edges that may equal those of a batch: ids of both ends and the edge, keys, columns.

    The keys are the targets' if a source has one target; each column is one list. It walks over the
    edges of each source and keeps those to a wanted target ($pairs) at a wanted time ($moments,
    milliseconds); the store then compares exactly. A lookup of each pair is hundreds of times
    slower if both ends have many edges.
    """
    relation = schema.relation(edge_type.relation)
    wanted = "" if relation.one_target else f" WHERE {_pair()} IN $pairs"
    if relation.repeats:
        moment = f"r.{quoted(OCCURRED_AT)}.epochMillis IN $moments"
        # CASE: the time is a property, which costs more to read than the ends
        wanted = f" WHERE CASE WHEN {_pair()} IN $pairs THEN {moment} ELSE false END"
    key = f"t.{quoted(schema.node_type(edge_type.target).key)}"
    return (
        "UNWIND $sources AS source MATCH (s) WHERE id(s) = source"
        f" MATCH (s)-[r:{quoted(edge_type.relation)}]->(t:{quoted(edge_type.target)}){wanted}"
        " WITH collect(source) AS sources, collect(id(t)) AS targets, collect(r) AS kept,"
        f" collect({key if relation.one_target else 'null'}) AS target_keys"
        f" RETURN sources, targets, [x IN kept | id(x)], target_keys{_lists(columns)}"
    )


def create_nodes(node_type: str, columns: Sequence[Property]) -> str:
    return (
        "UNWIND range(0, size($c0) - 1) AS i"
        f" CREATE (:{quoted(node_type)} {{{_assigned(columns)}}})"
    )


def create_edges(edge_type: EdgeType, columns: Sequence[Property]) -> str:
    return (
        "UNWIND range(0, size($sources) - 1) AS i"
        " MATCH (s) WHERE id(s) = $sources[i] MATCH (t) WHERE id(t) = $targets[i]"
        f" CREATE (s)-[:{quoted(edge_type.relation)} {{{_assigned(columns)}}}]->(t)"
    )


def rename_property(of: str | EdgeType, old: str, new: str) -> str:
    """Renames a property of at most $limit nodes or relationships, and returns their number."""
    if isinstance(of, str):
        pattern = f"(x:{quoted(of)})"
    else:
        pattern = f"(:{quoted(of.source)})-[x:{quoted(of.relation)}]->(:{quoted(of.target)})"
    return (
        f"MATCH {pattern} WHERE x.{quoted(old)} IS NOT NULL WITH x LIMIT $limit"
        f" SET x.{quoted(new)} = x.{quoted(old)} REMOVE x.{quoted(old)} RETURN count(x)"
    )


def update_nodes(columns: Sequence[Property]) -> str:
    return (
        "UNWIND range(0, size($elements) - 1) AS i MATCH (x) WHERE id(x) = $elements[i]"
        f" SET {_changed(columns)}"
    )


def update_edges(columns: Sequence[Property]) -> str:
    return (
        "UNWIND range(0, size($elements) - 1) AS i MATCH ()-[x]->() WHERE id(x) = $elements[i]"
        f" SET {_changed(columns)}"
    )


def move_edges(edge_type: EdgeType, columns: Sequence[Property]) -> str:
    """Gives edges another target. Neo4j's edges cannot move: a new one takes over the values."""
    changed = f", {_changed(columns)}" if columns else ""
    return (
        "UNWIND range(0, size($elements) - 1) AS i"
        " MATCH (s)-[old]->() WHERE id(old) = $elements[i] MATCH (t) WHERE id(t) = $targets[i]"
        f" CREATE (s)-[x:{quoted(edge_type.relation)}]->(t) SET x = properties(old){changed}"
        " DELETE old"
    )


def page_of_nodes(
    schema: Schema, node_type: str, columns: Sequence[Property], *, first: bool, cutoff: bool
) -> str:
    """The next $rows nodes after $last, in the order of their keys: one list per column."""
    key = quoted(schema.node_type(node_type).key)
    return (
        f"{_page(node_type, f'n.{key}', first=first, cutoff=cutoff)}"
        f" WITH collect(n) AS kept RETURN [x IN kept | x.{key}]{_lists(columns)}"
    )


def page_of_ends(
    schema: Schema, edge_type: EdgeType, *, source: bool, first: bool, cutoff: bool
) -> str:
    """The next $rows nodes after $last, and of those with edges: keys, internal ids, degrees."""
    node_type = edge_type.source if source else edge_type.target
    key = f"n.{quoted(schema.node_type(node_type).key)}"
    relation = quoted(edge_type.relation)
    pattern = f"(n)-[:{relation}]->()" if source else f"(n)<-[:{relation}]-()"
    return (
        f"{_page(node_type, key, first=first, cutoff=cutoff)}"
        f" WITH {key} AS key, id(n) AS node, COUNT {{ {pattern} }} AS degree"
        " WITH collect([key, node, degree]) AS page"
        " WITH page[-1][0] AS last, [x IN page WHERE x[2] > 0] AS connected"
        " RETURN last, [x IN connected | x[0]], [x IN connected | x[1]], [x IN connected | x[2]]"
    )


def edges_of(
    schema: Schema, edge_type: EdgeType, columns: Sequence[Property], *, cutoff: bool
) -> str:
    """All edges of $sources: positions in $sources, internal target ids, one list per column."""
    is_event = schema.relation(edge_type.relation).is_event
    moment = f"r.{quoted(OCCURRED_AT if is_event else SINCE)}"
    return (
        "UNWIND range(0, size($sources) - 1) AS i MATCH (s) WHERE id(s) = $sources[i]"
        f" MATCH (s)-[r:{quoted(edge_type.relation)}]->(t:{quoted(edge_type.target)})"
        f"{_before(moment) if cutoff else ''}"
        " WITH collect(i) AS sources, collect(id(t)) AS targets, collect(r) AS kept"
        f" RETURN sources, targets{_lists(columns)}"
    )


def edges_between(schema: Schema, edge_type: EdgeType, columns: Sequence[Property]) -> str:
    """All edges of the pairs ($sources[i], $targets[i]): positions, one list per column."""
    source, target = (
        f":{quoted(end)} {{{quoted(schema.node_type(end).key)}: ${name}[i]}}"
        for end, name in ((edge_type.source, "sources"), (edge_type.target, "targets"))
    )
    return (
        f"UNWIND range(0, size($sources) - 1) AS i MATCH (s{source}) MATCH (t{target})"
        f" MATCH (s)-[r:{quoted(edge_type.relation)}]->(t)"
        " WITH collect(i) AS positions, collect(r) AS kept"
        f" RETURN positions{_lists(columns)}"
    )


def _pair() -> str:
    """Returns a number for (source, target); two pairs may share one."""
    return "source % 2147483648 * 4294967296 + id(t) % 4294967296"


def _page(node_type: str, key: str, *, first: bool, cutoff: bool) -> str:
    # The index on the key gives the order, so a page costs no more than its rows.
    created = f" AND ({_earlier(f'n.{quoted(CREATED_AT)}')})" if cutoff else ""
    return (
        f"MATCH (n:{quoted(node_type)}) WHERE {key} {'>=' if first else '>'} $last{created}"
        f" WITH n ORDER BY {key} LIMIT $rows"
    )


def _before(moment: str) -> str:
    return f" WHERE {_earlier(moment)}"


def _earlier(moment: str) -> str:
    return f"{moment} IS NULL OR {moment} < {sent(Kind.TIMESTAMP, '$cutoff')}"


def _lists(columns: Sequence[Property]) -> str:
    """Returns one list per column of the collected `kept`; null for a column of nulls.

    `collect(x.name)` would drop nulls and shift every later value.
    """
    return "".join(
        f", CASE WHEN any(x IN kept WHERE x.{quoted(column.name)} IS NOT NULL)"
        f" THEN [x IN kept | {fetched(column.kind, f'x.{quoted(column.name)}')}] END"
        for column in columns
    )


def _assigned(columns: Sequence[Property]) -> str:
    return ", ".join(
        f"{quoted(column.name)}: {sent(column.kind, f'$c{number}[i]')}"
        for number, column in enumerate(columns)
    )


def _changed(columns: Sequence[Property]) -> str:
    return ", ".join(
        f"x.{quoted(column.name)} = coalesce({sent(column.kind, f'$c{number}[i]')},"
        f" x.{quoted(column.name)})"
        for number, column in enumerate(columns)
    )
