"""Defines filters on targets and turns them into one bit per target.

Targets can be filtered by category, brand, price, stock and any property of the schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
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
from graphdb.errors import InvalidFilterError, nearest, shown
from graphdb.locking import ForkLock
from graphdb.schema_types import CREATED_AT
from graphrec.bundle import Bundle
from graphrec.query.conditions import SELLABLE, Columns, Condition, Conditions, Mask
from graphrec.query.embeddings import NO_ROWS, Rows, Texts
from graphrec.query.limits import MOST_DEPTH
from graphrec.query.metapaths import CATEGORY, FILTER_PATHS, NAMED, Paths, targets_of
from graphrec.query.names import Skipped, known_rows, unknown_name


def _as_number(given: Any) -> Any:
    """Decimals and narrow numbers as the float64 that is meant; all else as it is."""
    if isinstance(given, Decimal | np.floating) and isfinite(given):
        return as_meant([float(given)]).item()
    return given


Price = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True), BeforeValidator(_as_number)]


class Filters(BaseModel):
    """Selects targets: a target must pass every filter that is set.

    Nodes are given by id, or by name if only one node of their type has it.
    `graphrec/query/metapaths.py` lists which filters work for which target types. None, the
    default, filters nothing. An empty list excludes everything, and within `exclude` it excludes
    nothing.

    Args:
        ids: Only these targets.
        categories: Categories, including everything below them. Creators, contents, brands and
            shops pass with any product in one.
        brands: The maker of a product; for creators, contents and shops, the brands that they
            carry.
        shops: The shops that sell the product.
        tags: A style, trend or function of the product, or of any product that the target carries.
        creators: The creators who promote the product or made the content.
        agencies: The agencies that manage the creator.
        price_bands: The band of the product's price.
        price_min: The lowest price, inclusive, in the currency of the shop. It is compared in
            decimal, as prices are shown. A product without a price never passes.
        price_max: The highest price, inclusive.
        status: Such as 'active'. A product without a status never passes.
        in_stock: For products: True selects those that can be bought, as by default, and False
            those that are withdrawn, out of stock or have a stock of 0.
        listed_since: Only targets that came to the platform at this time or later.
        properties: Per property of the target: a value, a list of values, or {min, max}, such as
            {"followers": {"min": 1000}}.
        exclude: Excludes what passes any one of these filters.
        on_missing: What to do with an id or name that the bundle does not hold: 'error', or 'skip'
            it and list it in the trace. None, the default, is an error; within `exclude`, unknown
            ids are skipped, and unknown names if the list also has known ones. `exclude` inherits
            the value set here. An entry that differs from a known one only in spaces, case or the
            form of its characters is always an error.

    Raises:
        InvalidFilterError: A filter does not exist, or a value is not possible for it.

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
            raise InvalidFilterError(
                f"filter '{field}' cannot be {shown(problem['input'])}: {problem['msg']}",
                value=problem["input"],
            ) from error
        low, high = filters.price_min, filters.price_max
        if low is not None and high is not None and low > high:
            raise InvalidFilterError(
                f"filter 'price_min' is {low}, above 'price_max', which is {high}",
                next_step="swap them",
                value=(low, high),
            )
        return filters

    def asks_for_unsellable(self) -> bool:
        """Whether status, stock or in_stock selects products that cannot be bought."""
        wanted = [("status", Condition(one_of=self.status))] if self.status else []
        named = any(
            name == "stock"
            or (name == "status" and any(one != SELLABLE for one in condition.values()))
            for name, condition in [*wanted, *self.properties]
        )
        return named or self.in_stock is not None

    def used(self) -> tuple[str, ...]:
        """Returns the names of the filters that are set."""
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
        raise InvalidFilterError(
            f"filters have more than {MOST_DEPTH} others within them, by 'exclude'",
            expected=f"at most {MOST_DEPTH}",
        )


def _unknown_field(field: str, known: list[str]) -> InvalidFilterError:
    return InvalidFilterError(
        f"there is no filter '{field}'",
        expected="one of " + ", ".join(known),
        next_step=nearest(field, known),
        value=field,
    )


_MOST_KEPT_BYTES = 64 << 20


class FilterMasks:
    """Works out which targets pass, and remembers it: feeds ask with the same filters again."""

    def __init__(self, bundle: Bundle, paths: Paths, columns: Columns) -> None:
        self._bundle, self._paths, self._columns = bundle, paths, columns
        self._kept: dict[tuple[str, str], Passing] = {}
        self._lock = ForkLock()

    def passing(self, filters: Filters | None, target_type: str) -> "Passing":
        """Which targets pass.

        Raises:
            InvalidFilterError: A filter does not work on this type, or names what does not exist.
            QueryError: The bundle lacks the edges that would tell.
        """
        if filters is None or not filters.used():
            return Passing()
        question = (repr(filters), target_type)  # as text, because True == 1 and 1 == 1.0
        with self._lock:
            kept = self._kept.get(question)
        if kept is None:
            found = FilteredType(self._bundle, self._paths, self._columns, target_type)
            mask = found.mask(filters, Missing(filters.on_missing))
            mask.flags.writeable = False
            kept = Passing(mask, tuple(found.skipped))
            self._keep(question, kept)
        return kept

    def _keep(self, question: tuple[str, str], passing: "Passing") -> None:
        with self._lock:
            self._kept[question] = passing
            while sum(map(len, self._kept.values())) > _MOST_KEPT_BYTES and len(self._kept) > 1:
                del self._kept[next(iter(self._kept))]  # the oldest


