"""Turns the ids in the rules of a policy into rows of one bundle.

This covers blocks, licences and what single users do not want to see. What belongs to a blocked
node is excluded with it; metapaths declare what belongs to what.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import InvalidFilterError, PolicyError, SchemaError
from graphdb.schema_types import MetaPath
from graphrec.query.conditions import Columns, Conditions, Mask
from graphrec.query.embeddings import NO_ROWS, Rows
from graphrec.query.metapaths import GROUPS, Paths
from graphrec.query.policy.document import Block, Licence, OwnBlock

RowsByType = dict[str, Rows]

BELONGS: Sequence[MetaPath] = tuple(
    map(
        MetaPath.parse,
        (
            "Agency-~MANAGED_BY-Creator",
            "Brand-~MADE_BY-Product",
            "Brand-~RUN_BY-Shop",
            "Category-~CHILD_OF-Category",
            "Category-~IN_CATEGORY-Product",
            "Creator-PUBLISHED-Content",
            "Shop-~SOLD_BY-Product",
            "Tag-~TAGGED-Product",
        ),
    )
)
"""From a node to what belongs to it. A metapath whose edges the bundle lacks leads nowhere."""


def below(paths: Paths, start: Mapping[str, Rows]) -> RowsByType:
    """The nodes given and all that belongs to them, and so on; a circle does no harm.

    Returns:
        Per type int64 rows, ascending and distinct.
    """
    return _closure(paths, start, BELONGS)


def above(paths: Paths, node_type: str, row: int) -> RowsByType:
    """A node and all that it belongs to."""
    return _closure(paths, {node_type: np.array([row])}, [path.reverse() for path in BELONGS])


def _closure(paths: Paths, start: Mapping[str, Rows], belongs: Sequence[MetaPath]) -> RowsByType:
    held = [path for path in belongs if paths.holds(path)]
    found: RowsByType = {}
    frontier = [(node_type, np.unique(rows).astype(np.int64)) for node_type, rows in start.items()]
    while frontier:
        node_type, rows = frontier.pop()
        known = found.get(node_type, NO_ROWS)
        new = np.setdiff1d(rows, known, assume_unique=True)
        if not len(new):
            continue
        found[node_type] = np.union1d(known, new)
        frontier += [
            (path.target, paths.reach(path, new)) for path in held if path.source == node_type
        ]
    return found


_SHOWN = 3


class Resolver:
    """Finds nodes, and remembers the ids that are not there.

    Attributes:
        unknown: Per node type the ids that the bundle does not hold, each with what named it.
    """

    def __init__(self, columns: Columns) -> None:
        self._bundle = columns.bundle
        self._columns = columns
        self.unknown: dict[str, list[tuple[str, str]]] = {}

    def rows(self, node_type: str, ids: Sequence[str], named_by: str) -> Rows:
        """The rows of those ids that the bundle holds, ascending and distinct.

        Args:
            named_by: What the messages call the list, such as 'block 2 (RECALLED)'.

        Raises:
            PolicyError: There is no such node type.
        """
        asked = pa.array(list(ids), pa.string())
        if self._holds(node_type):
            found = pc.index_in(asked, self._bundle.ids(node_type))
        else:
            found = pa.nulls(len(asked), pa.int32())
        unknown = asked.filter(pc.is_null(found)).to_pylist()
        if unknown:
            self.unknown.setdefault(node_type, []).extend((one, named_by) for one in unknown)
        return np.unique(found.drop_null().to_numpy()).astype(np.int64)

    def known_rows(
        self, node_type: str, ids: Sequence[str], named_by: str, *, allow_unknown: bool
    ) -> Rows:
        """The same for a list that must name something, unless its rule allows otherwise.

        Raises:
            PolicyError: There is no such node type, or the bundle holds none of the ids.
        """
        rows = self.rows(node_type, ids, named_by)
        if not len(rows) and not allow_unknown:
            self.check_spelling()
            raise PolicyError(
                f"{named_by}: the bundle holds none of its {len(ids):,} {node_type} ids, "
                f"{_some(ids)}",
                next_step="correct the ids; or say allow_unknown = true in the rule, if they are "
                "to come yet or have gone",
                value=tuple(ids),
            )
        return rows

    def check_spelling(self) -> None:
        """Refuses ids that are those of nodes but for spaces, case or the form of characters.

        Raises:
            PolicyError: There is one: the rule would not hold, and nobody would see it.
        """
        for node_type, named in self.unknown.items():
            if not self._holds(node_type):
                continue
            key = self._bundle.schema.node_type(node_type).key
            meant = self._columns.respelled(node_type, key, [one for one, _ in named])
            if meant is not None:
                raise PolicyError(
                    f"{dict(named)[meant.entry]}: no {node_type} has the id '{meant.entry}'",
                    next_step=meant.hint,
                    value=meant.entry,
                )

    def warnings(self) -> Iterator[str]:
        """One sentence per node type of which ids are not there."""
        for node_type, named in self.unknown.items():
            ids = [one for one, _ in named]
            said = f"{len(ids):,} {node_type} ids of the policy, {_some(ids)}"
            yield f"the bundle does not hold {said}"

    def counts(self) -> Mapping[str, int]:
        """Per node type how many ids are not there."""
        return {node_type: len(named) for node_type, named in self.unknown.items()}

    def matching(self, node_type: str, conditions: Conditions) -> Rows:
        """The rows of all nodes that meet the conditions.

        Raises:
            PolicyError: There is no such node type or property, or a value is not of its kind.
        """
        if not self._holds(node_type):
            return NO_ROWS
        try:
            mask = self._columns.mask(node_type, conditions)
        except InvalidFilterError as error:
            raise PolicyError(f"in 'where': {error}", value=error.value) from error
        return np.flatnonzero(mask)

    def check_type(self, node_type: str) -> None:
        """Raises PolicyError unless the schema has the node type."""
        try:
            self._bundle.schema.node_type(node_type)
        except SchemaError as error:
            raise PolicyError(f"in the policy: {error}", value=node_type) from error

    def _holds(self, node_type: str) -> bool:
        self.check_type(node_type)
        return node_type in self._bundle.node_types


def _some(ids: Sequence[str]) -> str:
    """The first ones, for a message."""
    more = ", ..." if len(ids) > _SHOWN else ""
    return "such as " * bool(more) + ", ".join(f"'{one}'" for one in ids[:_SHOWN]) + more


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

    def excluded(self, query_type: str, query_row: int, target_type: str) -> Rows:
        """The target rows that a query must not get because of a user's own blocks, ascending."""
        excluded = NO_ROWS
        if query_type == "User":
            excluded = self.of_user(query_row).get(target_type, NO_ROWS)
        if target_type == "User" and self._users_of:
            users: set[int] = set()
            for node_type, rows in above(self._paths, query_type, query_row).items():
                for row in rows.tolist():
                    users |= self._users_of.get((node_type, row), set())
            excluded = np.union1d(excluded, np.array(sorted(users), dtype=np.int64))
        return excluded

    def of_user(self, user_row: int) -> RowsByType:
        """All that a user blocked, with what belongs to it."""
        own: Mapping[str, list[int]] = self._by_user.get(user_row, {})
        start = {node_type: np.array(rows, dtype=np.int64) for node_type, rows in own.items()}
        return below(self._paths, start) if start else {}


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
        for query_type in block.scope:
            resolver.check_type(query_type)
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
    """A licence, the products that need it, and who holds it.

    Args:
        products: The categories with all below them, and the products in them.
        holders: Rows per type that is named.
    """

    rule: Licence
    categories: Rows
    products: RowsByType
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

    def excluded_products(self, paths: Paths) -> Rows:
        """Products in the categories of which the brand or a shop is unlicensed or unknown."""
        products = self.products.get("Product", NO_ROWS)
        excluded = NO_ROWS
        for seller in ("Shop", "Brand"):
            if seller in self.holders:
                licensed = _all_among(paths, products, GROUPS[seller], self.holders[seller])
                excluded = np.union1d(excluded, products[~licensed])
        return excluded


def _all_among(paths: Paths, products: Rows, path: MetaPath, holders: Rows) -> Mask:
    """Which products have someone one step away, and all of them among the holders."""
    if not paths.holds(path):
        return np.zeros(len(products), dtype=np.bool_)
    adjacency = paths.adjacency(path.steps[0])
    degrees = adjacency.degrees(products)
    held = np.isin(adjacency.gather(products), holders)
    of = np.repeat(np.arange(len(products)), degrees)
    all_held: Mask = np.bincount(of, weights=held, minlength=len(products)) == degrees
    return all_held & (degrees > 0)
