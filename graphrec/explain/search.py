"""Finds the paths between two nodes by walks from both ends that meet in the middle.

Of all the paths that are found it selects the few to show: strong ones that differ as much as
possible.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np
import numpy.typing as npt

from graphrec.explain.parts import ExplainedPath
from graphrec.explain.steps import (
    Allowed,
    Edges,
    End,
    Floats,
    Mask,
    Rows,
    Steps,
    Walks,
    WalksFrom,
    within,
)

_SHOWN_BEFORE = 0.5
"""What a path loses for every inner node that an earlier path showed."""


def most_telling(paths: Sequence[ExplainedPath], num_paths: int) -> tuple[ExplainedPath, ...]:
    """The strongest path, then each time the strongest but for what was shown already.

    Of ten paths that differ in one shopper, this takes one before it takes the second.
    """
    left = list(paths)
    chosen: list[ExplainedPath] = []
    shown: set[object] = set()

    def worth(path: ExplainedPath) -> float:
        repeated = sum(node in shown for node in path.nodes[1:-1])
        return path.strength * _SHOWN_BEFORE**repeated

    while left and len(chosen) < num_paths:
        best = max(left, key=worth)  # of equal ones the first
        left.remove(best)
        chosen.append(best)
        shown.update(best.nodes[1:-1])
    return tuple(chosen)


HOP_DISCOUNT = 0.25
"""What every hop after the first takes: people follow short reasons, and see through long ones."""

MOST_MEETINGS = 1_000_000
"""Edges looked through at most where the two sides of a sequence of types meet."""

MOST_PATHS = 50_000
"""Paths of one sequence of types that are worked out at most."""

COUNTING_PATHS = 10
"""A sequence of types is as strong as so many of its paths, the strongest. Thousands of weak paths
through everybody's favourites are no reason that anyone could follow."""

KEPT_PATHS = 50
"""The strongest paths of each sequence of types are kept for the choice of what to show."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All paths of one sequence of node types, told by the strongest of them.

    Args:
        types: The node types, from query node to target.
        rows: int64 [num_kept, num_hops + 1], strongest first; equal ones by row.
        steps: int64 [num_kept, num_hops], numbers of steps.
        strengths: float64 [num_kept].
        total: The sum of the strengths of the COUNTING_PATHS strongest.
        num_paths: How many there are.
        widths: How many different nodes stand at each place of all paths.
        whole: Whether these are all; if not, weak ones were left out of `num_paths` and `widths`.
    """

    types: tuple[str, ...]
    rows: Rows
    steps: Rows
    strengths: Floats
    total: float
    num_paths: int
    widths: tuple[int, ...]
    whole: bool


def find_paths(
    steps: Steps, query: End, target: End, *, max_hops: int, allowed: Allowed
) -> tuple[list[Found], bool]:
    """The sequences of node types between the two nodes, strongest first, and whether it is all.

    Of sequences that differ only in how often they repeat a type (`kind`), the shortest: what is
    like what is like something says the same as what is like it, once further away.

    Within the limits of this file and of `walks.py` nothing is left out. Where they are met, what
    goes is the weakest, the same every time.
    """
    ahead = WalksFrom(steps, query, target, allowed)
    back = WalksFrom(steps, target, query, allowed)
    found: dict[tuple[str, ...], Found] = {}
    whole = True
    for types in _sequences(steps, query[0], target[0], max_hops):
        if kind(types) in found:
            continue
        meeting = _meet(steps, *_halves(ahead, back, types))
        whole &= meeting.whole
        if len(meeting.rows):
            found[kind(types)] = _summed(steps, meeting)

    def order(group: Found) -> tuple[float, int, tuple[str, ...]]:
        return -group.total, len(group.types), group.types

    return sorted(found.values(), key=order), whole


