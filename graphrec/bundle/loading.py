"""Loads the files of a bundle: arrays are memory-mapped, each checked for what it has to be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

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
    """Memory-maps an array after checking that it is what the manifest says."""
    try:
        with _ONE_HEADER, file_access("read", path):
            # Not np.load, which opens archives and pickles, too. A header has some 100 bytes.
            array = np.lib.format.open_memmap(path, mode="r", max_header_size=_HEADER_BYTES)
    except _NO_ARRAY as error:
        raise BundleCorruptError(
            f"'{path}' is not a NumPy array: {error}", next_step=COPY_WHOLE, value=str(path)
        ) from error
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise BundleCorruptError(
            f"'{path}' holds {array.dtype} {list(array.shape)}",
            expected=f"{np.dtype(dtype)} {list(shape)}",
            next_step=COPY_WHOLE,
            value=str(path),
        )
    plain: npt.NDArray[Any] = array.view(np.ndarray)  # slicing a memmap object is far slower
    return plain


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
