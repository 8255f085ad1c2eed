"""What users take again: a rule learned from the past, and the evidence of pairs that it needs.

The features of a pair are computed here alone, for training and for serving, so that what is
learned is what is served.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from graphdb.errors import BundleError

Numbers = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]

DAY_S = 86_400
_OF_PAIRS = (
    "count",
    "is_single",
    "days_since",
    "usual_due",
    "usual_due_capped",
    "own_due",
    "own_due_capped",
    "own_interval",
    "usual_interval",
    "repeat_rate",
)
_LEAST, _MOST_RATIO = 0.01, 8.0


def feature_names(half_lives_days: tuple[float, ...]) -> tuple[str, ...]:
    """Returns the names of the features, in the order of `features`.

    >>> feature_names((7.0,))[:2], len(feature_names((7.0, 30.0)))
    (('count', 'is_single'), 14)
    """
    counts = tuple(f"count_{days:g}d" for days in half_lives_days)
    popularity = tuple(f"popularity_{days:g}d" for days in half_lives_days)
    return (*_OF_PAIRS, *counts, *popularity)


class HabitRule(BaseModel):
    """The score of a target that a query node took before, beside targets that it never took.

    The log-odds that a pair meets again are intercept + coefficients . features + affinity * dot,
    less those that a target never taken with the dot product 0 is taken. So scale * log-odds
    compares with the dot product of a target never taken, and the score of a pair that met is

        dot + weight * (scale * log-odds - dot).

    Args:
        edge_type: The events that repeat, such as 'User-PURCHASED-Product'.
        as_of: The time to which the decayed counts refer.
        half_lives_days: The ages at which an event counts half, ascending.
        window_days: The rule was learned from what was taken again within this time.
        intercept: Log-odds without features, above those of a target never taken.
        coefficients: One per feature, in the order of `feature_names`.
        affinity: Log-odds per unit of the dot product.
        scale: Score per log-odds, above 0.
        weight: From 0 exclusive: how far scores move from the dot product.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    edge_type: str
    as_of: AwareDatetime
    half_lives_days: tuple[Days, ...] = Field(min_length=1, max_length=8)
    window_days: Days
    intercept: Finite
    coefficients: tuple[Finite, ...]
    affinity: Finite
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needed = len(feature_names(self.half_lives_days))
        if len(self.coefficients) != needed:
            raise ValueError(f"{len(self.coefficients)} coefficients, but {needed} features")
        if list(self.half_lives_days) != sorted(set(self.half_lives_days)):
            raise ValueError("half_lives_days do not ascend")
        return self

    def log_odds(self, features: Numbers) -> Numbers:
        """Returns the log-odds without the dot product, each from its own features alone.

        Returns:
            float64 [num_pairs].
        """
        summed = (features * np.array(self.coefficients)).sum(axis=1)
        found: Numbers = self.intercept + summed
        return found

    def scores(self, log_odds: Numbers, dots: Numbers) -> Numbers:
        """Returns the scores of pairs that met, float64 [num_pairs]."""
        learned = self.scale * (log_odds + self.affinity * dots)
        found: Numbers = dots + self.weight * (learned - dots)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class TargetHabits:
    """How targets are usually taken, by anyone.

    Args:
        intervals: float32 [num_targets], log of the usual days between two events of a pair.
        repeat_rates: float32 [num_targets], log-odds that who took it once takes it again.
        decayed: float32 [num_targets, num_half_lives], the decayed number of its events.
    """

    intervals: Floats
    repeat_rates: Floats
    decayed: Floats

    def part(self, rows: npt.NDArray[np.integer]) -> "TargetHabits":
        return TargetHabits(self.intervals[rows], self.repeat_rates[rows], self.decayed[rows])


