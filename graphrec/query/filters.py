"""What a caller may ask of the targets: categories, brands, prices, stock, any property."""

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from graphdb.decimals import as_meant
from graphdb.errors import BadFilterError, nearest, shown
from graphrec.query.conditions import SELLABLE, Condition, Conditions
from graphrec.query.limits import MOST_DEPTH
from graphrec.query.texts import Texts


def _as_number(given: Any) -> Any:
    """Decimals and narrow numbers as the float64 that is meant; all else as it is."""
    if isinstance(given, Decimal | np.floating) and isfinite(given):
        return as_meant([float(given)]).item()
    return given


Price = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True), BeforeValidator(_as_number)]


class Filters(BaseModel):
    """Which targets may come out; a target has to pass every filter that is set.

    Nodes are given by id, or by name where only one of their type has that name. Which filters
    work on which targets stands in `graphrec/query/ways.py`. None, the default, filters nothing;
    an empty list lets nothing out, and within `exclude` it leaves nothing out.

    Args:
        ids: Only these targets.
        categories: A category stands for everything below it too. Creators, contents, brands and
            shops pass with any product in it.
        brands: Of products, their maker; of creators, contents and shops, what they carry.
        shops: Who sells the product.
        tags: Style, trend or function of the product, or of any product that the target carries.
        creators: Who promotes the product or made the content.
        agencies: Who manages the creator.
        price_bands: The band of the product's price.
        price_min: Lowest price, itself included, in the shop's currency and compared in decimal,
            as prices are shown. A product without a price never passes.
        price_max: Highest price, itself included.
        status: Such as 'active'. A product without a status never passes.
        in_stock: Of products, True for those that are neither withdrawn nor out of stock nor have
            a stock of 0, as by default, False for the others.
        listed_since: Only what came to the platform at that moment or later.
        properties: By name, the value, a list of values or {min, max} of any property of the
            target, such as {"fans": {"min": 1000}}.
        exclude: Leaves out what passes any one of these filters.
        on_missing: What to do with an id or name that the bundle does not hold: 'error', or
            'skip' it and say so in the trace. None, the default, is an error, but within
            `exclude` such ids are skipped, and such names where the list has known ones too;
            `exclude` takes over what is said here. An entry that is a known one but for spaces,
            case or the form of its characters is always an error.

    Raises:
        BadFilterError: An unknown filter, or a value that cannot be one.

    >>> Filters(categories="Yogurt", price_max=5).categories
    ('Yogurt',)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: Texts | None = None
    categories: Texts | None = None
    brands: Texts | None = None
    shops: Texts | None = None
    tags: Texts | None = None
    creators: Texts | None = None
    agencies: Texts | None = None
    price_bands: Texts | None = None
    price_min: Price | None = None
    price_max: Price | None = None
    status: Texts | None = None
    in_stock: Annotated[bool | None, Field(strict=True)] = None
    listed_since: AwareDatetime | None = None
    properties: Conditions = ()
    exclude: "Filters | None" = None
    on_missing: Literal["error", "skip"] | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _typed_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Turns pydantic's complaint into one of ours, which names the nearest field."""
        if isinstance(data, Mapping):
            _check_depth(data)
            for field in data:
                if field not in cls.model_fields:
                    raise _unknown_field(str(field), list(cls.model_fields))
        try:
            filters = handler(data)
        except ValidationError as error:
            problem = error.errors()[0]
            field = ".".join(map(str, problem["loc"])) or "filters"
            raise BadFilterError(
                f"filter '{field}' cannot be {shown(problem['input'])}: {problem['msg']}",
                value=problem["input"],
            ) from error
        low, high = filters.price_min, filters.price_max
        if low is not None and high is not None and low > high:
            raise BadFilterError(
                f"filter 'price_min' is {low}, above 'price_max', which is {high}",
                next_step="swap them",
                value=(low, high),
            )
        return filters

    def asks_for_unsellable(self) -> bool:
        """Whether products that cannot be bought are asked for: by status, stock or in_stock."""
        wanted = [("status", Condition(one_of=self.status))] if self.status else []
        named = any(
            name == "stock"
            or (name == "status" and any(one != SELLABLE for one in condition.values()))
            for name, condition in [*wanted, *self.properties]
        )
        return named or self.in_stock is not None

    def used(self) -> tuple[str, ...]:
        """The names of the filters that are set; no condition on properties is none."""
        return tuple(
            name
            for name in type(self).model_fields
            if name != "on_missing"
            and getattr(self, name) is not None
            and (name != "properties" or self.properties)
        )


def _check_depth(data: Mapping[str, Any]) -> None:
    """Filters within filters, as mappings or made already, must end soon."""
    depth, inner = 0, data.get("exclude")
    while inner is not None and depth <= MOST_DEPTH:
        depth += 1
        if isinstance(inner, Filters):
            inner = inner.exclude
        else:
            inner = inner.get("exclude") if isinstance(inner, Mapping) else None
    if depth > MOST_DEPTH:
        raise BadFilterError(
            f"filters have more than {MOST_DEPTH} others within them, by 'exclude'",
            expected=f"at most {MOST_DEPTH}",
        )


def _unknown_field(field: str, known: list[str]) -> BadFilterError:
    return BadFilterError(
        f"there is no filter '{field}'",
        expected="one of " + ", ".join(known),
        next_step=nearest(field, known),
        value=field,
    )
