"""Generates the shopping funnel: visits, views, carts, purchases, returns and ratings.

Some views lead to a cart, some to a purchase, and some purchases are returned or rated.
"""

from dataclasses import dataclass, fields

import numpy as np

from graphdb.schema_types import EVENT_ID, OCCURRED_AT
from graphdb.sources.synthetic.catalogue import Products
from graphdb.sources.synthetic.config import (
    CHANNEL_SHARES,
    RETURN_REASONS,
    Mask,
    Positions,
    Rows,
    Times,
    Weights,
    WorldConfig,
)
from graphdb.sources.synthetic.draws import (
    DAY,
    HOUR,
    SECOND,
    Calendar,
    Edges,
    choose,
    first_of_pairs,
    generator,
    in_order,
    pick,
)
from graphdb.sources.synthetic.people import Users, active_users
from graphdb.sources.synthetic.tastes import Shelf, Wanted

_MORE_VIEWS_PER_VISIT = 4
_FROM_CART_SHARE = 0.75
_LIGHT_TRIES = 10
_EAGERNESS = 0.5
_FESTIVAL_EAGERNESS = 3.0
_AT_ONCE_SHARE, _AT_ONCE, _THOUGHT_OVER = 0.8, HOUR / 4, 12 * HOUR


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits by row, in order of time.

    Args:
        category: The category that the user mostly views.
        channel: Number of the channel.
        ends_light: The last visit of a light user, which ends in a purchase.
    """

    user: Rows
    start: Times
    category: Rows
    num_views: Rows
    channel: Rows
    ends_light: Mask


@dataclass(frozen=True, slots=True)
class Views:
    """Views of products in order of time, all at different times.

    Args:
        visit: Row of the visit.
        eagerness: Relative weight of more than a view; 0 for light users.
        light_purchase: A light user's view that ends in a purchase.
        checkout: The time of payment, if the visit has a purchase.
    """

    visit: Rows
    user: Rows
    product: Rows
    at: Times
    channel: Rows
    eagerness: Weights
    light_purchase: Mask
    checkout: Times

    def edges(self, which: Positions, at: Times) -> Edges:
        return Edges(
            self.user[which],
            self.product[which],
            {OCCURRED_AT: at, "channel": self.channel[which]},
        )


def make_visits(config: WorldConfig, calendar: Calendar, users: Users, num_views: int) -> Visits:
    """Visits with `num_views` views in all, and two short ones of each light user."""
    rng = generator(config.seed, "visits")
    lengths = 1 + rng.poisson(_MORE_VIEWS_PER_VISIT, num_views // _MORE_VIEWS_PER_VISIT + 100)
    num = int(np.searchsorted(np.cumsum(lengths), num_views)) + 1
    lengths = lengths[:num]
    lengths[-1] -= lengths.sum() - num_views
    start = calendar.moments(rng, num)
    user = active_users(rng, users, start)
    visits = Visits(
        user=user,
        start=start,
        category=users.tastes.home(rng, user),
        num_views=lengths.astype(np.int32),
        channel=pick(rng, num, CHANNEL_SHARES),
        ends_light=np.zeros(num, dtype=np.bool_),
    )
    return _in_order_of_start(visits, _light_visits(rng, calendar, users))


def _light_visits(rng: np.random.Generator, calendar: Calendar, users: Users) -> Visits:
    """Returns a view in the favourite category, and hours later one in the next, and a purchase."""
    light = np.flatnonzero(users.light).astype(np.int32)
    first = rng.integers(np.maximum(users.created[light], calendar.start), calendar.new_from)
    second = first + rng.integers(HOUR, 20 * HOUR, len(light))
    categories = users.tastes.categories[light]
    num = 2 * len(light)
    return Visits(
        user=np.tile(light, 2),
        start=np.concatenate([first, second]),
        category=np.concatenate([categories[:, 0], categories[:, min(1, categories.shape[1] - 1)]]),
        num_views=np.ones(num, dtype=np.int32),
        channel=pick(rng, num, CHANNEL_SHARES),
        ends_light=np.arange(num) >= len(light),
    )


def _in_order_of_start(one: Visits, other: Visits) -> Visits:
    order = np.argsort(np.concatenate([one.start, other.start]), kind="stable")
    columns = {
        field.name: np.concatenate([getattr(one, field.name), getattr(other, field.name)])
        for field in fields(Visits)
    }
    return Visits(**{name: values[order] for name, values in columns.items()})


def make_views(
    config: WorldConfig, calendar: Calendar, users: Users, visits: Visits, shelf: Shelf
) -> Views:
    """Draws the viewed products: mostly of the visit's category and the user's taste."""
    rng = generator(config.seed, "views")
    visit = np.repeat(np.arange(len(visits.user), dtype=np.int32), visits.num_views)
    at, checkout = _moments(rng, calendar, visits, visit)
    order, at = in_order(at)
    visit = visit[order]
    user = visits.user[visit]
    light = users.light[user]
    strength = config.taste_strength
    wanted = users.tastes.wanted(rng, user, visits.category[visit])
    product = shelf.draw(rng, at, wanted, strength)
    few = np.flatnonzero(light)
    product[few] = _clearest(rng, shelf, product[few], at[few], wanted.part(few), strength)
    eagerness = np.exp(_EAGERNESS * strength * shelf.matches(product, wanted))
    eagerness[calendar.is_festival(at)] *= _FESTIVAL_EAGERNESS
    eagerness[light] = 0
    return Views(
        visit=visit,
        user=user,
        product=product,
        at=at,
        channel=visits.channel[visit],
        eagerness=eagerness,
        light_purchase=visits.ends_light[visit],
        checkout=checkout,
    )


def _clearest(
    rng: np.random.Generator,
    shelf: Shelf,
    product: Rows,
    at: Times,
    wanted: Wanted,
    strength: float,
) -> Rows:
    """Draws the best match of several: light users have so few events that each must be clear."""
    for _ in range(round(_LIGHT_TRIES * strength)):
        other = shelf.draw(rng, at, wanted, strength)
        better = shelf.matches(other, wanted) > shelf.matches(product, wanted)
        product = np.where(better, other, product)
    return product


def _moments(
    rng: np.random.Generator, calendar: Calendar, visits: Visits, visit: Rows
) -> tuple[Times, Times]:
    """Draws the time of each view, and the time of payment of each visit."""
    steps = rng.integers(30 * SECOND, 90 * SECOND, len(visit))
    ends = np.cumsum(visits.num_views)
    passed = np.cumsum(steps)
    at = visits.start[visit] + passed - np.repeat(passed[ends - visits.num_views], visits.num_views)
    usual = np.where(rng.random(len(ends)) < _AT_ONCE_SHARE, _AT_ONCE, _THOUGHT_OVER)
    delay = rng.standard_exponential(len(ends)) * usual + SECOND
    checkout = calendar.later(at[ends - 1] + 60 * SECOND, delay)
    return at, checkout


def carted(config: WorldConfig, views: Views, num: int) -> tuple[Edges, Positions]:
    """User to Product, seconds after a view; and the rows of these views."""
    rng = generator(config.seed, "carts")
    which = choose(rng, views.eagerness, num)
    order, at = in_order(views.at[which] + rng.integers(2 * SECOND, 20 * SECOND, len(which)))
    return views.edges(which[order], at), which


def bought(config: WorldConfig, views: Views, in_cart: Positions, num: int) -> Positions:
    """Draws the views that end in a purchase, in order of payment: mostly carted ones.

    A visit is one order, with one line per product.
    """
    rng = generator(config.seed, "purchases")
    from_cart = in_cart[choose(rng, views.eagerness[in_cart], round(num * _FROM_CART_SHARE))]
    uncarted = views.eagerness.copy()
    uncarted[in_cart] = 0
    at_once = choose(rng, uncarted, num - len(from_cart))
    which = np.concatenate([from_cart, at_once, np.flatnonzero(views.light_purchase)])
    line = views.visit[which].astype(np.int64) << 32 | views.product[which]
    which = which[np.unique(line, return_index=True)[1]]
    return which[np.argsort(views.checkout[views.visit[which]], kind="stable")]


_COUNT_SHARES = (0.86, 0.1, 0.04)
_DISCOUNTED_SHARE = 0.3
_DISCOUNT = (0.05, 0.3)
_FESTIVAL_DISCOUNT = (0.2, 0.5)
_RATED_SHARE = 0.35
_POOR_QUALITY = 0.4


def purchases(
    config: WorldConfig, calendar: Calendar, products: Products, views: Views, which: Positions
) -> Edges:
    """User to Product, with the order, the money paid and the discount."""
    rng = generator(config.seed, "payment")
    visit = views.visit[which]
    edges = views.edges(which, views.checkout[visit])
    at = edges.columns[OCCURRED_AT]
    num = len(edges)
    count = pick(rng, num, _COUNT_SHARES).astype(np.int64) + 1
    rate = np.where(rng.random(num) < _DISCOUNTED_SHARE, rng.uniform(*_DISCOUNT, num), 0.0)
    rate = np.where(calendar.is_festival(at), rng.uniform(*_FESTIVAL_DISCOUNT, num), rate)
    full = products.price[edges.target] * count
    discount = np.round(full * rate, 2)
    paid = {"count": count, "value": np.round(full - discount, 2), "discount": discount}
    return Edges(edges.source, edges.target, {**edges.columns, EVENT_ID: visit, **paid})


def returns(
    config: WorldConfig, calendar: Calendar, products: Products, bought: Edges, light: Mask
) -> tuple[Edges, Mask]:
    """User to Product, some days after the purchase; and the rows of these purchases.

    Args:
        light: Users without events after their only purchase.
    """
    rng = generator(config.seed, "returns")
    at = bought.columns[OCCURRED_AT] + (rng.uniform(2, 14, len(bought)) * DAY).astype(np.int64)
    possible = (at < calendar.end) & ~light[bought.source]
    came_back = possible & (rng.random(len(bought)) < products.return_rate[bought.target])
    _at_least_one(came_back, possible)
    kept = bought.part(came_back)
    poor = products.quality[kept.target] < _POOR_QUALITY
    reason = np.where(
        poor & (rng.random(len(kept)) < 0.7), 0, pick(rng, len(kept), [1] * len(RETURN_REASONS))
    )
    columns = {name: kept.columns[name] for name in (EVENT_ID, "count", "value")}
    columns |= {OCCURRED_AT: at[came_back], "reason": reason}
    return Edges(kept.source, kept.target, columns), came_back


def ratings(
    config: WorldConfig,
    calendar: Calendar,
    products: Products,
    bought: Edges,
    came_back: Mask,
    light: Mask,
) -> Edges:
    """User to Product: the newest rating of each pair; better quality gets better ratings."""
    rng = generator(config.seed, "ratings")
    at = bought.columns[OCCURRED_AT] + (rng.uniform(1, 20, len(bought)) * DAY).astype(np.int64)
    possible = (at < calendar.end) & ~light[bought.source]
    rated = possible & (rng.random(len(bought)) < _RATED_SHARE)
    _at_least_one(rated, possible)
    stars = 1 + 4 * products.quality[bought.target] + rng.normal(0, 0.6, len(bought))
    stars = np.clip(np.round(stars - came_back), 1, 5)
    everything = Edges(bought.source, bought.target, {OCCURRED_AT: at, "stars": stars}).part(rated)
    newest_first = np.argsort(-everything.columns[OCCURRED_AT], kind="stable")
    return first_of_pairs(everything.part(newest_first))


def _at_least_one(chosen: Mask, possible: Mask) -> None:
    """Keeps at least one edge, so that small worlds have every relation, too."""
    if not chosen.any():
        chosen[np.flatnonzero(possible)[:1]] = True
