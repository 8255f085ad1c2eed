"""Loads the files of a bundle: arrays are memory-mapped, each checked for what it has to be."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb import parquet
from graphdb.errors import BundleCorruptError
from graphdb.file_access import file_access
from graphdb.fork_lock import ForkLock
from graphdb.schema_types import EdgeType
from graphrec.bundle.adjacency import Adjacency
from graphrec.bundle.evidence import Evidence
from graphrec.bundle.manifest import BundleManifest, bundle_file, edge_paths, evidence_paths

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
"""What NumPy raises for headers that are none."""


def load_array(path: Path, dtype: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Memory-maps an array after checking that it is what the manifest says.

    The file is closed again: Arrow's map outlives it, while Python's keeps a descriptor for each.
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
    except ValueError as error:  # it is shorter than its header says
        raise _no_array(path, error) from error
    return flat.reshape(shape)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type. Versions differ in how long a header may be."""
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
    """A Parquet file, or some columns of it.

    Raises:
        FileAccessError: It cannot be read.
        BundleCorruptError: It is not a Parquet file.
    """
    # Not pq.read_table: that goes through pyarrow.dataset, which imports pandas where it can.
    with parquet_file(path) as file:
        return file.read(columns=columns)


@contextmanager
def parquet_file(path: Path) -> Iterator[pq.ParquetFile]:
    """An open Parquet file; errors as for `read_table`."""
    with parquet.readable(path, BundleCorruptError, COPY_WHOLE), pq.ParquetFile(path) as file:
        yield file


def load_edges(folder: Path, manifest: BundleManifest, edge_type: EdgeType) -> Adjacency:
    """The edges of one type, with their evidence if there is any."""
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
