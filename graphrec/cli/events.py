"""Recent events of someone unknown, on the command line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from graphrec.query.fold_in import Event

EventOption = Annotated[
    list[str],
    typer.Option(
        "--event",
        "-e",
        metavar="RELATION:ID[@TIME]",
        help="What someone unknown did, such as PURCHASED:42 or VIEWED:7@2026-11-01T18:30, "
        "instead of a seed. Repeatable.",
    ),
]


def parse_events(words: Sequence[str]) -> list[Event]:
    """Reads 'RELATION:ID' words, with or without a time; UTC where it has no timezone.

    >>> parse_events(["PURCHASED:p:1", "VIEWED:a@b"])
    [('PURCHASED', 'p:1', None), ('VIEWED', 'a@b', None)]
    >>> parse_events(["VIEWED:p2@2026-11-01"])[0][2].isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    return [_event(word) for word in words]


def _event(word: str) -> Event:
    relation, colon, rest = word.partition(":")
    if not colon or not rest or not relation:
        raise typer.BadParameter(
            f"'{word}' is not an event; write RELATION:ID, such as PURCHASED:42",
            param_hint="--event",
        )
    node_id, at, text = rest.rpartition("@")
    try:
        moment = datetime.fromisoformat(text) if at and node_id else None
    except ValueError:
        moment = None  # an id may hold an @ itself
    if moment is None:
        return relation, rest, None
    return relation, node_id, moment if moment.tzinfo else moment.replace(tzinfo=UTC)
