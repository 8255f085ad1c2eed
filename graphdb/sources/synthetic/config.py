"""Configures a synthetic world: its sizes, tastes, period, category tree and words.

The category tree has departments, groups and leaves; a leaf says what its products are called.
Names and titles are made of the words.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Annotated, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Rows: TypeAlias = npt.NDArray[np.int32]
"""Rows of nodes, or numbers of words."""

Positions: TypeAlias = npt.NDArray[np.int64]
"""Positions in an array."""

Times: TypeAlias = npt.NDArray[np.int64]
"""Microseconds since 1970, UTC."""

Weights: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


LEVEL_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""What a product of price level 0 to 4 costs, as a multiple of its category's middle price."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf category, which holds products.

    Args:
        path: Department, group, own name.
        noun: What one such product is called.
        makes: The make of each price level, cheapest first.
        price: Price in the middle of the middle level.
        sizes: Package sizes.
    """

    path: tuple[str, str, str]
    noun: str
    makes: tuple[str, ...]
    price: float
    sizes: tuple[str, ...]

    @property
    def goods(self) -> str:
        """Its name within a sentence: 'water cups', but 'T-shirts'."""
        name = self.path[-1]
        return name if self.noun[0].isupper() else name.lower()


def _read_leaves() -> tuple[Leaf, ...]:
    """A small world takes the first few, so the table spreads the departments over its rows."""
    table = resources.files(__package__).joinpath("leaves.csv")
    return tuple(
        Leaf(
            path=(row["department"], row["group"], row["name"]),
            noun=row["noun"],
            makes=tuple(row[f"make_{level}"] for level in range(len(LEVEL_FACTORS))),
            price=float(row["price"]),
            sizes=tuple(row["sizes"].split("|")),
        )
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    )


LEAVES = _read_leaves()
CUPS = 0
"""The row of the category Water cups."""


@dataclass(frozen=True, slots=True)
class Categories:
    """The category tree of a world. Leaves come first, so a leaf's row is its number.

    Args:
        names: Name per row; leaves, then groups, then departments.
        parent: Parent's row per row, -1 for a department.
        department: Number of the department per leaf; Home is 0.
    """

    leaves: tuple[Leaf, ...]
    names: tuple[str, ...]
    parent: Rows
    department: Rows
    num_departments: int


def category_tree(num_leaves: int) -> Categories:
    """Returns the first `num_leaves` leaves and all their ancestors.

    >>> tree = category_tree(2)
    >>> tree.names
    ('Water cups', 'Tableware', 'Kitchen', 'Home')
    >>> tree.parent.tolist()
    [2, 2, 3, -1]
    """
    leaves = LEAVES[:num_leaves]
    groups = list(dict.fromkeys(leaf.path[:2] for leaf in leaves))
    departments = list(dict.fromkeys(leaf.path[0] for leaf in leaves))
    of_groups = num_leaves + len(groups)
    parent = [num_leaves + groups.index(leaf.path[:2]) for leaf in leaves]
    parent += [of_groups + departments.index(group[0]) for group in groups]
    parent += [-1] * len(departments)
    names = [leaf.path[2] for leaf in leaves] + [group[1] for group in groups] + departments
    department = [departments.index(leaf.path[0]) for leaf in leaves]
    return Categories(
        leaves,
        tuple(names),
        np.array(parent, dtype=np.int32),
        np.array(department, dtype=np.int32),
        len(departments),
    )


STYLES = ("minimalist", "retro", "cute", "elegant", "natural", "sporty", "bold", "classic")

FUNCTIONS = (
    "for travel",
    "for the office",
    "as a gift",
    "for sport",
    "for students",
    "for parties",
    "for every day",
    "for weekends",
)

TRENDS = ("city walk", "camping", "quiet luxury", "cottagecore", "dopamine colours", "guochao")

