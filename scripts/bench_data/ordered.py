"""Validation by order, for data without times whose published lists have kept their order.

In the LightGCN split of Gowalla and Yelp2018 every user's list runs from the first visit to the
last, and the test part is the last fifth of it. A part drawn at random is an easier question: its
answers lie nearer to what is left, and on Yelp2018 are more popular. The ends of the lists in the
training part are asked instead.
"""

from pathlib import Path

import numpy as np

from bench_data.base import VALIDATION_SHARE, Rows


def hold_out_ends(pairs: Rows, order: Path) -> tuple[Rows, Rows]:
    """Of int64 [2, num_pairs] what is left, and the last tenth of every user's.

    Args:
        order: Lines 'user item item ...', in order of time. Pairs that it does not name, those of
            whole users too, stay with what is left.

    Raises:
        ValueError: It names a pair that there is not.
    """
    width = int(pairs[1].max()) + 1
    keys = pairs[0] * width + pairs[1]
    number = np.bincount(pairs[0])
    ends = []
    for line in order.read_text().splitlines():
        user, *items = map(int, line.split())
        if user >= len(number) or not items:
            continue
        last = min(round(VALIDATION_SHARE * number[user]), len(items) - 1)
        ends.append(user * width + np.asarray(items[len(items) - last :], dtype=np.int64))
    held = np.concatenate(ends)
    if not np.isin(held, keys).all():
        raise ValueError(f"{order} names pairs that the training part does not have")
    is_held = np.isin(keys, held)
    return pairs[:, ~is_held], pairs[:, is_held]
