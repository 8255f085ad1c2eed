"""Ranks targets for queries with served bundles or baselines, and describes the lists as a whole.

Coverage, novelty, diversity and exposure by popularity depend only on the lists and the past, not
on the holdout.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from graphdb.errors import InsufficientDataError, TrainingError
from graphrec import Recommender
from graphrec.bundle import Adjacency
from graphrec.compare.lists import gini
from graphrec.query.options import Options
from training.baselines import Baseline
from training.evaluation.metrics import Rows, Scorer, Values, at, best_of
from training.evaluation.results import ExposurePoint
from training.evaluation.tasks import EvalTarget, Task
from training.quality.counts import BRAND, CREATOR, PRODUCT
from training.sparse_ops import csr_of

Floats = npt.NDArray[np.float64]


def exposure(
    ranked_by_model: Mapping[str, Rows],
    truth: Adjacency,
    popularity: npt.NDArray[np.integer] | Floats,
    bins: int,
) -> tuple[ExposurePoint, ...]:
    """Computes the exposure of targets by popularity.

    Targets are put in bins that hold about equally many training events each, so a model that
    shows everything as often as it was taken has a share of 1 / bins in each. Targets without an
    event come first, in a point of their own. Targets of equal popularity stay together, where
    most of their events fall; so there are fewer bins where a few targets have most events.

    Args:
        ranked_by_model: Per model the lists of all queries, int64 [num_queries, k], padded with
            -1.
        truth: The true targets.
        popularity: Training events per target, 0 or more, [num_targets].
        bins: The number of bins, 1 or more.

    Returns:
        Ascending by popularity; bins without a target are left out. The shares of a model, and
        those of what was to be found, sum to 1.

    Raises:
        InsufficientDataError: A model shows nothing, there are no events, or there was nothing to
            find.
        TrainingError: `bins` is below 1, or the numbers of targets differ.
    """
    if bins < 1:
        raise TrainingError(f"bins is {bins}", expected="1 or more", value=bins)
    if len(popularity) != truth.num_targets:
        raise TrainingError(
            f"there are popularities of {len(popularity)} targets",
            expected=f"the {truth.num_targets} of the truth",
            value=len(popularity),
        )
    places = {name: ranked[ranked >= 0] for name, ranked in ranked_by_model.items()}
    bin_of = _bins(popularity.astype(np.float64), bins)
    bought = _shares("the holdout", truth.indices, bin_of, bins)
    shown = {name: _shares(name, found, bin_of, bins) for name, found in places.items()}
    return tuple(
        ExposurePoint(
            popularity=float(popularity[members].mean()),
            num_targets=len(members),
            shown={name: float(shares[number]) for name, shares in shown.items()},
            bought=float(bought[number]),
        )
        for number in range(bins + 1)
        for members in [np.flatnonzero(bin_of == number)]
        if len(members)
    )


def _bins(popularity: Floats, bins: int) -> Rows:
    """Returns the bin of each target, int64 [num_targets]: 0 without an event, then 1 to `bins`."""
    levels, level_of, sizes = np.unique(popularity, return_inverse=True, return_counts=True)
    events = levels * sizes
    if not events.sum():
        raise InsufficientDataError("no target has an event in the training part")
    middle = (np.cumsum(events) - events / 2) / events.sum()  # of a level's events, in (0, 1)
    bin_of_level = np.where(levels > 0, 1 + np.floor(middle * bins), 0).astype(np.int64)
    found: Rows = bin_of_level[level_of]
    return found


def _shares(name: str, targets: npt.NDArray[np.integer], bin_of: Rows, bins: int) -> Floats:
    if not len(targets):
        raise InsufficientDataError(f"the lists of {name} are empty")
    return np.bincount(bin_of[targets], minlength=bins + 1) / len(targets)


COVERAGE, GINI, NOVELTY = "coverage", "gini", "novelty"
DIVERSITY, NEW_ITEMS = "diversity", "new_items"
_BLOCK_PAIRS = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The properties of all targets at the cut-off.

    Args:
        num_events: Training events per target, float64 [num_targets].
        categories: The category of each, int64 [num_targets], -1 where there is none; None where
            the targets have no categories.
        new_items: Which came within so many days before the cut-off, bool [num_targets]; None
            where it is not known of any when it came.
    """

    num_events: Values
    categories: Rows | None = None
    new_items: npt.NDArray[np.bool_] | None = None


