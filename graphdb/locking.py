"""One process or thread at a time. The system lets go of a lock when a process ends, however."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphdb.errors import GraphRecError


@contextmanager
def locked(file: Path, busy: GraphRecError | None = None) -> Iterator[None]:
    """Holds a lock on a file, which is made where there is none; nothing is written to it.

    Args:
        file: In a folder that exists.
        busy: Raised where another one holds it; without, this waits until it is free.
    """
    import fcntl  # not on every system; there, what others wrote can still be read

    with file.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            if busy is None:
                raise
            raise busy from error
        yield
