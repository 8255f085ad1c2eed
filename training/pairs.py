"""Sets of (source, target) pairs as sorted target lists, with set operations."""

import numpy as np
import numpy.typing as npt
import torch

from graphdb.schema_types import EdgeType
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.data import AT_S, HeteroData, likes


def adjacency(
    graph: HeteroData, edge_type: EdgeType, keep: torch.Tensor | None = None
) -> Adjacency:
    """Returns the distinct pairs of one edge type.

    Args:
        keep: The edges to use, bool [E]; all by default.
    """
    edge_index = graph[edge_type].edge_index
    sources, targets = (edge_index if keep is None else edge_index[:, keep]).numpy()
    num_sources, num_targets = (
        graph[end].num_nodes for end in (edge_type.source, edge_type.target)
    )
    return Adjacency.from_edges(sources, targets, num_sources, num_targets)


def liked(graph: HeteroData, edge_type: EdgeType, keep: torch.Tensor | None = None) -> Adjacency:
    """Returns the distinct positive pairs of one edge type: all except low ratings.

    Args:
        keep: As for `adjacency`.
    """
    speaks = likes(graph, edge_type)
    if speaks is not None:
        keep = speaks if keep is None else keep & speaks
    return adjacency(graph, edge_type, keep)


def events(graph: HeteroData, edge_type: EdgeType) -> Adjacency:
    """Returns the distinct pairs of one edge type, with counts and last times."""
    store = graph[edge_type]
    sources, targets = store.edge_index.numpy()
    num_sources, num_targets = (
        graph[end].num_nodes for end in (edge_type.source, edge_type.target)
    )
    return Adjacency.from_events(sources, targets, store[AT_S].numpy(), num_sources, num_targets)


def compose(first: Adjacency, second: Adjacency) -> Adjacency:
    """Returns the distinct pairs at the two ends of two consecutive steps.

    >>> bought = Adjacency.from_edges(np.array([0, 0]), np.array([0, 1]), 1, 2)
    >>> made_by = Adjacency.from_edges(np.array([0, 1]), np.array([3, 3]), 2, 4)
    >>> compose(bought, made_by).targets(0).tolist()
    [3]
    """
    sources = np.repeat(sources_of(first), second.degrees()[first.indices])
    return Adjacency.from_edges(
        sources, second.gather(first.indices), first.num_sources, second.num_targets
    )


def without(pairs: Adjacency, others: Adjacency) -> Adjacency:
    """Returns the pairs without the others.

    >>> both = Adjacency.from_edges(np.array([0, 0]), np.array([0, 1]), 1, 2)
    >>> one = Adjacency.from_edges(np.array([0]), np.array([1]), 1, 2)
    >>> without(both, one).targets(0).tolist()
    [0]
    """
    keep = ~np.isin(pair_keys(pairs), pair_keys(others), assume_unique=True)
    return Adjacency.from_edges(
        sources_of(pairs)[keep], pairs.indices[keep], pairs.num_sources, pairs.num_targets
    )


def with_targets(pairs: Adjacency, keep: npt.NDArray[np.bool_]) -> Adjacency:
    """Returns the pairs with some targets only.

    Args:
        keep: bool [num_targets].

    >>> both = Adjacency.from_edges(np.array([0, 0]), np.array([0, 1]), 1, 2)
    >>> with_targets(both, np.array([False, True])).targets(0).tolist()
    [1]
    """
    kept = keep[pairs.indices]
    return Adjacency.from_edges(
        sources_of(pairs)[kept], pairs.indices[kept], pairs.num_sources, pairs.num_targets
    )


def with_columns(pairs: Adjacency, rows: npt.NDArray[np.int64]) -> Adjacency:
    """Returns the pairs with some targets only, which are numbered by their places in `rows`.

    Args:
        rows: int64 [num_rows], ascending.

    >>> both = Adjacency.from_edges(np.array([0, 0]), np.array([0, 1]), 1, 2)
    >>> kept = with_columns(both, np.array([1]))
    >>> kept.num_targets, kept.targets(0).tolist()
    (1, [0])
    """
    places = np.full(pairs.num_targets, -1)
    places[rows] = np.arange(len(rows))
    found = places[pairs.indices]
    return Adjacency.from_edges(
        sources_of(pairs)[found >= 0], found[found >= 0], pairs.num_sources, len(rows)
    )


def sampled(pairs: Adjacency, num_pairs: int, fewest: int, most: int) -> Adjacency:
    """Returns the pairs of some sources, drawn until these have so many.

    Args:
        fewest: The least number of sources, as far as there are so many.
        most: The largest number of sources, however few their pairs are.
    """
    degrees = pairs.degrees()
    order = np.random.default_rng(0).permutation(np.flatnonzero(degrees))
    enough = int(np.searchsorted(np.cumsum(degrees[order]), num_pairs)) + 1
    rows = np.sort(order[: min(max(enough, fewest), most)])
    sources = np.repeat(rows, degrees[rows])
    return Adjacency.from_edges(sources, pairs.gather(rows), pairs.num_sources, pairs.num_targets)


def pair_keys(pairs: Adjacency) -> npt.NDArray[np.int64]:
    """Returns one number per pair, ascending: source row * num_targets + target row."""
    keys: npt.NDArray[np.int64] = sources_of(pairs) * pairs.num_targets + pairs.indices
    return keys
