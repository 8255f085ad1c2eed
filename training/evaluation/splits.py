"""Splits beside the one by time: every source's last pair, and one that somebody gives."""

import torch

from graphdb.errors import NotEnoughDataError, TrainingError
from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle import Adjacency
from training.data import ALWAYS_S, AT_S
from training.pairs import adjacency, liked, pair_keys, without
from training.pyg import HeteroData
from training.split import Holdout, graph_without, kept_part

_NEVER_S = torch.iinfo(torch.int64).max


def hold_out_last_of_each(graph: HeteroData, edge_type: EdgeType) -> Holdout:
    """Leave-last-out: holds out what every source took last.

    From the moment of a source's last edge on, everything that this source did leaves the
    training graph, in every relation: a view in the same visit would tell of the purchase.
    Several pairs of that one moment, such as an order of three products, are all held out. A
    source with one pair alone, or with all of them at one moment, keeps what it has and is not
    asked.

    What can still leak is what the others did later: who bought last in January is asked with a
    model that has seen the others' December, and knows what became popular since. Ties that began
    later stay too. And the views that led to the last purchase, a minute before it, are in
    training, which nearly tells it. No model has this knowledge where it serves, and figures come
    out too good; so a split by time (`hold_out_last`) is the default. This one is for comparing
    with figures that others measured this way. `training.evaluation.leaks` counts all of it.

    Raises:
        NotEnoughDataError: No source has anything left beside its last moment.
    """
    store = graph[edge_type]
    sources, at_s = store.edge_index[0], store[AT_S]
    num_sources = graph[edge_type.source].num_nodes
    last_s = torch.full((num_sources,), ALWAYS_S).scatter_reduce_(0, sources, at_s, "amax")
    first_s = torch.full((num_sources,), _NEVER_S).scatter_reduce_(0, sources, at_s, "amin")
    num_pairs = torch.from_numpy(adjacency(graph, edge_type).degrees())
    is_asked = (num_pairs > 1) & (first_s < last_s)
    if not is_asked.any():
        raise NotEnoughDataError(
            f"no {edge_type.source} has {edge_type} edges to two {edge_type.target} nodes at two "
            "moments",
            next_step="bring data with times, or give a split",
        )
    from_s = torch.where(is_asked, last_s, _NEVER_S)

    def keep(one: EdgeType) -> torch.Tensor | None:
        if one.source != edge_type.source:
            return None
        is_before: torch.Tensor = graph[one][AT_S] < from_s[graph[one].edge_index[0]]
        return is_before

    train_graph = kept_part(graph, keep)
    truth = liked(graph, edge_type, keep=at_s >= from_s[sources])
    return _holdout(train_graph, edge_type, truth)


def given_split(
    graph: HeteroData, schema: Schema, edge_type: EdgeType, held_pairs: Adjacency
) -> Holdout:
    """Holds out pairs that somebody gives.

    A pair leaves the training graph in all events between its two types, as in `hold_out_share`.
    One that the graph does not have is asked for all the same: a graph may have been made from
    the training part alone. There is no cut-off, so what models know of other pairs may be later.

    Args:
        held_pairs: Such as `read_held_pairs` reads.

    Raises:
        NotEnoughDataError: Nothing is held out, or nothing is left to learn from.
        TrainingError: The pairs are of other types than the edge type's.
    """
    sizes = (graph[edge_type.source].num_nodes, graph[edge_type.target].num_nodes)
    if (held_pairs.num_sources, held_pairs.num_targets) != sizes:
        raise TrainingError(
            f"the pairs to hold out are of {held_pairs.num_sources} x {held_pairs.num_targets} "
            "nodes",
            expected=f"{sizes[0]} x {sizes[1]}, as the graph has for {edge_type}",
            value=(held_pairs.num_sources, held_pairs.num_targets),
        )
    if not held_pairs.num_edges:
        raise NotEnoughDataError("no pair is given to be held out", expected="at least one")
    train_graph = graph_without(graph, schema, edge_type, pair_keys(held_pairs))
    if not train_graph[edge_type].edge_index.numel():
        raise NotEnoughDataError(
            f"holding out {held_pairs.num_edges} given pairs leaves no {edge_type} edge to learn",
            next_step="give fewer pairs",
            value=held_pairs.num_edges,
        )
    return _holdout(train_graph, edge_type, held_pairs)


def _holdout(train_graph: HeteroData, edge_type: EdgeType, truth: Adjacency) -> Holdout:
    return Holdout(
        train_graph=train_graph,
        edge_type=edge_type,
        cutoff_s=None,
        truth=truth,
        new_truth=without(truth, adjacency(train_graph, edge_type)),
    )
