"""Decides which targets a query node already interacted with, by a rule applied to a bundle.

It also lists the metapaths by which a query node can have interacted with a target.
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
from graphdb.schema_types import EdgeType, MetaPath, Step
from graphrec.bundle import Adjacency
from graphrec.query.conditions import Columns
from graphrec.query.embeddings import NO_ROWS, Rows, Texts
from graphrec.query.metapaths import CATEGORY, GROUPS, MAKES, Paths
from graphrec.query.names import named_rows

PURCHASED = "PURCHASED"
USUAL: Mapping[tuple[str, str], str] = {
    ("User", "Product"): PURCHASED,
    ("User", "Brand"): PURCHASED,
    ("User", "Category"): PURCHASED,
    ("Product", "User"): PURCHASED,
    ("Brand", "User"): PURCHASED,
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

_CONSISTS_OF: Mapping[str, MetaPath] = {
    "Brand": MAKES,
    "Category": GROUPS["Category"].reverse(),
    "Creator": MetaPath.parse("Creator-PUBLISHED-Content"),
}
"""Per node type the metapath to what it is seen through: a product bought, a brand seen."""


@dataclass(frozen=True, slots=True)
class SeenPath:
    """From a query node to what it has seen: down to its parts, along one relation, up again.

    Args:
        before: From the query node to its parts; without steps where the relation is its own.
        step: The relation by which something was seen.
        after: From there to the target; without steps where it is the target.
    """

    before: MetaPath
    step: Step
    after: MetaPath

    @property
    def edge_type(self) -> EdgeType:
        return self.step.edge_type

    @property
    def edge_types(self) -> tuple[EdgeType, ...]:
        """Of all steps."""
        return (*self.before.edge_types, self.edge_type, *self.after.edge_types)


def seen_paths(
    paths: Paths, query_type: str, target_type: str, relations: Sequence[str] | None
) -> tuple[SeenPath, ...]:
    """One metapath for every relation, two where a relation connects a type to itself.

    Args:
        relations: By which something can be seen. None stands for the usual one; where there is
            none for these types, there is no metapath then.

    Raises:
        InvalidFilterError: A relation is unknown.
        QueryError: A relation says nothing about these types.
    """
    if relations is None:
        usual = USUAL.get((query_type, target_type))
        if usual == PURCHASED:  # or what stands in its place
            usual = paths.taken.edge_types[0].relation
        relations = () if usual is None else (usual,)
    return tuple(
        path
        for relation in relations
        for path in _paths_along(paths.bundle.schema, query_type, target_type, relation)
    )


def parts_of(paths: Paths, before: MetaPath, query_row: int) -> Rows:
    """What a query node consists of at the end of a metapath; a category of all below it."""
    start = np.array([query_row], dtype=np.int64)
    if before.source == CATEGORY and before.steps:
        start = paths.tree.below(start)
    return paths.reach(before, start)


def wholes_of(paths: Paths, after: MetaPath, rows: npt.ArrayLike) -> Rows:
    """The targets at the end of a metapath that consist of what was seen, int64, ascending.

    Who bought in a category bought in everything that it is a part of.
    """
    found = paths.reach(after, rows)
    if after.steps and after.target == CATEGORY:
        return paths.tree.above(found)
    return found


def _paths_along(
    schema: Schema, query_type: str, target_type: str, relation: str
) -> list[SeenPath]:
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


def _found(
    schema: Schema, query_type: str, target_type: str, relation: str
) -> Iterator[list[SeenPath]]:
    """The metapaths along a relation, shortest first."""
    steps = [
        step
        for edge_type in schema.relation(relation).edge_types
        for step in (Step(edge_type), Step(edge_type, backwards=True))
    ]
    for before in _parts(schema, query_type):
        for down in _parts(schema, target_type):
            after = down.reverse()
            ends = (before.target, after.source)
            found = [
                SeenPath(before, step, after)
                for step in steps
                if (step.source, step.target) == ends
            ]
            if found:
                yield found


def _parts(schema: Schema, node_type: str) -> Iterator[MetaPath]:
    """To the type itself, and to what it consists of."""
    yield MetaPath(node_type)
    down = _CONSISTS_OF.get(node_type)
    if down is not None and down.edge_types[0].relation in schema.relations:
        yield down


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
        self._seen_paths = seen_paths(paths, query_type, target_type, rule.relations)
        for path in self._seen_paths:
            self._check_known(path, target_type)
        if rule.is_dated:
            self._prepare_dates()

    def of(self, query_row: int) -> Rows:
        """The target rows that one query has seen, ascending; none where nothing counts as seen."""
        found = [self._seen(path, query_row) for path in self._seen_paths]
        if len(found) == 1:
            return found[0]
        return np.unique(np.concatenate([NO_ROWS, *found]))

    def _seen(self, path: SeenPath, query_row: int) -> Rows:
        rows = parts_of(self._paths, path.before, query_row)
        edges = self._paths.adjacency(path.step)
        targets = (
            self._recent(path.step, edges, rows) if self._rule.is_dated else edges.gather(rows)
        )
        return wholes_of(self._paths, path.after, np.unique(targets).astype(np.int64))

    def _recent(self, step: Step, edges: Adjacency, rows: Rows) -> npt.NDArray[np.int32]:
        """The targets of the rows whose newest event is new enough to count."""
        assert edges.evidence is not None  # checked at the beginning
        positions = edges.positions(rows)
        targets = edges.indices[positions]
        oldest_s: npt.NDArray[np.float64] | float = self._oldest_s
        if self._repeatable is not None and _PRODUCT in step.edge_type:
            sources = np.repeat(rows, edges.degrees(rows))
            products = targets if step.target == _PRODUCT else sources
            oldest_s = np.where(self._repeatable[products], self._oldest_repeatable_s, oldest_s)
        kept: npt.NDArray[np.int32] = targets[edges.evidence.last_at_s[positions] > oldest_s]
        return kept

    def _check_known(self, path: SeenPath, target_type: str) -> None:
        bundle = self._paths.bundle
        if not all(map(bundle.has_edges, path.edge_types)):
            relations = tuple(edge_type.relation for edge_type in path.edge_types)
            raise QueryError(
                f"the bundle lacks edges of {' and '.join(relations)}, so "
                f"which {target_type} nodes a {self._query_type} has seen is unknown",
                next_step="train with these edges, or ask with exclude_seen=False",
                value=relations,
            )
        if self._rule.is_dated and bundle.edges(path.edge_type).evidence is None:
            raise QueryError(
                f"the bundle does not say when {path.edge_type} happened",
                expected="events, in a bundle that keeps their times",
                next_step="leave within_days and repeatable out, or train again",
                value=str(path.edge_type),
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
        if self._seen_paths and not any(_PRODUCT in one.edge_type for one in self._seen_paths):
            names = ", ".join(one.edge_type.relation for one in self._seen_paths)
            raise QueryError(
                f"'repeatable' is about {_PRODUCT} nodes, which {names} does not connect",
                next_step="leave it out for these types",
                value=categories,
            )
        bundle = self._paths.bundle
        rows = named_rows(Columns(bundle), CATEGORY, "seen: 'repeatable'", categories)
        marked = np.zeros(bundle.num_nodes(_PRODUCT), dtype=np.bool_)
        below = self._paths.tree.below(rows)
        marked[self._paths.reach(GROUPS["Category"].reverse(), below)] = True
        return marked
