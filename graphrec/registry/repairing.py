"""Lists the releases of a registry and repairs its two files from their readable parts.

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
    """A release in a registry.

    Args:
        release_id: The id of its content; like all values from the manifest, None with a problem.
        metrics: The first figures of the manifest, by name.
        is_current: Whether it is served.
        promoted_at: When it last became current; None if it never was.
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
    """The time in which a release was current.

    Args:
        until: None for the current one.
        action: 'promote' or 'rollback'.
    """

    name: str
    release_id: str
    since: datetime
    until: datetime | None
    action: Action


def listed(registry: Path, history: list[Promotion]) -> tuple[Listed, ...]:
    """Returns the releases of a registry, newest first, unreadable ones last."""
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
    """Returns each promotion with its end."""
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
    """The result of a repair.

    Args:
        current: The release that is current now; None if nothing was readable.
        kept: The number of promotions in the history.
        lost: The number of its lines that were unreadable or inconsistent.
        set_aside: The new names of the old files; empty if nothing was damaged.
    """

    current: str | None
    kept: int
    lost: int
    set_aside: tuple[str, ...]


def repair(registry: Path) -> Repair:
    """Rewrites both files if one is damaged. Only one process at a time may call it.

    The current release comes from `current.json`, or else from the last readable line of the
    history. A replaced file is kept under a name with the time.
    """
    current, current_fits = _current(registry)
    lines = _lines(registry / HISTORY_NAME)
    readable = _rising([one for one in map(promotion_of, lines) if one is not None])
    if current is None:
        current = readable[-1] if readable else None
    history = [one for one in readable if current is None or one.number < current.number]
    if current is not None:
        history.append(current)
    # A missing or incomplete last line is not damage: the next promotion adds it.
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
    """Returns the current promotion, and whether the file is valid."""
    if not os.path.lexists(registry / CURRENT_NAME):
        return None, not _lines(registry / HISTORY_NAME)
    try:
        return current_of(registry), True
    except RegistryError:
        return None, False


def _lines(path: Path) -> list[bytes]:
    """Returns the lines of a history without an incomplete last one."""
    if path.is_symlink() or not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    return [line for line in lines if line.endswith(b"\n") or promotion_of(line) is not None]


def _rising(promotions: list[Promotion]) -> list[Promotion]:
    """Drops promotions whose number is not above all earlier ones."""
    found: list[Promotion] = []
    for one in promotions:
        if not found or one.number > found[-1].number:
            found.append(one)
    return found


def _is_file_or_nothing(path: Path) -> bool:
    return not os.path.lexists(path) or (path.is_file() and not path.is_symlink())


def _set_aside(path: Path) -> str:
    """Renames a file to an unused name, and returns that name."""
    name = f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    path.rename(path.with_name(name))
    return name
