"""Explains in plain words why a node was recommended, from counts in the graph.

It also says whether the query node already interacted with the target. Counts of purchases are of
distinct products; those in a category include everything below it. How often one product was
bought, and when last, is said where the bundle has evidence of purchases. `Display` reads the few
fields by which people recognize a node.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from graphdb.decimals import as_meant
from graphdb.schema_types import CREATED_AT
from graphrec.bundle import Bundle
from graphrec.query.conditions import SELLABLE
from graphrec.query.embeddings import NO_ROWS, Rows
from graphrec.query.metapaths import BOUGHT, CATEGORY, GROUPS, MAKES, Paths

Fields = Mapping[str, Any]


class Display:
    """Reads display fields from a bundle."""

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle = bundle
        self._paths = paths
        self._columns: dict[str, Mapping[str, pa.ChunkedArray]] = {}

    def fields(self, node_type: str, row: int) -> Fields:
        """The display fields of one node; what is not known is left out.

        Products come with the names of their brand and categories, and with their status and stock
        where they cannot be bought; brands with the number of their products, everything else
        with the properties that are set.
        """
        own = self._properties(node_type, row)
        if node_type == "Product":
            linked = {
                "brand": self._names_of_groups("Brand", row),
                "category": self._names_of_groups("Category", row),
            }
            fields = {
                "title": own.get("title"),
                **linked,
                "price": own.get("price"),
                "size": own.get("size"),
                "status": None if own.get("status") == SELLABLE else own.get("status"),
                "stock": None if own.get("stock") else own.get("stock"),
            }
            return {name: value for name, value in fields.items() if value is not None}
        if node_type == "Brand" and self._paths.holds(MAKES):
            own["products"] = len(self._paths.adjacency(MAKES.steps[0]).targets(row))
        return own

    def name(self, node_type: str, row: int) -> str:
        """What people call the node; its id where it has no name."""
        properties = self._properties(node_type, row)
        name = properties.get("name") or properties.get("title")
        return str(name) if name else self._bundle.id_of(node_type, row)

    def _names_of_groups(self, group: str, product: int) -> str | None:
        """The name of a product's brand or category, several with commas; None without any."""
        if not self._paths.holds(GROUPS[group]):
            return None
        rows = self._paths.reach(GROUPS[group], product)
        return ", ".join(self.name(group, int(row)) for row in rows) or None

    def _properties(self, node_type: str, row: int) -> dict[str, Any]:
        if node_type not in self._columns:
            table = self._bundle.attributes(node_type)
            left_out = (self._bundle.schema.node_type(node_type).key, CREATED_AT)
            shown = [name for name in table.column_names if name not in left_out]
            self._columns[node_type] = {name: table[name] for name in shown}
        columns = self._columns[node_type].items()
        values = {name: column[int(row)].as_py() for name, column in columns}
        return {name: _shown(value) for name, value in values.items() if value is not None}


def _shown(value: Any) -> Any:
    """A number as filters compare it, all else as it is."""
    if not isinstance(value, float) or value == round(value, 2):  # prices: as they are, at once
        return value
    return as_meant([value]).item()


Words = tuple[str, ...]


_SHELVES = MAKES + GROUPS["Category"]


