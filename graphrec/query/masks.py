"""Turns filters into one bit per target."""

from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from graphdb.errors import BadFilterError
from graphdb.schema_types import CREATED_AT
from graphrec.bundle import Bundle
from graphrec.query.conditions import Columns, Condition, Mask
from graphrec.query.filters import Filters
from graphrec.query.names import named_rows, subtree
from graphrec.query.paths import Paths
from graphrec.query.ways import NAMED, WAYS, targets_of

_MOST_KEPT_BYTES = 64 << 20


class FilterMasks:
    """Works out which targets pass, and remembers it: feeds ask with the same filters again."""

    def __init__(self, bundle: Bundle, paths: Paths, columns: Columns) -> None:
        self._bundle, self._paths, self._columns = bundle, paths, columns
        self._kept: dict[tuple[str, str], Mask] = {}
        self._lock = Lock()

    def mask(self, filters: Filters | None, target_type: str) -> Mask | None:
        """Which targets pass, bool [num_targets], read-only; None when nothing is filtered.

        Raises:
            BadFilterError: A filter does not work on this type, or names what does not exist.
            QueryError: The bundle lacks the edges that would tell.
        """
        if filters is None or not filters.used():
            return None
        question = (repr(filters), target_type)  # as text, because True == 1 and 1 == 1.0
        with self._lock:
            kept = self._kept.get(question)
        if kept is None:
            kept = self._passing(filters, target_type)
            kept.flags.writeable = False
            self._keep(question, kept)
        return kept

    def _keep(self, question: tuple[str, str], mask: Mask) -> None:
        with self._lock:
            self._kept[question] = mask
            while sum(map(len, self._kept.values())) > _MOST_KEPT_BYTES and len(self._kept) > 1:
                del self._kept[next(iter(self._kept))]  # the oldest

    def _passing(self, filters: Filters, target_type: str) -> Mask:
        mask = np.ones(self._bundle.num_nodes(target_type), dtype=np.bool_)
        for field in filters.used():
            if field != "exclude":
                mask &= self._passes(filters, field, target_type)
        if filters.exclude is not None:
            for single in _one_by_one(filters.exclude):
                mask &= ~self._passing(single, target_type)
        return mask

    def _passes(self, filters: Filters, field: str, target_type: str) -> Mask:
        _check_works(field, target_type)
        if field in NAMED:
            return self._reached(field, getattr(filters, field), target_type)
        if field == "ids":
            rows = named_rows(self._bundle, target_type, "filter 'ids'", filters.ids)
            return _marked(self._bundle.num_nodes(target_type), rows)
        if field == "in_stock":
            in_stock = self._in_stock()
            return in_stock if filters.in_stock else ~in_stock
        if field == "price_min":
            return self._columns.within(target_type, "price", filters.price_min, None)
        if field == "price_max":
            return self._columns.within(target_type, "price", None, filters.price_max)
        if field == "status":
            return self._columns.mask(target_type, (("status", Condition(one_of=filters.status)),))
        if field == "listed_since":
            since = Condition(min=filters.listed_since)
            return self._columns.mask(target_type, ((CREATED_AT, since),))
        return self._columns.mask(target_type, filters.properties)

    def _reached(self, field: str, names: tuple[str, ...], target_type: str) -> Mask:
        start_type = NAMED[field]
        start = named_rows(self._bundle, start_type, f"filter '{field}'", names)
        if start_type == "Category":
            start = subtree(self._paths, start)
        ways = WAYS[field, target_type]
        walkable = [way for way in ways if self._paths.can_walk(start_type, way)]
        mask = np.zeros(self._bundle.num_nodes(target_type), dtype=np.bool_)
        for way in walkable or ways[:1]:  # the first one says which edges are missing
            mask[self._paths.reach(start_type, way, start)] = True
        return mask

    def _in_stock(self) -> Mask:
        """Neither withdrawn nor out of stock nor a stock of 0; what is not known does no harm."""
        status = self._bundle.attributes("Product")["status"]
        gone: Mask = pc.fill_null(pc.not_equal(status, "active"), False).to_numpy()
        gone |= self._columns.numbers("Product", "stock") == 0
        return ~gone


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
        raise BadFilterError(
            f"filter '{field}' does not work on {target_type} targets",
            expected=f"{' or '.join(works_on)} targets",
            next_step="leave it out or ask for another type",
            value=field,
        )


def _marked(length: int, rows: npt.NDArray[np.int64]) -> Mask:
    mask = np.zeros(length, dtype=np.bool_)
    mask[rows] = True
    return mask
