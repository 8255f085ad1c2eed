"""What may be asked for beside affinity: a share for newcomers, caps, and diversity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from graphdb.errors import QueryError, shown
from graphrec.query.limits import check_moment, check_number

DIMENSIONS: Mapping[str, str] = {
    "category": "categories",
    "brand": "brands",
    "creator": "creators",
}
"""What crowds a list, each with the filter whose ways through the graph tie it to targets."""


@dataclass(frozen=True, slots=True)
class Fairness:
    """How a list may depart from pure affinity; the defaults leave it as it is.

    Args:
        newcomer_share: Of the first m places at least floor(m * share) go to newcomers, for every
            m: with .2, one of the first five, two of the first ten, and so on in every page.
        newcomer_days: Who is younger than so many days, by `created_at`, is a newcomer. Without
            a `created_at` nobody is: an old product without a date must not pass for a new one.
        newcomers_as_of: The moment that ages count back from; by default the bundle's cut-off, or
            the time of its newest event where it has none. Who was created later counts as new
            too.
        caps: By dimension, how many of one category, brand or creator there may be.
        diversity: From 0, affinity alone, to 1, difference alone: maximal marginal relevance.

    Raises:
        QueryError: A number is out of its range.
    """

    newcomer_share: float = 0.0
    newcomer_days: float = 30.0
    newcomers_as_of: datetime | None = None
    caps: tuple[tuple[str, int], ...] = ()
    diversity: float = 0.0

    def __post_init__(self) -> None:
        check_number("newcomer_share", self.newcomer_share, 0, 1)
        check_number("newcomer_days", self.newcomer_days, 0, 36_500)
        check_number("diversity", self.diversity, 0, 1)
        for dimension, most in self.caps:
            if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
                raise QueryError(
                    f"max_per_{dimension} is {shown(most)}",
                    expected="a whole number, 1 or more",
                    next_step=f"to leave a {dimension} out, filter it",
                    value=most,
                )
        if self.newcomers_as_of is not None:
            check_moment("newcomers_as_of", self.newcomers_as_of)

    @property
    def changes(self) -> bool:
        """Whether anything beside affinity is asked for."""
        return bool(self.newcomer_share or self.caps or self.diversity)
