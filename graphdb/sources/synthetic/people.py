"""Generates users, creators and contents, each with a planted taste, and the edges between them.

Contents are short videos and live sessions, with their creator, time and products. The edges are
follows, watches, likes, and products that occur together in users' histories.
"""

from dataclasses import dataclass

import numpy as np

from graphdb.schema_types import OCCURRED_AT, SINCE
from graphdb.sources.synthetic.catalogue import Brands, Products
from graphdb.sources.synthetic.config import CHANNELS, CUPS, Mask, Rows, Times, Weights, WorldConfig
from graphdb.sources.synthetic.draws import (
    DAY,
    SECOND,
    Calendar,
    Edges,
    choose,
    first_of_pairs,
    first_rows_of_pairs,
    generator,
    in_order,
    pick,
    zipf_weights,
)
from graphdb.sources.synthetic.tastes import Shelf, Tastes, num_values, plant_tastes

_ACTIVITY_SPREAD = 0.9
_CREATOR_SKEW = 0.7
_NEW_ITEM_POPULARITY = 0.3
_LATE_USER_SHARE = 0.02
_MANAGED_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Users:
    """Shoppers by row, in the order they joined.

    Args:
        activity: Relative weight of doing something; 0 for light users.
        light: Has only three events: two views and a purchase.
    """

    created: Times
    tastes: Tastes
    activity: Weights
    light: Mask


@dataclass(frozen=True, slots=True)
class Creators:
    """Creators by row, in the order they joined.

    Args:
        tastes: The tastes of their contents and their audience.
        is_new: Created in the last `new_item_days`.
        agency: Agency row, -1 for none.
    """

    created: Times
    is_new: Mask
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
    # Light users have no events about cups, and join early enough for their events.
    could_be = (tastes.categories != CUPS).all(axis=1) & (created < calendar.new_from)
    could_be[0] = False  # the first user is never idle, so that every day has an active user
    rows = np.flatnonzero(could_be)
    light[rng.permutation(rows)[: round(num * config.light_share)]] = True
    activity = np.exp(rng.normal(0, _ACTIVITY_SPREAD, num))
    return Users(created, tastes, np.where(light, 0.0, activity), light)


def make_creators(config: WorldConfig, calendar: Calendar, products: Products) -> Creators:
    """Spreads niches evenly over the categories, so that each has a creator."""
    rng = generator(config.seed, "creators")
    sizes = config.sizes
    num = sizes.creators
    created = calendar.arrivals(rng, num, config.new_item_share)
    is_new = created >= calendar.new_from
    niches = rng.permutation(np.arange(num) % sizes.leaf_categories).astype(np.int32)
    agency = rng.integers(0, sizes.agencies, num, dtype=np.int32)
    alone = rng.random(num) >= _MANAGED_SHARE
    alone[0] = False
    return Creators(
        created=created,
        is_new=is_new,
        tastes=_plant(rng, num, config, calendar, products, niches),
        popularity=zipf_weights(rng, num, _CREATOR_SKEW)
        * np.where(is_new, _NEW_ITEM_POPULARITY, 1.0),
        agency=np.where(alone, -1, agency),
    )


def active_users(rng: np.random.Generator, users: Users, at: Times) -> Rows:
    """Draws the active user at each time, among those who have joined."""
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
    """Draws favourite brands that sell products of the user's categories, level and style.

    New brands are drawn like old ones: their audience exists but does not know them yet.
    """
    shelf = Shelf(
        products.created,
        products.appeal,
        products.category,
        {"level": products.level, "style": products.style},
        num_values(config.sizes),
    )
    return plant_tastes(rng, num, config.sizes, niches, shelf, products.brand, calendar.end)


