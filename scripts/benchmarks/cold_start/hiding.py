"""Some products vanish from a graph; their neighbors are kept apart."""

import numpy as np
import numpy.typing as npt
import torch

from graphdb.schema_types import EdgeType
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.data import HeteroData
from training.splitting.split import kept_part

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def drawn(graph: HeteroData, target_edge_type: EdgeType, share: float, seed: int) -> Rows:
    """Some of the products that anyone bought, ascending."""
    bought = np.unique(graph[target_edge_type].edge_index[1].numpy())
    chosen = np.random.default_rng(seed).permutation(bought)[: round(share * len(bought))]
    return np.sort(chosen)


def hidden_from(graph: HeteroData, product: str, rows: Rows) -> HeteroData:
    """The graph without any edge of some products; their rows stay, bare."""
    hidden = mask_of(rows, graph[product].num_nodes)

    def keep(edge_type: EdgeType) -> torch.Tensor | None:
        edge_index, ends = graph[edge_type].edge_index, enumerate(edge_type[::2])
        touched = [torch.from_numpy(hidden)[edge_index[at]] for at, end in ends if end == product]
        return ~torch.stack(touched).any(dim=0) if touched else None

    return kept_part(graph, keep)


def near(graph: HeteroData, edge_type: EdgeType, product: str, rows: Rows) -> Adjacency:
    """The neighbors of hidden products, other hidden ones excluded: [num_hidden, num_others]."""
    ends = graph[edge_type].edge_index.numpy()
    ways = [ends if edge_type.source == product else ends[::-1]]
    if edge_type.source == edge_type.target:  # such edges have no direction
        ways.append(ends[::-1])
    sources, targets = np.concatenate(ways, axis=1)
    other = edge_type.other_end(product)
    hidden = mask_of(rows, graph[product].num_nodes)
    keep = hidden[sources]
    if other == product:
        keep &= ~hidden[targets]
    places = np.searchsorted(rows, sources[keep])
    return Adjacency.from_edges(places, targets[keep], len(rows), graph[other].num_nodes)


def columns(pairs: Adjacency, rows: Rows) -> Adjacency:
    """The pairs with some targets only, numbered anew: [num_sources, len(rows)]."""
    keep = mask_of(rows, pairs.num_targets)[pairs.indices]
    sources = sources_of(pairs)[keep]
    places = np.searchsorted(rows, pairs.indices[keep])
    return Adjacency.from_edges(sources, places, pairs.num_sources, len(rows))


def mask_of(rows: Rows, number: int) -> Mask:
    mask = np.zeros(number, dtype=np.bool_)
    mask[rows] = True
    return mask
