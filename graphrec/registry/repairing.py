"""Lists the releases of a registry and repairs its two files from what can still be read.

It also says how long each release was current.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from graphdb.errors import BundleError, RegistryError
from graphrec.bundle.manifest import headline, read_manifest
from graphrec.registry.address import RELEASES, release_names
from graphrec.registry.promotions import (
    CURRENT_NAME,
    HISTORY_NAME,
    Action,
    Promotion,
    current_of,
    promotion_of,
    write_current,
    write_history,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A release that stands in a registry.

    Args:
        release_id: Its content; this and what comes from the manifest is None with a problem.
        metrics: The first figures of the manifest, by name.
        is_current: Whether it is served.
        promoted_at: When it became current last; None if it never was.
        problem: Why its manifest cannot be read; None if it can.
    """

    name: str
    is_current: bool
    promoted_at: datetime | None
    release_id: str | None = None
    created_at: datetime | None = None
    snapshot_id: str | None = None
    cutoff: datetime | None = None
    metrics: Mapping[str, float] | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Tenure:
    """How long a release was current.

    Args:
        until: None for the one that still is.
        action: 'promote', or 'rollback' where it had been current before.
    """

    name: str
    release_id: str
    since: datetime
    until: datetime | None
    action: Action


def listed(registry: Path, history: list[Promotion]) -> tuple[Listed, ...]:
    """The releases of a registry, the newest first; those that cannot be read come last."""
    promoted_at = {one.name: one.at for one in history}
    current = history[-1].name if history else None
    found = [
        _listed(registry / RELEASES / name, name == current, promoted_at.get(name))
        for name in release_names(registry)
    ]
    return tuple(
        sorted(found, key=lambda one: -one.created_at.timestamp() if one.created_at else 0.0)
    )


def tenures(history: list[Promotion]) -> tuple[Tenure, ...]:
    """Each promotion with when it ended."""
    ends: list[datetime | None] = [after.at for _, after in pairwise(history)]
    return tuple(
        Tenure(one.name, one.release_id, one.at, until, one.action)
        for one, until in zip(history, [*ends, None], strict=False)
    )


def _listed(folder: Path, is_current: bool, promoted_at: datetime | None) -> Listed:
    try:
        manifest = read_manifest(folder)
    except BundleError as error:
        return Listed(folder.name, is_current, promoted_at, problem=str(error))
    return Listed(
        name=folder.name,
        is_current=is_current,
        promoted_at=promoted_at,
        release_id=manifest.release_id,
        created_at=manifest.created_at,
        snapshot_id=manifest.snapshot_id,
        cutoff=manifest.cutoff,
        metrics=headline(manifest),
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
