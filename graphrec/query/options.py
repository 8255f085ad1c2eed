"""How a question is to be answered: its options, their meaning, their defaults and their checks.

The meaning of an option stands once, in the typed dictionary that declares it. `show_options` puts
it, with type and default, into the signature and the docstring of every question that takes it.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, TypedDict, get_args, get_type_hints

import numpy as np

from graphdb.errors import QueryError, nearest, shown
from graphrec.query.facts import LANGUAGES, Language
from graphrec.query.filters import Filters
from graphrec.query.limits import MOST_IDS, MOST_K
from graphrec.query.metapaths import LEVELS
from graphrec.query.seen import USUAL_RULE, Seen

ON_UNKNOWN = ("error", "popular", "skip")
Repeats = Literal["exclude", "include", "only"]
REPEATS = get_args(Repeats)


class SimilarOptions(TypedDict, total=False):
    """Options of every query.

    Args:
        k: The number of results, 1 or more, 10 by default; fewer if fewer targets pass.
        filters: The filters that every result must pass: `Filters`, or a dictionary of its fields,
            such as {"categories": "Yogurt", "price_max": 5}.
        new_item_share: The share of new items: of the first m places, at least floor(m * share) go
            to new items, for every m, as far as new items pass. 0 by default. New items are ordered
            by affinity among themselves.
        new_item_days: Items created within this many days are new; 30 by default.
        new_items_as_of: The time from which ages are counted back; by default the cut-off of the
            bundle, or the time of its newest event if it has none.
        max_per_category: The most results of one category; no limit by default. A target in several
            categories counts for each.
        max_per_brand: The most results of one brand; no limit by default.
        max_per_creator: The most results of one creator; no limit by default.
        diversity: From 0, affinity alone and the default, to 1: how much a target loses for being
            similar to those before it.
        levels: Which categories can be results: "leaf", the default, for those with none below
            them, or "all".
        include_unsellable: Whether to include products that cannot be bought: those whose status is
            not 'active' or whose stock is 0. False by default. Products without status and stock
            are always included, and so are those whose status or stock a filter names.
        reasons: Whether to say why each result is in the list; True by default. Answers without
            reasons come sooner.
        language: Of the reasons: "en", the default, or "zh".
    """

    k: int
    filters: Filters | Mapping[str, Any] | None
    new_item_share: float
    new_item_days: float
    new_items_as_of: datetime | None
    max_per_category: int | None
    max_per_brand: int | None
    max_per_creator: int | None
    diversity: float
    levels: Literal["leaf", "all"]
    include_unsellable: bool
    reasons: bool
    language: Language


class AudienceOptions(SimilarOptions, total=False):
    """Options of audiences.

    Args:
        share: The number of users as a share of all, instead of k.
        min_score: The lowest score of a user; no limit by default. For brands and products of a
            bundle that was trained with a holdout, it is a probability to buy, 0 to 1. Otherwise it
            is a similarity, in standard deviations above the average user. `trace.score_kind` says
            which.
    """

    share: float | None
    min_score: float | None


class BatchOptions(SimilarOptions, total=False):
    """Options of many recommendations at once; `on_unknown` is an argument of its own there.

    Args:
        exclude_seen: Whether to exclude what the query node has seen, such as products a user
            bought; True by default. A `Seen` defines what counts as seen, such as
            `Seen(relations="VIEWED")`.
        repeats: What becomes of targets that count as seen: "exclude", the default, leaves them
            out, "include" ranks them among all others, as `exclude_seen=False` does, and "only"
            leaves out all others.
        repeat_share: The share of the places of a list that includes repeats which go to them, from
            0 to 1; where there are too few of one kind, the other fills up. The order is by score.
            By default the scores alone decide.
        habits_as_of: The time for which repeats are predicted; by default the cut-off of the
            bundle, or the time of its newest event if it has none.
        value_weight: From 0, best fit and the default, to 1, expected net value: affinity times the
            value of a sale, from money, returns, ratings and repeat purchases. It moves the scores
            too; see docs/quality.md.
    """

    exclude_seen: bool | Seen
    repeats: Repeats
    repeat_share: float | None
    habits_as_of: datetime | None
    value_weight: float


class Options(BatchOptions, total=False):
    """Options of recommendations.

    Args:
        on_unknown: What to do if the bundle does not hold a query node or knows nothing about it:
            raise an 'error', return the most 'popular' targets that pass, with a reason that says
            so, or 'skip' it and return an empty answer whose `outcome` says why.
    """

    on_unknown: Literal["error", "popular", "skip"]


DIMENSIONS: Mapping[str, str] = {
    "category": "categories",
    "brand": "brands",
    "creator": "creators",
}
"""What crowds a list, each with the filter whose metapaths connect it to targets."""


@dataclass(frozen=True, slots=True)
class Fairness:
    """How a list may depart from pure affinity; the defaults leave it as it is.

    Args:
        new_item_share: Of the first m places at least floor(m * share) go to new items, for every
            m: with .2, one of the first five, two of the first ten, and so on in every page.
        new_item_days: Who is younger than so many days, by `created_at`, is new. Without
            a `created_at` nobody is: an old product without a date must not pass for a new one.
        new_items_as_of: The moment that ages count back from; by default the bundle's cut-off, or
            the time of its newest event where it has none. Who was created later counts as new
            too.
        caps: By dimension, how many of one category, brand or creator there may be.
        diversity: From 0, affinity alone, to 1, difference alone: maximal marginal relevance.

    Raises:
        QueryError: A number is out of its range.
    """

    new_item_share: float = 0.0
    new_item_days: float = 30.0
    new_items_as_of: datetime | None = None
    caps: tuple[tuple[str, int], ...] = ()
    diversity: float = 0.0

    def __post_init__(self) -> None:
        check_number("new_item_share", self.new_item_share, 0, 1)
        check_number("new_item_days", self.new_item_days, 0, 36_500)
        check_number("diversity", self.diversity, 0, 1)
        for dimension, most in self.caps:
            if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
                raise QueryError(
                    f"max_per_{dimension} is {shown(most)}",
                    expected="a whole number, 1 or more",
                    next_step=f"to leave a {dimension} out, filter it",
                    value=most,
                )
        if self.new_items_as_of is not None:
            check_moment("new_items_as_of", self.new_items_as_of)

    @property
    def changes(self) -> bool:
        """Whether anything beside affinity is asked for."""
        return bool(self.new_item_share or self.caps or self.diversity)


@dataclass(frozen=True, slots=True)
class RankOptions:
    """All options of a question, checked."""

    k: int = 10
    filters: Filters | None = None
    exclude_seen: bool | Seen = True
    repeats: Repeats = "exclude"
    repeat_share: float | None = None
    habits_as_of: datetime | None = None
    value_weight: float = 0.0
    new_item_share: float = 0.0
    new_item_days: float = 30.0
    new_items_as_of: datetime | None = None
    max_per_category: int | None = None
    max_per_brand: int | None = None
    max_per_creator: int | None = None
    diversity: float = 0.0
    levels: Literal["leaf", "all"] = "leaf"
    include_unsellable: bool = False
    reasons: bool = True
    language: Language = "en"
    on_unknown: Literal["error", "popular", "skip"] = "error"

    def __post_init__(self) -> None:
        check_whole("k", self.k, 1, MOST_K)
        why = "from 0 (what fits best) to 1 (expected net value)"
        check_number("value_weight", self.value_weight, 0, 1, why=why)
        check_yes_no("include_unsellable", self.include_unsellable)
        check_yes_no("reasons", self.reasons)
        check_choice("language", self.language, LANGUAGES)
        if not isinstance(self.exclude_seen, Seen):
            check_yes_no("exclude_seen", self.exclude_seen)
        check_choice("repeats", self.repeats, REPEATS)
        if self.repeat_share is not None:
            self._check_repeat_share(self.repeat_share)
        if self.habits_as_of is not None:
            check_moment("habits_as_of", self.habits_as_of)
        if not isinstance(self.filters, Filters | None):
            raise QueryError(
                f"filters is {shown(self.filters)}",
                expected="Filters(...) or a dictionary such as {'categories': 'Yogurt'}",
                value=self.filters,
            )
        step = "for someone with recent events, ask recommend_for_events"
        check_choice("on_unknown", self.on_unknown, ON_UNKNOWN, step)
        check_choice("levels", self.levels, LEVELS)
        _ = self.fairness  # checks the rest

    def _check_repeat_share(self, share: float) -> None:
        check_number("repeat_share", share, 0, 1)
        if self.repeated != "include":
            raise QueryError(
                f"repeat_share is {share}, and repeats are '{self.repeated}'",
                expected="repeats='include' with a share of them",
                value=share,
            )
        if self.fairness.changes:
            raise QueryError(
                "repeat_share was given with new_item_share, diversity or max_per_...",
                expected="one of them",
                next_step="ask for repeats='only' and for repeats='exclude', and join the lists",
                value=share,
            )

    @property
    def fairness(self) -> Fairness:
        """What is asked for beside affinity."""
        caps = {name: getattr(self, f"max_per_{name}") for name in DIMENSIONS}
        return Fairness(
            new_item_share=self.new_item_share,
            new_item_days=self.new_item_days,
            new_items_as_of=self.new_items_as_of,
            caps=tuple((name, most) for name, most in caps.items() if most is not None),
            diversity=self.diversity,
        )

    @property
    def seen(self) -> Seen | None:
        """What counts as seen and is left out; None where it may come out again."""
        return self.seen_rule if self.repeated == "exclude" else None

    @property
    def seen_rule(self) -> Seen:
        """What counts as seen."""
        return self.exclude_seen if isinstance(self.exclude_seen, Seen) else USUAL_RULE

    @property
    def repeated(self) -> Repeats:
        """What becomes of what was seen, by both options."""
        if self.repeats == "exclude" and not self.exclude_seen:
            return "include"
        return self.repeats

    def repeating(self, repeats: Repeats) -> "RankOptions":
        """Returns the same with other repeats, and no share of them."""
        seen: bool | Seen = self.exclude_seen or True
        return replace(self, repeats=repeats, exclude_seen=seen, repeat_share=None)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "RankOptions":
        """From keyword arguments.

        Raises:
            QueryError: There is no such option, or a value cannot be one.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise QueryError(
                    f"there is no option '{name}'",
                    expected="one of " + ", ".join(known),
                    next_step=nearest(name, known),
                    value=name,
                )
        given = options.get("filters")
        if isinstance(given, Mapping):
            options = {**options, "filters": Filters.model_validate(given)}
        return cls(**options)


