"""Applies a policy to one bundle: the rules that hold at a moment, as masks, rows and reasons."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from graphdb.locking import ForkLock
from graphrec.bundle import Bundle
from graphrec.query.conditions import Columns, Mask
from graphrec.query.embeddings import NO_ROWS, Rows
from graphrec.query.metapaths import Paths
from graphrec.query.policy.compiled import (
    OWN_BLOCK,
    BlockedNodes,
    Licensed,
    OwnBlocks,
    Resolver,
    above,
    below,
)
from graphrec.query.policy.document import Block, Policy, Timed


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a node is excluded.

    Args:
        reason: The code of the rule.
        because_of: The node that the rule names, as (type, id): the node itself, or one that it
            belongs to; for a licence, the category.
        scope: The types of query nodes to which the rule applies; empty means all.
        until: The time when the rule ends.
    """

    reason: str
    because_of: tuple[str, str]
    note: str = ""
    scope: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ExcludedForAll:
    """What the rules exclude for all queries of a type alike.

    Args:
        allowed: bool [num_targets], read-only; None where nothing is excluded.
        counts: How many targets each reason bars; one with two reasons counts for both.
    """

    allowed: Mask | None
    counts: Mapping[str, int]

    @classmethod
    def of(cls, by_reason: Mapping[str, Rows], num_targets: int) -> "ExcludedForAll":
        counts = {reason: len(rows) for reason, rows in by_reason.items() if len(rows)}
        if not counts:
            return cls(None, counts)
        allowed = np.ones(num_targets, dtype=np.bool_)
        for rows in by_reason.values():
            allowed[rows] = False
        allowed.flags.writeable = False
        return cls(allowed, counts)


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
        self._excluded_products = [each.excluded_products(paths) for each in licensed]
        self._for_all: dict[tuple[str, str | None], ExcludedForAll] = {}
        self._lock = ForkLock()

    def excluded_for_all(self, target_type: str, query_type: str | None) -> "ExcludedForAll":
        """What may not come out for any query node of a type; worked out once.

        Args:
            query_type: None where the query node is no node; then every scope applies.
        """
        with self._lock:
            if (target_type, query_type) not in self._for_all:
                found = self._by_reason(target_type, query_type)
                size = self._bundle.num_nodes(target_type)
                self._for_all[target_type, query_type] = ExcludedForAll.of(found, size)
            return self._for_all[target_type, query_type]

    def excluded(self, query_type: str, query_row: int, target_type: str) -> Rows:
        """Further target rows that this one query must not get: own blocks, creators' licences."""
        excluded = self._own.excluded(query_type, query_row, target_type)
        for licensed in self._licensed:
            unlicensed = self._unlicensed(licensed, query_type, query_row, target_type)
            excluded = np.union1d(excluded, unlicensed)
        return excluded

    def exclusions(self, node_type: str, row: int) -> tuple[Exclusion, ...]:
        """Every rule that keeps a node from coming out, for all queries or those in its scope."""
        return tuple(self._exclusions(node_type, row))

    def exclusions_for(
        self, query_type: str, query_row: int, node_type: str, row: int
    ) -> tuple[Exclusion, ...]:
        """Every rule that keeps a node away from this one query node alone."""
        found = []
        if row in self._own.excluded(query_type, query_row, node_type):
            user_row = query_row if query_type == "User" else row
            found.append(Exclusion(OWN_BLOCK, ("User", self._bundle.id_of("User", user_row))))
        for licensed in self._licensed:
            if row in self._unlicensed(licensed, query_type, query_row, node_type):
                good = (query_type, query_row) if node_type == "Creator" else (node_type, row)
                found.append(self._missing(licensed, *good))
        return tuple(found)

    def _by_reason(self, target_type: str, query_type: str | None) -> Mapping[str, Rows]:
        found: dict[str, Rows] = {}
        for rule, _, taken in self._blocked:
            if _in_scope(rule, query_type):
                rows = taken.get(target_type, NO_ROWS)
                found[rule.reason] = np.union1d(found.get(rule.reason, NO_ROWS), rows)
        if target_type == "Product":
            for licensed, rows in zip(self._licensed, self._excluded_products, strict=True):
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
        for licensed, rows in zip(self._licensed, self._excluded_products, strict=True):
            if node_type == "Product" and row in rows:
                yield self._missing(licensed, node_type, row)

    def _missing(self, licensed: Licensed, node_type: str, row: int) -> Exclusion:
        """That a licence is missing for a product or category."""
        owners = above(self._paths, node_type, row)["Category"]
        category = np.intersect1d(owners, licensed.categories)[0]
        return Exclusion(
            licensed.rule.reason,
            ("Category", self._bundle.id_of("Category", category)),
            licensed.rule.note,
            until=licensed.rule.until,
        )

    def _unlicensed(
        self, licensed: Licensed, query_type: str, query_row: int, target_type: str
    ) -> Rows:
        """The targets that a creator without the licence must not get, or who lacks it."""
        holders = licensed.holders.get("Creator")
        if holders is None:
            return NO_ROWS
        if query_type == "Creator" and query_row not in holders:
            return licensed.products.get(target_type, NO_ROWS)
        if target_type == "Creator" and query_row in licensed.products.get(query_type, NO_ROWS):
            return np.setdiff1d(np.arange(self._bundle.num_nodes("Creator")), holders)
        return NO_ROWS