@dataclass(frozen=True, slots=True, eq=False)
class PairHistory:
    """The events of pairs before a time, by pair.

    Args:
        counts: int32 [num_pairs], the number of events, 1 or more.
        first_at_s: int64 [num_pairs], the time of the oldest event: epoch seconds, UTC.
        last_at_s: int64 [num_pairs], the time of the newest one.
        decayed: float32 [num_pairs, num_half_lives], the decayed number of events at `as_of_s`.
        as_of_s: The time to which the decayed numbers refer.
    """

    counts: npt.NDArray[np.int32]
    first_at_s: npt.NDArray[np.int64]
    last_at_s: npt.NDArray[np.int64]
    decayed: Floats
    as_of_s: float

    def part(self, which: npt.NDArray[np.integer] | slice) -> "PairHistory":
        """Returns some pairs, in the given order."""
        return PairHistory(
            self.counts[which],
            self.first_at_s[which],
            self.last_at_s[which],
            self.decayed[which],
            self.as_of_s,
        )

    def with_event(self, position: int, at_s: float, half_lives_days: tuple[float, ...]) -> Self:
        """Returns the same with one more event of a pair, which may be later than `as_of_s`."""
        counts, last_at_s = self.counts.copy(), self.last_at_s.copy()
        first_at_s, decayed = self.first_at_s.copy(), self.decayed.copy()
        counts[position] += 1
        last_at_s[position] = max(int(at_s), last_at_s[position])
        first_at_s[position] = min(int(at_s), first_at_s[position])
        decayed[position] += np.exp2((at_s - self.as_of_s) / DAY_S / np.array(half_lives_days))
        return replace(
            self, counts=counts, last_at_s=last_at_s, first_at_s=first_at_s, decayed=decayed
        )


def features(
    history: PairHistory, targets: TargetHabits, now_s: float, half_lives_days: tuple[float, ...]
) -> Numbers:
    """Computes the features of pairs at a time.

    A pair's own interval is shrunk to the usual one of its target, as if there were one more
    interval of that length. Ratios are days since the newest event over an interval: 1 is when the
    target is due.

    Args:
        history: The pairs.
        targets: The target of each pair.
        now_s: Epoch seconds; a time before the decayed counts counts as theirs.

    Returns:
        float64 [num_pairs, num_features].
    """
    now_s = max(now_s, history.as_of_s)
    half_lives = np.array(half_lives_days)
    faded = np.exp2((history.as_of_s - now_s) / DAY_S / half_lives)
    counts = history.counts.astype(np.float64)
    since = np.maximum(now_s - history.last_at_s, 0) / DAY_S
    span = (history.last_at_s - history.first_at_s) / DAY_S
    usual = np.exp(targets.intervals.astype(np.float64))
    own = (span + usual) / counts
    due, own_due = since / usual, since / own
    own_counts = history.decayed.astype(np.float64) * faded
    popularity = targets.decayed.astype(np.float64) * faded
    columns = [
        np.log(counts),
        (history.counts == 1).astype(np.float64),
        np.log1p(since),
        np.log(due + _LEAST),
        np.minimum(due, _MOST_RATIO),
        np.log(own_due + _LEAST),
        np.minimum(own_due, _MOST_RATIO),
        np.log(own),
        targets.intervals.astype(np.float64),
        targets.repeat_rates.astype(np.float64),
        *np.log(own_counts + _LEAST).T,
        *np.log(popularity + _LEAST).T,
    ]
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Habits:
    """The habits of a bundle.

    Args:
        rule: The rule.
        first_at_s: int64 [num_edges], aligned with the edges of `rule.edge_type`.
        decayed: float32 [num_edges, num_half_lives], aligned in the same way.
        targets: The usual habits of every target.
    """

    rule: HabitRule
    first_at_s: npt.NDArray[np.int64]
    decayed: Floats
    targets: TargetHabits

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All arrays, in the order of their files."""
        targets = self.targets
        return (
            self.first_at_s,
            self.decayed,
            targets.intervals,
            targets.repeat_rates,
            targets.decayed,
        )

    def check(self, num_edges: int, num_targets: int) -> None:
        """Checks that it fits the edges of a bundle.

        Raises:
            BundleError: It does not, or a value is not finite; the message names the part.
        """
        width = len(self.rule.half_lives_days)
        needed: dict[str, tuple[npt.NDArray[Any], Any, tuple[int, ...]]] = {
            "first times": (self.first_at_s, np.int64, (num_edges,)),
            "decayed counts": (self.decayed, np.float32, (num_edges, width)),
            "intervals": (self.targets.intervals, np.float32, (num_targets,)),
            "repeat rates": (self.targets.repeat_rates, np.float32, (num_targets,)),
            "popularity": (self.targets.decayed, np.float32, (num_targets, width)),
        }
        for name, (array, dtype, shape) in needed.items():
            if array.dtype != dtype or array.shape != shape:
                raise BundleError(
                    f"the {name} of habits are {array.dtype} {list(array.shape)}",
                    expected=f"{np.dtype(dtype)} {list(shape)}",
                )
            if not np.isfinite(array).all():
                raise BundleError(f"the {name} of habits are not all finite numbers")
        if (self.decayed < 0).any() or (self.targets.decayed < 0).any():
            raise BundleError("a decayed count of habits is negative", expected="0 or more")