def show_options(method: Callable[..., Any], function: Callable[..., Any]) -> None:
    """Makes a method that passes its arguments to a question look as if it were written out.

    Args:
        method: Gets a name, a docstring and a signature; the meaning of each option stands in it.
        function: What is asked, with an engine as first argument and options as last.
    """
    first, *rest = inspect.signature(function).parameters.values()
    written = [first.replace(name="self", annotation=first.empty)]
    options: list[inspect.Parameter] = []
    for one in rest:
        if one.kind is one.VAR_KEYWORD:
            (declared,) = get_args(one.annotation)
            options = list(_parameters(declared))
        else:
            written.append(one)
    method.__name__, method.__qualname__ = function.__name__, f"Recommender.{function.__name__}"
    method.__doc__ = _with_meanings(function.__doc__ or "", [one.name for one in options])
    method.__dict__["__wrapped__"] = function
    method.__dict__["__signature__"] = inspect.signature(function).replace(
        parameters=[*written, *options]
    )


def _parameters(declared: type) -> Iterator[inspect.Parameter]:
    """The options of a typed dictionary, those of all questions first."""
    types = get_type_hints(declared)
    defaults = {field.name: field.default for field in fields(RankOptions)}
    for name in sorted(types, key=[*defaults, *types].index):
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(name),  # the size and the score of an audience have no limit
            annotation=types[name],
        )