BRAND_STARTS = (
    *("Al", "Bel", "Cor", "Dan", "El", "Fen", "Gal", "Hal", "Iv", "Jun", "Kel", "Lum", "Mar"),
    *("Nor", "Or", "Pel", "Quin", "Ros", "Sol", "Tam", "Ul", "Vel", "Wen", "Xan", "Yar", "Zel"),
    *("Bri", "Cla", "Dre", "Fli", "Gre", "Kri", "Plu", "Sta", "Tri", "Vio"),
)
BRAND_MIDDLES = (
    *("a", "an", "ar", "e", "en", "er", "i", "in", "ir", "o", "on", "or", "u", "un", "ur"),
    *("ea", "ia", "io", "ua", "ei"),
)
BRAND_ENDS = (
    *("bay", "co", "dell", "dora", "field", "go", "la", "lane", "lia", "lin", "mi", "moon", "na"),
    *("nest", "nova", "pine", "ra", "ridge", "ro", "sa", "son", "ta", "tree", "vale", "wood"),
)

FIRST_NAMES = (
    *("Ada", "Amir", "Anna", "Ben", "Bo", "Cai", "Carla", "Chen", "Dana", "David", "Ella", "Emil"),
    *("Fang", "Fatima", "Finn", "Gia", "Hana", "Hugo", "Ines", "Ivan", "Jade", "Jun", "Kai"),
    *("Kira", "Lan", "Leo", "Lin", "Lucia", "Mai", "Marco", "Mei", "Mia", "Nadia", "Nils", "Nora"),
    *("Omar", "Ping", "Priya", "Rui", "Sami", "Sara", "Tao", "Tess", "Uma", "Vera", "Wei", "Xia"),
    *("Yan", "Yuki", "Zoe"),
)
LAST_NAMES = (
    *("Abel", "Bai", "Berg", "Cruz", "Dai", "Diaz", "Dong", "Fan", "Fox", "Gao", "Gold", "Gu"),
    *("Han", "Hart", "He", "Hill", "Hu", "Jiang", "Kim", "King", "Kohl", "Lee", "Li", "Long"),
    *("Lu", "Ma", "Moss", "Novak", "Ono", "Park", "Peng", "Qian", "Ray", "Rossi", "Sato", "Shen"),
    *("Silva", "Song", "Stone", "Sun", "Tan", "Tang", "Wang", "West", "Wolf", "Wu", "Xie", "Xu"),
    *("Yang", "Zhou"),
)

AGENCY_STARTS = (
    *("Bright", "Blue Lake", "Cloud", "First Light", "Golden", "Harbour", "Lantern", "Momentum"),
    *("Nine Suns", "Orchard", "Red Kite", "Silver", "Star River", "Tide", "Vivid", "Wave"),
)
AGENCY_ENDS = ("Media", "Talent", "Studio", "Network", "Creators", "Live")

AGE_BANDS = ("18-24", "25-29", "30-34", "35-39", "40-49", "50+")
GENDERS = ("female", "male", "not given")
INCOME_BANDS = ("low", "lower middle", "middle", "upper middle", "high")
HOUSEHOLDS = ("1 Adult", "2 Adults", "1 Adult Kids", "2 Adults Kids", "3 Generations")
CITIES = (
    *("Beijing", "Shanghai", "Guangzhou", "Shenzhen", "Hangzhou", "Chengdu", "Wuhan", "Nanjing"),
    *("Xi'an", "Suzhou", "Chongqing", "Qingdao", "Changsha", "Xiamen", "Kunming", "Harbin"),
)

CONTENT_OPENINGS = {
    "short_video": ("Testing", "Unboxing", "3 reasons to love", "My week with", "Honest review:"),
    "live": ("Live:", "Tonight live:", "Live sale:"),
}

RETURN_REASONS = ("poor quality", "not as described", "wrong size", "changed my mind")
CHANNELS = ("short_video", "live", "shop", "search", "mall", "other")
CHANNEL_SHARES = (0.42, 0.25, 0.17, 0.1, 0.05, 0.01)


Count = Annotated[int, Field(ge=1, le=5_000_000)]
Month = Annotated[int, Field(ge=1, le=12)]
Day = Annotated[int, Field(ge=1, le=31)]
Share = Annotated[float, Field(ge=0, le=0.5)]
UtcDatetime = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]

_EDGES_PER_PRODUCT = 8
_EDGES_PER_CONTENT = 5
_LARGEST_FIXED_SHARE = 0.75
_SHORTEST_DAYS = 28


