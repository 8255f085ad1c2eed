"""The rules that hold at one moment, as masks, rows and reasons."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import numpy as np

from graphrec.bundle import Bundle
from graphrec.query.conditions import Mask
from graphrec.query.paths import Paths
from graphrec.query.policy.document import Block, Licence
from graphrec.query.policy.own_blocks import NO_ROWS, OWN_BLOCK, OwnBlocks
from graphrec.query.policy.reach import Rows, RowsByType, above, below
from graphrec.query.policy.resolve import Resolver


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a node does not come out.

    Args:
        reason: The code of the rule.
        because_of: The node that the rule names, as (type, id): itself, or what it belongs to; a
            licence's category.
        scope: Seed types for which it holds; empty means all.
        until: When the rule ends.
    """

    reason: str
    because_of: tuple[str, str]
    note: str = ""
    scope: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BlockedNodes:
    """A block and the rows that it names, without what belongs to them."""

    rule: Block
    named: Rows

    @classmethod
    def of(cls, block: Block, resolver: Resolver) -> "BlockedNodes":
        for seed_type in block.scope:
            resolver.check_type(seed_type)
        if block.where:
            return cls(block, resolver.matching(block.type, block.where))
        return cls(block, resolver.rows(block.type, block.ids))


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
    def of(cls, licence: Licence, resolver: Resolver, paths: Paths) -> "Licensed":
        categories = resolver.rows("Category", licence.categories)
        holders: RowsByType = {
            name: resolver.rows(name, ids) for name, ids in licence.holders.items()
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


class Rules:
    """What must not come out, whatever is asked."""

    def __init__(
        self,
        bundle: Bundle,
        paths: Paths,
        version: str,
        blocked: Sequence[BlockedNodes],
        licensed: Sequence[Licensed],
        own: OwnBlocks,
    ) -> None:
        self.version = version
        self._bundle, self._paths, self._own = bundle, paths, own
        self._licensed = licensed
        self._blocked = [
            (each.rule, each.named, below(paths, {each.rule.type: each.named})) for each in blocked
        ]
        self._barred_goods = [each.barred_goods(paths) for each in licensed]
        self._masks: dict[tuple[str, str | None], Mask | None] = {}
        self._lock = Lock()

    def allowed(self, target_type: str, seed_type: str | None) -> Mask | None:
        """Which targets may come out at all, bool [num_targets]; None when all may.

        Args:
            seed_type: None where the seed is no node; then every scope applies.
        """
        with self._lock:
            if (target_type, seed_type) not in self._masks:
                self._masks[target_type, seed_type] = self._mask(target_type, seed_type)
            return self._masks[target_type, seed_type]

    def barred(self, seed_type: str, seed_row: int, target_type: str) -> Rows:
        """Further target rows that this one seed must not get: own blocks, creators' licences."""
        barred = self._own.barred(seed_type, seed_row, target_type)
        for licensed in self._licensed:
            if "Creator" in licensed.holders:
                unlicensed = self._unlicensed(licensed, seed_type, seed_row, target_type)
                barred = np.union1d(barred, unlicensed)
        return barred

    def exclusions(self, node_type: str, row: int) -> tuple[Exclusion, ...]:
        """Every rule that keeps a node from coming out, for all seeds or those in its scope."""
        return tuple(self._exclusions(node_type, row))

    def own_exclusions(self, user_row: int, node_type: str, row: int) -> tuple[Exclusion, ...]:
        """The user's own blocks that keep a node away from this user."""
        if row not in self._own.of_user(user_row).get(node_type, NO_ROWS):
            return ()
        return (Exclusion(OWN_BLOCK, ("User", self._bundle.id_of("User", user_row))),)

    def counts(self, target_type: str, seed_type: str | None) -> dict[str, int]:
        """How many targets each reason excludes; one with two reasons counts for both."""
        counts: Counter[str] = Counter()
        for reason, rows in self._by_reason(target_type, seed_type).items():
            counts[reason] = len(rows)
        return dict(+counts)

    def _mask(self, target_type: str, seed_type: str | None) -> Mask | None:
        by_reason = self._by_reason(target_type, seed_type)
        if not any(map(len, by_reason.values())):
            return None
        mask = np.ones(self._bundle.num_nodes(target_type), dtype=np.bool_)
        for rows in by_reason.values():
            mask[rows] = False
        mask.flags.writeable = False
        return mask

    def _by_reason(self, target_type: str, seed_type: str | None) -> Mapping[str, Rows]:
        found: dict[str, Rows] = {}
        for rule, _, taken in self._blocked:
            if _in_scope(rule, seed_type):
                rows = taken.get(target_type, NO_ROWS)
                found[rule.reason] = np.union1d(found.get(rule.reason, NO_ROWS), rows)
        if target_type == "Product":
            for licensed, rows in zip(self._licensed, self._barred_goods, strict=True):
                reason = licensed.rule.reason
                found[reason] = np.union1d(found.get(reason, NO_ROWS), rows)
        return found

    def _exclusions(self, node_type: str, row: int) -> Iterator[Exclusion]:
        owners = above(self._paths, node_type, row)
        for rule, named, taken in self._blocked:
            if row in taken.get(node_type, NO_ROWS):
                named_owner = np.intersect1d(owners[rule.type], named)[0]
                yield Exclusion(
                    rule.reason,
                    (rule.type, self._bundle.id_of(rule.type, named_owner)),
                    rule.note,
                    rule.scope,
                    rule.until,
                )
        for licensed, rows in zip(self._licensed, self._barred_goods, strict=True):
            if node_type == "Product" and row in rows:
                category = np.intersect1d(owners["Category"], licensed.categories)[0]
                yield Exclusion(
                    licensed.rule.reason,
                    ("Category", self._bundle.id_of("Category", category)),
                    licensed.rule.note,
                    until=licensed.rule.until,
                )

    def _unlicensed(
        self, licensed: Licensed, seed_type: str, seed_row: int, target_type: str
    ) -> Rows:
        holders = licensed.holders["Creator"]
        if seed_type == "Creator" and seed_row not in holders:
            return licensed.goods.get(target_type, NO_ROWS)
        if target_type == "Creator" and seed_row in licensed.goods.get(seed_type, NO_ROWS):
            return np.setdiff1d(np.arange(self._bundle.num_nodes("Creator")), holders)
        return NO_ROWS


def _in_scope(rule: Block, seed_type: str | None) -> bool:
    return not rule.scope or seed_type is None or seed_type in rule.scope