def kind(types: tuple[str, ...]) -> tuple[str, ...]:
    """A sequence of types without repeats; only a direct edge stays apart from those further away.

    >>> kind(("User", "Product", "Product", "Brand"))
    ('User', 'Product', 'Brand')
    >>> kind(("User", "Product")), kind(("User", "Product", "Product", "Product"))
    (('User', 'Product'), ('User', 'Product', 'Product'))
    """
    told = tuple(node_type for node_type, _ in groupby(types))
    return told if len(told) > 2 or len(types) == 2 else (*told, told[-1])


def _sequences(
    steps: Steps, start_type: str, end_type: str, max_hops: int
) -> Iterator[tuple[str, ...]]:
    """All sequences of node types from one type to the other, the shortest first."""
    waiting: list[tuple[str, ...]] = [(start_type,)]
    for _ in range(max_hops):
        waiting = [(*types, end) for types in waiting for end in steps.end_types(types[-1])]
        yield from (types for types in waiting if types[-1] == end_type)


def _halves(ahead: WalksFrom, back: WalksFrom, types: tuple[str, ...]) -> tuple[Walks, Walks]:
    """Walks from both ends that together are one step short; the longer ones where it is cheap."""
    backwards = types[::-1]
    shorter, odd = divmod(len(types), 2)
    if odd and ahead.cost(types[: shorter + 1]) <= back.cost(backwards[: shorter + 1]):
        return ahead.along(types[: shorter + 1]), back.along(backwards[:shorter])
    return ahead.along(types[:shorter]), back.along(backwards[: shorter + odd])


def _meet(steps: Steps, ahead: Walks, back: Walks) -> Walks:
    """Walks from the query node joined by one step to walks from the target."""
    types = (*ahead.types, *back.types[::-1])
    near, far = (ahead, back)
    turn = _cost(steps, back, ahead) < _cost(steps, ahead, back)
    if turn:
        near, far = far, near
    edges, whole = _edges_between(steps, near, far)
    near_walks, far_walks, edge = _pairs(near, far, edges)
    if turn:
        near_walks, far_walks = far_walks, near_walks
    middle = steps.turned[edges.steps[edge]] if turn else edges.steps[edge]
    discount = HOP_DISCOUNT ** (len(types) - 2)
    strengths = ahead.strengths[near_walks] * edges.strengths[edge] * back.strengths[far_walks]
    paths = Walks(
        types,
        np.column_stack([ahead.rows[near_walks], back.rows[far_walks, ::-1]]),
        np.column_stack(
            [ahead.steps[near_walks], middle, steps.turned[back.steps[far_walks, ::-1]]]
        ),
        strengths * discount,
        whole and ahead.whole and back.whole,
    )
    return _plain(steps, paths, len(ahead.types))


def _cost(steps: Steps, near: Walks, far: Walks) -> int:
    return int(steps.degrees(near.types[-1], far.types[-1], np.unique(near.ends)).sum())


def _edges_between(steps: Steps, near: Walks, far: Walks) -> tuple[Edges, bool]:
    """Edges from distinct ends of the one side to distinct ends of the other.

    `origin` and `rows` of what comes are rows of the two end types. As many pairs of walks as
    MOST_PATHS meet at these edges; the flag says whether that is all of them.
    """
    near_type, far_type = near.types[-1], far.types[-1]
    starts, best, count = _by_end(near)
    degrees = steps.degrees(near_type, far_type, starts)
    kept = within(MOST_MEETINGS, degrees, best / np.sqrt(np.maximum(degrees, 1)))
    starts, best, count = starts[kept], best[kept], count[kept]
    far_ends, far_best, far_count = _by_end(far)
    among = np.zeros(steps.num_nodes(far_type), dtype=np.bool_)
    among[far_ends] = True
    edges = steps.neighbors(near_type, far_type, starts, among=among)
    place = np.searchsorted(far_ends, edges.rows)
    worth = best[edges.origin] * edges.strengths * far_best[place]
    fitting = within(MOST_PATHS, count[edges.origin] * far_count[place], worth)
    whole = len(kept) == len(degrees) and len(fitting) == len(edges.rows)
    ends = Edges(starts[edges.origin], edges.rows, edges.steps, edges.strengths)
    if len(fitting) == len(edges.rows):
        return ends, whole
    mask = np.zeros(len(edges.rows), dtype=np.bool_)
    mask[fitting] = True
    return ends.where(mask), whole


