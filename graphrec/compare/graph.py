"""Which nodes and edges came and went."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphrec.bundle import Bundle
from graphrec.compare.numbering import Nodes, Numbers


@dataclass(frozen=True, slots=True)
class Turnover:
    """How a set of nodes or edges changed from A to B, by id.

    Args:
        in_a: How many A holds.
        in_b: How many B holds.
        came: How many of B's A does not hold.
        went: How many of A's B does not hold.
    """

    in_a: int
    in_b: int
    came: int
    went: int

    @classmethod
    def of(cls, in_a: int, in_b: int, in_both: int) -> "Turnover":
        return cls(in_a, in_b, in_b - in_both, in_a - in_both)


def node_turnover(nodes: Mapping[str, Nodes]) -> dict[str, Turnover]:
    """Per node type."""
    return {
        name: Turnover.of(each.num_a, len(each.of_b), len(each.rows_in_both[0]))
        for name, each in nodes.items()
    }


def edge_turnover(a: Bundle, b: Bundle, nodes: Mapping[str, Nodes]) -> dict[str, Turnover]:
    """Per edge type; an edge is known by the ids of its two ends."""
    found = {}
    for name in sorted({*a.manifest.num_edges, *b.manifest.num_edges}):
        edges_a, edges_b = (_edges(bundle, name, nodes, is_b=bundle is b) for bundle in (a, b))
        in_both = len(np.intersect1d(edges_a, edges_b, assume_unique=True))
        found[name] = Turnover.of(len(edges_a), len(edges_b), in_both)
    return found


def _edges(bundle: Bundle, name: str, nodes: Mapping[str, Nodes], *, is_b: bool) -> Numbers:
    """One number per edge, made of the numbers of its ends."""
    if name not in bundle.manifest.num_edges:
        return np.empty(0, dtype=np.int64)
    edge_type = bundle.schema.parse_edge_type(name)
    edges = bundle.edges(edge_type)
    sources = np.repeat(np.arange(edges.num_sources), edges.degrees())
    targets = edges.indices.astype(np.int64)
    ends = nodes[edge_type.source], nodes[edge_type.target]
    if is_b:
        sources, targets = ends[0].of_b[sources], ends[1].of_b[targets]
    keys: Numbers = sources * ends[1].total + targets
    return keys
