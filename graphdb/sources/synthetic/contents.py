"""Short videos and live sessions: who made them, when, and which products they show."""

from dataclasses import dataclass

import numpy as np

from graphdb.schema_types import SINCE
from graphdb.sources.synthetic.arrays import Mask, Rows, Times, Weights
from graphdb.sources.synthetic.calendar import DAY, SECOND, Calendar
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.draws import generator, pick, zipf_weights
from graphdb.sources.synthetic.people import Creators
from graphdb.sources.synthetic.shelf import Shelf
from graphdb.sources.synthetic.ties import Ties, first_of_pairs

_LIVE_SHARE = 0.2
_FEATURED_SHARES = (0.35, 0.35, 0.2, 0.1)
_PAID_SHARE = 0.75
_CONTENT_SKEW = 0.5
_DAYS_BEFORE_START = 60


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents by row, in the order they were published. Their taste is their creator's."""

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


def managed(config: WorldConfig, calendar: Calendar, creators: Creators) -> Ties:
    """Creator to Agency, some time after the creator began."""
    rng = generator(config.seed, "managed by")
    creator = np.flatnonzero(creators.agency >= 0).astype(np.int32)
    delay = rng.uniform(0.1, 60, len(creator)) * DAY
    since = calendar.later(creators.created[creator], delay)
    return Ties(creator, creators.agency[creator], {SINCE: since})


def published(contents: Contents) -> Ties:
    """Creator to Content."""
    content = np.arange(len(contents.creator), dtype=np.int32)
    return Ties(contents.creator, content, {SINCE: contents.created})


def featured(config: WorldConfig, contents: Contents, creators: Creators, products: Shelf) -> Ties:
    """Content to Product: one to four each, of the creator's taste, among those on sale then."""
    rng = generator(config.seed, "features")
    per_content = pick(rng, len(contents.creator), _FEATURED_SHARES) + 1
    content = np.repeat(np.arange(len(per_content), dtype=np.int32), per_content)
    creator = contents.creator[content]
    wanted = creators.tastes.wanted(rng, creator, creators.niche[creator])
    at = contents.created[content]
    product = products.draw(rng, at, wanted, config.taste_strength)
    return first_of_pairs(Ties(content, product, {SINCE: at}))


def promoted(config: WorldConfig, contents: Contents, features: Ties) -> Ties:
    """Creator to Product: most of what a creator shows is shown for commission."""
    rng = generator(config.seed, "promotes")
    paid = rng.random(len(features)) < _PAID_SHARE
    paid[:1] = True
    creator = contents.creator[features.source[paid]]
    since = features.columns[SINCE][paid]
    return first_of_pairs(Ties(creator, features.target[paid], {SINCE: since}))
