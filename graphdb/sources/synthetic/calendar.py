"""When things happen: days with seasons, hours of the day, and moments after other moments."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from graphdb.sources.synthetic.arrays import Mask, Positions, Times, Weights
from graphdb.sources.synthetic.config import WorldConfig

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR

_FESTIVAL_DAYS_AROUND = 2
_FESTIVAL_TRAFFIC = 2.0
_WEEKEND_TRAFFIC = 1.25
_TRAFFIC_OF_HOUR = (
    *(0.5, 0.3, 0.2, 0.1, 0.1, 0.2, 0.4, 0.7, 0.9, 1.0, 1.0, 1.1),
    *(1.4, 1.2, 1.0, 1.0, 1.0, 1.1, 1.4, 1.9, 2.4, 2.6, 2.1, 1.2),
)
_YEARS_BEFORE = 2


def microseconds(moment: datetime) -> int:
    """Since 1970, exactly.

    >>> microseconds(datetime.fromisoformat("1970-01-02T00:00:00+00:00")) == DAY
    True
    """
    return (moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The period of a world.

    Args:
        start, end: Microseconds; everything happens in [start, end).
        newcomers_from: What was created since then is a newcomer.
        festival_days: Days of the festivals, counted from `start`, ascending.
        hour_weights: Traffic per hour of the period, relative.
    """

    start: int
    end: int
    newcomers_from: int
    festival_days: Positions
    hour_weights: Weights

    @classmethod
    def of(cls, config: WorldConfig) -> "Calendar":
        start, end = microseconds(config.start), microseconds(config.end)
        days = -(-(end - start) // DAY)
        dates = [config.start + timedelta(days=day) for day in range(days)]
        peaks = [
            day for day, date in enumerate(dates) if (date.month, date.day) in config.festivals
        ]
        around = np.arange(-_FESTIVAL_DAYS_AROUND, _FESTIVAL_DAYS_AROUND + 1)
        festival_days = np.unique(np.add.outer(np.array(peaks, dtype=np.int64), around))
        festival_days = festival_days[(festival_days >= 0) & (festival_days < days)]
        weights = np.where([date.weekday() >= 5 for date in dates], _WEEKEND_TRAFFIC, 1.0)
        weights[festival_days] *= _FESTIVAL_TRAFFIC
        hours = np.multiply.outer(weights, _TRAFFIC_OF_HOUR).ravel()[: (end - start) // HOUR]
        newcomers_from = end - config.newcomer_days * DAY
        return cls(start, end, newcomers_from, festival_days, hours)

    def moments(self, rng: np.random.Generator, num: int) -> Times:
        """Moments as busy as the season, day and hour are, ascending, over an hour before `end`."""
        weights = self.hour_weights[:-2]
        per_hour = rng.multinomial(num, weights / weights.sum())
        hours = np.repeat(np.arange(len(weights), dtype=np.int64), per_hour)
        moments = self.start + hours * HOUR + rng.integers(0, HOUR, num)
        moments.sort()
        return moments

    def later(self, moments: Times, delay: Weights) -> Times:
        """About `delay` microseconds after each moment, and always between it and `end`."""
        room = (self.end - 1 - moments).astype(np.float64)
        return moments + np.ceil(delay * room / (delay + room)).astype(np.int64)

    def is_festival(self, moments: Times) -> Mask:
        is_festival_day = np.zeros((self.end - self.start) // DAY + 1, dtype=np.bool_)
        is_festival_day[self.festival_days] = True
        return is_festival_day[(moments - self.start) // DAY]

    def arrivals(self, rng: np.random.Generator, num: int, newcomer_share: float) -> Times:
        """When nodes came to be, ascending: most before `start`, some late, newcomers at the end.

        The first is as old as the platform, so that whoever comes finds something.
        """
        num_new = min(max(round(num * newcomer_share), int(newcomer_share > 0)), num - 1)
        num_between = (num - num_new) // 4
        num_before = num - num_new - num_between
        before = rng.integers(self.founded, self.start - DAY, num_before)
        before[0] = self.founded
        between = rng.integers(self.start, self.newcomers_from, num_between)
        new = rng.integers(self.newcomers_from, self.end - DAY, num_new)
        return np.sort(np.concatenate([before, between, new]))

    @property
    def founded(self) -> int:
        """When the platform began, two years before the period."""
        return self.start - _YEARS_BEFORE * 365 * DAY


def in_order(moments: Times) -> tuple[Positions, Times]:
    """The order by time, and the times in that order, made distinct by microseconds.

    >>> order, distinct = in_order(np.array([30, 10, 30]))
    >>> order.tolist(), distinct.tolist()
    ([1, 0, 2], [10, 30, 31])
    """
    order = np.argsort(moments, kind="stable")
    steps = np.arange(len(moments))
    return order, np.maximum.accumulate(moments[order] - steps) + steps
