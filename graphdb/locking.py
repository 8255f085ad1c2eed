"""Provides locks between processes, and locks between threads that survive a fork.

The system releases a file lock when its process ends, however it ends. A `ForkLock` is free in a
forked process, whatever other threads held when it was forked.
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
    """A lock for a `with` statement; in a forked process it is free.

    A fork copies a lock that another thread holds, but not the thread that would let go of it. So
    only what stays right when that thread stops anywhere inside may be done under it, such as
    keeping a value that was worked out before.
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
        """Makes it free, in a process that has no other thread."""
        self._lock = Lock()


_LOCKS: WeakSet[ForkLock] = WeakSet()


def _renew_all() -> None:
    for lock in tuple(_LOCKS):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


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
