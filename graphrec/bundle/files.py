"""Writes and loads the files of a bundle.

Arrays are memory-mapped, and loading checks shape and type of each file. Vector norms, which every
ranking needs, are computed once and written with the bundle.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.checked_schema import Schema
from graphdb.columns import readable_parquet
from graphdb.errors import BundleCorruptError, BundleError, SchemaError
from graphdb.file_access import file_access
from graphdb.locking import ForkLock
from graphdb.schema_types import EdgeType
from graphdb.snapshot.manifest import sha256_of
from graphrec.adjacency import Adjacency, Evidence
from graphrec.bundle.habits import Habits, TargetHabits
from graphrec.bundle.manifest import (
    HABIT_PATHS,
    BundleManifest,
    bundle_file,
    edge_paths,
    evidence_paths,
    scales_paths,
    sources_path,
)
from graphrec.bundle.short_vectors import ShortVectors, VectorType

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

    def write_vectors(
        self, name: str, vectors: npt.NDArray[np.float32], vector_type: VectorType
    ) -> npt.NDArray[np.float32]:
        """Writes vectors, with scales where the type is short; returns what a reader gets."""
        if vector_type == "float32":
            self.write_array(name, vectors)
            return vectors
        short = ShortVectors.of(vectors, vector_type)
        self.write_array(name, short.codes)
        for path, scales in zip(
            scales_paths(name), (short.row_scales, short.column_scales), strict=True
        ):
            self.write_array(path, scales)
        return short.decoded()

    def write_with(self, name: str, write: Callable[[Path], object]) -> None:
        """Gives another library a path to write a file.

        Raises:
            FileAccessError: The system refuses it; DiskFullError where there is no room.
        """
        path = self._new(name)
        self.hashes[name] = ""  # a partial file is ours, too
        with file_access("write", path):
            write(path)
        self.hashes[name] = sha256_of(path)

    def discard(self) -> None:
        """Removes the written files, and the folders created for them."""
        for name in self.hashes:
            path = self.folder / name
            path.unlink(missing_ok=True)
            with suppress(OSError):  # it holds others
                path.parent.rmdir()

    def _new(self, name: str) -> Path:
        path = bundle_file(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


PRIVATE_TYPES = ("User",)
"""Node types whose ids a message must not reveal: they identify people."""


_BLOCK_ROWS = 512  # so that copies stay in the cache


def norms_of(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Returns the Euclidean norm of each vector, float64 [num_nodes].

    >>> norms_of(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist()
    [5.0, 0.0]
    """
    norms = np.zeros(len(vectors))
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = vectors[start : start + _BLOCK_ROWS].astype(np.float64)
        norms[start : start + _BLOCK_ROWS] = np.sqrt((block * block).sum(axis=1))
    return norms


COPY_WHOLE = "train again or copy the bundle whole"

_ONE_HEADER = ForkLock()
"""NumPy reads headers with `ast.literal_eval`, which in early releases of Python 3.11 and 3.12
sometimes fails when two threads do so at once (python/cpython#106905)."""


_HEADER_BYTES = 4096
_NO_ARRAY = (
    ValueError,
    EOFError,
    OverflowError,
    RecursionError,
    MemoryError,
    TypeError,
    TokenError,
)
"""NumPy's errors for invalid headers."""