class Reasons:
    """Puts into words how a query node and its targets are connected."""

    def __init__(self, paths: Paths, display: Display) -> None:
        self._paths = paths
        self._display = display
        self._tellers: dict[tuple[str, str], Callable[[int, Rows], list[Words]]] = {
            ("User", "Product"): self._products_for_user,
            ("User", "Brand"): self._brands_for_user,
            ("User", "Category"): self._categories_for_user,
            ("Product", "User"): self._users_for_product,
            ("Brand", "User"): self._users_for_brand,
        }

    def for_query(
        self, query_type: str, query_row: int, target_type: str, target_rows: Rows
    ) -> list[Words]:
        """Per target what connects it to the query node; empty for pairs of types without words."""
        teller = self._tellers.get((query_type, target_type))
        if teller is None or not self._paths.holds(BOUGHT):
            return [()] * len(target_rows)
        return teller(query_row, target_rows)

    def for_similar(self, node_type: str, query_row: int, target_rows: Rows) -> list[Words]:
        """Per target what it has in common with the query node."""
        words: list[list[str]] = [[] for _ in target_rows]
        if node_type == "Product":
            for group in ("Brand", "Category"):
                mine = self._groups_of(query_row, group)
                for position, row in enumerate(target_rows):
                    if np.isin(self._groups_of(row, group), mine).any():
                        words[position].append(f"same {group.lower()}")
        return [tuple(found) for found in words]

    def _products_for_user(self, user: int, products: Rows) -> list[Words]:
        bought = self._bought_by(user)
        brands, categories = (
            _Tally(self._paths, bought, "Brand"),
            _Tally(self._paths, bought, "Category"),
        )
        return [
            (
                self._when("bought before", user, row) if row in bought else "never bought",
                *self._brand_words(brands, row),
                *self._category_words(categories, row),
            )
            for row in products
        ]

    def _brand_words(self, tally: "_Tally", product: int) -> Words:
        brands = self._groups_of(product, "Brand")
        if not len(brands):
            return ()
        count = tally.count(brands)
        return (
            f"bought {_products(count)} of this brand" if count else "new brand for this shopper",
        )

    def _category_words(self, tally: "_Tally", product: int) -> Words:
        categories = self._groups_of(product, "Category")
        if not len(categories):
            return ()
        count = tally.count(categories)
        name = ", ".join(self._display.name("Category", row) for row in categories)
        return (f"bought {_products(count)} in {name}" if count else f"new to {name}",)

    def _brands_for_user(self, user: int, brands: Rows) -> list[Words]:
        return self._groups_for_user("Brand", user, brands, "from it")

    def _categories_for_user(self, user: int, categories: Rows) -> list[Words]:
        return self._groups_for_user("Category", user, categories, "in it")

    def _groups_for_user(self, group: str, user: int, rows: Rows, where: str) -> list[Words]:
        if not self._paths.holds(GROUPS[group]):
            return [()] * len(rows)
        bought = self._bought_by(user)
        tally = _Tally(self._paths, bought, group)
        counts = [tally.count(np.array([row])) for row in rows]
        words: list[Words] = [
            (_of_its(count) if count else f"never bought {where}",) for count in counts
        ]
        if group != "Brand":
            return words
        shelves = _Tally(self._paths, bought, "Category")
        return [
            (*found, *self._shelf_words(shelves, row))
            for found, row in zip(words, rows, strict=True)
        ]

    def _users_for_brand(self, brand: int, users: Rows) -> list[Words]:
        if not self._paths.holds(MAKES):
            return [()] * len(users)
        products = self._paths.reach(MAKES, brand)
        words = []
        for user in users:
            bought = self._bought_by(user)
            count = len(np.intersect1d(bought, products))
            shelves = _Tally(self._paths, bought, "Category")
            words.append(
                (
                    _of_its(count) if count else "never bought from it",
                    *self._shelf_words(shelves, brand),
                )
            )
        return words

    def _shelf_words(self, tally: "_Tally", brand: int) -> Words:
        """Of the categories that a brand is in, the one most bought from."""
        if not self._paths.holds(_SHELVES):
            return ()
        categories = self._paths.reach(_SHELVES, brand)
        counts = [tally.count(np.array([category])) for category in categories]
        if not any(counts):
            return ()
        best = int(np.argmax(counts))
        name = self._display.name("Category", categories[best])
        return (f"bought {_products(counts[best])} in {name}",)

    def _users_for_product(self, product: int, users: Rows) -> list[Words]:
        words = []
        for user in users:
            bought = self._bought_by(user)
            brand = self._brand_words(_Tally(self._paths, bought, "Brand"), product)
            is_repeat = product in bought
            words.append(
                (
                    self._when("bought it before", user, product)
                    if is_repeat
                    else "never bought it",
                    *brand,
                )
            )
        return words

    def _when(self, words: str, user: int, product: int) -> str:
        """The words, with how often and when last where that is known."""
        bought = self._paths.adjacency(BOUGHT.steps[0])
        if bought.evidence is None:
            return words
        start = bought.indptr[user]
        at = start + np.searchsorted(bought.targets(user), product)
        times, last_at_s = int(bought.evidence.counts[at]), int(bought.evidence.last_at_s[at])
        day = f"{datetime.fromtimestamp(last_at_s, UTC):%Y-%m-%d}"
        return f"{words}: {f'{times:,} times, last {day}' if times > 1 else day}"

    def _bought_by(self, user: int) -> Rows:
        return self._paths.reach(BOUGHT, user)

    def _groups_of(self, product: int, group: str) -> Rows:
        if not self._paths.holds(GROUPS[group]):
            return NO_ROWS
        return self._paths.reach(GROUPS[group], product)


class _Tally:
    """Counts products by the group (brand, category) that they are connected to."""

    def __init__(self, paths: Paths, products: Rows, group: str) -> None:
        self._paths, self._group = paths, group
        self._groups = self._products = NO_ROWS
        if paths.holds(GROUPS[group]):
            adjacency = paths.adjacency(GROUPS[group].steps[0])
            self._groups = adjacency.gather(products).astype(np.int64)
            self._products = np.repeat(products, adjacency.degrees(products))

    def count(self, groups: Rows) -> int:
        """How many of the products are connected to any of these groups, or to a category below."""
        if self._group == CATEGORY:
            groups = self._paths.tree.below(groups)
        return len(np.unique(self._products[np.isin(self._groups, groups)]))


def _products(count: int) -> str:
    return "1 product" if count == 1 else f"{count} products"


def _of_its(count: int) -> str:
    return f"bought {count} of its products"
