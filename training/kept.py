"""What is kept on disk and gone on from must be of the same run."""

from collections.abc import Mapping

from graphdb.errors import CheckpointError


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
