"""Audience figures from the held-out weeks: calibration, and lift by size."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Numbers = npt.NDArray[np.float64]
LEAST_STEEP = 0.02
"""The smallest slope of a calibration, so that different scores stay different."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Lift = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


def log_odds(num_members: int, num_known: int) -> float:
    """Returns the log odds that a known user is a member, with one more of either kind added.

    >>> round(log_odds(1, 20), 2)
    -2.3
    """
    return float(np.log((num_members + 1) / (num_known - num_members + 1)))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reliability(_Part):
    """A tenth of user and brand (or product) pairs, with similar probabilities.

    Args:
        told: The mean predicted probability, from a rule fitted on other brands or products.
        bought: The share of pairs in which the user bought.
    """

    told: Share
    bought: Share


class Knot(_Part):
    """A knot of a piecewise linear calibration.

    Args:
        at: Logit before.
        logit: Logit after, of the probability.
    """

    at: Finite
    logit: Finite


class Calibration(_Part):
    """The calibration that turns a similarity into a probability.

    First x = intercept + slope z + prior_slope o: z is how many standard deviations a user is above
    the average user (`Audience`), o the log odds that a known user is one of the buyers. Platt,
    "Probabilistic outputs for support vector machines" (1999), with the popularity of the brand or
    product as a second input. Then the logit is piecewise linear in x and strictly increasing:
    isotonic regression (Zadrozny and Elkan, KDD 2002) with lines instead of steps, extended beyond
    the outermost knots.

    Args:
        slope: Above 0, which keeps the order of users.
        knots: One or more, ascending in both values.
        error: The mean of |told - bought| over tenths of all pairs by probability (expected
            calibration error).
        tenths: Tenths of all pairs, the least likely first.
        top_percent: The most likely hundredth of all pairs.
    """

    intercept: Finite
    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    prior_slope: Finite
    knots: tuple[Knot, ...] = Field(min_length=1)
    error: Share
    tenths: tuple[Reliability, ...]
    top_percent: Reliability

    @model_validator(mode="after")
    def _rises(self) -> Self:
        for one, other in pairwise(self.knots):
            if other.at <= one.at or other.logit <= one.logit:
                raise ValueError("knots do not ascend")
        return self

    def probabilities(self, above: npt.ArrayLike, prior: float) -> Numbers:
        """Returns probabilities, float64, strictly between 0 and 1 up to rounding.

        Args:
            above: The z of users.
            prior: The o of the brand or product.
        """
        x = self.intercept + self.slope * np.asarray(above, float) + self.prior_slope * prior
        found: Numbers = 1 / (1 + np.exp(-np.clip(bent(x, self.knots), -700, 700)))
        return found


def bent(x: Numbers, knots: Sequence[Knot]) -> Numbers:
    """Interpolates linearly between knots, and extrapolates with the outermost slope, at most 1.

    >>> bent(np.array([-1.0, 0.5, 3.0]), [Knot(at=0, logit=0), Knot(at=2, logit=1)]).tolist()
    [-0.5, 0.25, 1.5]
    """
    at, logit = (np.array([getattr(knot, name) for knot in knots]) for name in ("at", "logit"))
    steepness = np.ones(1)
    if len(at) > 1:
        steepness = np.clip(np.diff(logit) / np.diff(at), LEAST_STEEP, 1)
    inside = np.clip(x, at[0], at[-1])
    beyond = steepness[0] * np.minimum(x - at[0], 0) + steepness[-1] * np.maximum(x - at[-1], 0)
    found: Numbers = np.interp(inside, at, logit) + beyond
    return found


class ReachFigure(_Part):
    """One size of an audience.

    Args:
        share: Of all users who had never bought.
        lift: Their later purchase rate over that of all who had never bought.
        low: The lower end of the 95 % confidence interval (bootstrap over brands or products).
        high: The upper end.
    """

    share: Annotated[float, Field(gt=0, le=1)]
    lift: Lift
    low: Lift
    high: Lift


class ReachBand(_Part):
    """Brands or products with similar numbers of buyers.

    Args:
        fewest: The fewest buyers before the held-out weeks.
        most: The most buyers before the held-out weeks.
        num_queries: The number of measured brands or products.
        num_new_buyers: First-time buyers in the held-out weeks, over all of them.
        points: By share, ascending.
    """

    fewest: Count
    most: Count
    num_queries: Count
    num_new_buyers: Count
    points: tuple[ReachFigure, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        shares = [point.share for point in self.points]
        if shares != sorted(set(shares)) or self.fewest > self.most:
            raise ValueError("shares, or numbers of buyers, do not ascend")
        return self

    def at(self, share: float) -> ReachFigure:
        """Interpolates a size between the measured ones, linearly in the log of the share."""
        logs = np.log([point.share for point in self.points])
        lift, low, high = (
            float(np.interp(np.log(share), logs, [getattr(point, name) for point in self.points]))
            for name in ("lift", "low", "high")
        )
        return ReachFigure(share=share, lift=lift, low=low, high=high)


class AudienceFigures(_Part):
    """The audience figures of one type.

    Args:
        cutoff: The start of the held-out weeks.
        window_days: Their length in days.
        first_purchase: The calibration for users who never bought, within that time.
        any_purchase: The calibration for all users, first and repeated purchases.
        reach: By number of buyers, ascending.
    """

    cutoff: AwareDatetime
    window_days: Annotated[int, Field(ge=1)]
    first_purchase: Calibration
    any_purchase: Calibration
    reach: tuple[ReachBand, ...] = Field(min_length=1)

    def band(self, num_buyers: int) -> ReachBand:
        """Returns the figures for a similar number of buyers."""
        return next((one for one in self.reach if num_buyers <= one.most), self.reach[-1])