def of_lists(ranked: Rows, catalogue: Catalogue, k: int) -> dict[str, float]:
    """Computes every figure for the first k places, without unknown ones.

    Args:
        ranked: int64 [num_queries, width], -1 where a list is shorter.
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
    if catalogue.new_items is not None:
        found[NEW_ITEMS] = float(catalogue.new_items[shown].mean())
    return {at(name, k): value for name, value in found.items()}


def coverage(exposure: Values) -> float:
    """Returns the share of all targets in any list.

    >>> coverage(np.array([3.0, 0.0, 1.0, 0.0]))
    0.5
    """
    return float((exposure > 0).mean())


def novelty(num_events: Values) -> Values:
    """Returns the surprise of each target: -log2 of its share of the training events.

    Every target gets one more event, so that the logarithm is finite for all.

    >>> novelty(np.array([6.0, 0.0])).tolist()
    [0.19264507794239588, 3.0]
    """
    counted = num_events + 1
    surprise: Values = -np.log2(counted / counted.sum())
    return surprise


def diversity(lists: Rows, categories: Rows) -> Values:
    """Returns, per list, the share of pairs of places with different categories.

    Targets without a category are ignored; a list with fewer than two others has NaN.

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


Tensor = torch.Tensor


class Ranker(Protocol):
    """Ranks the targets of a task for queries."""

    @property
    def name(self) -> str:
        """Its name in tables."""
        ...

    def can_answer(self, task: Task) -> bool:
        """Returns whether it supports the task's types."""
        ...

    def learn(self, target: EvalTarget) -> object:
        """Prepares ranking for a target edge type, so that ranking can be timed separately."""
        ...

    def top(self, task: Task, query_rows: Rows, k: int) -> Rows:
        """Returns the k best targets of every query node, without those that the task excludes.

        Returns:
            int64 [num_queries, k], best first, ties by ascending row, padded with -1.
        """
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """Ranks with a backtest bundle as in serving."""

    name: str
    recommender: Recommender

    def can_answer(self, task: Task) -> bool:
        has = self.recommender.bundle.has_vectors
        return has(task.query_type) and has(task.target_type)

    def learn(self, target: EvalTarget) -> None:
        """Does nothing: the bundle is already trained."""

    def top(self, task: Task, query_rows: Rows, k: int) -> Rows:
        ask = self.recommender
        if task.target_type == CREATOR and task.query_type in (PRODUCT, BRAND):
            rows, _ = ask.creator_rows(
                task.query_type, query_rows, k=k, exclude_seen=task.exclude_seen
            )
            return rows
        # Stock is known for today, not for the past: it must not exclude bought products.
        options: Options = {
            "k": k,
            "exclude_seen": task.exclude_seen,
            "levels": task.levels,
            "include_unsellable": True,
        }
        if task.query_type == CREATOR:
            rows, _ = ask.for_creator_rows(query_rows, task.target_type, **options)
        else:
            rows, _ = ask.top_rows(task.query_type, query_rows, task.target_type, **options)
        return rows


@dataclass(frozen=True, slots=True)
class Scored:
    """A baseline, fitted once for every evaluated target edge type.

    Args:
        make: Creates the baseline of a target edge type.
        fits: Whether the past of a target edge type has data for the baseline.
        ranks_seen: Whether it only knows what was seen, and skips tasks that exclude this.
    """

    name: str
    make: Callable[[EvalTarget], Baseline]
    fits: Callable[[EvalTarget], bool] = lambda _: True
    ranks_seen: bool = False
    _scorers: dict[EvalTarget, Scorer] = field(default_factory=dict, init=False, repr=False)

    def can_answer(self, task: Task) -> bool:
        return self.fits(task.target) and not (self.ranks_seen and task.exclude_seen)

    def learn(self, target: EvalTarget) -> Scorer:
        """Returns the scorer of a target edge type, fitted on first use.

        Raises:
            InsufficientDataError: The past has no data for the baseline.
        """
        if target not in self._scorers:
            self._scorers[target] = self.make(target).fit(target.graph)
        return self._scorers[target]

    def top(self, task: Task, query_rows: Rows, k: int) -> Rows:
        seen = csr_of(task.target.seen) if task.exclude_seen else None
        return best_of(self.learn(task.target), query_rows, k, seen)