_LIVE_SHARE = 0.2
_FEATURED_SHARES = (0.35, 0.35, 0.2, 0.1)
_PAID_SHARE = 0.75
_CONTENT_SKEW = 0.5
_DAYS_BEFORE_START = 60


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents by row, in the order of publication, with the taste of their creator."""

    created: Times
    creator: Rows
    live: Mask
    duration_s: Weights
    popularity: Weights


def make_contents(config: WorldConfig, calendar: Calendar, creators: Creators) -> Contents:
    rng = generator(config.seed, "contents")
    num = config.sizes.contents
    creator = pick(rng, num, creators.popularity)
    creator[0] = 0
    from_day = np.maximum(creators.created[creator], calendar.start - _DAYS_BEFORE_START * DAY)
    # A uniform moment between the creator's first day and an hour before the end.
    room = calendar.end - 3600 * SECOND - from_day
    created = from_day + np.ceil(rng.random(num) * room).astype(np.int64)
    created[0] = from_day[0]  # there is something to watch from the start
    order = np.argsort(created, kind="stable")
    creator = creator[order]
    live = rng.random(num) < _LIVE_SHARE
    minutes = np.where(live, rng.uniform(30, 240, num), rng.uniform(0.25, 3, num))
    return Contents(
        created=created[order],
        creator=creator,
        live=live,
        duration_s=np.round(minutes * 60),
        popularity=zipf_weights(rng, num, _CONTENT_SKEW) * creators.popularity[creator],
    )


def managed(config: WorldConfig, calendar: Calendar, creators: Creators) -> Edges:
    """Creator to Agency, some time after the creator joined."""
    rng = generator(config.seed, "managed by")
    creator = np.flatnonzero(creators.agency >= 0).astype(np.int32)
    delay = rng.uniform(0.1, 60, len(creator)) * DAY
    since = calendar.later(creators.created[creator], delay)
    return Edges(creator, creators.agency[creator], {SINCE: since})


def published(contents: Contents) -> Edges:
    """Creator to Content."""
    content = np.arange(len(contents.creator), dtype=np.int32)
    return Edges(contents.creator, content, {SINCE: contents.created})


def featured(config: WorldConfig, contents: Contents, creators: Creators, products: Shelf) -> Edges:
    """Content to Product: one to four each, of the creator's taste, among those on sale then."""
    rng = generator(config.seed, "features")
    per_content = pick(rng, len(contents.creator), _FEATURED_SHARES) + 1
    content = np.repeat(np.arange(len(per_content), dtype=np.int32), per_content)
    creator = contents.creator[content]
    wanted = creators.tastes.wanted(rng, creator, creators.niche[creator])
    at = contents.created[content]
    product = products.draw(rng, at, wanted, config.taste_strength)
    return first_of_pairs(Edges(content, product, {SINCE: at}))


def promoted(config: WorldConfig, contents: Contents, features: Edges) -> Edges:
    """Creator to Product: a creator promotes most products for commission."""
    rng = generator(config.seed, "promotes")
    paid = rng.random(len(features)) < _PAID_SHARE
    paid[:1] = True
    creator = contents.creator[features.source[paid]]
    since = features.columns[SINCE][paid]
    return first_of_pairs(Edges(creator, features.target[paid], {SINCE: since}))


_MOST_PARTNERS = 8
_EVENTS_PER_PRODUCT = 40


@dataclass(frozen=True, slots=True)
class Histories:
    """Events in order of time, each a part of a user's history or of one order."""

    history: Rows
    product: Rows
    at: Times


def related(events: Histories, num_products: int, lags: int, support: int, most: int) -> Edges:
    """Product to Product: those close to each other in histories.

    An edge begins when the pair occurs for the `support`th time, and a product keeps its earliest
    partners. So the edges before a time depend only on events before it, and a snapshot with a
    cut-off contains no future information.

    Args:
        lags: How many steps apart in a history two events may be.
        support: How often a pair must occur.
        most: The maximum number of edges.
    """
    source, target, at = _near(_some(events, _EVENTS_PER_PRODUCT * num_products), lags)
    source, target, at = _supported(source, target, at, support)
    order = np.lexsort((target, at, source))
    source, target, at = source[order], target[order], at[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)
    early = np.flatnonzero(rank < np.clip(most // num_products, 1, _MOST_PARTNERS))
    early = np.sort(early[np.argsort(at[early], kind="stable")[:most]])
    return Edges(source[early], target[early], {SINCE: at[early]})


def _some(events: Histories, most: int) -> Histories:
    """Samples every n-th history, so that about `most` events remain."""
    every = -(-len(events.history) // most)
    kept = np.flatnonzero(events.history % every == 0)
    return Histories(events.history[kept], events.product[kept], events.at[kept])


def _near(events: Histories, lags: int) -> tuple[Rows, Rows, Times]:
    """Returns pairs of different products close to each other, in both orders; the later time."""
    keyed = events.history.astype(np.int64) << 32 | np.arange(len(events.history))
    keyed.sort()
    order = keyed & 0xFFFFFFFF
    history, product, at = events.history[order], events.product[order], events.at[order]
    ones, others, times = [], [], []
    for lag in range(1, lags + 1):
        one, other = product[:-lag], product[lag:]
        near = (history[:-lag] == history[lag:]) & (one != other)
        ones += [one[near], other[near]]
        others += [other[near], one[near]]
        times += [at[lag:][near]] * 2
    return np.concatenate(ones), np.concatenate(others), np.concatenate(times)


def _supported(source: Rows, target: Rows, at: Times, support: int) -> tuple[Rows, Rows, Times]:
    """Returns each pair with the time of its `support`th occurrence; rarer pairs are dropped."""
    pair = source.astype(np.int64) << 32 | target
    order = np.lexsort((at, pair))
    pair = pair[order]
    first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])[: len(pair)])
    seen = np.diff(np.append(first, len(pair)))
    if not (seen >= support).any():  # a small world takes all pairs
        support = 1
    enough = order[first[seen >= support] + support - 1]
    return source[enough], target[enough], at[enough]


