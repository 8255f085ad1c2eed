"""Reads tables in key ranges: each answer is one sorted record of columns, of bounded size."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graphdb.checked_schema import Schema
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType, Property
from graphdb.stores.neo4j import cypher
from graphdb.stores.neo4j.connection import Connection
from graphdb.stores.neo4j.cypher import microseconds, to_arrow

PAGE_NODES = 20_000
CHUNK_EDGES = 50_000
_AHEAD = 2
_S = TypeVar("_S")
_T = TypeVar("_T")


def read_nodes(
    connection: Connection,
    schema: Schema,
    node_type: str,
    columns: Sequence[Property],
    cutoff: datetime | None,
) -> Iterator[pa.RecordBatch]:
    """Batches of nodes in the order of their keys."""
    key, *_ = schema.columns(node_type)
    values = [column for column in columns if column != key]
    last = None
    while True:
        query = cypher.page_of_nodes(
            schema, node_type, values, first=last is None, cutoff=cutoff is not None
        )
        ((keys, *lists),) = connection.read(query, _page(last, cutoff))
        if not keys:
            return
        last = keys[-1]
        fetched = dict(zip([key, *values], [keys, *lists], strict=True))
        yield pa.record_batch(
            [to_arrow(fetched[column], len(keys), column, node_type) for column in columns],
            names=[column.name for column in columns],
        )
        if len(keys) < PAGE_NODES:
            return


def read_edges(
    connection: Connection,
    schema: Schema,
    edge_type: EdgeType,
    columns: Sequence[Property],
    cutoff: datetime | None,
) -> Iterator[pa.RecordBatch]:
    """Batches of edges in the order of the protocol.

    Edges are sent with the internal ids of their ends; keys are sent once per node. Sources arrive
    in the order of their keys, so sorting within a batch is enough.
    """
    targets = _Targets.read(connection, schema, edge_type, cutoff)
    if not len(targets.keys):
        return
    sort_key = [name for name in schema.key(edge_type) if name not in (SOURCE_ID, TARGET_ID)]
    declared = {column.name: column for column in schema.columns(edge_type)}
    wanted = {column.name for column in columns} - {SOURCE_ID, TARGET_ID}
    values = [declared[name] for name in declared if name in {*wanted, *sort_key}]
    query = cypher.edges_of(schema, edge_type, values, cutoff=cutoff is not None)

    def fetch(sources: _Sources) -> pa.RecordBatch:
        parameters = {"sources": sources.nodes, **_cutoff(cutoff)}
        ((positions, nodes, *lists),) = connection.read(query, parameters)
        edges = _sorted(
            pa.table(
                [
                    pa.array(positions, pa.int64()),
                    targets.positions(nodes),
                    *(
                        to_arrow(fetched, len(nodes), column, edge_type)
                        for column, fetched in zip(values, lists, strict=True)
                    ),
                ],
                names=[SOURCE_ID, TARGET_ID, *(column.name for column in values)],
            ),
            sort_key,
        )
        ends = {SOURCE_ID: pa.array(sources.keys), TARGET_ID: targets.keys}
        return pa.record_batch(
            [
                ends[name].take(edges[name].chunk(0)) if name in ends else edges[name].chunk(0)
                for name in (column.name for column in columns)
            ],
            names=[column.name for column in columns],
        )

    yield from _ahead(fetch, _sources(connection, schema, edge_type, cutoff))


def edges_between(
    connection: Connection, schema: Schema, edge_type: EdgeType, pairs: pa.Table
) -> pa.Table:
    """Returns the edges between pairs of nodes, in the order of the protocol."""
    pairs = pairs.select([SOURCE_ID, TARGET_ID]).group_by([SOURCE_ID, TARGET_ID]).aggregate([])
    source, target, *values = schema.columns(edge_type)
    ((positions, *lists),) = connection.read(
        cypher.edges_between(schema, edge_type, values),
        {"sources": pairs[SOURCE_ID].to_pylist(), "targets": pairs[TARGET_ID].to_pylist()},
    )
    places = pa.array(positions, pa.int64())
    found = pa.table(
        [
            pairs[SOURCE_ID].take(places),
            pairs[TARGET_ID].take(places),
            *(
                to_arrow(fetched, len(places), column, edge_type)
                for column, fetched in zip(values, lists, strict=True)
            ),
        ],
        names=[column.name for column in (source, target, *values)],
    )
    keys = dict.fromkeys([SOURCE_ID, TARGET_ID, *schema.key(edge_type)])
    return found.sort_by([(name, "ascending") for name in keys]).combine_chunks()


@dataclass(frozen=True, slots=True)
class _Sources:
    """Yields source nodes in the order of their keys, with about CHUNK_EDGES edges per chunk."""

    keys: list[str]
    nodes: list[int]


@dataclass(frozen=True, slots=True)
class _Targets:
    """The sorted keys of all targets, with a lookup by internal id."""

    keys: pa.Array
    sorted_nodes: NDArray[np.int64]
    order: NDArray[np.int64]

    @classmethod
    def read(
        cls, connection: Connection, schema: Schema, edge_type: EdgeType, cutoff: datetime | None
    ) -> "_Targets":
        keys: list[pa.Array] = [pa.array([], pa.string())]
        nodes: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        for page in _ends(connection, schema, edge_type, cutoff, source=False):
            keys.append(pa.array(page[0], pa.string()))
            nodes.append(np.array(page[1], np.int64))
        all_nodes = np.concatenate(nodes)
        order = np.argsort(all_nodes)
        return cls(pa.concat_arrays(keys), all_nodes[order], order)

    def positions(self, nodes: list[int]) -> pa.Array:
        """Returns the rank of each node's key; null for a node that the cut-off excludes."""
        wanted = np.array(nodes, np.int64)
        found = np.minimum(np.searchsorted(self.sorted_nodes, wanted), len(self.sorted_nodes) - 1)
        return pa.array(self.order[found], mask=self.sorted_nodes[found] != wanted)


