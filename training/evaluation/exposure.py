"""Popularity against exposure: who is shown how often, from the least popular targets on."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from graphdb.errors import NotEnoughDataError, TrainingError
from graphrec.bundle import Adjacency
from training.evaluation.results import ExposurePoint

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def exposure(
    ranked_by_model: Mapping[str, Rows],
    truth: Adjacency,
    popularity: npt.NDArray[np.integer] | Floats,
    bins: int,
) -> tuple[ExposurePoint, ...]:
    """What share of all places goes to targets of which popularity.

    Targets are put in bins that hold about equally many training events each, so a model that
    shows everything as often as it was taken has a share of 1 / bins in each. Targets without an
    event come first, in a point of their own. Targets of equal popularity stay together, where
    most of their events fall; so there are fewer bins where a few targets have most events.

    Args:
        ranked_by_model: Per model the lists of all seeds, int64 [num_seeds, k], -1 where a list
            is shorter.
        truth: What was to be found.
        popularity: Training events per target, 0 or more, [num_targets].
        bins: How many, 1 or more.

    Returns:
        Ascending by popularity; bins without a target are left out. The shares of a model, and
        those of what was to be found, sum to 1.

    Raises:
        NotEnoughDataError: A model shows nothing, there are no events, or there was nothing to
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
    bought = _shares("what was held out", truth.indices, bin_of, bins)
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
    """Which bin each target is in, int64 [num_targets]: 0 without an event, then 1 to `bins`."""
    levels, level_of, sizes = np.unique(popularity, return_inverse=True, return_counts=True)
    events = levels * sizes
    if not events.sum():
        raise NotEnoughDataError("no target has an event in the training part")
    middle = (np.cumsum(events) - events / 2) / events.sum()  # of a level's events, in (0, 1)
    bin_of_level = np.where(levels > 0, 1 + np.floor(middle * bins), 0).astype(np.int64)
    found: Rows = bin_of_level[level_of]
    return found


def _shares(name: str, targets: npt.NDArray[np.integer], bin_of: Rows, bins: int) -> Floats:
    if not len(targets):
        raise NotEnoughDataError(f"there is not one target in the lists of {name}")
    return np.bincount(bin_of[targets], minlength=bins + 1) / len(targets)