def _with_meanings(doc: str, names: list[str]) -> str:
    """A docstring in which the arguments end with what these options mean."""
    if not names:
        return inspect.cleandoc(doc)
    blocks = inspect.cleandoc(doc).split("\n\n")
    heads = ("Args:", "Returns:", "Raises:")
    at = next((at for at, one in enumerate(blocks) if one.startswith(heads)), len(blocks))
    own = blocks.pop(at) if blocks[at:] and blocks[at].startswith("Args:") else "Args:"
    blocks.insert(at, "\n".join([own, *(_MEANINGS.get(name, "") for name in names)]))
    return "\n\n".join(blocks)


def _meanings(declared: type) -> Iterator[tuple[str, str]]:
    """Per option that a typed dictionary adds, its lines in the docstring."""
    said = inspect.cleandoc(declared.__doc__ or "").partition("Args:\n")[2]
    for item in re.split(r"\n(?=    \w)", said):
        yield item.partition(":")[0].strip(), item.rstrip()


_MEANINGS = {
    name: said
    for declared in (SimilarOptions, BatchOptions, Options, AudienceOptions)
    for name, said in _meanings(declared)
}


def as_ids(ids: Iterable[str], asked_by: str) -> tuple[str, ...]:
    """Ids as callers write them; a single one may stand by itself.

    Raises:
        QueryError: They are no list.

    >>> as_ids("p1", "exclude_ids"), as_ids(["p1", "p2"], "exclude_ids")
    (('p1',), ('p1', 'p2'))
    """
    if isinstance(ids, str):
        return (ids,)
    if not isinstance(ids, Iterable):
        raise QueryError(f"{asked_by} cannot be {shown(ids)}", expected="a list of ids", value=ids)
    found = tuple(ids)
    check_count(asked_by, len(found), MOST_IDS)
    return found


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Raises QueryError unless a value is a whole number from `low` to `high`."""
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or not low <= value <= high:  # type: ignore[operator]
        raise QueryError(
            f"{name} is {shown(value)}",
            expected=f"a whole number, {low} or more and at most {high:,}",
            value=value,
        )


def check_number(
    name: str, value: object, low: float, high: float, *, above: bool = False, why: str = ""
) -> None:
    """Raises QueryError unless a value is a number from `low` to `high`.

    Args:
        above: `low` itself is too low.
        why: What the ends mean, for the message.
    """
    value = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or (above and value == low):  # type: ignore[operator]
        start = f"above {low:g}, at most {high:,g}" if above else f"{low:g} to {high:,g}"
        raise QueryError(f"{name} is {shown(value)}", expected=why or start, value=value)


def check_choice(
    name: str, value: object, choices: Collection[str], next_step: str | None = None
) -> None:
    """Raises QueryError unless a value is one of some words."""
    if not isinstance(value, str) or value not in choices:
        raise QueryError(
            f"{name} is {shown(value)}",
            expected="one of " + ", ".join(choices),
            next_step=next_step,
            value=value,
        )


def check_yes_no(name: str, value: object) -> None:
    """Raises QueryError unless a value is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise QueryError(f"{name} is {shown(value)}", expected="True or False", value=value)


def check_moment(name: str, value: object) -> None:
    """Raises QueryError unless a value is a moment with its timezone."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise QueryError(
            f"{name} is {shown(value)}", expected="a moment with its timezone", value=value
        )


def check_pair(name: str, value: object) -> None:
    """Raises QueryError unless a value is a type and an id."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise QueryError(f"{name} is {shown(value)}", expected="a node type and an id", value=value)


def check_count(what: str, count: int, most: int) -> None:
    """Raises QueryError where something is asked for more often than may be at once."""
    if count > most:
        raise QueryError(
            f"{count:,} {what} at once",
            expected=f"at most {most:,}",
            next_step="ask in several parts",
            value=count,
        )
