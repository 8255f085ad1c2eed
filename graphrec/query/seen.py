"""Decides which targets a query node already interacted with, by a rule applied to a bundle.

It also lists the ways through the graph by which a query node can have interacted with a target.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from graphdb.checked_schema import Schema
from graphdb.errors import InvalidFilterError, QueryError, nearest, shown
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from graphrec.query.conditions import Columns
from graphrec.query.embeddings import NO_ROWS, Rows, Texts
from graphrec.query.metapaths import BACK, CATEGORY, Paths, Steps
from graphrec.query.names import named_rows

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
"""Per (query node type, target type) the relation that counts when none is named.

Following a brand is not having it.
"""

_CONSISTS_OF: dict[str, tuple[str, str]] = {
    "Brand": ("Product", "~MADE_BY"),
    "Category": ("Product", "~IN_CATEGORY"),
    "Creator": ("Content", "PUBLISHED"),
}
"""Per node type what it is seen through, and the step there: a product bought, a brand seen."""


@dataclass(frozen=True, slots=True)
class Way:
    """From a query node to what it has seen: down to its parts, along one relation, up again.

    Args:
        before: Steps from the query node, none or one.
        edge_type: The relation by which something was seen.
        backwards: Whether it runs towards the query node.
        after: Steps from there to the target, none or one.
    """

    before: Steps
    edge_type: EdgeType
    backwards: bool
    after: Steps

    @property
    def start_type(self) -> str:
        """The node type at the query node's end of the relation."""
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
    schema: Schema, query_type: str, target_type: str, relations: Sequence[str] | None
) -> tuple[Way, ...]:
    """One way for every relation, two where a relation connects a type to itself.

    Args:
        relations: By which something can be seen. None stands for the usual one; where there is
            none for these types, there is no way then.

    Raises:
        InvalidFilterError: A relation is unknown.
        QueryError: A relation says nothing about these types.
    """
    if relations is None:
        usual = USUAL.get((query_type, target_type))
        relations = () if usual is None else (usual,)
    return tuple(
        way
        for relation in relations
        for way in _ways_along(schema, query_type, target_type, relation)
    )


def parts_of(paths: Paths, query_type: str, way: Way, query_row: int) -> Rows:
    """What a query consists of at the beginning of a way, int64; a category of all below it."""
    start = np.array([query_row], dtype=np.int64)
    if query_type == CATEGORY and way.before:
        start = paths.tree.below(start)
    return paths.reach(query_type, way.before, start)


def wholes_of(paths: Paths, way: Way, rows: npt.ArrayLike) -> Rows:
    """The targets at the end of a way that consist of what was seen, int64, ascending.

    Who bought in a category bought in everything that it is a part of.
    """
    found = paths.reach(way.end_type, way.after, rows)
    if way.after and paths.end_type(way.end_type, way.after[-1]) == CATEGORY:
        return paths.tree.above(found)
    return found


def _ways_along(schema: Schema, query_type: str, target_type: str, relation: str) -> list[Way]:
    if relation not in schema.relations:
        raise InvalidFilterError(
            f"seen by '{relation}': there is no such relation",
            expected="one of " + ", ".join(schema.relations),
            next_step=nearest(relation, list(schema.relations)),
            value=relation,
        )
    found = next(_found(schema, query_type, target_type, relation), None)
    if found is None:
        fitting = [
            name
            for name in schema.relations
            if next(_found(schema, query_type, target_type, name), None) is not None
        ]
        raise QueryError(
            f"{relation} says nothing about which {target_type} nodes a {query_type} has seen",
            expected="one of " + ", ".join(fitting) if fitting else None,
            next_step=None if fitting else "leave `seen` out for these types",
            value=relation,
        )
    return found


def _found(schema: Schema, query_type: str, target_type: str, relation: str) -> Iterator[list[Way]]:
    """The ways along a relation, shortest first."""
    for start_type, before in _parts(schema, query_type):
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


_DAY_S = 86_400
_PRODUCT = "Product"


Names = Annotated[Texts, Field(min_length=1)]
Days = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Seen(BaseModel):
    """Defines which events count as seen, and for how long.

    Args:
        relations: The relations by which a target counts as seen, such as PURCHASED, VIEWED,
            CARTED, FOLLOWS or WATCHED. They must connect the type of the query node to the target
            type. For brands and categories, the events with their products count (for categories,
            with everything below them), and for creators, the events with their contents. None
            stands for the default: buying, following a creator, watching a content, carrying a
            product; for other pairs of types, nothing counts.
        within_days: Only events less than this many days ago count; None for all. Of several
            events, the newest counts.
        repeatable: Categories, by id or unique name, with everything below them. Their products,
            such as coffee, can be recommended again after `repeat_after_days`.
        repeat_after_days: The days after which repeatable products can return; 0 means at once.
        at: The time from which days are counted back. None: the cut-off of the bundle, or the time
            of its newest event if it has none. Later events count as seen.

    Raises:
        InvalidFilterError: A field does not exist, or a value is not possible for it.

    >>> Seen(relations="VIEWED", within_days=7).relations
    ('VIEWED',)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    relations: Names | None = None
    within_days: Days | None = None
    repeatable: Names | None = None
    repeat_after_days: Days = 0
    at: AwareDatetime | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _typed_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Turns pydantic's complaint into one of ours, which names the nearest field."""
        known = list(cls.model_fields)
        for field in data if isinstance(data, Mapping) else ():
            if field not in known:
                raise InvalidFilterError(
                    f"`seen` has no field '{field}'",
                    expected="one of " + ", ".join(known),
                    next_step=nearest(str(field), known),
                    value=field,
                )
        try:
            rule = handler(data)
        except ValidationError as error:
            problem = error.errors()[0]
            field = ".".join(map(str, problem["loc"])) or "seen"
            raise InvalidFilterError(
                f"seen: '{field}' cannot be {shown(problem['input'])}: {problem['msg']}",
                value=problem["input"],
            ) from error
        if rule.repeat_after_days and rule.repeatable is None:
            raise InvalidFilterError(
                f"seen: 'repeat_after_days' is {rule.repeat_after_days}, but nothing is repeatable",
                next_step="name categories in 'repeatable'",
                value=rule.repeat_after_days,
            )
        return rule

    @property
    def is_dated(self) -> bool:
        """Whether the time of an event matters."""
        return self.within_days is not None or self.repeatable is not None


