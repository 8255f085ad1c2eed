"""A vector for someone unknown, or an updated one, from recent events, with NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import floor

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError, nearest, shown
from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.bundle import Bundle
from graphrec.bundle.files import norms_of
from graphrec.query.embeddings import NO_ROWS, Rows
from graphrec.query.limits import MOST_DAYS, MOST_EVENTS
from graphrec.query.metapaths import Paths
from graphrec.query.names import Skipped
from graphrec.query.next_part import NextPart, Step
from graphrec.query.options import check_count, check_number
from graphrec.query.seen import seen_paths, wholes_of

Event = tuple[str, str] | tuple[str, str, datetime | None]
"""A relation such as 'PURCHASED', or an edge type where several have that name, the id of what it
was done with, and when, if that is known."""

USER = "User"
_AN_EVENT = 'events such as ("PURCHASED", "p1"), with a moment as third part if it is known'
_SAMPLE = 500  # users by whom the gains are learned; 1,000 find no more
_DAY_S = 86_400
_ROUNDING = 1e-5  # of a difference of squares
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What somebody did with nodes of one type: distinct rows, ascending, and their weights."""

    rows: Rows
    weights: Numbers


class FoldIn:
    """Carries the vectors of what a user did over to the user, as the model would have.

    A node s counts w(s), the sum over its events of event weight x 2^(-age / half-life), at
    least 0. With d(s) the weighted number of users that the bundle connects to s, what was done
    with nodes of one type gives

        f = sum_s sqrt(w(s) / d(s)) z_s,      y = g * f / |f|.

    The gains g, one per dimension and type, are those by which known users' own f come nearest
    to their trained vectors (least squares, on a sample): an encoder may have damped some
    dimensions on the side of the users. Types count by the root of their weights; the length is
    that of most users. Without gains a third of the recall is lost; see docs/history.

    The part for what comes next is none of this: it is made as in training, see `NextPart`.
    """

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle, self._paths = bundle, paths
        rule = bundle.manifest.next
        self._next = None if rule is None else NextPart(bundle, rule)
        self._gains: dict[str, Numbers] = {}
        self._degrees: dict[str, Numbers] = {}
        self._events = [
            edge_type
            for edge_type in bundle.schema.edge_types()
            if edge_type.source == USER
            and bundle.schema.relation(edge_type.relation).is_event
            and bundle.has_vectors(edge_type.target)
        ]
        self._events_by_name: dict[str, list[EdgeType]] = {}
        for edge_type in self._events:
            for name in {edge_type.relation, str(edge_type)}:
                self._events_by_name.setdefault(name, []).append(edge_type)
        self._lock = ForkLock()

    def held(self, events: Sequence[Event]) -> tuple[list[Event], tuple[Skipped, ...]]:
        """The events about nodes that the bundle holds, and what the others are about.

        Raises:
            QueryError: A relation is none that a user has.
        """
        known: list[Event] = []
        skipped: dict[Skipped, None] = {}
        if not isinstance(events, Sequence):
            raise QueryError(f"events is {shown(events)}", expected=_AN_EVENT, value=events)
        check_count("events", len(events), MOST_EVENTS)
        for event in events:
            _check_shape(event)
            target_type = self._edge_type(event[0]).target
            if self._bundle.find_row(target_type, event[1]) is None:
                skipped[Skipped("events", target_type, event[1])] = None
            else:
                known.append(event)
        return known, tuple(skipped)

    def vector(
        self, events: Sequence[Event], half_life_days: float | None
    ) -> npt.NDArray[np.float32] | None:
        """The user's vector, float32 [dim]; None where the events tell of no taste.

        Args:
            events: About nodes that the bundle holds.
            half_life_days: After how long an event counts half, from the newest one back; None
                for never. Events without a time count as the newest.

        Raises:
            UnknownIdError: An event is about a node that the bundle does not hold.
            QueryError: A relation is none that a user has.
        """
        _check_half_life(half_life_days)
        total = np.zeros(self._bundle.manifest.dim)
        for target_type, history in self._histories(events, half_life_days).items():
            folded = self._folded(target_type, history.rows, history.weights)
            length = np.sqrt(folded @ folded)
            if length > 0:
                share = np.sqrt(history.weights.sum()) / length
                total += share * self._gain(target_type) * folded
        if self._next is not None:
            total[self._next.dimensions] = 0.0
        length = np.sqrt(total @ total)
        if length > 0:
            total *= self._typical_length / length
        if self._next is not None:
            total[self._next.dimensions] = self._next.of_events(self.steps(events))
        vector: npt.NDArray[np.float32] = total.astype(np.float32)
        return vector if vector.any() else None

    def updated(self, user_row: int, events: Sequence[Event]) -> npt.NDArray[np.float32]:
        """A known user's vector after some events, float32 [dim].

        The part for what comes next is as if training had known the events; all else stays.

        Args:
            events: About nodes that the bundle holds.

        Raises:
            QueryError: A relation is none that a user has, or a time cannot be one.
        """
        vector: npt.NDArray[np.float32] = self._bundle.vectors(USER)[user_row].copy()
        if self._next is not None:
            vector[self._next.dimensions] = self._next.of_user(user_row, self.steps(events))
        return vector

    def steps(self, events: Sequence[Event]) -> list[Step]:
        found = []
        for event in events:
            edge_type, at = self._edge_type(event[0]), _moment(event)
            row = self._bundle.row_of(edge_type.target, event[1])
            found.append(Step(edge_type, row, None if at is None else floor(at)))
        return found

    @cached_property
    def _typical_length(self) -> float:
        """Of users that the model knows something about, the median, without what comes next."""
        norms = self._bundle.norms(USER)
        norms = norms_of(self._bundle.vectors(USER)) if norms is None else norms
        if self._next is not None:
            own = norms_of(self._bundle.vectors(USER)[:, self._next.dimensions])
            norms = np.sqrt(np.maximum(norms**2 - own**2, 0.0))
            norms = norms[norms > _ROUNDING * own]
        known = norms[norms > 0]
        return float(np.median(known)) if len(known) else 0.0

    def seen(self, events: Sequence[Event], target_type: str) -> Rows:
        """What somebody with these events has seen: what they are about, and what that stands for.

        Of brands and categories, those of the products that were bought, as for users of the
        bundle.
        """
        found = [NO_ROWS]
        paths = seen_paths(self._paths, USER, target_type, None)
        for event in events:
            edge_type = self._edge_type(event[0])
            row = self._bundle.row_of(edge_type.target, event[1])
            if edge_type.target == target_type:
                found.append(np.array([row]))
            found += [
                wholes_of(self._paths, path.after, row)
                for path in paths
                if path.edge_type == edge_type and path.after.steps
            ]
        return np.unique(np.concatenate(found))

    def _histories(
        self, events: Sequence[Event], half_life_days: float | None
    ) -> dict[str, History]:
        moments = [_moment(event) for event in events]
        newest = max((at for at in moments if at is not None), default=0.0)
        weights: dict[str, dict[int, float]] = {}
        for event, at in zip(events, moments, strict=True):
            edge_type = self._edge_type(event[0])
            row = self._bundle.row_of(edge_type.target, event[1])
            age_days = 0.0 if at is None else (newest - at) / _DAY_S
            faded = 1.0 if half_life_days is None else 2.0 ** (-age_days / half_life_days)
            weight = self._event_weight(edge_type) * faded
            of_type = weights.setdefault(edge_type.target, {})
            of_type[row] = of_type.get(row, 0.0) + weight
        found = {}
        for name, of_type in weights.items():
            rows = np.array(sorted(of_type), dtype=np.int64)
            values = np.array([max(of_type[row], 0.0) for row in rows.tolist()])
            found[name] = History(rows, values)
        return found

    def _edge_type(self, name: str) -> EdgeType:
        fitting = self._events_by_name.get(name, [])
        if len(fitting) != 1:
            texts = [str(one) for one in fitting] or [one.relation for one in self._events]
            raise QueryError(
                f"'{name}' is {'no event of a user' if not fitting else 'not clear'}",
                expected="one of " + ", ".join(dict.fromkeys(texts)),
                next_step=nearest(name, texts),
                value=name,
            )
        return fitting[0]

    def _event_weight(self, edge_type: EdgeType) -> float:
        return float(self._bundle.schema.relation(edge_type.relation).event_weight)

    def _folded(self, target_type: str, rows: Rows, weights: Numbers) -> Numbers:
        """The f of the formula; sums over rows in ascending order."""
        degrees = self._weighted_degrees(target_type)[rows]
        vectors = self._bundle.vectors(target_type)[rows].astype(np.float64)
        folded: Numbers = np.sqrt(weights / degrees) @ vectors
        return folded

    def _positive(self, target_type: str) -> list[EdgeType]:
        """The events of users with a type that speak for a liking and are in the bundle."""
        return [
            edge_type
            for edge_type in self._bundle.edge_types
            if (edge_type.source, edge_type.target) == (USER, target_type)
            and self._event_weight(edge_type) > 0
        ]

    def _weighted_degrees(self, target_type: str) -> Numbers:
        """The d of the formula for every node, at least 1."""
        with self._lock:
            if target_type not in self._degrees:
                total = np.zeros(self._bundle.num_nodes(target_type))
                for edge_type in self._positive(target_type):
                    edges = self._bundle.edges(edge_type)
                    counts = np.bincount(edges.indices, minlength=len(total))
                    total += self._event_weight(edge_type) * counts
                self._degrees[target_type] = np.maximum(total, 1.0)
            return self._degrees[target_type]

    def _gain(self, target_type: str) -> Numbers:
        """The g of the formula; 1 where the bundle holds no such events to learn from."""
        if target_type not in self._gains:
            gains = self._learned(target_type)
            with self._lock:
                self._gains[target_type] = gains
        return self._gains[target_type]

    def _learned(self, target_type: str) -> Numbers:
        dim = self._bundle.manifest.dim
        both, squares = np.zeros(dim), np.zeros(dim)
        weighted = [
            (self._bundle.edges(edge_type), self._event_weight(edge_type))
            for edge_type in self._positive(target_type)
        ]
        own = self._bundle.vectors(USER)
        degrees = sum(
            (edges.degrees() for edges, _ in weighted), np.zeros(len(own), dtype=np.int64)
        )
        users = np.flatnonzero((degrees > 0) & own.any(axis=1))
        if not len(users):
            return np.ones(dim)
        for user in users[np.linspace(0, len(users) - 1, min(len(users), _SAMPLE)).astype(int)]:
            rows = np.concatenate([edges.targets(user) for edges, _ in weighted]).astype(np.int64)
            counts = [np.full(len(edges.targets(user)), weight) for edges, weight in weighted]
            distinct, places = np.unique(rows, return_inverse=True)
            weights = np.zeros(len(distinct))
            np.add.at(weights, places, np.concatenate(counts))
            folded, trained = self._folded(target_type, distinct, weights), own[user].astype(float)
            length = np.sqrt(folded @ folded)
            if length > 0:
                folded = folded / length
                both += folded * trained / np.sqrt(trained @ trained)
                squares += folded * folded
        gains: Numbers = np.divide(both, squares, out=np.ones(dim), where=squares > 0)
        return np.maximum(gains, 0.0)  # below 0 is noise: what one likes cannot speak against it


def _check_shape(event: object) -> None:
    fits = isinstance(event, tuple | list) and len(event) in (2, 3) and isinstance(event[0], str)
    if not fits:
        raise QueryError(f"an event is {shown(event)}", expected=_AN_EVENT, value=event)


def _moment(event: Event) -> float | None:
    at = event[2] if len(event) > 2 else None
    if at is None:
        return None
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise QueryError(
            f"the time of event {shown(event)} cannot be {shown(at)}",
            expected="a moment with its timezone",
            value=at,
        )
    return at.timestamp()


def _check_half_life(half_life_days: float | None) -> None:
    if half_life_days is not None:
        why = f"a number above 0, at most {MOST_DAYS:,}, or None for no fading"
        check_number("half_life_days", half_life_days, 0, MOST_DAYS, above=True, why=why)
