"""Sets of pairs as arrays: which of them are among others, and ties that know no direction."""

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType
from graphrec.bundle.adjacency import Adjacency

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def sources_of(pairs: Adjacency) -> Rows:
    """The source of every pair, ascending, int64 [num_edges]."""
    return np.repeat(np.arange(pairs.num_sources), pairs.degrees())


def among(pairs: Adjacency, sources: npt.NDArray[np.integer], targets: Rows) -> Mask:
    """Which of some couples are among the pairs, bool [len(sources)].

    >>> pairs = Adjacency.from_edges(np.array([0, 1]), np.array([1, 0]), 2, 2)
    >>> among(pairs, np.array([0, 0, 1]), np.array([0, 1, 0])).tolist()
    [False, True, True]
    """
    known = sources_of(pairs) * pairs.num_targets + pairs.indices  # ascending
    asked = sources.astype(np.int64) * pairs.num_targets + targets
    places = np.searchsorted(known, asked)
    found = np.zeros(len(asked), dtype=np.bool_)
    inside = places < len(known)
    found[inside] = known[places[inside]] == asked[inside]
    return found


def outward(ties: Adjacency, edge_type: EdgeType, node_type: str) -> Adjacency:
    """Whom every node of one end is tied to.

    Ties within one type have no direction here: two products that name each other are tied once.
    """
    if edge_type.source == edge_type.target:
        sources = sources_of(ties)
        there = np.concatenate([sources, ties.indices])
        back = np.concatenate([ties.indices, sources])
        return Adjacency.from_edges(there, back, ties.num_sources, ties.num_sources)
    return ties if edge_type.source == node_type else ties.reverse()


def thinned(pairs: Adjacency, keep: Mask, most: int) -> Adjacency:
    """The pairs with kept targets, and of each source at most so many, evenly spread.

    >>> pairs = Adjacency.from_edges(np.zeros(6, int), np.arange(6), 1, 6)
    >>> thinned(pairs, np.array([True, True, True, True, True, False]), 3).targets(0).tolist()
    [0, 2, 4]
    """
    sources, targets = sources_of(pairs)[keep[pairs.indices]], pairs.indices[keep[pairs.indices]]
    sizes = np.bincount(sources, minlength=pairs.num_sources)
    begins = np.cumsum(sizes) - sizes
    places = np.arange(len(sources)) - begins[sources]
    size = np.maximum(sizes[sources] - 1, 1)
    step = (np.minimum(sizes[sources], most) - 1) / size
    # A pair stays where the rounded number of its place among `most` changes.
    number = np.floor(places * step + 1e-9)
    stays = (places == 0) | (number > np.floor((places - 1) * step + 1e-9))
    return Adjacency.from_edges(
        sources[stays], targets[stays], pairs.num_sources, pairs.num_targets
    )
