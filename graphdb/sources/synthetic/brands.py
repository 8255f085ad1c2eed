"""Brands: where they belong and what most of their products are like."""

from dataclasses import dataclass

import numpy as np

from graphdb.sources.synthetic.arrays import Mask, Rows, Times, Weights
from graphdb.sources.synthetic.calendar import Calendar
from graphdb.sources.synthetic.categories import Categories
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.draws import generator, pick, zipf_weights
from graphdb.sources.synthetic.tastes import LEVEL_SHARES

HOME = 0
"""The number of the department with the water cups."""

_HOME_BRANDS_EVERY = 4
_BRAND_SKEW = 0.6
_NEWCOMER_POPULARITY = 0.2


@dataclass(frozen=True, slots=True)
class Brands:
    """Brands by row, in the order they were created.

    Args:
        department: Home is 0.
        level, style: What most of its products are.
        newcomer: Created in the last `newcomer_days`.
        popularity: Relative; how many products it has follows from it.
    """

    created: Times
    newcomer: Mask
    department: Rows
    level: Rows
    style: Rows
    popularity: Weights


def make_brands(config: WorldConfig, calendar: Calendar, categories: Categories) -> Brands:
    """Every fourth brand belongs to Home, where the cups are; the others are spread evenly."""
    rng = generator(config.seed, "brands")
    num = config.sizes.brands
    created = calendar.arrivals(rng, num, config.newcomer_share)
    newcomer = created >= calendar.newcomers_from
    return Brands(
        created=created,
        newcomer=newcomer,
        department=_departments(num, categories.num_departments),
        level=pick(rng, num, LEVEL_SHARES),
        style=rng.integers(0, config.sizes.styles, num, dtype=np.int32),
        popularity=zipf_weights(rng, num, _BRAND_SKEW)
        * np.where(newcomer, _NEWCOMER_POPULARITY, 1.0),
    )


def _departments(num: int, num_departments: int) -> Rows:
    department = np.zeros(num, dtype=np.int32)
    if num_departments > 1:
        others = np.flatnonzero(np.arange(num) % _HOME_BRANDS_EVERY)
        department[others] = np.arange(len(others)) % (num_departments - 1) + 1
    return department
