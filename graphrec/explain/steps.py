"""Walks from a node to its neighbors along all relations and weighs each edge.

The strength of one edge between a and b is

    w / sqrt(d(a) * d(b))

w is the weight of its relation, d(a) the number of a's edges of that relation in that direction.
Several edges of one pair are summed, as in the model.
So a category of 10,000 products, or a shopper who bought everything, says little. This is the
degree-weighted path count of Himmelstein and Baranzini (PLOS Comput. Biol. 2015, "DWPC"), with
damping ½ (theirs is .4), weighted relations, and the degrees of the whole graph.

Walks from one end grow step by step until longer ones would cost too much.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType, Step
from graphrec.bundle import Adjacency, Bundle
from graphrec.query.metapaths import Paths

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class WeightedStep(NamedTuple):
    """A step and the weight of its edges."""

    step: Step
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Neighbors, with one entry per pair, however many edges it has.

    Args:
        origin: Position in the given rows, ascending.
        rows: The neighbor's row.
        steps: Number of the step that represents the pair: that of the largest weight, so that a
            purchase comes before a view; among equal ones the strongest.
        strengths: Of all edges of the pair together.
    """

    origin: Rows
    rows: Rows
    steps: Rows
    strengths: Floats

    def where(self, mask: Mask) -> "Edges":
        """Returns those for which the mask is true."""
        return Edges(self.origin[mask], self.rows[mask], self.steps[mask], self.strengths[mask])


class Steps:
    """All steps that a bundle's edges allow, numbered.

    The weight of an event relation is its `event_weight` over the largest one of the schema; all
    other relations weigh 1. Events of weight 0 are not walked. A pair with negative feedback, such
    as a return, is not walked at all.
    """

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle = bundle
        self._paths = paths
        weighed = list(_weighed(bundle.schema, bundle.edge_types))
        ahead = [
            WeightedStep(Step(edge_type), weight) for edge_type, weight in weighed if weight > 0
        ]
        back = [WeightedStep(one.step.reverse(), one.weight) for one in ahead]
        self.all = tuple(chain(ahead, back))
        self.turned = np.roll(np.arange(len(self.all)), len(ahead))
        """Returns, per step, the number of the reverse step."""
        self._between: dict[tuple[str, str], list[int]] = {}
        for number, (step, _) in enumerate(self.all):
            self._between.setdefault((step.source, step.target), []).append(number)
        self._weights = np.array([one.weight for one in self.all])
        self._belongings = [
            edge_type
            for edge_type in bundle.edge_types
            if bundle.schema.relation(edge_type.relation).one_target
        ]
        self._against = [edge_type for edge_type, weight in weighed if weight < 0]

    def end_types(self, start_type: str) -> list[str]:
        """Returns the node types one step away, in order of name."""
        return sorted(end for start, end in self._between if start == start_type)

    def num_nodes(self, node_type: str) -> int:
        return self._bundle.num_nodes(node_type)

    def degrees(self, start_type: str, end_type: str, rows: Rows) -> Rows:
        """Returns the number of edges to scan per row."""
        total = np.zeros(len(rows), dtype=np.int64)
        for number in self._between.get((start_type, end_type), ()):
            total += self._along(number).degrees(rows)
        return total

    def neighbors(
        self, start_type: str, end_type: str, rows: Rows, *, among: Mask | None = None
    ) -> Edges:
        """Returns all neighbors of one type.

        Args:
            rows: Rows to start from; they may repeat.
            among: The allowed rows of the end type, bool [num_nodes]; all by default.
        """
        found = [
            self._neighbors(number, rows, among)
            for number in self._between.get((start_type, end_type), ())
        ]
        edges = self._merged(found, self.num_nodes(end_type))
        return self._without_refused(start_type, end_type, rows, edges)

    def belong_together(self, one_type: str, other_type: str, one: Rows, other: Rows) -> Mask:
        """Returns which pairs of rows a one-target relation connects, such as MADE_BY."""
        found = np.zeros(len(one), dtype=np.bool_)
        for edge_type in self._belongings:
            pairs = {(one_type, other_type): (one, other), (other_type, one_type): (other, one)}
            if (edge_type.source, edge_type.target) in pairs:
                sources, targets = pairs[edge_type.source, edge_type.target]
                adjacency = self._paths.adjacency(Step(edge_type))
                origin = np.repeat(np.arange(len(sources)), adjacency.degrees(sources))
                found[origin[adjacency.gather(sources) == targets[origin]]] = True
        return found

    def _neighbors(self, number: int, rows: Rows, among: Mask | None) -> Edges:
        ahead, back = self._along(number), self._along(int(self.turned[number]))
        degrees = ahead.degrees(rows)
        origin = np.repeat(np.arange(len(rows)), degrees)
        near = ahead.gather(rows)
        if among is not None:
            kept = among[near]
            origin, near = origin[kept], near[kept]
        ends: Rows = near.astype(np.int64)
        strengths = self.all[number].weight / np.sqrt(
            np.multiply(degrees[origin], back.degrees(ends))
        )
        return Edges(origin, ends, np.full(len(ends), number), strengths)

    def _without_refused(self, start_type: str, end_type: str, rows: Rows, edges: Edges) -> Edges:
        """Drops the pairs with negative feedback."""
        num_ends = self.num_nodes(end_type)
        for edge_type in self._against:
            for step in (Step(edge_type), Step(edge_type, backwards=True)):
                if (step.source, step.target) != (start_type, end_type):
                    continue
                against = self._paths.adjacency(step)
                starts = np.unique(rows)
                refused = np.repeat(starts, against.degrees(starts)) * num_ends
                refused += against.gather(starts)
                edges = edges.where(~np.isin(rows[edges.origin] * num_ends + edges.rows, refused))
        return edges

    def _merged(self, found: list[Edges], num_ends: int) -> Edges:
        """Returns one edge per pair, with pairs in order; see `Edges`."""
        if len(found) == 1:
            return found[0]
        none = np.empty(0, dtype=np.int64)
        origin = np.concatenate([none, *(edges.origin for edges in found)])
        rows = np.concatenate([none, *(edges.rows for edges in found)])
        steps = np.concatenate([none, *(edges.steps for edges in found)])
        strengths = np.concatenate([np.empty(0), *(edges.strengths for edges in found)])
        pairs = origin * num_ends + rows
        order = np.lexsort((steps, -strengths, -self._weights[steps], pairs))
        starts = np.flatnonzero(np.diff(pairs[order], prepend=-1))
        first = order[starts]
        summed = np.add.reduceat(strengths[order], starts) if len(starts) else strengths
        return Edges(origin[first], rows[first], steps[first], summed)

    def _along(self, number: int) -> Adjacency:
        return self._paths.adjacency(self.all[number].step)