_LIKED_SHARE = 0.17
_LIKING = 0.7
_LIVE, _SHORT_VIDEO, _SHOP = (
    CHANNELS.index("live"),
    CHANNELS.index("short_video"),
    CHANNELS.index("shop"),
)


def follows_creators(
    config: WorldConfig, calendar: Calendar, users: Users, creators: Creators, num: int
) -> Edges:
    """User to Creator: of the user's home categories, style, level, function and trend."""
    rng = generator(config.seed, "follows creators")
    shelf = Shelf(
        creators.created,
        creators.popularity,
        creators.niche,
        creators.tastes.traits,
        num_values(config.sizes),
    )
    at = calendar.moments(rng, num)
    user = active_users(rng, users, at)
    wanted = users.tastes.wanted(rng, user, users.tastes.home(rng, user))
    creator = shelf.draw(rng, at, wanted, config.taste_strength)
    channel = np.where(rng.random(num) < 0.6, _SHORT_VIDEO, _LIVE)
    return first_of_pairs(Edges(user, creator, {OCCURRED_AT: at, "channel": channel}))


def follows_brands(
    config: WorldConfig, calendar: Calendar, users: Users, brands: Brands, num: int
) -> Edges:
    """User to Brand: mostly favourites, else brands of the user's level and style."""
    rng = generator(config.seed, "follows brands")
    num_brands = len(brands.created)
    traits = {
        "level": brands.level,
        "style": brands.style,
        "brand": np.arange(num_brands, dtype=np.int32),
    }
    anywhere = np.zeros(num_brands, dtype=np.int32)
    sizes = {**num_values(config.sizes), "category": 1}
    shelf = Shelf(brands.created, brands.popularity, anywhere, traits, sizes)
    at = calendar.moments(rng, num)
    user = active_users(rng, users, at)
    wanted = users.tastes.wanted(rng, user, np.zeros(num, dtype=np.int32))
    brand = shelf.draw(rng, at, wanted, config.taste_strength)
    channel = np.where(rng.random(num) < 0.5, _SHOP, _LIVE)
    return first_of_pairs(Edges(user, brand, {OCCURRED_AT: at, "channel": channel}))


def watches_and_likes(
    config: WorldConfig,
    calendar: Calendar,
    users: Users,
    creators: Creators,
    contents: Contents,
    num: int,
) -> tuple[Edges, Edges]:
    """User to Content: the watches, and the likes among them; `num` in all."""
    rng = generator(config.seed, "watches")
    _, at = in_order(calendar.moments(rng, num))
    user = active_users(rng, users, at)
    wanted = users.tastes.wanted(rng, user, users.tastes.home(rng, user))
    shelf = _content_shelf(config, creators, contents)
    content = shelf.draw(rng, at, wanted, config.taste_strength)
    liking = _LIKING * config.taste_strength * shelf.matches(content, wanted)
    watched_share = rng.random(len(at)) ** (2 / (1 + liking))
    channel = np.where(contents.live[content], _LIVE, _SHORT_VIDEO)
    watched_s = np.round(contents.duration_s[content] * watched_share, 1)
    watches = Edges(user, content, {OCCURRED_AT: at, "watched_s": watched_s, "channel": channel})

    first = first_rows_of_pairs(watches)
    liked = first[choose(rng, np.exp(liking[first]), round(num * _LIKED_SHARE))]
    delay = rng.uniform(0, 1, len(liked)) * (watched_s[liked] + 1) * SECOND
    columns = {OCCURRED_AT: calendar.later(at[liked], delay + 1), "channel": channel[liked]}
    likes = Edges(user[liked], content[liked], columns)

    # Each like replaces a watch, so that the total stays exact.
    unliked = np.ones(num)
    unliked[liked] = 0
    gone = choose(rng, unliked, len(liked))
    return watches.part(np.delete(np.arange(num), gone)), likes


def _content_shelf(config: WorldConfig, creators: Creators, contents: Contents) -> Shelf:
    """Returns the traits of contents, which are those of their creators."""
    niche = creators.niche[contents.creator]
    traits = {name: of[contents.creator] for name, of in creators.tastes.traits.items()}
    return Shelf(contents.created, contents.popularity, niche, traits, num_values(config.sizes))
