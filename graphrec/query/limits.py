"""How much may be asked at once, and the checks of single values, for Python and command line."""

from collections.abc import Collection
from datetime import datetime

import numpy as np

from graphdb.errors import QueryError, shown

MOST_K = 1_000_000
"""Results per query node."""

MOST_RESULTS = 10_000_000
"""Results of all queries of one question together."""

MOST_CELLS = 2**28
"""Places for results of all queries together, as rows and scores: 4 GB."""

MOST_EVENTS = 10_000
"""Recent events of someone unknown."""

MOST_IDS = 1_000_000
"""Ids in one list: queries, users, exclusions."""

MOST_DEPTH = 20
"""Filters within `exclude` of filters, and so on."""

MOST_DAYS = 1_000_000
"""Half-lives."""

MOST_MONEY = 1e15
"""Budgets and costs; larger ones are not exact to the cent any more."""


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
