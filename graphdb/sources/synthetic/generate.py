"""Generates a whole synthetic world from one config and writes it to disk.

A world holds its tables and its planted answers, which a perfect model would recover.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.atomic import empty_folder
from graphdb.errors import DataError
from graphdb.ingestion.price_bands import price_bands
from graphdb.schema import SCHEMA
from graphdb.schema_types import EVENT_ID, OCCURRED_AT, EdgeType
from graphdb.sources.synthetic import people, shopping, tables
from graphdb.sources.synthetic import people as content
from graphdb.sources.synthetic.catalogue import (
    Brands,
    Products,
    Shops,
    catalogue_edges,
    make_brands,
    make_products,
    make_shops,
)
from graphdb.sources.synthetic.config import (
    CHANNELS,
    RETURN_REASONS,
    Categories,
    Positions,
    WorldConfig,
    category_tree,
)
from graphdb.sources.synthetic.draws import Calendar, EdgesByType
from graphdb.sources.synthetic.people import (
    Contents,
    Creators,
    Histories,
    Users,
    make_creators,
    make_users,
    related,
)
from graphdb.sources.synthetic.tables import edge_table, ids
from graphdb.sources.synthetic.tastes import Shelf, num_values


@dataclass(frozen=True, slots=True)
class Truth:
    """Planted answers as arrays by row; a row is the position in the node type's table.

    Args:
        calendar: The period and its festival days.
        categories: The tree; leaves come first, row 0 is Water cups.
        brands: Level, style, department.
        products: Level, style, function, trend, brand, category, quality, return rate, cups.
        shops: Which brand runs each.
        users: Tastes, and which users are light.
        creators: Tastes and niche: the topics of their contents and the tastes of their audience.
        contents: Creators; a content's taste is its creator's.

    Example:
        >>> from graphdb.sources.synthetic import WorldConfig, generate_world
        >>> truth = generate_world(WorldConfig(num_edges=2000)).truth
        >>> sorted(set(truth.products.level[truth.products.cups].tolist()))
        [0, 1, 2, 3, 4]
    """

    config: WorldConfig
    calendar: Calendar
    categories: Categories
    brands: Brands
    products: Products
    shops: Shops
    users: Users
    creators: Creators
    contents: Contents

    def tag_rows(self, kind: str) -> Positions:
        """The Tag row of each style, function or trend number.

        Args:
            kind: "style", "function" or "trend".
        """
        sizes = self.config.sizes
        nums = {"style": sizes.styles, "function": sizes.functions, "trend": sizes.trends}
        kinds = list(nums)
        first = sum(nums[before] for before in kinds[: kinds.index(kind)])
        return np.arange(first, first + nums[kind])

    def brand_audience(self, brand_row: int) -> Positions:
        """Returns the rows of users with this favourite brand, ascending."""
        return np.flatnonzero((self.users.tastes.brands == brand_row).any(axis=1))

    def creator_audience(self, creator_row: int) -> Positions:
        """Returns the users (rows) with a home category, style and price level of the creator."""
        users, creators = self.users.tastes, self.creators.tastes
        at_home = (users.categories == creators.categories[creator_row, 0]).any(axis=1)
        alike = (users.style == creators.style[creator_row]) & (
            users.level == creators.level[creator_row]
        )
        return np.flatnonzero(at_home & alike)

    def liking_of_products(self) -> npt.NDArray[np.float64]:
        """Returns how well each product fits each user, float64 [num_users, num_products].

        0 outside of the user's home categories, else 1 and 1 more for each taste that it meets:
        price level, style, function, trend, favourite brand.
        """
        users, products = self.users.tastes, self.products
        at_home = (users.categories[:, :, None] == products.category).any(axis=1)
        met = (users.brands[:, :, None] == products.brand).any(axis=1).astype(np.float64)
        for name, values in users.traits.items():
            met += values[:, None] == getattr(products, name)
        liking: npt.NDArray[np.float64] = at_home * (1 + met)
        return liking

    def liking_of_brands(self) -> npt.NDArray[np.float64]:
        """Returns which brands are a user's favourites, float64 [num_users, num_brands], 0 or 1."""
        users = self.users.tastes
        found = np.zeros((len(users.level), len(self.brands.level)))
        found[np.arange(len(found))[:, None], users.brands] = 1
        return found


@dataclass(frozen=True, slots=True)
class World:
    """A generated graph and its planted answers.

    Args:
        nodes: A table per node type, sorted by key.
        edges: A table per edge type.
        truth: The planted answers.
    """

    config: WorldConfig
    nodes: Mapping[str, pa.Table] = field(repr=False)
    edges: Mapping[EdgeType, pa.Table] = field(repr=False)
    truth: Truth = field(repr=False)

    @property
    def num_edges(self) -> int:
        return sum(table.num_rows for table in self.edges.values())

    def write(self, folder: str | Path) -> Path:
        """Writes one Parquet file per type: `User.parquet`, `User-PURCHASED-Product.parquet`, ...

        Raises:
            DataError: The folder is not empty.
        """
        folder = Path(folder)
        with empty_folder(folder, DataError) as unfinished:
            for of, table in [*self.nodes.items(), *self.edges.items()]:
                pq.write_table(table, unfinished / f"{of}.parquet", compression="zstd")
        return folder


