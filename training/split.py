"""Splits by time: what a model may see, and what happened afterwards."""

from dataclasses import dataclass

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.data import AT_S, edge_types_of
from training.pairs import adjacency, without
from training.pyg import HeteroData

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Holdout:
    """The past as a graph, and the future as lists of targets.

    Args:
        train_graph: The graph as it was just before the cut-off. Node rows are unchanged.
        edge_type: The relation whose future is to be foretold.
        cutoff_s: Epoch seconds; everything at or after it is in the future.
        truth: Per source row, the distinct targets it took after the cut-off.
        new_truth: The part of them that the source had not taken before.
    """

    train_graph: HeteroData
    edge_type: EdgeType
    cutoff_s: int
    truth: Adjacency
    new_truth: Adjacency


def hold_out_last(graph: HeteroData, edge_type: EdgeType, days: int) -> Holdout:
    """Cuts the last days off a graph, all relations at once.

    The cut is `days` before the end of the relation's last second. Cutting the train graph again
    gives a validation part.

    Raises:
        NotEnoughDataError: No edge of the relation lies before, or none after the cut.
    """
    at_s = graph[edge_type][AT_S]
    if days < 1 or not at_s.numel():
        raise NotEnoughDataError(
            f"cannot hold out the last {days} days of {at_s.numel()} {edge_type} edges",
            expected="at least 1 day and at least 2 edges",
            next_step="train without a holdout, or bring more data",
            value=days,
        )
    cutoff_s = int(at_s.max()) + 1 - days * DAY_S
    train_graph = graph_before(graph, cutoff_s)
    if not train_graph[edge_type].edge_index.numel():
        span_days = int(at_s.max() - at_s.min()) / DAY_S
        raise NotEnoughDataError(
            f"holding out the last {days} days leaves no {edge_type} edge to train on; "
            f"all {at_s.numel()} lie within {span_days:.1f} days",
            next_step="hold out fewer days",
            value=days,
        )
    truth = adjacency(graph, edge_type, keep=at_s >= cutoff_s)
    return Holdout(
        train_graph=train_graph,
        edge_type=edge_type,
        cutoff_s=cutoff_s,
        truth=truth,
        new_truth=without(truth, adjacency(train_graph, edge_type)),
    )


def graph_before(graph: HeteroData, cutoff_s: int) -> HeteroData:
    """The graph without the events at or after a moment and the ties that began since.

    Node rows stay: a product that came later is there, with nothing tied to it.
    """
    past = HeteroData()
    for node_type in graph.node_types:
        past[node_type].num_nodes = graph[node_type].num_nodes
    for edge_type in edge_types_of(graph):
        store = graph[edge_type]
        keep = store[AT_S] < cutoff_s
        for name, tensor in store.items():
            past[edge_type][name] = tensor[..., keep]
    return past
