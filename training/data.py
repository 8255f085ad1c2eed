"""Loads a snapshot as a PyG `HeteroData` graph and builds sparse matrices from its edges.

The matrices hold the summed event weights of every user and product, and how products belong to
brands, categories, creators and so on. Only this module imports PyG, so that warnings of that
import are silenced in one place.
"""

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError, SchemaError, nearest
from graphdb.schema_types import OCCURRED_AT, SINCE, EdgeType, Kind
from graphdb.snapshot import Snapshot
from training.sparse_ops import coordinates, power_or_zero, product, row_sums, scaled, with_values

with warnings.catch_warnings():
    # On import, PyG compiles some of its classes in a way that torch has deprecated.
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.", category=FutureWarning)
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.", category=DeprecationWarning)
    from torch_geometric.data import HeteroData
    from torch_geometric.nn.models import LightGCN

__all__ = ["HeteroData", "LightGCN"]


COUNT = "count"
STARS = "stars"
OPINION = "opinion"
AT_S = "at_s"
DAY_S = 86_400
ALWAYS_S = int(torch.iinfo(torch.int64).min)
"""`at_s` of an edge without a start: earlier than every cut-off."""

_MICROSECONDS = 1_000_000
_NUMBERS = (Kind.INT, Kind.FLOAT)


def load_graph(snapshot: Snapshot, *, threads: int = 2) -> HeteroData:
    """Loads the whole snapshot as a PyG graph, with the node rows of the snapshot.

    Every node type has `num_nodes`. Every edge type has, empty ones included:

    - `edge_index`, int64 [2, E], in the snapshot's order;
    - `at_s`, int64 [E]: epoch seconds (UTC) of the event or of the beginning of the edge,
      rounded down; `ALWAYS_S` where an edge has no beginning;
    - every number the relation declares (`count`, `value`, `discount`, `stars`, ...), float32
      [E]. An empty count is 1; any other empty number is NaN, because unknown is not zero;
    - `opinion`, float32 [E], where the relation has stars on a scale with two ends: from -1 for the
      fewest stars to 1 for the most, 0 in the middle. 4 of 5 stars are .5, 2 are -.5.

    Args:
        threads: How many columns are read in parallel.

    Raises:
        SnapshotError: An edge ends at a node that the snapshot does not have.
    """
    graph = HeteroData()
    for node_type in snapshot.schema.node_types:
        graph[node_type].num_nodes = snapshot.num_nodes(node_type)
        snapshot.node_ids(node_type)  # read once, because threads share it
    # Ends and properties are in different columns, so one type can use two threads.
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
    """Returns the edge types of a graph, in the order of the schema."""
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
        tensors[OPINION] = torch.nan_to_num(opinion)  # missing stars are neutral
    return tensors


def _scale_of_stars(schema: Schema, edge_type: EdgeType) -> tuple[float, float] | None:
    """Returns the fewest and the most stars; None without stars, or without bounds."""
    for column in schema.relation(edge_type.relation).columns:
        if column.name == STARS and column.minimum is not None and column.maximum is not None:
            return column.minimum, column.maximum
    return None


def likes(graph: HeteroData, edge_type: EdgeType) -> torch.Tensor | None:
    """Returns which edges are positive, bool [E]; None if all are, as without stars."""
    store = graph[edge_type]
    return store[OPINION] > 0 if OPINION in store else None


