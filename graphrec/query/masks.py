"""Turns filters into one bit per target."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from graphdb.errors import BadFilterError, UnknownIdError, nearest
from graphrec.bundle import Bundle
from graphrec.query.filters import Filters
from graphrec.query.paths import Paths

Mask = npt.NDArray[np.bool_]

_ALLOWED = {
    "Product": ("categories", "brands", "price_min", "price_max"),
    "Brand": ("brands",),
}
_NEAREST_AMONG = 20_000  # comparing with more names than this takes too long for an error message


def filter_mask(
    bundle: Bundle, paths: Paths, filters: Filters | None, target_type: str
) -> Mask | None:
    """Which targets pass, bool [num_targets]; None when nothing is filtered.

    Raises:
        BadFilterError: A filter does not work on this type, or names what does not exist.
    """
    used = filters.used() if filters is not None else ()
    if filters is None or not used:
        return None
    _check_allowed(used, target_type)
    mask = np.ones(bundle.num_nodes(target_type), dtype=np.bool_)
    if filters.brands:
        brands = _rows(bundle, "Brand", "brands", filters.brands)
        steps = ("~MADE_BY",) if target_type == "Product" else ()
        mask &= _marked(len(mask), paths.reach("Brand", steps, brands))
    if filters.categories:
        categories = _rows(bundle, "Category", "categories", filters.categories)
        below = _subtree(paths, categories)
        mask &= _marked(len(mask), paths.reach("Category", ("~IN_CATEGORY",), below))
    if filters.price_min is not None or filters.price_max is not None:
        mask &= _price_mask(bundle, filters)
    return mask


def _check_allowed(used: Iterable[str], target_type: str) -> None:
    allowed = _ALLOWED.get(target_type, ())
    for field in used:
        if field not in allowed:
            works_on = [name for name, fields in _ALLOWED.items() if field in fields]
            raise BadFilterError(
                f"filter '{field}' does not work on {target_type} targets",
                expected=f"{' or '.join(works_on)} targets",
                next_step="leave it out or ask for another type",
                value=field,
            )


def _price_mask(bundle: Bundle, filters: Filters) -> Mask:
    prices = pc.fill_null(bundle.attributes("Product")["price"], float("nan")).to_numpy()
    low = -np.inf if filters.price_min is None else filters.price_min
    high = np.inf if filters.price_max is None else filters.price_max
    mask: Mask = (prices >= low) & (prices <= high)  # false for a missing price
    return mask


def _subtree(paths: Paths, categories: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The categories and all below them; a circle in the tree does no harm."""
    found = frontier = np.unique(categories)
    while len(frontier):
        children = paths.reach("Category", ("~CHILD_OF",), frontier)
        frontier = np.setdiff1d(children, found)
        found = np.union1d(found, frontier)
    return found


def _marked(length: int, rows: npt.NDArray[np.int64]) -> Mask:
    mask = np.zeros(length, dtype=np.bool_)
    mask[rows] = True
    return mask


def _rows(
    bundle: Bundle, node_type: str, field: str, values: tuple[str, ...]
) -> npt.NDArray[np.int64]:
    return np.array([_row(bundle, node_type, field, value) for value in values], dtype=np.int64)


def _row(bundle: Bundle, node_type: str, field: str, value: str) -> int:
    """The row of the node with that id, else of the only one with that name."""
    try:
        return bundle.row_of(node_type, value)
    except UnknownIdError as error:
        names = bundle.attributes(node_type)["name"]
        rows = np.flatnonzero(pc.fill_null(pc.equal(names, value), False).to_numpy())
        if len(rows) == 1:
            return int(rows[0])
        if len(rows) > 1:
            ids = ", ".join(f"'{bundle.id_of(node_type, row)}'" for row in rows[:10])
            raise BadFilterError(
                f"filter '{field}': {len(rows)} {node_type} nodes are named '{value}'",
                next_step=f"give one of the ids {ids}",
                value=value,
            ) from error
        known = bundle.ids(node_type).to_pylist() + [name for name in names.to_pylist() if name]
        raise BadFilterError(
            f"filter '{field}': no {node_type} has the id or name '{value}'",
            next_step=nearest(value, known) if len(known) <= _NEAREST_AMONG else error.next_step,
            value=value,
        ) from error
