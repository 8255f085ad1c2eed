"""Validation by order, for data without times whose published lists have kept their order.

In the LightGCN split of Gowalla and Yelp2018 every user's list runs from the first visit to the
last, and the test part is the last fifth of it. A part drawn at random is an easier question: its
answers lie nearer to what is left, and on Yelp2018 are more popular. The ends of the lists in the
training part are asked instead.
"""

from pathlib import Path

import numpy as np

from benchmarks.data.base import VALIDATION_SHARE, Rows


def hold_out_ends(pairs: Rows, order: Path) -> tuple[Rows, Rows]:
    """Of int64 [2, num_pairs] what is left, and the last tenth of every user's.

    Args:
        order: Lines 'user item item ...', in order of time. Pairs that it does not name, those of
            whole users too, stay with what is left.

    Raises:
        ValueError: It names a pair that there is not, or none at all.
    """
    named = [[int(word) for word in line.split()] for line in order.read_text().splitlines()]
    lists = [(user, items) for user, *items in named if items]
    owners = np.repeat([user for user, _ in lists], [len(items) for _, items in lists]).astype(int)
    taken = np.array([item for _, items in lists for item in items], dtype=np.int64)
    width = int(max(pairs[1].max(), taken.max(initial=0))) + 1
    keys, known = pairs[0] * width + pairs[1], owners * width + taken
    if not len(known) or not np.isin(known, keys).all():
        raise ValueError(f"{order} names no pairs, or some that the training part does not have")
    number = np.bincount(pairs[0])
    ends = [
        user * width + item
        for user, items in lists
        for item in items[max(len(items) - round(VALIDATION_SHARE * number[user]), 1) :]
    ]
    is_held = np.isin(keys, ends)
    return pairs[:, ~is_held], pairs[:, is_held]