def dated_likes(
    graph: HeteroData, edge_type: EdgeType
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns source rows, target rows and times of events that have one and are no dislikes."""
    store = graph[edge_type]
    kept = store[AT_S] != ALWAYS_S
    speaks = likes(graph, edge_type)
    if speaks is not None:
        kept &= speaks
    sources, targets = store.edge_index[:, kept]
    return sources, targets, store[AT_S][kept]


def other_events(graph: HeteroData, target_edge_type: EdgeType) -> str | None:
    """Returns the next step if a target edge type has no events, but the two types have others."""
    found = [
        (one, graph[one].edge_index.shape[1])
        for one in edge_types_of(graph)
        if one[::2] == target_edge_type[::2] and one != target_edge_type
    ]
    there = [f'target_edge_type = "{one}" ({number:,} edges)' for one, number in found if number]
    if not there:
        return None
    return f"to train on other edges, give --config a file with {' or '.join(there)}"


def _property_columns(schema: Schema, edge_type: EdgeType) -> tuple[str, list[str]]:
    """Returns the time column, and the numeric columns."""
    relation = schema.relation(edge_type.relation)
    numbers = [column.name for column in relation.columns if column.kind in _NUMBERS]
    return (OCCURRED_AT if relation.is_event else SINCE), numbers


def _epoch_seconds(column: pa.ChunkedArray) -> np.ndarray:
    microseconds = pc.fill_null(column.cast(pa.int64()), ALWAYS_S).to_numpy()
    return np.where(microseconds == ALWAYS_S, ALWAYS_S, microseconds // _MICROSECONDS)


def _float32(column: pa.ChunkedArray, empty: float) -> np.ndarray:
    filled = pc.fill_null(column.cast(pa.float64()), empty)
    return np.asarray(filled.to_numpy(), dtype=np.float32)


Tensor = torch.Tensor

_ROUNDING = 1e-9  # a sum below this share of its absolute terms has cancelled out


def event_weights(
    schema: Schema, target_edge_type: EdgeType, overrides: Mapping[str, float]
) -> dict[EdgeType, float]:
    """Returns the weight of one event of each relation between the ends of `target_edge_type`.

    The target edge type's own events count 1 if the schema gives them no weight, such as ratings.

    Args:
        overrides: Weights by relation name, instead of the schema's.

    Raises:
        SchemaError: An override names a relation that does not connect these two types.
    """
    fitting = {
        edge_type.relation: edge_type
        for edge_type in schema.edge_types()
        if (edge_type.source, edge_type.target)
        == (target_edge_type.source, target_edge_type.target)
    }
    for name in overrides:
        if name not in fitting:
            raise SchemaError(
                f"no relation '{name}' connects {target_edge_type.source} to "
                f"{target_edge_type.target}",
                expected="one of " + ", ".join(fitting),
                next_step=nearest(name, list(fitting)),
                value=name,
            )
    declared = {name: schema.relation(name).event_weight for name in fitting}
    if schema.relation(target_edge_type.relation).is_event:
        declared[target_edge_type.relation] = declared[target_edge_type.relation] or 1.0
    return {
        fitting[name]: weight for name, weight in {**declared, **overrides}.items() if weight != 0
    }


def interaction_matrix(
    graph: HeteroData,
    weights: Mapping[EdgeType, float],
    *,
    half_life_days: float | None = None,
) -> Tensor:
    """R: one row per source node, one column per target node, coalesced sparse float64.

    An event weighs w * log(1 + count) * 2^(-age / half_life), age counted back from the newest
    event in `graph`. One with stars counts that times its opinion (see `load_graph`): as much for a
    product with five stars as against it with one, and nothing with three. A pair's weight is the
    sum over its events, all relations together; pairs whose sum is not positive (returned more than
    bought, low ratings) are excluded.

    Args:
        weights: What one event counts, per edge type; all with the same two ends.
        half_life_days: None means that events do not age.

    Raises:
        InsufficientDataError: No pair has a positive weight.
    """
    summed = _summed(graph, weights, half_life_days)
    matrix = with_values(summed, summed.values().clamp(min=0))
    if not matrix.values().numel():
        raise InsufficientDataError("no pair has a positive weight")
    return matrix


def given_back(graph: HeteroData, weights: Mapping[EdgeType, float]) -> Tensor:
    """Returns pairs with a negative sum of events, such as returned more than bought.

    Returns:
        1 per pair, coalesced sparse float64, one row per source node.
    """
    summed = _summed(graph, weights, None)
    return with_values(summed, (summed.values() <= 0).double())


def rated_badly(graph: HeteroData, target_edge_type: EdgeType, most_stars: float) -> Tensor:
    """Returns pairs with a rating of at most so many stars, in the form of `given_back`."""
    shape = (graph[target_edge_type.source].num_nodes, graph[target_edge_type.target].num_nodes)
    pairs = [torch.empty(2, 0, dtype=torch.int64)]
    for edge_type in edge_types_of(graph):
        if (edge_type.source, edge_type.target) == (
            target_edge_type.source,
            target_edge_type.target,
        ):
            store = graph[edge_type]
            if STARS in store:
                pairs.append(store.edge_index[:, store[STARS] <= most_stars])
    index = torch.cat(pairs, dim=1)
    summed = coordinates(index, torch.ones(index.shape[1], dtype=torch.float64), shape)
    return with_values(summed, torch.ones_like(summed.values()))


def _summed(
    graph: HeteroData, weights: Mapping[EdgeType, float], half_life_days: float | None
) -> Tensor:
    """Sums the events of each pair, of either sign; see `interaction_matrix`."""
    known = set(edge_types_of(graph))
    stores = [(graph[t], weight) for t, weight in weights.items() if t in known]
    moments = torch.cat([store[AT_S] for store, _ in stores]) if stores else torch.empty(0)
    if not moments.numel():
        named = ", ".join(map(str, weights)) or "any relation"
        raise InsufficientDataError(
            f"there are no events of {named} to train on",
            next_step=other_events(graph, next(iter(weights))) if weights else None,
        )
    values = torch.cat([weight * _worth(store) for store, weight in stores])
    if half_life_days is not None:
        values *= torch.exp2((moments - moments.max()) / (half_life_days * DAY_S))
    pairs = torch.cat([store.edge_index for store, _ in stores], dim=1)
    pairs, values = pairs[:, values != 0], values[values != 0]  # three stars are neutral
    ends = next(iter(weights))
    shape = (graph[ends.source].num_nodes, graph[ends.target].num_nodes)
    # Both sums at once, because sorting the pairs dominates the time.
    both = coordinates(pairs, torch.stack([values, values.abs()], dim=1), (*shape, 2))
    summed, in_all = both.values().unbind(dim=1)
    kept = torch.where(summed.abs() <= _ROUNDING * in_all, 0.0, summed)
    return torch.sparse_coo_tensor(
        both.indices(), kept, shape, is_coalesced=True, check_invariants=False
    )


def _worth(store: Mapping[str, Tensor]) -> Tensor:
    """Returns the factor of each event besides its weight, float64 [E]."""
    counted = torch.log1p(store[COUNT].double())
    return counted * store[OPINION].double() if OPINION in store else counted


def incidence(graph: HeteroData, edge_type: EdgeType) -> Tensor:
    """Returns the distinct edges: 1 per pair, coalesced sparse float64 [sources, targets]."""
    edge_index = graph[edge_type].edge_index
    shape = (graph[edge_type.source].num_nodes, graph[edge_type.target].num_nodes)
    summed = coordinates(edge_index, torch.ones(edge_index.shape[1], dtype=torch.float64), shape)
    return with_values(summed, torch.ones_like(summed.values()))


_MAX_DEPTH = 32  # deeper than any category tree; ends the walk if the data contain a cycle


def is_side_edge_type(edge_type: EdgeType, target_edge_type: EdgeType) -> bool:
    """Returns whether it connects a target of `target_edge_type` to another type than its source.

    For User-PURCHASED-Product: MADE_BY, IN_CATEGORY, PROMOTES, ALSO_BOUGHT and so on.
    """
    ends = (edge_type.source, edge_type.target)
    return target_edge_type.target in ends and target_edge_type.source not in ends


def side_edge_types(graph: HeteroData, target_edge_type: EdgeType) -> list[EdgeType]:
    """Returns the side edge types with edges in the graph."""
    return [
        edge_type
        for edge_type in edge_types_of(graph)
        if is_side_edge_type(edge_type, target_edge_type) and graph[edge_type].edge_index.numel()
    ]


def membership(graph: HeteroData, edge_type: EdgeType, product_type: str) -> Tensor:
    """Returns each product's membership in nodes of the other type, sparse [products, others].

    The memberships of a product are equal and sum to 1. If the other type is a tree (with edges to
    itself, such as CHILD_OF), a product also belongs fully to all ancestors.
    """
    edges = incidence(graph, edge_type)
    if edge_type.source != product_type:
        edges = edges.t().coalesce()
    elif edge_type.target == product_type:
        edges = (edges + edges.t()).coalesce()  # also-bought has no direction
    shares = scaled(edges, power_or_zero(row_sums(edges), -1.0), torch.ones(edges.shape[1]))
    for tree in edge_types_of(graph):
        if tree.source == tree.target == edge_type.other_end(product_type) != product_type:
            shares = _rolled_up(shares, incidence(graph, tree))
    return shares


def _rolled_up(shares: Tensor, parents: Tensor) -> Tensor:
    """Adds to every node the values of its descendants."""
    total, level = shares, shares
    for _ in range(_MAX_DEPTH):
        level = product(level, parents)
        if not level.values().numel():
            break
        total = (total + level).coalesce()
    return total
