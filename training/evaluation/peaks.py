"""Days on which far more happened than usual: sales, holidays."""

import numpy as np
import numpy.typing as npt

from training.evaluation.metrics import Rows
from training.split import DAY_S

TIMES_USUAL = 1.5
DEVIATIONS = 4.0
USUAL_DAYS = 56


def peak_days(at_s: Rows, since_s: int) -> Rows:
    """The days (UTC) from a moment on with far more events than usual.

    The usual is the median day, from eight weeks before the moment to the last event. A peak has at
    least half as many again, and more than chance would give: the usual + 4 standard deviations of
    a Poisson number.

    Args:
        at_s: Epoch seconds of all events.

    Returns:
        Days since 1970, int64, ascending.
    """
    first = since_s // DAY_S - USUAL_DAYS
    days = at_s[at_s >= first * DAY_S] // DAY_S
    if not len(days):
        return np.empty(0, dtype=np.int64)
    counts = np.bincount(days - first)
    begun = counts[int(days.min() - first) :]
    usual = float(np.median(begun))
    least = max(TIMES_USUAL * usual, usual + DEVIATIONS * np.sqrt(max(usual, 1.0)))
    peaks = np.flatnonzero(counts >= least) + first
    return peaks[peaks >= since_s // DAY_S]


def on_days(at_s: Rows, days: Rows) -> npt.NDArray[np.bool_]:
    """Which moments lie on one of the days."""
    return np.isin(at_s // DAY_S, days)
