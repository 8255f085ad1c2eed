"""Which products go together, found in what users of the world did."""

from dataclasses import dataclass

import numpy as np

from graphdb.schema_types import SINCE
from graphdb.sources.synthetic.arrays import Rows, Times
from graphdb.sources.synthetic.ties import Ties

_MOST_PARTNERS = 8
_EVENTS_PER_PRODUCT = 40


@dataclass(frozen=True, slots=True)
class Histories:
    """Events in order of time, each a part of somebody's history or of one order."""

    history: Rows
    product: Rows
    at: Times


def related(events: Histories, num_products: int, lags: int, support: int, most: int) -> Ties:
    """Product to Product: those that stand near each other in histories.

    A tie begins when the pair was seen for the `support`th time, and a product keeps its earliest
    partners. So what there is before a moment follows from what happened before it, and a
    snapshot with a cut-off knows nothing of the future.

    Args:
        lags: How many steps apart in a history two events may be.
        support: How often a pair must be seen.
        most: How many ties there may be.
    """
    source, target, at = _near(_some(events, _EVENTS_PER_PRODUCT * num_products), lags)
    source, target, at = _supported(source, target, at, support)
    order = np.lexsort((target, at, source))
    source, target, at = source[order], target[order], at[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)
    early = np.flatnonzero(rank < np.clip(most // num_products, 1, _MOST_PARTNERS))
    early = np.sort(early[np.argsort(at[early], kind="stable")[:most]])
    return Ties(source[early], target[early], {SINCE: at[early]})


def _some(events: Histories, most: int) -> Histories:
    """The events of every n-th history, so that there are about `most`: enough, and quick."""
    every = -(-len(events.history) // most)
    kept = np.flatnonzero(events.history % every == 0)
    return Histories(events.history[kept], events.product[kept], events.at[kept])


def _near(events: Histories, lags: int) -> tuple[Rows, Rows, Times]:
    """Pairs of different products near each other, both ways, with the time of the later."""
    keyed = events.history.astype(np.int64) << 32 | np.arange(len(events.history))
    keyed.sort()
    order = keyed & 0xFFFFFFFF
    history, product, at = events.history[order], events.product[order], events.at[order]
    ones, others, times = [], [], []
    for lag in range(1, lags + 1):
        one, other = product[:-lag], product[lag:]
        near = (history[:-lag] == history[lag:]) & (one != other)
        ones += [one[near], other[near]]
        others += [other[near], one[near]]
        times += [at[lag:][near]] * 2
    return np.concatenate(ones), np.concatenate(others), np.concatenate(times)


def _supported(source: Rows, target: Rows, at: Times, support: int) -> tuple[Rows, Rows, Times]:
    """Each pair once, with the time it was seen for the `support`th time; others fall out."""
    pair = source.astype(np.int64) << 32 | target
    order = np.lexsort((at, pair))
    pair = pair[order]
    first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])[: len(pair)])
    seen = np.diff(np.append(first, len(pair)))
    if not (seen >= support).any():  # a small world takes what there is
        support = 1
    enough = order[first[seen >= support] + support - 1]
    return source[enough], target[enough], at[enough]
