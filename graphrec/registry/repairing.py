"""Makes the two files of a registry whole again, from what can still be read of them."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from graphdb.errors import RegistryError
from graphrec.registry.promotions import (
    CURRENT_NAME,
    HISTORY_NAME,
    Promotion,
    current_of,
    promotion_of,
    write_current,
    write_history,
)


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did.

    Args:
        current: The release that is current now; None where nothing could be read.
        kept: How many promotions the history has.
        lost: How many lines of it could not be read, or did not fit.
        set_aside: The files as they were, by their new names; empty where nothing was damaged.
    """

    current: str | None
    kept: int
    lost: int
    set_aside: tuple[str, ...]


def repair(registry: Path) -> Repair:
    """Writes both files anew where one is damaged. Only one process at a time may do this.

    Who is current is what `current.json` says, or else the last line of the history that can be
    read. Nothing is lost: a file that is replaced stays beside, under a name with the time.
    """
    current, current_fits = _current(registry)
    lines = _lines(registry / HISTORY_NAME)
    readable = _rising([one for one in map(promotion_of, lines) if one is not None])
    if current is None:
        current = readable[-1] if readable else None
    history = [one for one in readable if current is None or one.number < current.number]
    if current is not None:
        history.append(current)
    # A line that a crash has left out or half written is no damage: the next promotion adds it.
    lost = len([line for line in lines if promotion_of(line) not in history])
    aside = []
    if lost or not _is_file_or_nothing(registry / HISTORY_NAME):
        aside.append(_set_aside(registry / HISTORY_NAME))
    if not current_fits and os.path.lexists(registry / CURRENT_NAME):
        aside.append(_set_aside(registry / CURRENT_NAME))
    if aside or not current_fits:
        write_history(registry, history)
        if current is not None:
            write_current(registry, current)
    return Repair(current.name if current else None, len(history), lost, tuple(aside))


def _current(registry: Path) -> tuple[Promotion | None, bool]:
    """Who is current, and whether the file says so as it has to."""
    if not os.path.lexists(registry / CURRENT_NAME):
        return None, not _lines(registry / HISTORY_NAME)
    try:
        return current_of(registry), True
    except RegistryError:
        return None, False


def _lines(path: Path) -> list[bytes]:
    """The lines of a history, but for half a line that a crash has left at its end."""
    if path.is_symlink() or not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    return [line for line in lines if line.endswith(b"\n") or promotion_of(line) is not None]


def _rising(promotions: list[Promotion]) -> list[Promotion]:
    """Without those whose number does not come after all before."""
    found: list[Promotion] = []
    for one in promotions:
        if not found or one.number > found[-1].number:
            found.append(one)
    return found


def _is_file_or_nothing(path: Path) -> bool:
    return not os.path.lexists(path) or (path.is_file() and not path.is_symlink())


def _set_aside(path: Path) -> str:
    """Gives a file another name, which nothing has; the new name."""
    name = f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    path.rename(path.with_name(name))
    return name
