"""How much every user cares for every product: events summed into one sparse matrix."""

from collections.abc import Mapping

import torch

from graphdb.errors import NotEnoughDataError, SchemaError, nearest
from graphdb.schema_types import EdgeType, Schema
from training.data import AT_S, COUNT, OPINION, STARS, edge_types_of, other_events
from training.pyg import HeteroData
from training.sparse import coordinates, with_values
from training.split import DAY_S

Tensor = torch.Tensor

_ROUNDING = 1e-9  # of what a pair's events count in all; a sum below it has cancelled out


def behaviour_weights(
    schema: Schema, direction: EdgeType, overrides: Mapping[str, float]
) -> dict[EdgeType, float]:
    """What one event of each relation between the two ends of `direction` counts.

    The direction's own events count 1 where the schema says nothing of them, as of ratings: they
    are what is to be foretold.

    Args:
        overrides: Weights by relation name, in place of the schema's.

    Raises:
        SchemaError: An override names a relation that does not tie these two types.
    """
    fitting = {
        edge_type.relation: edge_type
        for edge_type in schema.edge_types()
        if (edge_type.source, edge_type.target) == (direction.source, direction.target)
    }
    for name in overrides:
        if name not in fitting:
            raise SchemaError(
                f"no relation '{name}' ties {direction.source} to {direction.target}",
                expected="one of " + ", ".join(fitting),
                next_step=nearest(name, list(fitting)),
                value=name,
            )
    declared = {name: schema.relation(name).behaviour_weight for name in fitting}
    if schema.relation(direction.relation).is_event:
        declared[direction.relation] = declared[direction.relation] or 1.0
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
    bought, rated badly) are left out.

    Args:
        weights: What one event counts, per edge type; all with the same two ends.
        half_life_days: None means that events do not age.

    Raises:
        NotEnoughDataError: No pair has a positive weight.
    """
    summed = _summed(graph, weights, half_life_days)
    matrix = with_values(summed, summed.values().clamp(min=0))
    if not matrix.values().numel():
        raise NotEnoughDataError("no pair is left with a positive weight")
    return matrix


def given_back(graph: HeteroData, weights: Mapping[EdgeType, float]) -> Tensor:
    """Pairs whose events speak against them in sum, such as returned more than bought.

    Returns:
        1 per pair, coalesced sparse float64, one row per source node.
    """
    summed = _summed(graph, weights, None)
    return with_values(summed, (summed.values() <= 0).double())


def rated_badly(graph: HeteroData, direction: EdgeType, most_stars: float) -> Tensor:
    """Pairs with a rating of so many stars or fewer, in the form of `given_back`."""
    shape = (graph[direction.source].num_nodes, graph[direction.target].num_nodes)
    pairs = [torch.empty(2, 0, dtype=torch.int64)]
    for edge_type in edge_types_of(graph):
        if (edge_type.source, edge_type.target) == (direction.source, direction.target):
            store = graph[edge_type]
            if STARS in store:
                pairs.append(store.edge_index[:, store[STARS] <= most_stars])
    index = torch.cat(pairs, dim=1)
    summed = coordinates(index, torch.ones(index.shape[1], dtype=torch.float64), shape)
    return with_values(summed, torch.ones_like(summed.values()))


def _summed(
    graph: HeteroData, weights: Mapping[EdgeType, float], half_life_days: float | None
) -> Tensor:
    """The events of each pair summed, whatever the sign; see `interaction_matrix`."""
    known = set(edge_types_of(graph))
    stores = [(graph[t], weight) for t, weight in weights.items() if t in known]
    moments = torch.cat([store[AT_S] for store, _ in stores]) if stores else torch.empty(0)
    if not moments.numel():
        named = ", ".join(map(str, weights)) or "any relation"
        raise NotEnoughDataError(
            f"there are no events of {named} to learn from",
            next_step=other_events(graph, next(iter(weights))) if weights else None,
        )
    values = torch.cat([weight * _worth(store) for store, weight in stores])
    if half_life_days is not None:
        values *= torch.exp2((moments - moments.max()) / (half_life_days * DAY_S))
    pairs = torch.cat([store.edge_index for store, _ in stores], dim=1)
    pairs, values = pairs[:, values != 0], values[values != 0]  # three stars say nothing
    ends = next(iter(weights))
    shape = (graph[ends.source].num_nodes, graph[ends.target].num_nodes)
    summed = coordinates(pairs, values, shape)
    in_all = coordinates(pairs, values.abs(), shape).values()
    cancelled = summed.values().abs() <= _ROUNDING * in_all
    summed.values()[cancelled] = 0.0
    return summed


def _worth(store: Mapping[str, Tensor]) -> Tensor:
    """What events count before their weight, float64 [E]."""
    counted = torch.log1p(store[COUNT].double())
    return counted * store[OPINION].double() if OPINION in store else counted


def incidence(graph: HeteroData, edge_type: EdgeType) -> Tensor:
    """Who is tied to whom: 1 per distinct pair, coalesced sparse float64 [sources, targets]."""
    edge_index = graph[edge_type].edge_index
    shape = (graph[edge_type.source].num_nodes, graph[edge_type.target].num_nodes)
    summed = coordinates(edge_index, torch.ones(edge_index.shape[1], dtype=torch.float64), shape)
    return with_values(summed, torch.ones_like(summed.values()))
