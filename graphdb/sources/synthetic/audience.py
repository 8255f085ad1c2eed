"""Who follows whom, and who watches and likes what."""

import numpy as np

from graphdb.schema_types import OCCURRED_AT
from graphdb.sources.synthetic.brands import Brands
from graphdb.sources.synthetic.calendar import SECOND, Calendar, in_order
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.contents import Contents
from graphdb.sources.synthetic.draws import choose, generator
from graphdb.sources.synthetic.people import Creators, Users, active_users
from graphdb.sources.synthetic.shelf import Shelf
from graphdb.sources.synthetic.tastes import num_values
from graphdb.sources.synthetic.ties import Ties, first_of_pairs, first_rows_of_pairs
from graphdb.sources.synthetic.words import SCENES

_LIKED_SHARE = 0.17
_LIKING = 0.7
_LIVE, _SHORT_VIDEO, _SHOP = SCENES.index("live"), SCENES.index("short_video"), SCENES.index("shop")


def follows_creators(
    config: WorldConfig, calendar: Calendar, users: Users, creators: Creators, num: int
) -> Ties:
    """User to Creator: of one's home categories, style, level, function and trend."""
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
    scene = np.where(rng.random(num) < 0.6, _SHORT_VIDEO, _LIVE)
    return first_of_pairs(Ties(user, creator, {OCCURRED_AT: at, "scene": scene}))


def follows_brands(
    config: WorldConfig, calendar: Calendar, users: Users, brands: Brands, num: int
) -> Ties:
    """User to Brand: mostly favourites, else brands of one's level and style."""
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
    scene = np.where(rng.random(num) < 0.5, _SHOP, _LIVE)
    return first_of_pairs(Ties(user, brand, {OCCURRED_AT: at, "scene": scene}))


def watches_and_likes(
    config: WorldConfig,
    calendar: Calendar,
    users: Users,
    creators: Creators,
    contents: Contents,
    num: int,
) -> tuple[Ties, Ties]:
    """User to Content, twice: what is watched, and what of it is liked; `num` in all."""
    rng = generator(config.seed, "watches")
    _, at = in_order(calendar.moments(rng, num))
    user = active_users(rng, users, at)
    wanted = users.tastes.wanted(rng, user, users.tastes.home(rng, user))
    shelf = _content_shelf(config, creators, contents)
    content = shelf.draw(rng, at, wanted, config.taste_strength)
    liking = _LIKING * config.taste_strength * shelf.matches(content, wanted)
    watched_share = rng.random(len(at)) ** (2 / (1 + liking))
    scene = np.where(contents.live[content], _LIVE, _SHORT_VIDEO)
    watched_s = np.round(contents.duration_s[content] * watched_share, 1)
    watches = Ties(user, content, {OCCURRED_AT: at, "watched_s": watched_s, "scene": scene})

    first = first_rows_of_pairs(watches)
    liked = first[choose(rng, np.exp(liking[first]), round(num * _LIKED_SHARE))]
    delay = rng.uniform(0, 1, len(liked)) * (watched_s[liked] + 1) * SECOND
    columns = {OCCURRED_AT: calendar.later(at[liked], delay + 1), "scene": scene[liked]}
    likes = Ties(user[liked], content[liked], columns)

    # As many watches go as there are likes, so that the number is met.
    unliked = np.ones(num)
    unliked[liked] = 0
    gone = choose(rng, unliked, len(liked))
    return watches.part(np.delete(np.arange(num), gone)), likes


def _content_shelf(config: WorldConfig, creators: Creators, contents: Contents) -> Shelf:
    """A content is about what its creator is about."""
    niche = creators.niche[contents.creator]
    traits = {name: of[contents.creator] for name, of in creators.tastes.traits.items()}
    return Shelf(contents.created, contents.popularity, niche, traits, num_values(config.sizes))
