"""Checks that a saved state belongs to the run that resumes it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from graphdb.errors import CheckpointError
from graphdb.locking import locked


def sole_writer(folder: Path | None, name: str) -> AbstractContextManager[None]:
    """Locks the files of a name in a folder against other processes; None locks nothing.

    Raises:
        CheckpointError: Another process holds the lock.
    """
    if folder is None:
        return nullcontext()
    folder.mkdir(parents=True, exist_ok=True)
    busy = CheckpointError(
        f"another process uses '{name}' in '{folder}'",
        next_step="wait until it ends, or choose another folder",
        value=str(folder),
    )
    return locked(folder / f"{name}.lock", busy)


def check_resumable(
    saved: Mapping[str, object], wanted: Mapping[str, object], *, started: str, next_step: str
) -> None:
    """Checks that a run resumes with the values it started with.

    Args:
        started: The start of the message: "the journal 'x' was started".

    Raises:
        CheckpointError: A value differs; the message names the first such one.
    """
    changed = sorted(name for name in {*saved, *wanted} if saved.get(name) != wanted.get(name))
    if changed:
        name = changed[0]
        raise CheckpointError(
            f"{started} with {name} = {saved.get(name)!r}",
            expected=f"{wanted.get(name)!r}",
            next_step=next_step,
            value=name,
        )