USUAL_RULE = Seen()


class SeenRows:
    """A rule applied to one bundle, for queries of one type and targets of another.

    Raises:
        InvalidFilterError: The rule names a relation or a category that there is not.
        QueryError: A relation says nothing about these types; or the bundle lacks its edges, or
            does not say when they happened.
    """

    def __init__(
        self, paths: Paths, query_type: str, target_type: str, rule: Seen = USUAL_RULE
    ) -> None:
        self._paths = paths
        self._query_type = query_type
        self._rule = rule
        self._ways = ways_between(paths.bundle.schema, query_type, target_type, rule.relations)
        for way in self._ways:
            self._check_known(way, target_type)
        if rule.is_dated:
            self._prepare_dates()

    def of(self, query_row: int) -> Rows:
        """The target rows that one query has seen, ascending; none where nothing counts as seen."""
        found = [self._had(way, query_row) for way in self._ways]
        if len(found) == 1:
            return found[0]
        return np.unique(np.concatenate([NO_ROWS, *found]))

    def _had(self, way: Way, query_row: int) -> Rows:
        rows = parts_of(self._paths, self._query_type, way, query_row)
        edges = self._paths.along(way.edge_type, backwards=way.backwards)
        targets = self._recent(way, edges, rows) if self._rule.is_dated else edges.gather(rows)
        return wholes_of(self._paths, way, np.unique(targets).astype(np.int64))

    def _recent(self, way: Way, edges: Adjacency, rows: Rows) -> npt.NDArray[np.int32]:
        """The targets of the rows whose newest event is new enough to count."""
        assert edges.evidence is not None  # checked at the beginning
        positions = edges.positions(rows)
        targets = edges.indices[positions]
        oldest_s: npt.NDArray[np.float64] | float = self._oldest_s
        if self._repeatable is not None and _PRODUCT in way.edge_type:
            sources = np.repeat(rows, edges.indptr[rows + 1] - edges.indptr[rows])
            products = targets if way.end_type == _PRODUCT else sources
            oldest_s = np.where(self._repeatable[products], self._oldest_repeatable_s, oldest_s)
        kept: npt.NDArray[np.int32] = targets[edges.evidence.last_at_s[positions] > oldest_s]
        return kept

    def _check_known(self, way: Way, target_type: str) -> None:
        bundle = self._paths.bundle
        known = (
            self._paths.can_walk(self._query_type, way.before)
            and bundle.has_edges(way.edge_type)
            and self._paths.can_walk(way.end_type, way.after)
        )
        if not known:
            raise QueryError(
                f"the bundle lacks edges of {' and '.join(way.relations)}, so "
                f"which {target_type} nodes a {self._query_type} has seen is unknown",
                next_step="train with these edges, or ask with exclude_seen=False",
                value=way.relations,
            )
        if self._rule.is_dated and bundle.edges(way.edge_type).evidence is None:
            raise QueryError(
                f"the bundle does not say when {way.edge_type} happened",
                expected="events, in a bundle that keeps their times",
                next_step="leave within_days and repeatable out, or train again",
                value=str(way.edge_type),
            )

    def _prepare_dates(self) -> None:
        """What has to be newer than which moment, in seconds since 1970."""
        rule, bundle = self._rule, self._paths.bundle
        moment = rule.at or bundle.as_of
        moment_s = moment.timestamp() if moment else 0.0  # without any event it does not matter
        within = np.inf if rule.within_days is None else rule.within_days
        self._oldest_s = moment_s - within * _DAY_S
        self._oldest_repeatable_s = moment_s - min(within, rule.repeat_after_days) * _DAY_S
        self._repeatable = self._mark(rule.repeatable) if rule.repeatable is not None else None

    def _mark(self, categories: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        """Which products stand in these categories or below, bool [num_products]."""
        if self._ways and not any(_PRODUCT in way.edge_type for way in self._ways):
            names = ", ".join(way.edge_type.relation for way in self._ways)
            raise QueryError(
                f"'repeatable' is about {_PRODUCT} nodes, which {names} does not connect",
                next_step="leave it out for these types",
                value=categories,
            )
        bundle = self._paths.bundle
        rows = named_rows(Columns(bundle), CATEGORY, "seen: 'repeatable'", categories)
        marked = np.zeros(bundle.num_nodes(_PRODUCT), dtype=np.bool_)
        below = self._paths.tree.below(rows)
        marked[self._paths.reach(CATEGORY, ("~IN_CATEGORY",), below)] = True
        return marked