def _in_scope(rule: Block, query_type: str | None) -> bool:
    return not rule.scope or query_type is None or query_type in rule.scope


class Enforcement:
    """Turns a policy into masks. Rules that begin or end do so without a restart.

    Args:
        policy: Its node types and properties must exist in the bundle's schema; its ids need not,
            but one of every list must.

    Attributes:
        unknown_ids: Per node type how many ids the bundle does not hold.
        warnings: What does no harm but may be a mistake, in sentences.

    Raises:
        PolicyError: A node type or property does not exist, or a value is not of its kind; or no
            id of a list is known, or one is known in another spelling.
    """

    def __init__(self, bundle: Bundle, paths: Paths, columns: Columns, policy: Policy) -> None:
        self.policy = policy
        self._bundle, self._paths = bundle, paths
        resolver = Resolver(columns)
        self._blocked = [
            BlockedNodes.of(block, number, resolver)
            for number, block in enumerate(policy.blocks, start=1)
        ]
        self._licensed = [
            Licensed.of(licence, number, resolver, paths)
            for number, licence in enumerate(policy.licences, start=1)
        ]
        self._own = OwnBlocks(paths, resolver, policy.own_blocks)
        resolver.check_spelling()
        self.unknown_ids: Mapping[str, int] = resolver.counts()
        self.warnings: tuple[str, ...] = (*policy.warnings, *resolver.warnings())
        timed: list[Timed] = [*policy.blocks, *policy.licences]
        ends = {end for rule in timed for end in (rule.since, rule.until) if end is not None}
        self._changes = sorted(ends)
        self._periods: dict[int, Rules] = {}
        self._lock = ForkLock()

    def at(self, moment: datetime) -> Rules:
        """The rules that hold at a moment (with a timezone)."""
        period = bisect_right(self._changes, moment)
        with self._lock:
            if period not in self._periods:
                start = self._changes[period - 1] if period else datetime.min.replace(tzinfo=UTC)
                self._periods = {period: self._compile(start)}
            return self._periods[period]

    def _compile(self, moment: datetime) -> Rules:
        return Rules(
            self._bundle,
            self._paths,
            self.policy.version,
            [blocked for blocked in self._blocked if _holds(blocked.rule, moment)],
            [licensed for licensed in self._licensed if _holds(licensed.rule, moment)],
            self._own,
        )


def _holds(rule: Timed, moment: datetime) -> bool:
    begun = rule.since is None or rule.since <= moment
    return begun and (rule.until is None or moment < rule.until)
