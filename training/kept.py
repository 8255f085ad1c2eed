"""What is kept on disk and gone on from must be of the same run."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from graphdb.errors import CheckpointError
from graphdb.locking import locked


def sole_writer(folder: Path | None, name: str) -> AbstractContextManager[None]:
    """Keeps other processes from writing what is kept under a name; None keeps nothing.

    Raises:
        CheckpointError: Another process does, when the context is entered.
    """
    if folder is None:
        return nullcontext()
    folder.mkdir(parents=True, exist_ok=True)
    busy = CheckpointError(
        f"another process keeps its '{name}' in '{folder}'",
        next_step="wait until it has ended, or choose another folder",
        value=str(folder),
    )
    return locked(folder / f"{name}.lock", busy)


def check_same(
    kept: Mapping[str, object], wanted: Mapping[str, object], *, begun: str, next_step: str
) -> None:
    """Checks that every setting is as it was.

    Args:
        begun: What is kept, and how it began, as the message begins: "the journal 'x' was begun".

    Raises:
        CheckpointError: One is not; the message names the first by name.
    """
    changed = sorted(name for name in {*kept, *wanted} if kept.get(name) != wanted.get(name))
    if changed:
        name = changed[0]
        raise CheckpointError(
            f"{begun} with {name} = {kept.get(name)!r}",
            expected=f"{wanted.get(name)!r}",
            next_step=next_step,
            value=name,
        )