# Shares of the edges outside the catalogue. Watching and liking get the rest.
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
    edges = _standing_edges(truth, shelf)
    budget = config.num_edges - _count(edges) - config.sizes.products  # one price band each
    edges |= _follow_edges(truth, budget)
    shopping_edges, num_visits = _shopping_edges(truth, shelf, budget)
    edges |= shopping_edges
    num_left = max(config.num_edges - _count(edges) - config.sizes.products, 2)
    edges |= _watch_edges(truth, num_left)

    followers = np.bincount(
        edges[_of("FOLLOWS", "Creator")].target, minlength=config.sizes.creators
    )
    nodes = _node_tables(truth, followers)
    edge_tables = _edge_tables(edges, nodes, num_visits)
    bands, in_bands = price_bands(nodes["Product"])
    nodes["PriceBand"] = bands.sort_by("price_band_id")
    edge_tables[_of("IN_PRICE_BAND")] = in_bands
    in_order = {edge_type: edge_tables[edge_type] for edge_type in SCHEMA.edge_types()}
    return World(config, {name: nodes[name] for name in SCHEMA.node_types}, in_order, truth)


def _of(relation: str, target: str | None = None) -> EdgeType:
    return SCHEMA.edge_type(relation, target=target)


def _count(edges: EdgesByType) -> int:
    return sum(map(len, edges.values()))


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


def _standing_edges(truth: Truth, shelf: Shelf) -> EdgesByType:
    """Returns the edges that do not depend on shoppers."""
    config, contents = truth.config, truth.contents
    featured = content.featured(config, contents, truth.creators, shelf)
    return {
        **catalogue_edges(config, truth.categories, truth.products, truth.shops),
        _of("MANAGED_BY"): content.managed(config, truth.calendar, truth.creators),
        _of("PUBLISHED"): content.published(contents),
        _of("FEATURES"): featured,
        _of("PROMOTES"): content.promoted(config, contents, featured),
    }


def _follow_edges(truth: Truth, budget: int) -> EdgesByType:
    config, calendar, users = truth.config, truth.calendar, truth.users
    num_creators, num_brands = round(_FOLLOWS_CREATOR * budget), round(_FOLLOWS_BRAND * budget)
    return {
        _of("FOLLOWS", "Creator"): people.follows_creators(
            config, calendar, users, truth.creators, max(num_creators, 1)
        ),
        _of("FOLLOWS", "Brand"): people.follows_brands(
            config, calendar, users, truth.brands, max(num_brands, 1)
        ),
    }


def _shopping_edges(truth: Truth, shelf: Shelf, budget: int) -> tuple[EdgesByType, int]:
    """Returns the funnel, its co-occurrence edges, and the number of visits, which orders count."""
    config, calendar, users, products = truth.config, truth.calendar, truth.users, truth.products
    visits = shopping.make_visits(config, calendar, users, round(_VIEWED * budget))
    views = shopping.make_views(config, calendar, users, visits, shelf)
    carted, in_cart = shopping.carted(config, views, max(round(_CARTED * budget), 2))
    bought = shopping.bought(config, views, in_cart, max(round(_PURCHASED * budget), 2))
    purchases = shopping.purchases(config, calendar, products, views, bought)
    returns, came_back = shopping.returns(config, calendar, products, purchases, users.light)
    ratings = shopping.ratings(config, calendar, products, purchases, came_back, users.light)

    num = config.sizes.products
    paid_at = purchases.columns[OCCURRED_AT]
    in_view = Histories(views.visit, views.product, views.at)
    in_orders = Histories(purchases.columns[EVENT_ID], purchases.target, paid_at)
    of_users = Histories(purchases.source, purchases.target, paid_at)
    edges = {
        _of("VIEWED"): views.edges(np.arange(len(views.at)), views.at),
        _of("CARTED"): carted,
        _of("PURCHASED"): purchases,
        _of("RETURNED"): returns,
        _of("RATED"): ratings,
        _of("ALSO_BOUGHT"): related(of_users, num, 3, 2, round(_ALSO_BOUGHT * budget)),
        _of("ALSO_VIEWED"): related(in_view, num, 2, 2, round(_ALSO_VIEWED * budget)),
        _of("BOUGHT_TOGETHER"): related(in_orders, num, 2, 1, round(_BOUGHT_TOGETHER * budget)),
    }
    return edges, len(visits.user)


def _watch_edges(truth: Truth, num: int) -> EdgesByType:
    watches, likes = people.watches_and_likes(
        truth.config, truth.calendar, truth.users, truth.creators, truth.contents, num
    )
    return {_of("WATCHED"): watches, _of("LIKED"): likes}


def _node_tables(truth: Truth, followers: Positions) -> dict[str, pa.Table]:
    config, categories, founded = truth.config, truth.categories, truth.calendar.founded
    brands = tables.brand_table(config, truth.brands)
    return {
        "User": tables.user_table(config, truth.users),
        "Creator": tables.creator_table(config, categories, truth.creators, followers),
        "Product": tables.product_table(config, categories, truth.products),
        "Brand": brands,
        "Shop": tables.shop_table(truth.brands, brands["name"].combine_chunks(), truth.shops),
        "Category": tables.category_table(categories, founded),
        "Tag": tables.tag_table(config.sizes, founded),
        "Content": tables.content_table(categories, truth.creators, truth.contents),
        "Agency": tables.agency_table(config.sizes, founded),
    }


def _edge_tables(
    edges: EdgesByType, nodes: Mapping[str, pa.Table], num_visits: int
) -> dict[EdgeType, pa.Table]:
    """Empties `edges` while it runs, so that memory never holds a large world twice."""
    node_ids = {name: table.column(0).combine_chunks() for name, table in nodes.items()}
    vocabulary = {"channel": CHANNELS, "reason": RETURN_REASONS, EVENT_ID: ids("o", num_visits)}
    return {
        edge_type: edge_table(edge_type, edges.pop(edge_type), node_ids, vocabulary)
        for edge_type in list(edges)
    }
