"""A policy on one bundle: which rules hold at a moment, and what they bar."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime

from graphdb.fork_lock import ForkLock
from graphrec.bundle import Bundle
from graphrec.query.conditions import Columns
from graphrec.query.paths import Paths
from graphrec.query.policy.compiled import BlockedNodes, Licensed
from graphrec.query.policy.document import Policy, Timed
from graphrec.query.policy.own_blocks import OwnBlocks
from graphrec.query.policy.resolve import Resolver
from graphrec.query.policy.rules import Rules


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
