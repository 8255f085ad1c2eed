"""What is true of all lists together, whatever happened afterwards: how broad, how new."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.compare.exposure import gini
from training.evaluation.metrics import Rows, Values, at

COVERAGE, GINI, NOVELTY = "coverage", "gini", "novelty"
DIVERSITY, NEWCOMERS = "diversity", "newcomers"
_BLOCK_PAIRS = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """What is known of all targets at the cut-off.

    Args:
        num_events: Training events per target, float64 [num_targets].
        categories: The category of each, int64 [num_targets], -1 where there is none; None where
            the targets have no categories.
        newcomers: Which came within so many days before the cut-off, bool [num_targets]; None
            where it is not known of any when it came.
    """

    num_events: Values
    categories: Rows | None = None
    newcomers: npt.NDArray[np.bool_] | None = None


def of_lists(ranked: Rows, catalogue: Catalogue, k: int) -> dict[str, float]:
    """Every figure for the first k places; those that cannot be told are left out.

    Args:
        ranked: int64 [num_seeds, width], -1 where a list is shorter.
    """
    lists = ranked[:, :k]
    shown = lists[lists >= 0]
    if not len(shown):
        return {}
    exposure = np.bincount(shown, minlength=len(catalogue.num_events)).astype(np.float64)
    found = {
        COVERAGE: coverage(exposure),
        GINI: gini(exposure),
        NOVELTY: float(novelty(catalogue.num_events)[shown].mean()),
    }
    if catalogue.categories is not None:
        diverse = diversity(lists, catalogue.categories)
        if np.isfinite(diverse).any():
            found[DIVERSITY] = float(np.nanmean(diverse))
    if catalogue.newcomers is not None:
        found[NEWCOMERS] = float(catalogue.newcomers[shown].mean())
    return {at(name, k): value for name, value in found.items()}


def coverage(exposure: Values) -> float:
    """The share of all targets that stand in any list.

    >>> coverage(np.array([3.0, 0.0, 1.0, 0.0]))
    0.5
    """
    return float((exposure > 0).mean())


def novelty(num_events: Values) -> Values:
    """How surprising each target is: -log2 of its share of the training events.

    Every target counts one event more than it has, so that one without any has a number too.

    >>> novelty(np.array([6.0, 0.0])).tolist()
    [0.19264507794239588, 3.0]
    """
    counted = num_events + 1
    surprise: Values = -np.log2(counted / counted.sum())
    return surprise


def diversity(lists: Rows, categories: Rows) -> Values:
    """Per list the share of pairs of places that are of different categories.

    Targets without a category are left out; a list with fewer than two others has NaN.

    Returns:
        float64 [num_lists].
    """
    labels = np.where(lists >= 0, categories[lists], -1)
    width = labels.shape[1]
    ones, others = np.triu_indices(width, 1)
    found = np.full(len(labels), np.nan)
    step = max(_BLOCK_PAIRS // max(len(ones), 1), 1)
    for start in range(0, len(labels), step):
        part = slice(start, start + step)
        left, right = labels[part][:, ones], labels[part][:, others]
        known = (left >= 0) & (right >= 0)
        differ = known & (left != right)
        with np.errstate(invalid="ignore"):
            found[part] = differ.sum(axis=1) / known.sum(axis=1)
    return found
