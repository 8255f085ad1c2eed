"""In which categories the products stand that each creator carries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.query.paths import Paths, Steps
from graphrec.query.rows import NO_ROWS, Rows

CARRIES: Sequence[Steps] = (("PROMOTES",), ("PUBLISHED", "FEATURES"))
"""The ways from a creator to what the creator carries."""

_IN_CATEGORY = "IN_CATEGORY"
_PRODUCTS_OF_NO_CATEGORY = 5  # beside those that a creator carries
_MOST_CATEGORIES = 512  # those that most is carried of

Shares = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Niches:
    """What share of what each creator carries stands in each category.

    Args:
        shares: float32 [num_creators, num_columns]. Five products that stand nowhere are added
            to each, so that few products make no niche.
        columns: int64 [num_categories], the column of a category, -1 where it has none.
    """

    shares: Shares
    columns: Rows
    _paths: Paths

    @classmethod
    def of(cls, paths: Paths, num_creators: int) -> "Niches":
        """Counts; without columns where the bundle does not tell."""
        ways = [steps for steps in CARRIES if paths.can_walk("Creator", steps)]
        num_categories = paths.bundle.num_nodes("Category")
        if not ways or not paths.can_walk("Product", (_IN_CATEGORY,)):
            return cls(np.zeros((num_creators, 0), np.float32), np.full(num_categories, -1), paths)
        carried = [_carried(paths, ways, row) for row in range(num_creators)]
        everything = np.concatenate([NO_ROWS, *carried])
        weights = _weights(paths, everything, num_categories)
        most = np.argsort(-weights, kind="stable")[:_MOST_CATEGORIES]
        kept = np.sort(most[weights[most] > 0])
        columns = np.full(num_categories, -1)
        columns[kept] = np.arange(len(kept))
        shares = np.zeros((num_creators, len(kept)), dtype=np.float32)
        for row, products in enumerate(carried):
            found = _weights(paths, products, num_categories)[kept]
            shares[row] = found / (len(products) + _PRODUCTS_OF_NO_CATEGORY)
        return cls(shares, columns, paths)

    def of_products(self, products: Rows) -> npt.NDArray[np.float64]:
        """The share of some products in each category that has a column, float64 [num_columns]."""
        found = np.zeros(self.shares.shape[1])
        if len(products) and len(found):
            weights = _weights(self._paths, products, len(self.columns))
            found[self.columns[self.columns >= 0]] = weights[self.columns >= 0] / len(products)
        return found


def _carried(paths: Paths, ways: Sequence[Steps], creator: int) -> Rows:
    found: Rows = np.unique(
        np.concatenate([paths.reach("Creator", steps, creator) for steps in ways])
    )
    return found


def _weights(paths: Paths, products: Rows, num_categories: int) -> npt.NDArray[np.float64]:
    """How many of some products stand in each category; one in several counts in parts."""
    edges = paths.adjacency("Product", _IN_CATEGORY)
    number = edges.indptr[products + 1] - edges.indptr[products]
    weights = np.repeat(1 / np.maximum(number, 1), number)
    return np.bincount(edges.gather(products), weights, num_categories).astype(np.float64)
