"""Searches the paths between two nodes with walks from both ends that meet in the middle.

It selects a few paths to show: strong and diverse ones.
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
"""The penalty of a path for every inner node that an earlier path showed."""


def most_telling(paths: Sequence[ExplainedPath], num_paths: int) -> tuple[ExplainedPath, ...]:
    """Selects the strongest path, then repeatedly the strongest after the penalty for shown nodes.

    Of ten paths that differ only in one shopper, it takes one before a second one.
    """
    left = list(paths)
    chosen: list[ExplainedPath] = []
    shown: set[object] = set()

    def worth(path: ExplainedPath) -> float:
        repeated = sum(node in shown for node in path.nodes[1:-1])
        return path.strength * _SHOWN_BEFORE**repeated

    while left and len(chosen) < num_paths:
        best = max(left, key=worth)  # the first among equal ones
        left.remove(best)
        chosen.append(best)
        shown.update(best.nodes[1:-1])
    return tuple(chosen)


HOP_DISCOUNT = 0.25
"""The penalty of every hop after the first: short reasons are easier to follow."""

MOST_MEETINGS = 1_000_000
"""The maximum of edges to scan where the two sides of a type sequence meet."""

MOST_PATHS = 50_000
"""The maximum of computed paths of one type sequence."""

COUNTING_PATHS = 10
"""The strength of a type sequence is the sum over this many of its strongest paths. Thousands of
weak paths through popular items are not a comprehensible reason."""

KEPT_PATHS = 50
"""The number of strongest paths of each type sequence from which to choose those to show."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All paths of one sequence of node types, represented by the strongest ones.

    Args:
        types: The node types, from query node to target.
        rows: int64 [num_kept, num_hops + 1], strongest first; equal ones by row.
        steps: int64 [num_kept, num_hops], numbers of steps.
        strengths: float64 [num_kept].
        total: The sum of the strengths of the COUNTING_PATHS strongest.
        num_paths: The number of paths.
        widths: The number of distinct nodes at each position of all paths.
        whole: Whether the counts are complete; if not, `num_paths` and `widths` exclude weak ones.
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
    """Returns the node type sequences between two nodes, strongest first, and whether all.

    Of sequences that differ only in repetitions of a type (`kind`) it keeps the shortest: paths
    that only repeat a node type add no reason.

    The result is complete within the limits of this file and of `steps.py`. Beyond them, the
    weakest are dropped, deterministically.
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
    """Returns a type sequence without repeats; only a direct edge stays different from longer ones.

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
    """Returns all sequences of node types from one type to the other, the shortest first."""
    waiting: list[tuple[str, ...]] = [(start_type,)]
    for _ in range(max_hops):
        waiting = [(*types, end) for types in waiting for end in steps.end_types(types[-1])]
        yield from (types for types in waiting if types[-1] == end_type)


def _halves(ahead: WalksFrom, back: WalksFrom, types: tuple[str, ...]) -> tuple[Walks, Walks]:
    """Returns walks from both ends that are one step short together; the cheaper end is longer."""
    backwards = types[::-1]
    shorter, odd = divmod(len(types), 2)
    if odd and ahead.cost(types[: shorter + 1]) <= back.cost(backwards[: shorter + 1]):
        return ahead.along(types[: shorter + 1]), back.along(backwards[:shorter])
    return ahead.along(types[:shorter]), back.along(backwards[: shorter + odd])


def _meet(steps: Steps, ahead: Walks, back: Walks) -> Walks:
    """Joins walks from the query node to walks from the target by one step."""
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
    """Returns edges from distinct ends of one side to distinct ends of the other.

    `origin` and `rows` of the result are rows of the two end types. Up to MOST_PATHS pairs of walks
    meet at these edges; the flag says whether these are all.
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
    """Returns the distinct ends, ascending, with their strongest walk and number of walks."""
    ends, place, count = np.unique(walks.ends, return_inverse=True, return_counts=True)
    best = np.zeros(len(ends))
    np.maximum.at(best, place, walks.strengths)
    return ends, best, count


def _pairs(near: Walks, far: Walks, edges: Edges) -> tuple[Rows, Rows, Rows]:
    """Returns the numbers of query-side walk, target-side walk and edge of every joined pair."""
    near_order, near_first, near_count = _runs(near, edges.origin)
    far_order, far_first, far_count = _runs(far, edges.rows)
    edge = np.repeat(np.arange(len(edges.rows)), near_count * far_count)
    within_edge = np.arange(len(edge)) - np.repeat(
        np.cumsum(near_count * far_count) - near_count * far_count, near_count * far_count
    )
    near_place, far_place = np.divmod(within_edge, far_count[edge])
    return near_order[near_first[edge] + near_place], far_order[far_first[edge] + far_place], edge


def _runs(walks: Walks, ends: Rows) -> tuple[Rows, Rows, Rows]:
    """Returns walks ordered by end, with start and number of those of each of `ends`."""
    order = np.argsort(walks.ends, kind="stable")
    in_order = walks.ends[order]
    first = np.searchsorted(in_order, ends, side="left")
    return order, first, np.searchsorted(in_order, ends, side="right") - first


def _plain(steps: Steps, paths: Walks, num_ahead: int) -> Walks:
    """Drops paths with repeated nodes, and detours.

    A path is a detour if two nodes that are not adjacent on it belong together, such as a product
    and its brand: reaching the brand through its shop adds no reason.
    """
    kept: Mask = np.ones(len(paths.rows), dtype=np.bool_)
    places = range(len(paths.types))
    for one, other in combinations(places, 2):
        ends = paths.rows[:, one], paths.rows[:, other]
        if one < num_ahead <= other and paths.types[one] == paths.types[other]:
            kept &= ends[0] != ends[1]  # each half has no repeated node
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
    """Returns the numbers of the KEPT_PATHS strongest, in order, ties by row."""
    num_weak = len(paths.strengths) - KEPT_PATHS
    near = np.arange(len(paths.strengths))
    if num_weak > 0:  # sorting all of them would take half the time of an explanation
        weakest_kept = np.partition(paths.strengths, num_weak)[num_weak]
        near = np.flatnonzero(paths.strengths >= weakest_kept)
    order = np.lexsort((*paths.rows[near].T[::-1], -paths.strengths[near]))
    return near[order[:KEPT_PATHS]]
