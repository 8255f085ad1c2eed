"""Provides locks between processes, and locks between threads that survive a fork.

The system releases a file lock when its process ends, even if it is killed. A `ForkLock` is free in
a forked process, even if another thread held it at the fork.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from weakref import WeakSet

from graphdb.errors import GraphRecError


class ForkLock:
    """A lock for a `with` statement that is free in a forked process.

    A fork copies a lock that another thread holds, but not the thread that would release it. The
    code under this lock must therefore stay correct if its thread stops anywhere inside: storing a
    computed value is fine.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Frees the lock, in a process with a single thread."""
        self._lock = Lock()


_LOCKS: WeakSet[ForkLock] = WeakSet()


def _renew_all() -> None:
    for lock in tuple(_LOCKS):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


@contextmanager
def locked(file: Path, busy: GraphRecError | None = None) -> Iterator[None]:
    """Holds a lock on a file. The file is created if missing, and stays empty.

    Args:
        file: A path in an existing folder.
        busy: The error to raise if another process holds the lock; without it, this waits.
    """
    import fcntl  # Not every system allows this; files of other users are still readable there.

    with file.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            if busy is None:
                raise
            raise busy from error
        yield