def _weighed(schema: Schema, edge_types: tuple[EdgeType, ...]) -> Iterator[tuple[EdgeType, float]]:
    largest = max((relation.event_weight for relation in schema.relations.values()), default=1)
    for edge_type in edge_types:
        relation = schema.relation(edge_type.relation)
        yield edge_type, relation.event_weight / largest if relation.is_event else 1.0


MOST_EDGES = 200_000
"""The maximum of edges to scan when walks are extended; the strongest walks come first."""

Allowed = Callable[[str], "Mask | None"]
"""The allowed rows of each node type on a path, bool [num_nodes]; None for all."""

End = tuple[str, int]
"""Type and row of the first node of walks."""


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """Walks of one sequence of node types.

    Args:
        types: The node types, from the first node on.
        rows: int64 [num_walks, num_steps + 1], one walk per line, without repeated nodes.
        steps: int64 [num_walks, num_steps], numbers of steps.
        strengths: float64 [num_walks], the product of the edges' strengths.
        whole: Whether these are all; if not, weak ones were dropped.
    """

    types: tuple[str, ...]
    rows: Rows
    steps: Rows
    strengths: Floats
    whole: bool

    @property
    def ends(self) -> Rows:
        """Returns the row of each walk's last node."""
        return self.rows[:, -1]


class WalksFrom:
    """Walks from one node along any type sequence; each sequence is computed once.

    Args:
        avoided: A node that walks must not touch: the other end of the paths.
    """

    def __init__(self, steps: Steps, start: End, avoided: End, allowed: Allowed) -> None:
        self._steps = steps
        self._excluded = (start, avoided)
        self._allowed = allowed
        self._known: dict[tuple[str, ...], Walks] = {}
        start_type, row = start
        mask = allowed(start_type)
        begin = np.array([[row]] if mask is None or mask[row] else np.empty((0, 1)), np.int64)
        self._known[start_type,] = Walks(
            (start_type,), begin, np.empty((len(begin), 0), np.int64), np.ones(len(begin)), True
        )

    def along(self, types: tuple[str, ...]) -> Walks:
        """Returns all walks of a type sequence, or the strongest if there are too many."""
        if types not in self._known:
            self._known[types] = self._lengthened(self.along(types[:-1]), types[-1])
        return self._known[types]

    def cost(self, types: tuple[str, ...]) -> int:
        """Returns the number of edges that the last step would scan; 0 if already computed."""
        if types in self._known:
            return 0
        shorter = self.along(types[:-1])
        return int(self._steps.degrees(types[-2], types[-1], shorter.ends).sum())

    def _lengthened(self, walks: Walks, end_type: str) -> Walks:
        degrees = self._steps.degrees(walks.types[-1], end_type, walks.ends)
        # Each edge of a node with many edges is weak.
        kept = within(MOST_EDGES, degrees, walks.strengths / np.sqrt(np.maximum(degrees, 1)))
        rows, steps, strengths = walks.rows[kept], walks.steps[kept], walks.strengths[kept]
        edges = self._steps.neighbors(walks.types[-1], end_type, rows[:, -1])
        edges = edges.where(self._free(end_type, walks.types, rows[edges.origin], edges.rows))
        return Walks(
            (*walks.types, end_type),
            np.column_stack([rows[edges.origin], edges.rows]),
            np.column_stack([steps[edges.origin], edges.steps]),
            strengths[edges.origin] * edges.strengths,
            walks.whole and len(kept) == len(degrees),
        )

    def _free(self, end_type: str, types: tuple[str, ...], before: Rows, ends: Rows) -> Mask:
        """Returns which ends are possible: allowed, no end of the paths, not on the walk yet."""
        allowed = self._allowed(end_type)
        free = np.ones(len(ends), dtype=np.bool_) if allowed is None else allowed[ends]
        for excluded_type, excluded_row in self._excluded:
            if excluded_type == end_type:
                free &= ends != excluded_row
        for position, node_type in enumerate(types):
            if node_type == end_type:
                free &= before[:, position] != ends
        return free


def within(budget: int, costs: Rows, worth: Floats) -> npt.NDArray[np.intp]:
    """Returns the positions to keep, ascending: the most valuable that fit, ties in order.

    Single entries over the budget are skipped.

    >>> within(10, np.array([5, 11, 5, 5]), np.array([0.1, 0.4, 0.2, 0.3])).tolist()
    [2, 3]
    """
    if costs.sum() <= budget:
        return np.arange(len(costs))
    order = np.argsort(-worth, kind="stable")
    order = order[costs[order] <= budget]
    kept: npt.NDArray[np.intp] = np.sort(order[np.cumsum(costs[order]) <= budget])
    return kept
