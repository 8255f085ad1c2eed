"""What a data set is, and how files become graphs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch

from graphdb import SCHEMA
from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.data import AT_S, COUNT, HeteroData
from training.splitting.split import hold_out_share

Rows = npt.NDArray[np.int64]
VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Published:
    """A figure of a paper; nearly all such are the best epoch on the test part."""

    name: str
    recall: float
    ndcg: float
    hit_rate: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EvalTask:
    """Targets to be found for queries.

    Args:
        name: What is asked, where a data set asks more than one thing.
        source: The node type of the queries.
        target: That of the targets.
        taken: Pairs that are no answers, because the training part has them.
        truth: The pairs to find.
        popularity: What the baseline ranks by, the same for every query node, float32
            [num_targets].
        candidates: The targets that can be answers, bool [num_targets]; None for all.
        shown: What every query node was shown, where only these are to be put in order.
    """

    name: str
    source: str
    target: str
    taken: Adjacency
    truth: Adjacency
    popularity: torch.Tensor
    candidates: torch.Tensor | None = None
    shown: Adjacency | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """What may be learned from, and what is asked."""

    graph: HeteroData
    questions: tuple[EvalTask, ...]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set and what was published on it; the best figure comes last.

    Args:
        target_edge_type: What the SVD learns: the targets of an edge type for each of its
            sources.
        k: Length of the lists.
        read: The training part with either a part cut from it (validate) or the test part.
        read_ordered: The training part without the ends of the lists in a file, and these; see
            `benchmarks.data.ordered`. None where lists have no order.
        schema: Of the graph.
    """

    name: str
    target_edge_type: EdgeType
    k: int
    read: Callable[[Path, bool], Split]
    published: tuple[Published, ...] = ()
    schema: Schema = SCHEMA
    read_ordered: Callable[[Path, Path], Split] | None = None


def static_split(
    graph: HeteroData,
    target_edge_type: EdgeType,
    taken: Adjacency,
    test: Adjacency,
    *,
    validate: bool,
    candidates: torch.Tensor | None = None,
) -> Split:
    """For data without times: a share of the training pairs stands in for the test part."""
    truth = test
    if validate:
        held = hold_out_share(graph, SCHEMA, target_edge_type, VALIDATION_SHARE)
        graph, truth = held.train_graph, held.truth
        taken = Adjacency.from_edges(
            *graph[target_edge_type].edge_index.numpy(), taken.num_sources, taken.num_targets
        )
    return asked_for(graph, target_edge_type, taken, truth, candidates)


def asked_for(
    graph: HeteroData,
    target_edge_type: EdgeType,
    taken: Adjacency,
    truth: Adjacency,
    candidates: torch.Tensor | None = None,
) -> Split:
    """A split with one question, the targets of an edge type for its sources."""
    asked = EvalTask(
        str(target_edge_type),
        target_edge_type.source,
        target_edge_type.target,
        taken,
        truth,
        counts_of(taken.indices, taken.num_targets),
        candidates,
    )
    return Split(graph, (asked,))


def counts_of(rows: Rows, number: int) -> torch.Tensor:
    """How often every row occurs, float32 [number]."""
    return torch.from_numpy(np.bincount(rows, minlength=number).astype(np.float32))


def graph_of(num_nodes: Mapping[str, int], edges: Mapping[EdgeType, Rows]) -> HeteroData:
    """A graph without times: edges are int64 [2, num_edges]."""
    graph = HeteroData()
    for node_type, number in num_nodes.items():
        graph[node_type].num_nodes = number
    for edge_type, ends in edges.items():
        store = graph[edge_type]
        store.edge_index = torch.from_numpy(ends)
        store[AT_S] = torch.zeros(ends.shape[1], dtype=torch.int64)
        store[COUNT] = torch.ones(ends.shape[1])
    graph.validate()
    return graph


def rows_of(column: pa.ChunkedArray, known: pa.Array | pa.ChunkedArray) -> Rows:
    """The place of every value among the known ones.

    Raises:
        ValueError: A value is not among them.
    """
    places = pc.index_in(column, value_set=known)
    if places.null_count:
        raise ValueError(f"{places.null_count} of {len(places)} ids are not known")
    return np.asarray(places.to_numpy(), dtype=np.int64)


def of_sources(pairs: Adjacency, chosen: npt.NDArray[np.bool_]) -> Adjacency:
    """The pairs of some sources only."""
    sources = sources_of(pairs)
    keep = chosen[sources]
    return Adjacency.from_edges(
        sources[keep], pairs.indices[keep], pairs.num_sources, pairs.num_targets
    )


def unrolled(owners: Rows, lists: pa.ChunkedArray) -> tuple[Rows, pa.ChunkedArray]:
    """Every entry of a column of lists, and whose list it stands in."""
    return np.repeat(owners, pc.list_value_length(lists).to_numpy()), pc.list_flatten(lists)
