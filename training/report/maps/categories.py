"""Which category a product stands in, at a level of the tree where colours tell something."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.bundle import Bundle
from graphrec.query.paths import Paths

Rows = npt.NDArray[np.int64]

NONE = -1
LARGEST_SHARE = 0.25
_DEEPEST = 12
_PRODUCT, _CATEGORY = "Product", "Category"


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """One category per product, on a level of the tree where colours tell something.

    Args:
        of_product: int64 [num_products], the category's row, or NONE.
    """

    of_product: Rows

    @classmethod
    def of(cls, bundle: Bundle, product_rows: Rows) -> "Categories | None":
        """The roots of the tree; one that holds too many of some products gives way to its parts.

        None for a bundle without categories.
        """
        paths = Paths(bundle)
        if not paths.can_walk(_PRODUCT, ("IN_CATEGORY",)) or not bundle.num_nodes(_CATEGORY):
            return None
        chains = _chains(paths)
        own = paths.adjacency(_PRODUCT, "IN_CATEGORY").first_targets()
        depth = np.zeros(len(chains), dtype=np.int64)
        lines = np.arange(len(chains))
        while True:
            shown = chains[lines, depth]
            known = own[product_rows]
            counts = np.bincount(shown[known[known != NONE]], minlength=len(chains))
            deeper = np.minimum(depth + 1, chains.shape[1] - 1)
            too_large = counts[shown] > LARGEST_SHARE * len(product_rows)
            moved = too_large & (chains[lines, deeper] != shown)
            if not moved.any():
                return cls(np.where(own == NONE, NONE, shown[own]))
            depth[moved] = deeper[moved]

    def of_makers(self, made_by: Rows, num_makers: int) -> Rows:
        """Of makers of products, the category of most of them; NONE for those without any.

        Args:
            made_by: int64 [num_products], the maker's row, or NONE.
        """
        known = (made_by != NONE) & (self.of_product != NONE)
        pairs, counts = np.unique(
            np.column_stack([made_by[known], self.of_product[known]]), axis=0, return_counts=True
        )
        found = np.full(num_makers, NONE, dtype=np.int64)
        order = np.argsort(counts, kind="stable")
        found[pairs[order, 0]] = pairs[order, 1]  # of equal places the last, the largest, stays
        return found


def makers(bundle: Bundle) -> Rows | None:
    """The brand of every product, int64 [num_products]; None where the bundle does not say."""
    paths = Paths(bundle)
    if not paths.can_walk(_PRODUCT, ("MADE_BY",)):
        return None
    return paths.adjacency(_PRODUCT, "MADE_BY").first_targets()


def _chains(paths: Paths) -> Rows:
    """Per category what stands above it, from the root on, and itself from its own depth on."""
    own = np.arange(paths.bundle.num_nodes(_CATEGORY))
    if not paths.can_walk(_CATEGORY, ("CHILD_OF",)):
        return own[:, None]
    parent = paths.adjacency(_CATEGORY, "CHILD_OF").first_targets()
    chains = own[:, None]
    for _ in range(_DEEPEST):
        above = np.where(parent[chains[:, 0]] == NONE, chains[:, 0], parent[chains[:, 0]])
        if (above == chains[:, 0]).all():
            break
        chains = np.column_stack([above, chains])
    # Roots stand at the left several times where a chain is shorter than the longest.
    return np.array([_left_aligned(chain) for chain in chains])


def _left_aligned(chain: Rows) -> Rows:
    distinct = list(dict.fromkeys(chain.tolist()))
    return np.array(distinct + distinct[-1:] * (len(chain) - len(distinct)), dtype=np.int64)
