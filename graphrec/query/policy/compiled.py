"""Blocks and licences with their ids turned into rows of one bundle."""

from dataclasses import dataclass

import numpy as np

from graphrec.query.conditions import Mask
from graphrec.query.paths import Paths
from graphrec.query.policy.document import Block, Licence
from graphrec.query.policy.reach import RowsByType, below
from graphrec.query.policy.resolve import Resolver
from graphrec.query.rows import NO_ROWS, Rows


@dataclass(frozen=True, slots=True, eq=False)
class BlockedNodes:
    """A block and the rows that it names, without what belongs to them."""

    rule: Block
    named: Rows

    @classmethod
    def of(cls, block: Block, number: int, resolver: Resolver) -> "BlockedNodes":
        """Finds them.

        Args:
            number: The block's place in the policy, from 1, for messages.
        """
        for seed_type in block.scope:
            resolver.check_type(seed_type)
        if block.where:
            return cls(block, resolver.matching(block.type, block.where))
        rows = resolver.known_rows(
            block.type,
            block.ids,
            f"block {number} ({block.reason})",
            allow_unknown=block.allow_unknown,
        )
        return cls(block, rows)


@dataclass(frozen=True, slots=True, eq=False)
class Licensed:
    """A licence, the goods that need it, and who holds it.

    Args:
        goods: The categories with all below them, and the products in them.
        holders: Rows per type that is named.
    """

    rule: Licence
    categories: Rows
    goods: RowsByType
    holders: RowsByType

    @classmethod
    def of(cls, licence: Licence, number: int, resolver: Resolver, paths: Paths) -> "Licensed":
        """Finds them.

        Args:
            number: The licence's place in the policy, from 1, for messages.
        """
        named_by = f"licence {number} ({licence.reason})"
        categories = resolver.known_rows(
            "Category", licence.categories, named_by, allow_unknown=licence.allow_unknown
        )
        holders: RowsByType = {
            name: resolver.rows(name, ids, named_by) for name, ids in licence.holders.items()
        }
        return cls(licence, categories, below(paths, {"Category": categories}), holders)

    def barred_goods(self, paths: Paths) -> Rows:
        """Products in the categories of which the brand or a shop is unlicensed or unknown."""
        goods = self.goods.get("Product", NO_ROWS)
        barred = NO_ROWS
        for seller, step in (("Shop", "SOLD_BY"), ("Brand", "MADE_BY")):
            if seller in self.holders:
                licensed = _all_among(paths, goods, step, self.holders[seller])
                barred = np.union1d(barred, goods[~licensed])
        return barred


def _all_among(paths: Paths, products: Rows, step: str, holders: Rows) -> Mask:
    """Which products have someone one step away, and all of them among the holders."""
    if not paths.can_walk("Product", (step,)):
        return np.zeros(len(products), dtype=np.bool_)
    adjacency = paths.adjacency("Product", step)
    degrees = adjacency.degrees()[products]
    held = np.isin(adjacency.gather(products), holders)
    of = np.repeat(np.arange(len(products)), degrees)
    all_held: Mask = np.bincount(of, weights=held, minlength=len(products)) == degrees
    return all_held & (degrees > 0)