def _by_end(walks: Walks) -> tuple[Rows, Floats, Rows]:
    """The distinct ends, ascending; per end the strength of the strongest walk, and how many."""
    ends, place, count = np.unique(walks.ends, return_inverse=True, return_counts=True)
    best = np.zeros(len(ends))
    np.maximum.at(best, place, walks.strengths)
    return ends, best, count


def _pairs(near: Walks, far: Walks, edges: Edges) -> tuple[Rows, Rows, Rows]:
    """Numbers of near walk, far walk and edge, for every pair of walks that an edge joins."""
    near_order, near_first, near_count = _runs(near, edges.origin)
    far_order, far_first, far_count = _runs(far, edges.rows)
    edge = np.repeat(np.arange(len(edges.rows)), near_count * far_count)
    within_edge = np.arange(len(edge)) - np.repeat(
        np.cumsum(near_count * far_count) - near_count * far_count, near_count * far_count
    )
    near_place, far_place = np.divmod(within_edge, far_count[edge])
    return near_order[near_first[edge] + near_place], far_order[far_first[edge] + far_place], edge


def _runs(walks: Walks, ends: Rows) -> tuple[Rows, Rows, Rows]:
    """Walks ordered by end, and where among them those of each of `ends` begin, and how many."""
    order = np.argsort(walks.ends, kind="stable")
    in_order = walks.ends[order]
    first = np.searchsorted(in_order, ends, side="left")
    return order, first, np.searchsorted(in_order, ends, side="right") - first


def _plain(steps: Steps, paths: Walks, num_ahead: int) -> Walks:
    """Leaves out the paths that touch a node twice, and detours.

    A path is a detour where two of its nodes that are not neighbors on it belong together, such as
    a product and its brand: over the brand's shop, or over a product that is often bought with it,
    is no further reason.
    """
    kept: Mask = np.ones(len(paths.rows), dtype=np.bool_)
    places = range(len(paths.types))
    for one, other in combinations(places, 2):
        ends = paths.rows[:, one], paths.rows[:, other]
        if one < num_ahead <= other and paths.types[one] == paths.types[other]:
            kept &= ends[0] != ends[1]  # each half by itself touches none twice
        if other - one > 1 and (one, other) != (0, places[-1]):
            kept &= ~steps.belong_together(paths.types[one], paths.types[other], *ends)
    return Walks(
        paths.types, paths.rows[kept], paths.steps[kept], paths.strengths[kept], paths.whole
    )


def _summed(steps: Steps, paths: Walks) -> Found:
    order = _strongest(paths)
    widths = []
    for position, node_type in enumerate(paths.types):
        touched = np.zeros(steps.num_nodes(node_type), dtype=np.bool_)
        touched[paths.rows[:, position]] = True
        widths.append(int(np.count_nonzero(touched)))
    return Found(
        paths.types,
        paths.rows[order],
        paths.steps[order],
        paths.strengths[order],
        float(paths.strengths[order[:COUNTING_PATHS]].sum()),
        len(paths.rows),
        tuple(widths),
        paths.whole,
    )


def _strongest(paths: Walks) -> npt.NDArray[np.intp]:
    """The numbers of the KEPT_PATHS strongest, in order; equal ones by row."""
    num_weak = len(paths.strengths) - KEPT_PATHS
    near = np.arange(len(paths.strengths))
    if num_weak > 0:  # to sort all of them would take half the time of an explanation
        weakest_kept = np.partition(paths.strengths, num_weak)[num_weak]
        near = np.flatnonzero(paths.strengths >= weakest_kept)
    order = np.lexsort((*paths.rows[near].T[::-1], -paths.strengths[near]))
    return near[order[:KEPT_PATHS]]
