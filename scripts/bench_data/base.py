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
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.data import AT_S, COUNT
from training.pyg import HeteroData
from training.split import hold_out_share

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
class Split:
    """What may be learned from, and what is to be found.

    Args:
        graph: The training part.
        taken: Pairs that are no answers, because the training part has them.
        truth: The pairs to find.
        candidates: The targets that can be answers, bool [num_targets]; None for all.
    """

    graph: HeteroData
    taken: Adjacency
    truth: Adjacency
    candidates: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set and what was published on it; the best figure comes last.

    Args:
        direction: What is asked: the targets of an edge type for each of its sources.
        k: Length of the lists.
        read: The training part with either a part cut from it (validate) or the test part.
    """

    name: str
    direction: EdgeType
    k: int
    read: Callable[[Path, bool], Split]
    published: tuple[Published, ...] = ()


def static_split(
    graph: HeteroData,
    direction: EdgeType,
    taken: Adjacency,
    test: Adjacency,
    *,
    validate: bool,
    candidates: torch.Tensor | None = None,
) -> Split:
    """For data without times: a share of the training pairs stands in for the test part."""
    if not validate:
        return Split(graph, taken, test, candidates)
    held = hold_out_share(graph, SCHEMA, direction, VALIDATION_SHARE)
    left = Adjacency.from_edges(
        *held.train_graph[direction].edge_index.numpy(), taken.num_sources, taken.num_targets
    )
    return Split(held.train_graph, left, held.truth, candidates)


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
