"""Faults of the operating system that a test can make without being an administrator."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def largest_file(num_bytes: int) -> Iterator[None]:
    """No file grows beyond so many bytes: as on a full disk, writes fail."""
    with _soft_limit(resource.RLIMIT_FSIZE, num_bytes):
        yield


@contextmanager
def free_descriptors(number: int) -> Iterator[None]:
    """This process can open so many more files at once."""
    highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
    spare = [os.open(os.devnull, os.O_RDONLY) for _ in range(highest)]
    above = [one for one in spare if one > highest]
    for one in above:  # what is left fills the gaps below, so that only `number` are free
        os.close(one)
    try:
        with _soft_limit(resource.RLIMIT_NOFILE, highest + 1 + number):
            yield
    finally:
        for one in spare:
            if one not in above:
                os.close(one)


@contextmanager
def _soft_limit(of: int, value: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(of)
    resource.setrlimit(of, (value, hard))
    try:
        yield
    finally:
        resource.setrlimit(of, (soft, hard))