def load_array(path: Path, dtype: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Memory-maps an array after comparing it with the manifest.

    The file is closed again: Arrow's map outlives it, while Python's would keep a descriptor.
    """
    try:
        with _ONE_HEADER, file_access("read", path), path.open("rb") as file:
            # Not np.load, which opens archives and pickles, too. A header has some 100 bytes.
            found_shape, is_fortran, found_dtype = _read_header(file)
            start = file.tell()
    except _NO_ARRAY as error:
        raise _no_array(path, error) from error
    if found_dtype != dtype or found_shape != shape or (is_fortran and len(shape) > 1):
        raise BundleCorruptError(
            f"'{path}' holds {found_dtype} {list(found_shape)}",
            expected=f"{np.dtype(dtype)} {list(shape)}",
            next_step=COPY_WHOLE,
            value=str(path),
        )
    try:
        with file_access("read", path), pa.memory_map(str(path)) as mapped:
            content = mapped.read_buffer()
        flat = np.frombuffer(content, found_dtype, count=math.prod(shape), offset=start)
    except ValueError as error:  # the file is shorter than its header says
        raise _no_array(path, error) from error
    return flat.reshape(shape)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Returns shape, column order and type. Versions differ in the length of the header."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"its format version is {version}, expected 1.0 or 2.0")
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = read[version](
        file, max_header_size=_HEADER_BYTES
    )
    if header[2].hasobject:
        raise ValueError("it holds Python objects")
    return header


def _no_array(path: Path, error: Exception) -> BundleCorruptError:
    what = f"'{path}' is not a NumPy array: {error}"
    return BundleCorruptError(what, next_step=COPY_WHOLE, value=str(path))


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Reads a Parquet file, or some of its columns.

    Raises:
        FileAccessError: It cannot be read.
        BundleCorruptError: It is not a Parquet file.
    """
    # Not pq.read_table: it uses pyarrow.dataset, which imports pandas if possible.
    with parquet_file(path) as file:
        return file.read(columns=columns)


@contextmanager
def parquet_file(path: Path) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file; errors as for `read_table`."""
    with readable_parquet(path, BundleCorruptError, COPY_WHOLE), pq.ParquetFile(path) as file:
        yield file


def load_edges(folder: Path, manifest: BundleManifest, edge_type: EdgeType) -> Adjacency:
    """Loads the edges of one type, with their evidence, if any."""
    indptr_path, indices_path = (bundle_file(folder, path) for path in edge_paths(edge_type))
    num_edges = manifest.num_edges[str(edge_type)]
    num_sources, num_targets = (
        manifest.num_nodes.get(end, 0) for end in (edge_type.source, edge_type.target)
    )
    indptr = load_array(indptr_path, np.int64, (num_sources + 1,))
    indices = load_array(indices_path, np.int32, (num_edges,))
    if indptr[0] != 0 or indptr[-1] != num_edges:
        raise BundleCorruptError(
            f"'{indptr_path}' runs from {indptr[0]} to {indptr[-1]}",
            expected=f"0 to {num_edges}",
            next_step=COPY_WHOLE,
        )
    evidence = _load_evidence(folder, manifest, edge_type)
    return Adjacency(indptr, indices, num_targets, evidence)


def _load_evidence(folder: Path, manifest: BundleManifest, edge_type: EdgeType) -> Evidence | None:
    counts_path, last_path = evidence_paths(edge_type)
    if counts_path not in manifest.files:
        return None
    shape = (manifest.num_edges[str(edge_type)],)
    return Evidence(
        load_array(bundle_file(folder, counts_path), np.int32, shape),
        load_array(bundle_file(folder, last_path), np.int64, shape),
    )


class StoredVectors:
    """Vectors in a bundle: memory-mapped, and where they are short, decoded when first asked for.

    Args:
        path: Of the numbers or codes, relative to the folder.
        shape: What the manifest says.
    """

    def __init__(
        self, folder: Path, manifest: BundleManifest, path: str, shape: tuple[int, int]
    ) -> None:
        self._lock = ForkLock()
        codes = load_array(bundle_file(folder, path), np.dtype(manifest.vector_type), shape)
        self._vectors: npt.NDArray[np.float32] | None = None
        self._short: ShortVectors | None = None
        if manifest.vector_type == "float32":
            self._vectors = codes
        else:
            rows, columns = (
                load_array(bundle_file(folder, name), np.float32, (size,))
                for name, size in zip(scales_paths(path), shape, strict=True)
            )
            self._short = ShortVectors(codes, rows, columns)

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """float32 [num_nodes, dim], read-only."""
        with self._lock:
            if self._vectors is None:
                assert self._short is not None
                self._vectors = self._short.decoded()
                self._vectors.flags.writeable = False
                self._short = None  # the map of its codes is needed no more
            return self._vectors


def load_sources(folder: Path, manifest: BundleManifest) -> StoredVectors | None:
    """Loads the source vectors of the block for what comes next; None without the block."""
    rule = manifest.next
    if rule is None:
        return None
    shape = (manifest.num_nodes[rule.node_type], rule.stop - rule.start)
    return StoredVectors(folder, manifest, sources_path(rule.node_type), shape)


def edge_types_in(schema: Schema, manifest: BundleManifest) -> list[EdgeType]:
    """Returns the edge types that the manifest counts edges of."""
    try:
        return [schema.parse_edge_type(name) for name in manifest.num_edges]
    except SchemaError as error:
        raise BundleCorruptError(
            f"the manifest counts edges that are not in its schema: {error}",
            next_step=COPY_WHOLE,
            value=error.value,
        ) from error


def load_habits(
    folder: Path, manifest: BundleManifest, edges: Mapping[EdgeType, Adjacency]
) -> Habits | None:
    """Loads the habits, if there are any."""
    rule = manifest.habits
    if rule is None:
        return None
    found = {str(edge_type): one for edge_type, one in edges.items()}.get(rule.edge_type)
    if found is None or found.evidence is None:
        raise BundleCorruptError(
            f"the manifest's habits are about {rule.edge_type}, which has no events",
            next_step=COPY_WHOLE,
            value=rule.edge_type,
        )
    pairs, targets = found.num_edges, found.num_targets
    width = len(rule.half_lives_days)
    needed = (
        (np.int64, (pairs,)),
        (np.float32, (pairs, width)),
        (np.float32, (targets,)),
        (np.float32, (targets,)),
        (np.float32, (targets, width)),
    )
    first_at_s, decayed, *of_targets = (
        load_array(bundle_file(folder, path), dtype, shape)
        for path, (dtype, shape) in zip(HABIT_PATHS, needed, strict=True)
    )
    return Habits(rule, first_at_s, decayed, TargetHabits(*of_targets))


@contextmanager
def corrupt_at(path: Path) -> Iterator[None]:
    """Adds the checked file to errors."""
    try:
        yield
    except BundleCorruptError:
        raise
    except (BundleError, SchemaError) as error:
        raise BundleCorruptError(
            f"'{path}' is damaged: {error}", next_step=COPY_WHOLE, value=error.value
        ) from error
