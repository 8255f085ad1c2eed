"""How large a synthetic world is, how clear its tastes are, and when it takes place."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from graphdb.sources.synthetic.categories import LEAVES
from graphdb.sources.synthetic.words import FUNCTIONS, STYLES, TRENDS

Count = Annotated[int, Field(ge=1, le=5_000_000)]
Month = Annotated[int, Field(ge=1, le=12)]
Day = Annotated[int, Field(ge=1, le=31)]
Share = Annotated[float, Field(ge=0, le=0.5)]
UtcDatetime = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]

_TIES_PER_PRODUCT = 8
_TIES_PER_CONTENT = 5
_LARGEST_FIXED_SHARE = 0.75
_SHORTEST_DAYS = 28


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of everything a world has."""

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
    def fixed_ties(self) -> int:
        """About how many edges there are before anyone does anything."""
        of_goods = _TIES_PER_PRODUCT * self.products + self.brands
        return of_goods + _TIES_PER_CONTENT * self.contents + self.creators


class WorldConfig(BaseModel):
    """What to generate. Equal configs give equal worlds.

    Args:
        num_edges: How many edges of all types together, nearly exactly.
        seed: Another seed, another world.
        num_users, num_products, num_brands, num_creators, num_contents: Derived from `num_edges`
            when left out: about one user per hundred edges, one product per two hundred.
        taste_strength: Share of what people do that follows their planted taste; the rest, and at
            0 everything, follows popularity alone.
        start, end: Everything happens from `start` on and before `end`. Most nodes were there
            before `start`.
        festivals: (month, day) of the shopping festivals, when purchases multiply.
        newcomer_days: Products, brands and creators created in so many last days are newcomers.
        newcomer_share: Share of products, brands and creators that are newcomers.
        light_share: Share of users who did only three things: two views and one purchase.

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
    newcomer_days: int = Field(default=21, ge=2, le=365)
    newcomer_share: Share = 0.06
    light_share: Share = 0.03

    @property
    def sizes(self) -> Sizes:
        """The given sizes, and for the others ratios of `num_edges`."""
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
        if timedelta(days=2 * self.newcomer_days) > self.end - self.start:
            raise ValueError(f"newcomer_days {self.newcomer_days} is over half of the period")
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
        fixed = self.sizes.fixed_ties
        if fixed > _LARGEST_FIXED_SHARE * self.num_edges:
            raise ValueError(
                f"num_edges {self.num_edges} is too small: products, contents and creators alone "
                f"bring about {fixed} edges; expected at least {fixed / _LARGEST_FIXED_SHARE:.0f}"
            )
        return self
