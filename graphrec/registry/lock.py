"""One change of a registry at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "lock"


@contextmanager
def locked(registry: Path) -> Iterator[None]:
    """Waits until no other process or thread changes the registry, then keeps others waiting.

    The system lets go of the lock when a process ends, however it ends. Reading needs no lock.
    """
    import fcntl  # not on every system; there, registries can still be read

    with (registry / LOCK_NAME).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
