"""The planted answers: what a perfect model of a synthetic world would know."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.sources.synthetic.arrays import Positions
from graphdb.sources.synthetic.brands import Brands
from graphdb.sources.synthetic.calendar import Calendar
from graphdb.sources.synthetic.categories import Categories
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.contents import Contents
from graphdb.sources.synthetic.people import Creators, Users
from graphdb.sources.synthetic.products import Products
from graphdb.sources.synthetic.shops import Shops


@dataclass(frozen=True, slots=True)
class Truth:
    """Planted answers as arrays by row; a row is the position in the node type's table.

    Args:
        calendar: The period and its festival days.
        categories: The tree; leaves come first, row 0 is Water cups.
        brands: Level, style, department.
        products: Level, style, function, trend, brand, category, quality, return rate, cups.
        shops: Which brand runs each.
        users: Tastes, and who is light.
        creators: Tastes and niche: what their contents are about and their audience is like.
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
        """Rows of the users of whom this is a favourite brand, ascending."""
        return np.flatnonzero((self.users.tastes.brands == brand_row).any(axis=1))

    def creator_audience(self, creator_row: int) -> Positions:
        """Rows of the users with a home category, style and price level of the creator's."""
        users, creators = self.users.tastes, self.creators.tastes
        at_home = (users.categories == creators.categories[creator_row, 0]).any(axis=1)
        alike = (users.style == creators.style[creator_row]) & (
            users.level == creators.level[creator_row]
        )
        return np.flatnonzero(at_home & alike)

    def liking_of_products(self) -> npt.NDArray[np.float64]:
        """How well each product fits each user, float64 [num_users, num_products].

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
        """Whose favourite each brand is, float64 [num_users, num_brands], 0 or 1."""
        users = self.users.tastes
        found = np.zeros((len(users.level), len(self.brands.level)))
        found[np.arange(len(found))[:, None], users.brands] = 1
        return found
