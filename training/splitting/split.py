"""Splits a graph by time: the past to train on, and the future to predict."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import torch

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.data import ALWAYS_S, AT_S, DAY_S, HeteroData, edge_types_of, other_events
from training.pairs import adjacency, liked, pair_keys, without


@dataclass(frozen=True, slots=True)
class Holdout:
    """The past as a graph, and the held-out future as lists of targets.

    Args:
        train_graph: The graph as it was just before the cut-off, with unchanged node rows.
        edge_type: The edge type to predict.
        cutoff_s: The cut-off in epoch seconds; everything at or after it is the future. None
            without a single cut-off.
        truth: Per source row, the distinct held-out targets: with a cut-off, those of edges since
            then.
        new_truth: Those of them without an earlier edge from the source.
    """

    train_graph: HeteroData
    edge_type: EdgeType
    cutoff_s: int | None
    truth: Adjacency
    new_truth: Adjacency

    @property
    def cutoff(self) -> datetime | None:
        """The cut-off in UTC."""
        return None if self.cutoff_s is None else datetime.fromtimestamp(self.cutoff_s, UTC)


def hold_out_last(graph: HeteroData, edge_type: EdgeType, days: int) -> Holdout:
    """Cuts the last days off a graph, for all relations at once.

    The cut-off is `days` before the end of the last second of the relation. Splitting the train
    graph again gives a validation part.

    Raises:
        InsufficientDataError: No edge of the relation is before the cut-off, or none after it.
    """
    at_s = graph[edge_type][AT_S]
    if at_s.numel() and int(at_s.max()) == ALWAYS_S:
        raise InsufficientDataError(
            f"no {edge_type} edge has a time, so the last {days} days are unknown",
            expected="edges with times",
            next_step="train without a holdout, or hold out given pairs",
            value=days,
        )
    if days < 1 or not at_s.numel():
        raise InsufficientDataError(
            f"cannot hold out the last {days} days of {at_s.numel()} {edge_type} edges",
            expected="at least 1 day and at least 2 edges",
            next_step=other_events(graph, edge_type) or "train without a holdout, or use more data",
            value=days,
        )
    cutoff_s = int(at_s.max()) + 1 - days * DAY_S
    train_graph = graph_before(graph, cutoff_s)
    if not train_graph[edge_type].edge_index.numel():
        raise _nothing_before(at_s, edge_type, days)
    truth = liked(graph, edge_type, keep=at_s >= cutoff_s)
    return Holdout(
        train_graph=train_graph,
        edge_type=edge_type,
        cutoff_s=cutoff_s,
        truth=truth,
        new_truth=without(truth, adjacency(train_graph, edge_type)),
    )


def _nothing_before(at_s: torch.Tensor, edge_type: EdgeType, days: int) -> InsufficientDataError:
    """Returns the error, which suggests fewer days only if that would help."""
    span_s = int(at_s.max() - at_s.min())
    most_days = span_s // DAY_S
    within = f"within {span_s / DAY_S:.1f} days" if span_s else "at one time"
    return InsufficientDataError(
        f"holding out the last {days} days leaves no {edge_type} edge to train on; "
        f"all {at_s.numel()} are {within}",
        expected=None if most_days else f"{edge_type} edges on more than one day",
        next_step=f"hold out fewer days, {most_days} at most"
        if most_days
        else "train without a holdout, hold out given pairs, or use more data",
        value=days,
    )


@dataclass(frozen=True, slots=True)
class HeldPairs:
    """A random split of the pairs of one relation, for data without times.

    Args:
        train_graph: The graph without these pairs, in all events between the two types.
        truth: Per source row the held-out targets.
    """

    train_graph: HeteroData
    truth: Adjacency


def hold_out_share(
    graph: HeteroData, schema: Schema, edge_type: EdgeType, share: float, *, seed: int = 0
) -> HeldPairs:
    """Removes a share of the distinct pairs from a graph; each source keeps at least one.

    A pair is removed with all events between the two types, so that a view cannot reveal a
    purchase.

    Raises:
        InsufficientDataError: No source has a pair to spare.
    """
    pairs = liked(graph, edge_type)
    keys, sources = pair_keys(pairs), sources_of(pairs)
    drawn = np.random.default_rng(seed).random(len(keys))
    # the pair with the largest draw of each source is kept
    last = np.lexsort((drawn, sources))[pairs.indptr[1:][pairs.degrees() > 0] - 1]
    drawn[last] = 1.0
    held = keys[drawn < share]
    if not len(held):
        raise InsufficientDataError(
            f"there are not enough {edge_type} pairs to hold out a share of {share}",
            next_step="train without validation, or use more data",
            value=share,
        )
    truth = Adjacency.from_edges(
        held // pairs.num_targets, held % pairs.num_targets, pairs.num_sources, pairs.num_targets
    )
    return HeldPairs(graph_without(graph, schema, edge_type, held), truth)


def graph_before(graph: HeteroData, cutoff_s: int) -> HeteroData:
    """Returns the graph without events at or after a time and without edges that began since.

    Node rows stay: later products remain without edges.
    """
    return kept_part(graph, lambda edge_type: graph[edge_type][AT_S] < cutoff_s)


def graph_without(
    graph: HeteroData, schema: Schema, edge_type: EdgeType, held: npt.NDArray[np.int64]
) -> HeteroData:
    """Returns the graph without some pairs, in the edge type and all events between its two types.

    Args:
        held: The pairs, numbered as in `pair_keys`.
    """
    ends = (edge_type.source, edge_type.target)
    num_targets = graph[edge_type.target].num_nodes

    def keep(one: EdgeType) -> torch.Tensor | None:
        is_event = schema.relation(one.relation).is_event
        if one != edge_type and ((one.source, one.target) != ends or not is_event):
            return None
        sources, targets = graph[one].edge_index.numpy()
        return torch.from_numpy(~np.isin(sources * num_targets + targets, held))

    return kept_part(graph, keep)


def kept_part(graph: HeteroData, keep: Callable[[EdgeType], torch.Tensor | None]) -> HeteroData:
    """Returns the graph with only some edges; `keep` selects those of a type, None all."""
    part = HeteroData()
    for node_type in graph.node_types:
        part[node_type].update(graph[node_type])
    for edge_type in edge_types_of(graph):
        kept = keep(edge_type)
        for name, tensor in graph[edge_type].items():
            part[edge_type][name] = tensor if kept is None else tensor[..., kept]
    return part
