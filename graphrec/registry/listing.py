"""What stands in a registry, and who was current when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from graphdb.errors import BundleError
from graphrec.bundle.manifest import read_manifest
from graphrec.bundle.measured import headline
from graphrec.registry.address import RELEASES, release_names
from graphrec.registry.promotions import Action, Promotion


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