@dataclass(frozen=True, slots=True)
class Sizes:
    """The number of nodes of each type."""

    users: int
    products: int
    brands: int
    creators: int
    contents: int
    agencies: int
    leaf_categories: int
    styles: int
    functions: int
    trends: int

    @property
    def fixed_edges(self) -> int:
        """Roughly the number of edges without any user activity."""
        of_products = _EDGES_PER_PRODUCT * self.products + self.brands
        return of_products + _EDGES_PER_CONTENT * self.contents + self.creators


class WorldConfig(BaseModel):
    """The config of a world. Equal configs give equal worlds.

    Args:
        num_edges: Number of edges of all types together, almost exact.
        seed: Another seed, another world.
        num_users, num_products, num_brands, num_creators, num_contents: By default derived from
            `num_edges`: about one user per hundred edges, one product per two hundred.
        taste_strength: Share of events that follow the user's planted taste; the others follow
            popularity alone.
        start, end: All events are at or after `start` and before `end`. Most nodes are older than
            `start`.
        festivals: (month, day) of the shopping festivals, with many more purchases.
        new_item_days: Products, brands and creators created in the last days of this number are new
            items.
        new_item_share: Share of products, brands and creators that are new items.
        light_share: Share of users with only three events: two views and one purchase.

    Example:
        >>> WorldConfig(num_edges=1_000_000).sizes.users
        10000
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_edges: int = Field(default=100_000, ge=100, le=100_000_000)
    seed: int = Field(default=0, ge=0, lt=2**63)
    num_users: Count | None = None
    num_products: Count | None = None
    num_brands: Count | None = None
    num_creators: Count | None = None
    num_contents: Count | None = None
    taste_strength: float = Field(default=0.8, ge=0, le=1)
    start: UtcDatetime = datetime(2025, 1, 1, tzinfo=UTC)
    end: UtcDatetime = datetime(2026, 1, 1, tzinfo=UTC)
    festivals: tuple[tuple[Month, Day], ...] = ((6, 18), (11, 11))
    new_item_days: int = Field(default=21, ge=2, le=365)
    new_item_share: Share = 0.06
    light_share: Share = 0.03

    @property
    def sizes(self) -> Sizes:
        """Returns the given sizes; missing ones are ratios of `num_edges`."""
        edges = self.num_edges
        products = self.num_products or max(edges // 200, min(40, edges // 25))
        creators = self.num_creators or max(edges // 2000, min(8, edges // 60))
        words = max(2, products // 10)
        return Sizes(
            users=self.num_users or max(edges // 100, min(40, edges // 20)),
            products=products,
            brands=self.num_brands or max(products // 30, min(40, products // 4), 1),
            creators=creators,
            contents=self.num_contents or max(edges // 250, 2 * creators),
            agencies=max(creators // 20, 1),
            leaf_categories=min(len(LEAVES), words),
            styles=min(len(STYLES), words),
            functions=min(len(FUNCTIONS), words),
            trends=min(len(TRENDS), words),
        )

    @model_validator(mode="after")
    def _period_is_long_enough(self) -> Self:
        if self.end - self.start < timedelta(days=_SHORTEST_DAYS):
            raise ValueError(
                f"the world lasts {self.end - self.start}; at least 28 days are needed"
            )
        if timedelta(days=2 * self.new_item_days) > self.end - self.start:
            raise ValueError(f"new_item_days {self.new_item_days} is over half of the period")
        return self

    @model_validator(mode="after")
    def _each_brand_sells_something(self) -> Self:
        if self.sizes.brands > self.sizes.products:
            raise ValueError(
                f"num_brands {self.sizes.brands} is more than num_products {self.sizes.products}; "
                "each brand needs a product"
            )
        return self

    @model_validator(mode="after")
    def _nodes_leave_room_for_events(self) -> Self:
        fixed = self.sizes.fixed_edges
        if fixed > _LARGEST_FIXED_SHARE * self.num_edges:
            raise ValueError(
                f"num_edges {self.num_edges} is too small: products, contents and creators alone "
                f"bring about {fixed} edges; expected at least {fixed / _LARGEST_FIXED_SHARE:.0f}"
            )
        return self
