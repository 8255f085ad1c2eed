"""What may be asked for beside affinity: a share for newcomers, caps, and diversity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from graphdb.errors import QueryError

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
        _check_number("newcomer_share", self.newcomer_share, 0, 1)
        _check_number("newcomer_days", self.newcomer_days, 0, 36_500)
        _check_number("diversity", self.diversity, 0, 1)
        for dimension, most in self.caps:
            if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
                raise QueryError(
                    f"max_per_{dimension} is {most!r}",
                    expected="a whole number, 1 or more",
                    next_step=f"to leave a {dimension} out, filter it",
                    value=most,
                )
        moment = self.newcomers_as_of
        if moment is not None and (not isinstance(moment, datetime) or moment.tzinfo is None):
            raise QueryError(
                f"newcomers_as_of is {moment!r}",
                expected="a moment with its timezone",
                value=moment,
            )

    @property
    def changes(self) -> bool:
        """Whether anything beside affinity is asked for."""
        return bool(self.newcomer_share or self.caps or self.diversity)


def _check_number(name: str, value: float, low: float, high: float) -> None:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise QueryError(f"{name} is {value!r}", expected=f"{low} to {high}", value=value)
