"""Writes the files of a bundle."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.file_access import file_access
from graphdb.snapshot.manifest import sha256_of
from graphrec.bundle.manifest import bundle_file

_ROW_GROUP_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """Writes files below a folder and keeps the hash of each."""

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)

    def write_table(self, name: str, table: pa.Table) -> None:
        def write(path: Path) -> None:
            pq.write_table(table, path, compression="zstd", row_group_size=_ROW_GROUP_ROWS)

        self.write_with(name, write)

    def write_array(self, name: str, array: npt.NDArray[Any]) -> None:
        def write(path: Path) -> None:
            np.save(path, np.ascontiguousarray(array), allow_pickle=False)

        self.write_with(name, write)

    def write_with(self, name: str, write: Callable[[Path], object]) -> None:
        """Lets another library write a file.

        Raises:
            FileAccessError: The system refuses it; DiskFullError where there is no room.
        """
        path = self._new(name)
        self.hashes[name] = ""  # a half file is ours, too
        with file_access("write", path):
            write(path)
        self.hashes[name] = sha256_of(path)

    def discard(self) -> None:
        """Removes what was written, and the folders that were made for it."""
        for name in self.hashes:
            path = self.folder / name
            path.unlink(missing_ok=True)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()

    def _new(self, name: str) -> Path:
        path = bundle_file(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
