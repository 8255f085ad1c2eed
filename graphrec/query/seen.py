"""Which targets a seed has had already: a rule, and what it says of a bundle."""

from collections.abc import Mapping
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

from graphdb.errors import BadFilterError, QueryError, nearest, shown
from graphrec.bundle import Adjacency
from graphrec.query.conditions import Columns
from graphrec.query.names import named_rows
from graphrec.query.paths import Paths
from graphrec.query.rows import NO_ROWS, Rows
from graphrec.query.seen_ways import Way, parts_of, ways_between, wholes_of
from graphrec.query.texts import Texts
from graphrec.query.tree import CATEGORY

_DAY_S = 86_400
_PRODUCT = "Product"


Names = Annotated[Texts, Field(min_length=1)]
Days = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Seen(BaseModel):
    """What counts as had, and for how long.

    Args:
        relations: By which a target is had: any that tie the seed's type to the target's, such as
            PURCHASED, VIEWED, CARTED, FOLLOWS, WATCHED. For brands and categories those of their
            products count, for categories those of everything below them too, for creators those
            of their contents. None stands for the usual one:
            buying, following a creator, watching a content, carrying a product; for other pairs
            of types nothing counts.
        within_days: Only what was had less than so many days ago counts; None: ever. Of several
            times the newest counts.
        repeatable: Categories, by id or by a name that only one has, with everything below: their
            products, such as coffee, may come again after `repeat_after_days`.
        repeat_after_days: For them; 0 means at once.
        at: The moment that days are counted back from. None: the bundle's cut-off, or the time of
            its newest event where it has none. What is newer than the moment counts as had.

    Raises:
        BadFilterError: An unknown field, or a value that it cannot have.

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
                raise BadFilterError(
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
            raise BadFilterError(
                f"seen: '{field}' cannot be {shown(problem['input'])}: {problem['msg']}",
                value=problem["input"],
            ) from error
        if rule.repeat_after_days and rule.repeatable is None:
            raise BadFilterError(
                f"seen: 'repeat_after_days' is {rule.repeat_after_days}, but nothing is repeatable",
                next_step="name categories in 'repeatable'",
                value=rule.repeat_after_days,
            )
        return rule

    @property
    def is_dated(self) -> bool:
        """Whether it matters when something was had."""
        return self.within_days is not None or self.repeatable is not None


USUAL_RULE = Seen()


class SeenRows:
    """A rule applied to one bundle, for seeds of one type and targets of another.

    Raises:
        BadFilterError: The rule names a relation or a category that there is not.
        QueryError: A relation says nothing about these types; or the bundle lacks its edges, or
            does not say when they happened.
    """

    def __init__(
        self, paths: Paths, seed_type: str, target_type: str, rule: Seen = USUAL_RULE
    ) -> None:
        self._paths = paths
        self._seed_type = seed_type
        self._rule = rule
        self._ways = ways_between(paths.bundle.schema, seed_type, target_type, rule.relations)
        for way in self._ways:
            self._check_known(way, target_type)
        if rule.is_dated:
            self._prepare_dates()

    def of(self, seed_row: int) -> Rows:
        """The target rows that one seed has had, ascending; none where nothing counts as had."""
        found = [self._had(way, seed_row) for way in self._ways]
        if len(found) == 1:
            return found[0]
        return np.unique(np.concatenate([NO_ROWS, *found]))

    def _had(self, way: Way, seed_row: int) -> Rows:
        rows = parts_of(self._paths, self._seed_type, way, seed_row)
        edges = self._paths.along(way.edge_type, backwards=way.backwards)
        had = self._recent(way, edges, rows) if self._rule.is_dated else edges.gather(rows)
        return wholes_of(self._paths, way, np.unique(had).astype(np.int64))

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
            self._paths.can_walk(self._seed_type, way.before)
            and bundle.has_edges(way.edge_type)
            and self._paths.can_walk(way.end_type, way.after)
        )
        if not known:
            raise QueryError(
                f"the bundle lacks edges of {' and '.join(way.relations)}, so "
                f"which {target_type} nodes a {self._seed_type} has had is unknown",
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
                f"'repeatable' is about {_PRODUCT} nodes, which {names} does not tie",
                next_step="leave it out for these types",
                value=categories,
            )
        bundle = self._paths.bundle
        rows = named_rows(Columns(bundle), CATEGORY, "seen: 'repeatable'", categories)
        marked = np.zeros(bundle.num_nodes(_PRODUCT), dtype=np.bool_)
        below = self._paths.tree.below(rows)
        marked[self._paths.reach(CATEGORY, ("~IN_CATEGORY",), below)] = True
        return marked
