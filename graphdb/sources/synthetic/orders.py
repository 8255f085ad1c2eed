"""What is paid for bought goods, and what happens afterwards: returns and ratings."""

import numpy as np

from graphdb.schema_types import EVENT_ID, OCCURRED_AT
from graphdb.sources.synthetic.arrays import Mask, Positions
from graphdb.sources.synthetic.calendar import DAY, Calendar
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.draws import generator, pick
from graphdb.sources.synthetic.products import Products
from graphdb.sources.synthetic.shopping import Views
from graphdb.sources.synthetic.ties import Ties, first_of_pairs
from graphdb.sources.synthetic.words import RETURN_REASONS

_COUNT_SHARES = (0.86, 0.1, 0.04)
_DISCOUNTED_SHARE = 0.3
_DISCOUNT = (0.05, 0.3)
_FESTIVAL_DISCOUNT = (0.2, 0.5)
_RATED_SHARE = 0.35
_POOR_QUALITY = 0.4


def purchases(
    config: WorldConfig, calendar: Calendar, products: Products, views: Views, which: Positions
) -> Ties:
    """User to Product, with the order, the money paid and what was taken off."""
    rng = generator(config.seed, "payment")
    visit = views.visit[which]
    ties = views.ties(which, views.checkout[visit])
    at = ties.columns[OCCURRED_AT]
    num = len(ties)
    count = pick(rng, num, _COUNT_SHARES).astype(np.int64) + 1
    rate = np.where(rng.random(num) < _DISCOUNTED_SHARE, rng.uniform(*_DISCOUNT, num), 0.0)
    rate = np.where(calendar.is_festival(at), rng.uniform(*_FESTIVAL_DISCOUNT, num), rate)
    full = products.price[ties.target] * count
    discount = np.round(full * rate, 2)
    paid = {"count": count, "value": np.round(full - discount, 2), "discount": discount}
    return Ties(ties.source, ties.target, {**ties.columns, EVENT_ID: visit, **paid})


def returns(
    config: WorldConfig, calendar: Calendar, products: Products, bought: Ties, light: Mask
) -> tuple[Ties, Mask]:
    """User to Product, some days after the purchase; and which purchases they are.

    Args:
        light: Users who do nothing after their one purchase.
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
    return Ties(kept.source, kept.target, columns), came_back


def ratings(
    config: WorldConfig,
    calendar: Calendar,
    products: Products,
    bought: Ties,
    came_back: Mask,
    light: Mask,
) -> Ties:
    """User to Product: the newest rating of each pair, better for better quality."""
    rng = generator(config.seed, "ratings")
    at = bought.columns[OCCURRED_AT] + (rng.uniform(1, 20, len(bought)) * DAY).astype(np.int64)
    possible = (at < calendar.end) & ~light[bought.source]
    rated = possible & (rng.random(len(bought)) < _RATED_SHARE)
    _at_least_one(rated, possible)
    stars = 1 + 4 * products.quality[bought.target] + rng.normal(0, 0.6, len(bought))
    stars = np.clip(np.round(stars - came_back), 1, 5)
    everything = Ties(bought.source, bought.target, {OCCURRED_AT: at, "stars": stars}).part(rated)
    newest_first = np.argsort(-everything.columns[OCCURRED_AT], kind="stable")
    return first_of_pairs(everything.part(newest_first))


def _at_least_one(chosen: Mask, possible: Mask) -> None:
    """Small worlds have every relation, too."""
    if not chosen.any():
        chosen[np.flatnonzero(possible)[:1]] = True