@dataclass(frozen=True, slots=True, eq=False)
class Passing:
    """What filters let out.

    Args:
        mask: bool [num_targets], read-only; None when nothing is filtered.
        skipped: What the filters name and the bundle does not hold.
    """

    mask: Mask | None = None
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return 0 if self.mask is None else len(self.mask)


@dataclass(frozen=True, slots=True)
class Missing:
    """What to do with entries that name nothing, at one depth of nested filters.

    Args:
        said: The filters' `on_missing`.
        prefix: How the messages call the filters at this depth, such as 'exclude.'.
        excluded: Whether what passes is left out.
    """

    said: Literal["error", "skip"] | None
    prefix: str = ""
    excluded: bool = False

    def below(self, exclude: Filters) -> "Missing":
        """The same for the filters of what is left out."""
        return Missing(exclude.on_missing or self.said, f"{self.prefix}exclude.", not self.excluded)

    def skips(self, field: str, some_known: bool) -> bool:
        """Whether they are skipped; False for an error."""
        if self.said is not None:
            return self.said == "skip"
        return self.excluded and (field == "ids" or some_known)


class FilteredType:
    """Works out filters for targets of one type.

    Attributes:
        skipped: Grows with every entry that names nothing.
    """

    def __init__(self, bundle: Bundle, paths: Paths, columns: Columns, target_type: str) -> None:
        self._bundle, self._paths, self._columns = bundle, paths, columns
        self._target_type = target_type
        self.skipped: list[Skipped] = []

    def mask(self, filters: Filters, missing: Missing) -> Mask:
        """Which targets pass, bool [num_targets]."""
        mask = np.ones(self._bundle.num_nodes(self._target_type), dtype=np.bool_)
        for field in filters.used():
            if field != "exclude":
                mask &= self._passes(filters, field, missing)
        if filters.exclude is not None:
            below = missing.below(filters.exclude)
            for single in _one_by_one(filters.exclude):
                mask &= ~self.mask(single, below)
        return mask

    def _passes(self, filters: Filters, field: str, missing: Missing) -> Mask:
        target_type = self._target_type
        _check_works(field, target_type)
        if field in NAMED:
            return self._reached(field, getattr(filters, field), missing)
        if field == "ids":
            rows = self._rows(target_type, field, filters.ids or (), missing)
            return _marked(self._bundle.num_nodes(target_type), rows)
        if field == "in_stock":
            sellable = self._columns.sellable(target_type)
            if sellable is None:
                return np.full(self._bundle.num_nodes(target_type), filters.in_stock)
            return sellable if filters.in_stock else ~sellable
        if field == "price_min":
            return self._columns.mask(target_type, (("price", Condition(min=filters.price_min)),))
        if field == "price_max":
            return self._columns.mask(target_type, (("price", Condition(max=filters.price_max)),))
        if field == "status":
            status = Condition(one_of=filters.status)
            return self._columns.mask(target_type, (("status", status),))
        if field == "listed_since":
            since = Condition(min=filters.listed_since)
            return self._columns.mask(target_type, ((CREATED_AT, since),))
        return self._columns.mask(target_type, filters.properties)

    def _rows(self, node_type: str, field: str, names: tuple[str, ...], missing: Missing) -> Rows:
        """The rows of what a filter names; nothing where it names nothing."""
        if not names:
            return NO_ROWS
        asked_by = f"filter '{missing.prefix}{field}'"
        rows, unknown = known_rows(self._columns, node_type, asked_by, names)
        if unknown and not missing.skips(field, len(rows) > 0):
            raise unknown_name(self._columns, node_type, asked_by, unknown[0].id)
        self.skipped += unknown
        return rows

    def _reached(self, field: str, names: tuple[str, ...], missing: Missing) -> Mask:
        target_type, start_type = self._target_type, NAMED[field]
        mask = np.zeros(self._bundle.num_nodes(target_type), dtype=np.bool_)
        if not names:
            return mask
        start = self._rows(start_type, field, names, missing)
        if start_type == CATEGORY:
            start = self._paths.tree.below(start)
        paths = FILTER_PATHS[field, target_type]
        held = [path for path in paths if self._paths.holds(path)]
        for path in held or paths[:1]:  # the first one says which edges are missing
            mask[self._paths.reach(path, start)] = True
        return mask


def _one_by_one(filters: Filters) -> list[Filters]:
    """One filter at a time; the two ends of the price range stay together."""
    used = set(filters.used())
    price = {"price_min", "price_max"} & used
    groups = [price] if price else []
    groups += [{name} for name in filters.used() if name not in price]
    return [Filters(**{name: getattr(filters, name) for name in group}) for group in groups]


def _check_works(field: str, target_type: str) -> None:
    works_on = targets_of(field)
    if works_on and target_type not in works_on:
        raise InvalidFilterError(
            f"filter '{field}' does not work on {target_type} targets",
            expected=f"{' or '.join(works_on)} targets",
            next_step="leave it out or ask for another type",
            value=field,
        )


def _marked(length: int, rows: npt.NDArray[np.int64]) -> Mask:
    mask = np.zeros(length, dtype=np.bool_)
    mask[rows] = True
    return mask
