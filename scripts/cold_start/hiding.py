"""Some products vanish from a graph; what they were tied to is kept apart."""

import numpy as np
import numpy.typing as npt
import torch

from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.data import HeteroData
from training.splitting.split import kept_part

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def drawn(graph: HeteroData, direction: EdgeType, share: float, seed: int) -> Rows:
    """Some of the products that anyone bought, ascending."""
    bought = np.unique(graph[direction].edge_index[1].numpy())
    chosen = np.random.default_rng(seed).permutation(bought)[: round(share * len(bought))]
    return np.sort(chosen)


def hidden_from(graph: HeteroData, product: str, rows: Rows) -> HeteroData:
    """The graph without any edge of some products; their rows stay, bare."""
    hidden = mask_of(rows, graph[product].num_nodes)

    def keep(tie: EdgeType) -> torch.Tensor | None:
        ends = [graph[tie].edge_index[at] for at, end in enumerate(tie[::2]) if end == product]
        touched = [torch.from_numpy(hidden)[end] for end in ends]
        return ~torch.stack(touched).any(dim=0) if touched else None

    return kept_part(graph, keep)


def near(graph: HeteroData, tie: EdgeType, product: str, rows: Rows) -> Adjacency:
    """Whom hidden products are tied to, other hidden ones left out: [num_hidden, num_others]."""
    ends = graph[tie].edge_index.numpy()
    ways = [ends if tie.source == product else ends[::-1]]
    if tie.source == tie.target:  # such ties have no direction
        ways.append(ends[::-1])
    sources, targets = np.concatenate(ways, axis=1)
    other = tie.other_end(product)
    hidden = mask_of(rows, graph[product].num_nodes)
    keep = hidden[sources]
    if other == product:
        keep &= ~hidden[targets]
    places = np.searchsorted(rows, sources[keep])
    return Adjacency.from_edges(places, targets[keep], len(rows), graph[other].num_nodes)


def columns(pairs: Adjacency, rows: Rows) -> Adjacency:
    """The pairs with some targets only, numbered anew: [num_sources, len(rows)]."""
    keep = mask_of(rows, pairs.num_targets)[pairs.indices]
    sources = np.repeat(np.arange(pairs.num_sources), pairs.degrees())[keep]
    places = np.searchsorted(rows, pairs.indices[keep])
    return Adjacency.from_edges(sources, places, pairs.num_sources, len(rows))


def mask_of(rows: Rows, number: int) -> Mask:
    mask = np.zeros(number, dtype=np.bool_)
    mask[rows] = True
    return mask
