"""What is told of a user in an audience: a probability where one was measured, or a similarity."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphrec.bundle.audiences import Calibration
from graphrec.query.audience.lookalike import Audience
from graphrec.query.limits import check_number
from graphrec.query.release import Release

Values = npt.NDArray[np.float64]
ScoreKind = Literal["probability", "similarity"]


@dataclass(frozen=True, slots=True)
class AudienceScores:
    """Turns dot products with an audience's vector into what a score says; higher is better.

    With a calibration, the probability that the user buys within `window_days`: for the first
    time where only new customers are asked for, else at all. Without one, the similarity: how many
    standard deviations the user stands above the average one.

    Args:
        calibration: What held-out weeks told; None where nothing was held out.
        window_days: Of the weeks.
        prior: The log odds that a known user is one of the members.
    """

    calibration: Calibration | None
    window_days: int | None
    prior: float

    @classmethod
    def of(
        cls, release: Release, seed_type: str | None, audience: Audience, *, new_only: bool
    ) -> "AudienceScores":
        """Of an audience of a bundle; `seed_type` is None for a list of users."""
        figures = release.bundle.manifest.audiences.get(seed_type or "")
        prior = release.audiences.prior(audience.num_members)
        if figures is None:
            return cls(None, None, prior)
        of_window = figures.first_purchase if new_only else figures.any_purchase
        return cls(of_window, figures.window_days, prior)

    @property
    def kind(self) -> ScoreKind:
        """What the scores are."""
        return "similarity" if self.calibration is None else "probability"

    def of_products(self, audience: Audience, products: npt.ArrayLike) -> Values:
        """Scores by dot products with the audience's vector, in the same order."""
        above = audience.above(products)
        if self.calibration is None:
            return above
        return self.calibration.probabilities(above, self.prior)

    def check_least(self, min_score: float | None) -> float:
        """The least score, -inf for no limit.

        Raises:
            QueryError: No score can be that high or low, or it is no number.
        """
        if min_score is None:
            return -np.inf
        largest = float(np.finfo(np.float64).max)
        check_number("min_score", min_score, -largest, largest, why="a finite number")
        if self.calibration is not None and not 0 <= min_score <= 1:
            raise QueryError(
                f"min_score is {min_score}",
                expected=f"from 0 to 1: the chance to buy within {self.window_days} days",
                value=min_score,
            )
        return min_score
