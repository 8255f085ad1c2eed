"""What single users do not want to see."""

from collections.abc import Mapping, Sequence

import numpy as np

from graphrec.query.paths import Paths
from graphrec.query.policy.document import OwnBlock
from graphrec.query.policy.reach import RowsByType, above, below
from graphrec.query.policy.resolve import Resolver
from graphrec.query.rows import NO_ROWS, Rows

OWN_BLOCK = "OWN_BLOCK"


class OwnBlocks:
    """Bars, per user, what the user blocked, and per node the users who blocked it.

    Args:
        rules: Users and nodes that the bundle does not hold do no harm.
    """

    def __init__(self, paths: Paths, resolver: Resolver, rules: Sequence[OwnBlock]) -> None:
        self._paths = paths
        by_user: dict[int, dict[str, list[int]]] = {}
        users_of: dict[tuple[str, int], set[int]] = {}
        for rule in rules:
            blocked = resolver.rows(rule.type, rule.ids, "an own block").tolist()
            for user in resolver.rows("User", (rule.user,), "an own block").tolist():
                by_user.setdefault(user, {}).setdefault(rule.type, []).extend(blocked)
                for row in blocked:
                    users_of.setdefault((rule.type, row), set()).add(user)
        self._by_user = by_user
        self._users_of = users_of

    def barred(self, seed_type: str, seed_row: int, target_type: str) -> Rows:
        """The target rows that a seed must not get because of a user's own blocks, ascending."""
        barred = NO_ROWS
        if seed_type == "User":
            barred = self.of_user(seed_row).get(target_type, NO_ROWS)
        if target_type == "User" and self._users_of:
            users: set[int] = set()
            for node_type, rows in above(self._paths, seed_type, seed_row).items():
                for row in rows.tolist():
                    users |= self._users_of.get((node_type, row), set())
            barred = np.union1d(barred, np.array(sorted(users), dtype=np.int64))
        return barred

    def of_user(self, user_row: int) -> RowsByType:
        """All that a user blocked, with what belongs to it."""
        own: Mapping[str, list[int]] = self._by_user.get(user_row, {})
        start = {node_type: np.array(rows, dtype=np.int64) for node_type, rows in own.items()}
        return below(self._paths, start) if start else {}
