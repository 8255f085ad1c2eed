"""The ways through the graph by which a seed can have had a target."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.errors import BadFilterError, QueryError, nearest
from graphdb.schema_types import EdgeType, Schema
from graphrec.query.paths import BACK, Paths, Steps
from graphrec.query.rows import Rows
from graphrec.query.tree import CATEGORY

USUAL: Mapping[tuple[str, str], str] = {
    ("User", "Product"): "PURCHASED",
    ("User", "Brand"): "PURCHASED",
    ("User", "Category"): "PURCHASED",
    ("Product", "User"): "PURCHASED",
    ("Brand", "User"): "PURCHASED",
    ("User", "Creator"): "FOLLOWS",
    ("User", "Content"): "WATCHED",
    ("Creator", "Product"): "PROMOTES",
    ("Creator", "Brand"): "PROMOTES",
    ("Creator", "Category"): "PROMOTES",
    ("Product", "Creator"): "PROMOTES",
    ("Brand", "Creator"): "PROMOTES",
}
"""Per (seed type, target type) the relation that counts when none is named.

Following a brand is not having it.
"""

_CONSISTS_OF: dict[str, tuple[str, str]] = {
    "Brand": ("Product", "~MADE_BY"),
    "Category": ("Product", "~IN_CATEGORY"),
    "Creator": ("Content", "PUBLISHED"),
}
"""Per node type what it is had through, and the step there: who bought a product has its brand."""


@dataclass(frozen=True, slots=True)
class Way:
    """From a seed to what it has had: to what it consists of, along one relation, and up again.

    Args:
        before: Steps from the seed, none or one.
        edge_type: The relation by which something was had.
        backwards: Whether it runs towards the seed.
        after: Steps from there to the target, none or one.
    """

    before: Steps
    edge_type: EdgeType
    backwards: bool
    after: Steps

    @property
    def start_type(self) -> str:
        """The node type at the seed's end of the relation."""
        return self.edge_type.target if self.backwards else self.edge_type.source

    @property
    def end_type(self) -> str:
        """The node type at the target's end of the relation."""
        return self.edge_type.source if self.backwards else self.edge_type.target

    @property
    def relations(self) -> tuple[str, ...]:
        """The names of all relations on the way."""
        return tuple(
            step.removeprefix(BACK) for step in (*self.before, self.edge_type.relation, *self.after)
        )


def ways_between(
    schema: Schema, seed_type: str, target_type: str, relations: Sequence[str] | None
) -> tuple[Way, ...]:
    """One way for every relation, two where a relation ties a type to itself.

    Args:
        relations: By which something can be had. None stands for the usual one; where there is
            none for these types, there is no way then.

    Raises:
        BadFilterError: A relation is unknown.
        QueryError: A relation says nothing about these types.
    """
    if relations is None:
        usual = USUAL.get((seed_type, target_type))
        relations = () if usual is None else (usual,)
    return tuple(
        way
        for relation in relations
        for way in _ways_along(schema, seed_type, target_type, relation)
    )


def parts_of(paths: Paths, seed_type: str, way: Way, seed_row: int) -> Rows:
    """What a seed consists of at the beginning of a way, int64; a category of all below it."""
    start = np.array([seed_row], dtype=np.int64)
    if seed_type == CATEGORY and way.before:
        start = paths.tree.below(start)
    return paths.reach(seed_type, way.before, start)


def wholes_of(paths: Paths, way: Way, rows: npt.ArrayLike) -> Rows:
    """The targets at the end of a way that consist of what was had, int64, ascending.

    Who bought in a category bought in everything that it is a part of.
    """
    found = paths.reach(way.end_type, way.after, rows)
    if way.after and paths.end_type(way.end_type, way.after[-1]) == CATEGORY:
        return paths.tree.above(found)
    return found


def _ways_along(schema: Schema, seed_type: str, target_type: str, relation: str) -> list[Way]:
    if relation not in schema.relations:
        raise BadFilterError(
            f"seen by '{relation}': there is no such relation",
            expected="one of " + ", ".join(schema.relations),
            next_step=nearest(relation, list(schema.relations)),
            value=relation,
        )
    found = next(_found(schema, seed_type, target_type, relation), None)
    if found is None:
        fitting = [
            name
            for name in schema.relations
            if next(_found(schema, seed_type, target_type, name), None) is not None
        ]
        raise QueryError(
            f"{relation} says nothing about which {target_type} nodes a {seed_type} has had",
            expected="one of " + ", ".join(fitting) if fitting else None,
            next_step=None if fitting else "leave `seen` out for these types",
            value=relation,
        )
    return found


def _found(schema: Schema, seed_type: str, target_type: str, relation: str) -> Iterator[list[Way]]:
    """The ways along a relation, shortest first."""
    for start_type, before in _parts(schema, seed_type):
        for end_type, down in _parts(schema, target_type):
            after = tuple(_turned(step) for step in down)
            ways = [
                Way(before, edge_type, backwards, after)
                for edge_type in schema.relation(relation).edge_types
                for backwards, ends in (
                    (False, (edge_type.source, edge_type.target)),
                    (True, (edge_type.target, edge_type.source)),
                )
                if ends == (start_type, end_type)
            ]
            if ways:
                yield ways


def _parts(schema: Schema, node_type: str) -> Iterator[tuple[str, Steps]]:
    """The type itself, and what it consists of, each with the steps there."""
    yield node_type, ()
    if node_type in _CONSISTS_OF:
        part_type, step = _CONSISTS_OF[node_type]
        if step.removeprefix(BACK) in schema.relations:
            yield part_type, (step,)


def _turned(step: str) -> str:
    return step.removeprefix(BACK) if step.startswith(BACK) else BACK + step
