"""Snapshot -> HeteroData: the graph as tensors, columns at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from graphdb.schema_types import OCCURRED_AT, SINCE, EdgeType, Kind, Schema
from graphdb.snapshot import Snapshot
from training.pyg import HeteroData

COUNT = "count"
STARS = "stars"
OPINION = "opinion"
AT_S = "at_s"
ALWAYS_S = int(torch.iinfo(torch.int64).min)
"""`at_s` of a tie that has no beginning: earlier than every cut-off."""

_MICROSECONDS = 1_000_000
_NUMBERS = (Kind.INT, Kind.FLOAT)


def load_graph(snapshot: Snapshot, *, threads: int = 2) -> HeteroData:
    """The whole snapshot as a PyG graph; node rows are the snapshot's.

    Every node type has `num_nodes`. Every edge type has, empty ones included:

    - `edge_index`, int64 [2, E], in the snapshot's order;
    - `at_s`, int64 [E]: epoch seconds (UTC) of the event or of the beginning of the tie,
      rounded down; `ALWAYS_S` where a tie has no beginning;
    - every number the relation declares (`count`, `value`, `discount`, `stars`, ...), float32
      [E]. An empty count is 1; any other empty number is NaN, because unknown is not zero;
    - `opinion`, float32 [E], where the relation has stars on a scale with two ends: from -1 for the
      fewest stars to 1 for the most, 0 in the middle. 4 of 5 stars are .5, 2 are -.5.

    Args:
        threads: How many columns' worth of work goes on side by side.

    Raises:
        SnapshotError: An edge ends at a node that the snapshot does not have.
    """
    graph = HeteroData()
    for node_type in snapshot.schema.node_types:
        graph[node_type].num_nodes = snapshot.num_nodes(node_type)
        snapshot.node_ids(node_type)  # read once, before threads share it
    # Ends and properties lie in different columns, so one type can keep two threads busy.
    with ThreadPoolExecutor(threads) as pool:
        parts = [
            (edge_type, pool.submit(read, snapshot, edge_type))
            for edge_type in snapshot.schema.edge_types()
            for read in (_ends, _properties)
        ]
        for edge_type, part in parts:
            for name, tensor in part.result().items():
                graph[edge_type][name] = tensor
    graph.validate()
    return graph


def edge_types_of(graph: HeteroData) -> list[EdgeType]:
    """The edge types of a graph, in the schema's order, as the schema names them."""
    return [EdgeType(*key) for key in graph.edge_types]


def _ends(snapshot: Snapshot, edge_type: EdgeType) -> dict[str, torch.Tensor]:
    return {"edge_index": torch.from_numpy(np.stack(snapshot.edge_rows(edge_type)))}


def _properties(snapshot: Snapshot, edge_type: EdgeType) -> dict[str, torch.Tensor]:
    moment, numbers = _property_columns(snapshot.schema, edge_type)
    table = snapshot.edges(edge_type, [moment, *numbers])
    tensors = {AT_S: torch.from_numpy(_epoch_seconds(table[moment]))}
    for name in numbers:
        empty = 1.0 if name == COUNT else float("nan")
        tensors[name] = torch.from_numpy(_float32(table[name], empty))
    scale = _scale_of_stars(snapshot.schema, edge_type)
    if scale is not None:
        fewest, most = scale
        opinion = (2 * tensors[STARS] - fewest - most) / (most - fewest)
        tensors[OPINION] = torch.nan_to_num(opinion)  # no stars say nothing
    return tensors


def _scale_of_stars(schema: Schema, edge_type: EdgeType) -> tuple[float, float] | None:
    """The fewest and the most stars; None where the relation has none, or no end to them."""
    for column in schema.relation(edge_type.relation).columns:
        if column.name == STARS and column.minimum is not None and column.maximum is not None:
            return column.minimum, column.maximum
    return None


def likes(graph: HeteroData, edge_type: EdgeType) -> torch.Tensor | None:
    """Which edges speak for their target, bool [E]; None where all do, as without stars."""
    store = graph[edge_type]
    return store[OPINION] > 0 if OPINION in store else None


def other_events(graph: HeteroData, direction: EdgeType) -> str | None:
    """What to do where a direction has no events, but the same two types have others."""
    found = [
        (one, graph[one].edge_index.shape[1])
        for one in edge_types_of(graph)
        if one[::2] == direction[::2] and one != direction
    ]
    there = [f'direction = "{one}" ({number:,} edges)' for one, number in found if number]
    if not there:
        return None
    return f"to learn from what there is, give --config a file with {' or '.join(there)}"


def _property_columns(schema: Schema, edge_type: EdgeType) -> tuple[str, list[str]]:
    """The column that says when, and the columns that are numbers."""
    relation = schema.relation(edge_type.relation)
    numbers = [column.name for column in relation.columns if column.kind in _NUMBERS]
    return (OCCURRED_AT if relation.is_event else SINCE), numbers


def _epoch_seconds(column: pa.ChunkedArray) -> np.ndarray:
    microseconds = pc.fill_null(column.cast(pa.int64()), ALWAYS_S).to_numpy()
    return np.where(microseconds == ALWAYS_S, ALWAYS_S, microseconds // _MICROSECONDS)


def _float32(column: pa.ChunkedArray, empty: float) -> np.ndarray:
    filled = pc.fill_null(column.cast(pa.float64()), empty)
    return np.asarray(filled.to_numpy(), dtype=np.float32)
