"""An audience as one vector, and how like it a user is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.audience.directions import Directions, Vector, spread
from graphrec.query.rows import Rows
from graphrec.query.space import Space

OWN_COUNTS_AS = 30
"""Of how many buyers the weight of a brand's or product's own vector is. Chosen on Complete
Journey's validation weeks; see docs/benchmarks.md."""

_MOST_MEMBERS = 20_000  # a mean of so many is as good as that of all
_PRIOR_SEPARATION = 1.0
_LEAST_SEPARATION = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """What tells the members of an audience from everyone.

    The vector tells the mean of the members from the mean of all users, see `Directions`; the
    brand's or product's own vector counts as `OWN_COUNTS_AS` members. A user's dot product with
    it, in standard deviations above the average user, is z.

    With both groups normal and equally spread, as in linear discriminant analysis, the members'
    mean d standard deviations above that of all, the odds that a user is a member rather than
    anyone are exp(d (z - d/2)), if a draw of either was as likely. Where few members are known,
    d leans towards 1. It is an in-sample estimate: the vectors have seen what members did. So it
    weighs users against each other, in `creator_portfolio`; what is told of a user is z, or the
    probability that held-out weeks make of it, see `AudienceScores`.

    Args:
        vector: float32 [dim].
        average: The dot product of the average user.
        deviation: The standard deviation of users' dot products.
        separation: d.
        num_members: Members with a known vector.
    """

    vector: npt.NDArray[np.float32]
    average: float
    deviation: float
    separation: float
    num_members: int

    @classmethod
    def of(
        cls, directions: Directions, users: Space, members: Rows, own: Vector | None
    ) -> "Audience":
        """From its members, and the vector of what they bought if there is one."""
        known = members[~users.zero[members]]
        number = len(known)
        mean = directions.mean
        if number:
            mean = users.vectors[spread(known, _MOST_MEMBERS)].astype(np.float64).mean(axis=0)
        vector = directions.towards(mean)
        if own is not None:
            weight = number / (number + OWN_COUNTS_AS)
            vector = weight * vector + (1 - weight) * directions.levelled(own)
        served = vector.astype(np.float32)
        vector = served.astype(np.float64)
        deviation = directions.deviation(vector)
        found = float(vector @ (mean - directions.mean)) / deviation if deviation else 0.0
        prior = OWN_COUNTS_AS * _PRIOR_SEPARATION
        separation = (number * found + prior) / (number + OWN_COUNTS_AS)
        return cls(
            vector=served,
            average=float(vector @ directions.mean),
            deviation=deviation,
            separation=max(separation, _LEAST_SEPARATION),
            num_members=number,
        )

    @property
    def is_known(self) -> bool:
        """Whether anything tells the members from everyone."""
        return self.deviation > 0

    def above(self, products: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The z of users, by their dot products with the vector: it never saturates."""
        z: npt.NDArray[np.float64] = (np.asarray(products, dtype=np.float64) - self.average) / (
            self.deviation
        )
        return z

    def likeness(self, scores: npt.ArrayLike, prior: float = 0.5) -> npt.NDArray[np.float64]:
        """How likely users are members, from 0 to 1, by their dot products with the vector.

        Args:
            prior: The share of members among those who are asked about. With 1/2, the default,
                one half is as like the members as everyone.

        >>> audience = Audience(np.ones(1, np.float32), 0.0, 2.0, 1.0, 9)
        >>> audience.likeness([-7.0, 1.0, 9.0]).round(2).tolist()
        [0.02, 0.5, 0.98]
        """
        likeness_at = self.separation * (self.above(scores) - self.separation / 2)
        log_odds = likeness_at + np.log(prior / (1 - prior))
        likeness: npt.NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))
        return likeness
