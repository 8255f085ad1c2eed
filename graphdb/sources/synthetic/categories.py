"""The category tree: departments, groups and leaves, with what goods of a leaf are called."""

import csv
from dataclasses import dataclass
from importlib import resources

import numpy as np

from graphdb.sources.synthetic.arrays import Rows

LEVEL_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""What a product of price level 0 to 4 costs, as a multiple of its category's middle price."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A category that products stand in.

    Args:
        path: Department, group, own name.
        noun: What one such product is called.
        makes: The make of each price level, cheapest first.
        price: Price in the middle of the middle level.
        sizes: Package sizes.
    """

    path: tuple[str, str, str]
    noun: str
    makes: tuple[str, ...]
    price: float
    sizes: tuple[str, ...]

    @property
    def goods(self) -> str:
        """Its products in the middle of a sentence: 'water cups', but 'T-shirts'."""
        name = self.path[-1]
        return name if self.noun[0].isupper() else name.lower()


def _read_leaves() -> tuple[Leaf, ...]:
    """A small world takes the first few, so the table spreads the departments over its rows."""
    table = resources.files(__package__).joinpath("leaves.csv")
    return tuple(
        Leaf(
            path=(row["department"], row["group"], row["name"]),
            noun=row["noun"],
            makes=tuple(row[f"make_{level}"] for level in range(len(LEVEL_FACTORS))),
            price=float(row["price"]),
            sizes=tuple(row["sizes"].split("|")),
        )
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    )


LEAVES = _read_leaves()
CUPS = 0
"""The row of the category Water cups."""


@dataclass(frozen=True, slots=True)
class Categories:
    """The part of the tree that a world uses. Leaves come first, so a leaf's row is its number.

    Args:
        names: Name per row; leaves, then groups, then departments.
        parent: Parent's row per row, -1 for a department.
        department: Number of the department per leaf; Home is 0.
    """

    leaves: tuple[Leaf, ...]
    names: tuple[str, ...]
    parent: Rows
    department: Rows
    num_departments: int


def category_tree(num_leaves: int) -> Categories:
    """The first `num_leaves` leaves and all that stands above them.

    >>> tree = category_tree(2)
    >>> tree.names
    ('Water cups', 'Tableware', 'Kitchen', 'Home')
    >>> tree.parent.tolist()
    [2, 2, 3, -1]
    """
    leaves = LEAVES[:num_leaves]
    groups = list(dict.fromkeys(leaf.path[:2] for leaf in leaves))
    departments = list(dict.fromkeys(leaf.path[0] for leaf in leaves))
    of_groups = num_leaves + len(groups)
    parent = [num_leaves + groups.index(leaf.path[:2]) for leaf in leaves]
    parent += [of_groups + departments.index(group[0]) for group in groups]
    parent += [-1] * len(departments)
    names = [leaf.path[2] for leaf in leaves] + [group[1] for group in groups] + departments
    department = [departments.index(leaf.path[0]) for leaf in leaves]
    return Categories(
        leaves,
        tuple(names),
        np.array(parent, dtype=np.int32),
        np.array(department, dtype=np.int32),
        len(departments),
    )
