"""What held-out weeks told of audiences, as a bundle keeps it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Numbers = npt.NDArray[np.float64]
LEAST_STEEP = 0.02
"""How much a calibration rises at least, so that scores do not stand still."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Lift = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


def log_odds(num_members: int, num_known: int) -> float:
    """Of being a member, for one of the known users; as if there were one more of either kind.

    >>> round(log_odds(1, 20), 2)
    -2.3
    """
    return float(np.log((num_members + 1) / (num_known - num_members + 1)))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reliability(_Part):
    """Some pairs of a user and a brand or product, with about the same probability.

    Args:
        told: The mean probability, of a rule that did not see these brands or products.
        bought: The share of them in which the user really bought.
    """

    told: Share
    bought: Share


class Knot(_Part):
    """Where a line of a calibration bends.

    Args:
        at: Logit before.
        logit: Logit after, of the probability.
    """

    at: Finite
    logit: Finite


class Calibration(_Part):
    """How a similarity becomes a probability.

    First x = intercept + slope z + prior_slope o: z is how many standard deviations a user stands
    above the average user (`Audience`), o the log odds that a known user is one of the buyers.
    Platt, "Probabilistic outputs for support vector machines" (1999), with the popularity of the
    brand or product beside the score. Then the logit of the probability lies on straight lines
    between knots, which always rise, and go on as the outermost ones do, so that no score stands
    still: isotonic regression (Zadrozny and Elkan, KDD 2002) with lines in the place of steps.

    Args:
        slope: Above 0, so that the order of users stays.
        knots: One or more, both numbers ascending.
        error: The mean of |told - bought| over tenths of all pairs by probability (expected
            calibration error).
        tenths: Tenths of all pairs, from the least likely on.
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
        """float64, strictly between 0 and 1 but for rounding.

        Args:
            above: The z of users.
            prior: The o of the brand or product.
        """
        x = self.intercept + self.slope * np.asarray(above, float) + self.prior_slope * prior
        found: Numbers = 1 / (1 + np.exp(-np.clip(bent(x, self.knots), -700, 700)))
        return found


def bent(x: Numbers, knots: Sequence[Knot]) -> Numbers:
    """On straight lines through knots, and beyond them as steep as the outermost line, at most 1.

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
        lift: How many times more of them bought afterwards than of all who had never bought.
        low: The end of the interval that holds the lift with 95 % confidence (bootstrap over
            brands or products).
        high: The other end.
    """

    share: Annotated[float, Field(gt=0, le=1)]
    lift: Lift
    low: Lift
    high: Lift


class ReachBand(_Part):
    """Brands or products with about as many buyers.

    Args:
        fewest: Buyers before the held-out weeks, of the one with the fewest.
        most: Of the one with the most.
        num_queries: How many brands or products were asked for.
        num_new_buyers: How many bought for the first time in the held-out weeks, over all.
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
        """A size between those that were measured, on straight lines over the log of the share."""
        logs = np.log([point.share for point in self.points])
        lift, low, high = (
            float(np.interp(np.log(share), logs, [getattr(point, name) for point in self.points]))
            for name in ("lift", "low", "high")
        )
        return ReachFigure(share=share, lift=lift, low=low, high=high)


class AudienceFigures(_Part):
    """What the held-out weeks told of the audiences of one type.

    Args:
        cutoff: When they began.
        window_days: How many days they are.
        first_purchase: How likely a user who never bought does so within that time.
        any_purchase: How likely any user buys within that time, for the first time or again.
        reach: By number of buyers, ascending.
    """

    cutoff: AwareDatetime
    window_days: Annotated[int, Field(ge=1)]
    first_purchase: Calibration
    any_purchase: Calibration
    reach: tuple[ReachBand, ...] = Field(min_length=1)

    def band(self, num_buyers: int) -> ReachBand:
        """The figures of those with about as many buyers."""
        return next((one for one in self.reach if num_buyers <= one.most), self.reach[-1])
