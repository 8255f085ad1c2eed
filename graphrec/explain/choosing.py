"""From all that was found to the few things to show, as different as they can be."""

from collections.abc import Sequence

from graphrec.explain.explanation import ExplainedPath

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