def _sources(
    connection: Connection, schema: Schema, edge_type: EdgeType, cutoff: datetime | None
) -> Iterator[_Sources]:
    """The sources that have edges, cut where their edges add up to a chunk."""
    for keys, nodes, degrees in _ends(connection, schema, edge_type, cutoff, source=True):
        before = np.cumsum(degrees) - degrees
        starts = np.flatnonzero(np.diff(before // CHUNK_EDGES, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(keys)], strict=True):
            yield _Sources(keys[start:stop], nodes[start:stop])


def _ends(
    connection: Connection,
    schema: Schema,
    edge_type: EdgeType,
    cutoff: datetime | None,
    *,
    source: bool,
) -> Iterator[tuple[list[str], list[int], list[int]]]:
    """Pages of (keys, internal ids, degrees) of the nodes that have edges of the relation."""
    last = None
    while True:
        query = cypher.page_of_ends(
            schema, edge_type, source=source, first=last is None, cutoff=cutoff is not None
        )
        ((last, *page),) = connection.read(query, _page(last, cutoff))
        if last is None:
            return
        if page[0]:
            yield page[0], page[1], page[2]


def _sorted(edges: pa.Table, sort_key: Sequence[str]) -> pa.Table:
    kept = edges.filter(edges[TARGET_ID].is_valid())
    order = [(name, "ascending") for name in (SOURCE_ID, TARGET_ID, *sort_key)]
    return kept.sort_by(order).combine_chunks()


def _page(last: str | None, cutoff: datetime | None) -> dict[str, Any]:
    return {"last": last or "", "rows": PAGE_NODES, **_cutoff(cutoff)}


def _cutoff(cutoff: datetime | None) -> dict[str, int]:
    return {} if cutoff is None else {"cutoff": microseconds(cutoff)}


def _ahead(work: Callable[[_S], _T], items: Iterable[_S]) -> Iterator[_T]:
    """Maps in order, one step ahead: the server reads the next batch while this one is used."""
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting: deque[Future[_T]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
