"""Puts the parts together: a whole world from one config."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from graphdb.ingest.price_bands import price_bands
from graphdb.schema import SCHEMA
from graphdb.schema_types import EVENT_ID, OCCURRED_AT, EdgeType
from graphdb.sources.synthetic import audience, node_tables, orders, shopping
from graphdb.sources.synthetic import contents as content
from graphdb.sources.synthetic.arrays import Positions
from graphdb.sources.synthetic.brands import make_brands
from graphdb.sources.synthetic.calendar import Calendar
from graphdb.sources.synthetic.categories import category_tree
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.people import make_creators, make_users
from graphdb.sources.synthetic.products import make_products
from graphdb.sources.synthetic.related import Histories, related
from graphdb.sources.synthetic.shelf import Shelf
from graphdb.sources.synthetic.shops import catalogue_ties, make_shops
from graphdb.sources.synthetic.tables import edge_table, ids
from graphdb.sources.synthetic.tastes import num_values
from graphdb.sources.synthetic.ties import TiesByType
from graphdb.sources.synthetic.truth import Truth
from graphdb.sources.synthetic.words import RETURN_REASONS, SCENES
from graphdb.sources.synthetic.world import World

# Shares of the edges that are not the catalogue's. Watching and liking get what is left.
_VIEWED, _CARTED, _PURCHASED = 0.44, 0.09, 0.065
_FOLLOWS_CREATOR, _FOLLOWS_BRAND = 0.06, 0.025
_ALSO_BOUGHT, _ALSO_VIEWED, _BOUGHT_TOGETHER = 0.025, 0.025, 0.012


def generate_world(config: WorldConfig) -> World:
    """Generates a whole world; equal configs give equal worlds.

    Example:
        >>> world = generate_world(WorldConfig(num_edges=1000))
        >>> world.nodes["Category"]["name"][0].as_py()
        'Water cups'
        >>> abs(world.num_edges - 1000) <= 20
        True
    """
    truth = _plant(config)
    shelf = Shelf(
        truth.products.created,
        truth.products.popularity,
        truth.products.category,
        truth.products.traits,
        num_values(config.sizes),
    )
    ties = _standing_ties(truth, shelf)
    budget = config.num_edges - _count(ties) - config.sizes.products  # one price band each
    ties |= _follow_ties(truth, budget)
    shopping_ties, num_visits = _shopping_ties(truth, shelf, budget)
    ties |= shopping_ties
    num_left = max(config.num_edges - _count(ties) - config.sizes.products, 2)
    ties |= _watch_ties(truth, num_left)

    fans = np.bincount(ties[_of("FOLLOWS", "Creator")].target, minlength=config.sizes.creators)
    nodes = _node_tables(truth, fans)
    edges = _edge_tables(ties, nodes, num_visits)
    bands, in_bands = price_bands(nodes["Product"])
    nodes["PriceBand"] = bands.sort_by("price_band_id")
    edges[_of("IN_PRICE_BAND")] = in_bands
    in_order = {edge_type: edges[edge_type] for edge_type in SCHEMA.edge_types()}
    return World(config, {name: nodes[name] for name in SCHEMA.node_types}, in_order, truth)


def _of(relation: str, target: str | None = None) -> EdgeType:
    return SCHEMA.edge_type(relation, target=target)


def _count(ties: TiesByType) -> int:
    return sum(map(len, ties.values()))


def _plant(config: WorldConfig) -> Truth:
    calendar = Calendar.of(config)
    categories = category_tree(config.sizes.leaf_categories)
    brands = make_brands(config, calendar, categories)
    products = make_products(config, calendar, categories, brands)
    creators = make_creators(config, calendar, products)
    return Truth(
        config=config,
        calendar=calendar,
        categories=categories,
        brands=brands,
        products=products,
        shops=make_shops(brands),
        users=make_users(config, calendar, products),
        creators=creators,
        contents=content.make_contents(config, calendar, creators),
    )


def _standing_ties(truth: Truth, shelf: Shelf) -> TiesByType:
    """What holds whatever shoppers do."""
    config, contents = truth.config, truth.contents
    featured = content.featured(config, contents, truth.creators, shelf)
    return {
        **catalogue_ties(config, truth.categories, truth.products, truth.shops),
        _of("MANAGED_BY"): content.managed(config, truth.calendar, truth.creators),
        _of("PUBLISHED"): content.published(contents),
        _of("FEATURES"): featured,
        _of("PROMOTES"): content.promoted(config, contents, featured),
    }


def _follow_ties(truth: Truth, budget: int) -> TiesByType:
    config, calendar, users = truth.config, truth.calendar, truth.users
    num_creators, num_brands = round(_FOLLOWS_CREATOR * budget), round(_FOLLOWS_BRAND * budget)
    return {
        _of("FOLLOWS", "Creator"): audience.follows_creators(
            config, calendar, users, truth.creators, max(num_creators, 1)
        ),
        _of("FOLLOWS", "Brand"): audience.follows_brands(
            config, calendar, users, truth.brands, max(num_brands, 1)
        ),
    }


def _shopping_ties(truth: Truth, shelf: Shelf, budget: int) -> tuple[TiesByType, int]:
    """The funnel and what goes together in it, and the number of visits, which orders count."""
    config, calendar, users, products = truth.config, truth.calendar, truth.users, truth.products
    visits = shopping.make_visits(config, calendar, users, round(_VIEWED * budget))
    views = shopping.make_views(config, calendar, users, visits, shelf)
    carted, in_cart = shopping.carted(config, views, max(round(_CARTED * budget), 2))
    bought = shopping.bought(config, views, in_cart, max(round(_PURCHASED * budget), 2))
    purchases = orders.purchases(config, calendar, products, views, bought)
    returns, came_back = orders.returns(config, calendar, products, purchases, users.light)
    ratings = orders.ratings(config, calendar, products, purchases, came_back, users.light)

    num = config.sizes.products
    paid_at = purchases.columns[OCCURRED_AT]
    in_view = Histories(views.visit, views.product, views.at)
    in_orders = Histories(purchases.columns[EVENT_ID], purchases.target, paid_at)
    of_users = Histories(purchases.source, purchases.target, paid_at)
    ties = {
        _of("VIEWED"): views.ties(np.arange(len(views.at)), views.at),
        _of("CARTED"): carted,
        _of("PURCHASED"): purchases,
        _of("RETURNED"): returns,
        _of("RATED"): ratings,
        _of("ALSO_BOUGHT"): related(of_users, num, 3, 2, round(_ALSO_BOUGHT * budget)),
        _of("ALSO_VIEWED"): related(in_view, num, 2, 2, round(_ALSO_VIEWED * budget)),
        _of("BOUGHT_TOGETHER"): related(in_orders, num, 2, 1, round(_BOUGHT_TOGETHER * budget)),
    }
    return ties, len(visits.user)


def _watch_ties(truth: Truth, num: int) -> TiesByType:
    watches, likes = audience.watches_and_likes(
        truth.config, truth.calendar, truth.users, truth.creators, truth.contents, num
    )
    return {_of("WATCHED"): watches, _of("LIKED"): likes}


def _node_tables(truth: Truth, fans: Positions) -> dict[str, pa.Table]:
    config, categories, founded = truth.config, truth.categories, truth.calendar.founded
    brands = node_tables.brand_table(config, truth.brands)
    return {
        "User": node_tables.user_table(config, truth.users),
        "Creator": node_tables.creator_table(config, categories, truth.creators, fans),
        "Product": node_tables.product_table(config, categories, truth.products),
        "Brand": brands,
        "Shop": node_tables.shop_table(truth.brands, brands["name"].combine_chunks(), truth.shops),
        "Category": node_tables.category_table(categories, founded),
        "Tag": node_tables.tag_table(config.sizes, founded),
        "Content": node_tables.content_table(categories, truth.creators, truth.contents),
        "Agency": node_tables.agency_table(config.sizes, founded),
    }


def _edge_tables(
    ties: TiesByType, nodes: Mapping[str, pa.Table], num_visits: int
) -> dict[EdgeType, pa.Table]:
    """Empties `ties` on the way, so that a large world never stands in memory twice."""
    node_ids = {name: table.column(0).combine_chunks() for name, table in nodes.items()}
    vocabulary = {"scene": SCENES, "reason": RETURN_REASONS, EVENT_ID: ids("o", num_visits)}
    return {
        edge_type: edge_table(edge_type, ties.pop(edge_type), node_ids, vocabulary)
        for edge_type in list(ties)
    }
