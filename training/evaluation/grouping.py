"""Parts of the nodes of one type: by a number, in steps, or by name, the largest ones."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.metrics import Rows, Values

MOST_GROUPS = 12
OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """One dimension of groups.

    Args:
        dimension: What groups are made by, such as 'price band'.
        names: Of the groups, in their order.
        codes: Per node which group it is in, int64 [num_nodes]; -1 for none.
    """

    dimension: str
    names: tuple[str, ...]
    codes: Rows


def by_steps(
    dimension: str, numbers: Values, steps: Sequence[float], unit: str, unknown: str
) -> Grouping:
    """Groups by a number: below the first step, from one to below the next, from the last on.

    Args:
        numbers: float64 [num_nodes]; NaN where it is not known.
        unit: What is counted, such as 'day'.
        unknown: What the last group is called, of those whose number is not known.

    >>> found = by_steps("age", np.array([3.0, 1.0, np.nan]), [2, 5], "day", "unknown")
    >>> found.names, found.codes.tolist()
    (('below 2 days', '2 to 4 days', '5 days or more', 'unknown'), [1, 0, 3])
    """
    codes = np.digitize(numbers, steps).astype(np.int64)
    codes[~np.isfinite(numbers)] = len(steps) + 1
    middle = [_range(low, high, unit) for low, high in itertools.pairwise(steps)]
    first = _range(0, steps[0], unit) if steps[0] <= 1 else f"below {steps[0]:,g} {unit}s"
    return Grouping(dimension, (first, *middle, f"{steps[-1]:,g} {unit}s or more", unknown), codes)


def _range(low: float, high: float, unit: str) -> str:
    if high - low == 1:
        return f"{low:,g} {unit}" + ("" if low == 1 else "s")
    return f"{low:,g} to {high - 1:,g} {unit}s"


def by_name(
    dimension: str,
    labels: Rows,
    names: Sequence[str],
    weights: Values,
    *,
    keep_order: bool = False,
) -> Grouping:
    """Groups by a label: the heaviest ones, the rest summed up as 'other'.

    Args:
        labels: Per node a position in `names`, -1 for none.
        weights: Per node how much it counts towards the weight of its group.
        keep_order: Groups stand in the order of their labels; by default the heaviest first.
    """
    present = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=len(names)))
    weight = np.bincount(labels[labels >= 0], weights[labels >= 0], minlength=len(names))
    heaviest = present[np.argsort(-weight[present], kind="stable")]
    kept = heaviest if len(heaviest) <= MOST_GROUPS else heaviest[: MOST_GROUPS - 1]
    if keep_order:
        kept = np.sort(kept)
    code_of = np.full(len(names) + 1, len(kept), dtype=np.int64)
    code_of[kept] = np.arange(len(kept))
    code_of[-1] = -1  # where a label of -1 looks
    chosen = tuple(names[label] for label in kept.tolist())
    rest = () if len(kept) == len(heaviest) else (OTHER,)
    return Grouping(dimension, (*chosen, *rest), code_of[labels])
