"""Provides the seeded draws, the calendar and the edge arrays of a synthetic world.

The calendar draws days with seasons, hours of the day, and moments after other moments. Edges are
arrays of rows until they get their ids and become a table.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType
from graphdb.sources.synthetic.config import Mask, Positions, Rows, Times, Weights, WorldConfig


def generator(seed: int, part: str) -> np.random.Generator:
    """Returns a random generator per part, so that a change in one does not affect the others.

    >>> generator(1, "users").random() == generator(1, "users").random()
    True
    >>> generator(1, "users").random() == generator(1, "brands").random()
    False
    """
    return np.random.default_rng((seed, zlib.crc32(part.encode())))


def zipf_weights(rng: np.random.Generator, num: int, exponent: float) -> Weights:
    """Weights rank^-exponent, ranks in random order."""
    ranks = rng.permutation(num) + 1.0
    return np.asarray(ranks**-exponent)


def pick(rng: np.random.Generator, num: int, shares: npt.ArrayLike) -> Rows:
    """Draws numbers from 0 on with these shares (on any positive scale)."""
    sums = np.cumsum(np.asarray(shares, dtype=np.float64))
    drawn = np.searchsorted(sums, rng.random(num) * sums[-1], side="right")
    picked: Rows = np.minimum(drawn, len(sums) - 1).astype(np.int32)
    return picked


def choose(rng: np.random.Generator, weights: Weights, num: int) -> Positions:
    """Draws distinct positions with these weights (0: never), ascending.

    Exponential clocks: the first `num` to ring are a weighted draw without replacement.
    """
    num = min(num, int(np.count_nonzero(weights)))
    if num == 0:
        return np.empty(0, dtype=np.int64)
    with np.errstate(divide="ignore"):
        rings = rng.standard_exponential(len(weights)) / weights
    return np.sort(np.argpartition(rings, num - 1)[:num])


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
        new_from: Nodes created at or after it are new.
        festival_days: Days of the festivals, counted from `start`, ascending.
        hour_weights: Traffic per hour of the period, relative.
    """

    start: int
    end: int
    new_from: int
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
        new_from = end - config.new_item_days * DAY
        return cls(start, end, new_from, festival_days, hours)

    def moments(self, rng: np.random.Generator, num: int) -> Times:
        """Draws times by traffic per season, day and hour, ascending, over an hour before `end`."""
        weights = self.hour_weights[:-2]
        per_hour = rng.multinomial(num, weights / weights.sum())
        hours = np.repeat(np.arange(len(weights), dtype=np.int64), per_hour)
        moments = self.start + hours * HOUR + rng.integers(0, HOUR, num)
        moments.sort()
        return moments

    def later(self, moments: Times, delay: Weights) -> Times:
        """Draws a time about `delay` microseconds after each time, always before `end`."""
        room = (self.end - 1 - moments).astype(np.float64)
        return moments + np.ceil(delay * room / (delay + room)).astype(np.int64)

    def is_festival(self, moments: Times) -> Mask:
        is_festival_day = np.zeros((self.end - self.start) // DAY + 1, dtype=np.bool_)
        is_festival_day[self.festival_days] = True
        return is_festival_day[(moments - self.start) // DAY]

    def arrivals(self, rng: np.random.Generator, num: int, new_item_share: float) -> Times:
        """Draws creation times, ascending: most before `start`, some later, new items at the end.

        The first node is as old as the platform, so that the first users find something.
        """
        num_new = min(max(round(num * new_item_share), int(new_item_share > 0)), num - 1)
        num_between = (num - num_new) // 4
        num_before = num - num_new - num_between
        before = rng.integers(self.founded, self.start - DAY, num_before)
        before[0] = self.founded
        between = rng.integers(self.start, self.new_from, num_between)
        new = rng.integers(self.new_from, self.end - DAY, num_new)
        return np.sort(np.concatenate([before, between, new]))

    @property
    def founded(self) -> int:
        """The start of the platform, two years before the period."""
        return self.start - _YEARS_BEFORE * 365 * DAY


def in_order(moments: Times) -> tuple[Positions, Times]:
    """Returns the order by time, and the sorted times, made distinct by microseconds.

    >>> order, distinct = in_order(np.array([30, 10, 30]))
    >>> order.tolist(), distinct.tolist()
    ([1, 0, 2], [10, 30, 31])
    """
    order = np.argsort(moments, kind="stable")
    steps = np.arange(len(moments))
    return order, np.maximum.accumulate(moments[order] - steps) + steps


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of one type.

    Args:
        source, target: Node rows, each of shape [num_edges].
        columns: Properties by name, each of shape [num_edges]; times in microseconds.
    """

    source: Rows
    target: Rows
    columns: Mapping[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.source)

    def part(self, which: npt.NDArray[Any]) -> "Edges":
        columns = {name: values[which] for name, values in self.columns.items()}
        return Edges(self.source[which], self.target[which], columns)

    @property
    def pair(self) -> Positions:
        """Returns one number per pair of ends."""
        return self.source.astype(np.int64) << 32 | self.target


EdgesByType = dict[EdgeType, Edges]


def first_of_pairs(edges: Edges) -> Edges:
    """Returns only the first edge of each pair, in the given order.

    >>> rows = np.array([5, 5, 6], dtype=np.int32)
    >>> first_of_pairs(Edges(rows, rows, {"n": np.array([1, 2, 3])})).columns["n"].tolist()
    [1, 3]
    """
    return edges.part(first_rows_of_pairs(edges))


def first_rows_of_pairs(edges: Edges) -> Positions:
    """Returns the first position of each pair, ascending."""
    return np.sort(np.unique(edges.pair, return_index=True)[1])
