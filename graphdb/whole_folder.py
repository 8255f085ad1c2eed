"""Writes a folder whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A path to write at, which gets its name when all went well, and is gone when not.

    Nothing is there yet. What a killed writer has left there is removed first.

    Args:
        folder: The name; nothing may be there.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        yield partial
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # after the rename there is nothing to remove
