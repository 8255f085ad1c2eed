"""Shoppers and creators, each with a planted taste."""

from dataclasses import dataclass

import numpy as np

from graphdb.sources.synthetic.arrays import Mask, Rows, Times, Weights
from graphdb.sources.synthetic.calendar import Calendar
from graphdb.sources.synthetic.categories import CUPS
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.draws import generator, zipf_weights
from graphdb.sources.synthetic.products import Products
from graphdb.sources.synthetic.shelf import Shelf
from graphdb.sources.synthetic.tastes import Tastes, num_values, plant_tastes

_ACTIVITY_SPREAD = 0.9
_CREATOR_SKEW = 0.7
_NEWCOMER_POPULARITY = 0.3
_LATE_USER_SHARE = 0.02
_MANAGED_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Users:
    """Shoppers by row, in the order they joined.

    Args:
        activity: Relative weight of doing something; 0 for light users.
        light: Did three things only: two views and a purchase.
    """

    created: Times
    tastes: Tastes
    activity: Weights
    light: Mask


@dataclass(frozen=True, slots=True)
class Creators:
    """Creators by row, in the order they joined.

    Args:
        tastes: What their contents and their audience are about.
        newcomer: Created in the last `newcomer_days`.
        agency: Agency row, -1 for none.
    """

    created: Times
    newcomer: Mask
    tastes: Tastes
    popularity: Weights
    agency: Rows

    @property
    def niche(self) -> Rows:
        """The category (row) each creator is about."""
        return self.tastes.categories[:, 0]


def make_users(config: WorldConfig, calendar: Calendar, products: Products) -> Users:
    rng = generator(config.seed, "users")
    num = config.sizes.users
    tastes = _plant(rng, num, config, calendar, products, None)
    light = np.zeros(num, dtype=np.bool_)
    created = calendar.arrivals(rng, num, _LATE_USER_SHARE)
    # Nothing light users do has to do with cups, and there is time for it.
    could_be = (tastes.categories != CUPS).all(axis=1) & (created < calendar.newcomers_from)
    could_be[0] = False  # whoever was there first is never idle, so that every day has somebody
    rows = np.flatnonzero(could_be)
    light[rng.permutation(rows)[: round(num * config.light_share)]] = True
    activity = np.exp(rng.normal(0, _ACTIVITY_SPREAD, num))
    return Users(created, tastes, np.where(light, 0.0, activity), light)


def make_creators(config: WorldConfig, calendar: Calendar, products: Products) -> Creators:
    """Niches are spread evenly over the categories, so each has somebody."""
    rng = generator(config.seed, "creators")
    sizes = config.sizes
    num = sizes.creators
    created = calendar.arrivals(rng, num, config.newcomer_share)
    newcomer = created >= calendar.newcomers_from
    niches = rng.permutation(np.arange(num) % sizes.leaf_categories).astype(np.int32)
    agency = rng.integers(0, sizes.agencies, num, dtype=np.int32)
    alone = rng.random(num) >= _MANAGED_SHARE
    alone[0] = False
    return Creators(
        created=created,
        newcomer=newcomer,
        tastes=_plant(rng, num, config, calendar, products, niches),
        popularity=zipf_weights(rng, num, _CREATOR_SKEW)
        * np.where(newcomer, _NEWCOMER_POPULARITY, 1.0),
        agency=np.where(alone, -1, agency),
    )


def active_users(rng: np.random.Generator, users: Users, at: Times) -> Rows:
    """Who does something at each of these moments, among those who are there."""
    sums = np.cumsum(users.activity)
    last = np.searchsorted(users.created, at, side="right") - 1
    drawn = np.searchsorted(sums, rng.random(len(at)) * sums[last], side="right")
    return np.minimum(drawn, last).astype(np.int32)


def _plant(
    rng: np.random.Generator,
    num: int,
    config: WorldConfig,
    calendar: Calendar,
    products: Products,
    niches: Rows | None,
) -> Tastes:
    """Favourite brands are found among the products of one's categories, level and style.

    New brands are found like old ones: they have their audience, it has only not met them yet.
    """
    shelf = Shelf(
        products.created,
        products.appeal,
        products.category,
        {"level": products.level, "style": products.style},
        num_values(config.sizes),
    )
    return plant_tastes(rng, num, config.sizes, niches, shelf, products.brand, calendar.end)
