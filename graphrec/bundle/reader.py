"""Reads a bundle folder. Arrays are memory-mapped, tables are read when first asked for."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.errors import (
    BundleCorruptError,
    BundleError,
    BundleMissingError,
    QueryError,
    SchemaError,
    nearest,
)
from graphdb.schema_types import EdgeType, Schema
from graphdb.snapshot.manifest import sha256_of
from graphrec.bundle.adjacency import Adjacency
from graphrec.bundle.evidence import Evidence
from graphrec.bundle.ids import find_row
from graphrec.bundle.index_entry import IndexEntry
from graphrec.bundle.manifest import (
    BundleManifest,
    edge_paths,
    evidence_paths,
    node_path,
    norms_path,
    quality_path,
    read_manifest,
    vector_path,
)
from graphrec.bundle.newcomers import check_rules
from graphrec.bundle.quality import QUALITY_SCHEMA
from graphrec.registry.address import bundle_folder

_HASHING_THREADS = 4
_ONE_HEADER = Lock()
"""NumPy reads headers with `ast.literal_eval`, which in early releases of Python 3.11 and 3.12
sometimes fails when two threads do so at once (python/cpython#106905)."""

_COPY_WHOLE = "train again or copy the bundle whole"


def open_bundle(address: str | Path, *, verify: bool = True) -> "Bundle":
    """Opens a bundle and checks it.

    Args:
        address: Its folder; or REGISTRY@current or REGISTRY@NAME for a release of a registry. What
            exists as it is written is a folder, also with an @ in it.
        verify: Compare every file with the hash in the manifest. Formats, versions, the presence
            of every file and the shapes of all arrays are checked in any case.

    Raises:
        BundleMissingError: No bundle is there, or a file of it is gone.
        BundleVersionError: It was written in a format that is not read here.
        BundleCorruptError: A file is not what the manifest says.
        RegistryError: There is no such registry, no such release in it, or none is current.
    """
    folder = bundle_folder(address)
    manifest = read_manifest(folder)
    schema = manifest.read_schema()
    _check_files(folder, manifest, contents=verify)
    return Bundle(folder, manifest, schema)


class Bundle:
    """One model release: ids, attributes, vectors and edges. A node's row is its position."""

    def __init__(self, folder: Path, manifest: BundleManifest, schema: Schema) -> None:
        self.folder = folder
        self.manifest = manifest
        self.schema = schema
        self._ids: dict[str, pa.Array] = {}
        self._attributes: dict[str, pa.Table] = {}
        self._quality: dict[str, pa.Table] = {}
        self._vectors = {
            node_type: _load(folder / vector_path(node_type), np.float32, (num_nodes, manifest.dim))
            for node_type, num_nodes in manifest.num_nodes.items()
            if vector_path(node_type) in manifest.files
        }
        self._edges = {
            edge_type: self._load_edges(edge_type, manifest.num_edges[str(edge_type)])
            for edge_type in _edge_types(schema, manifest)
        }
        self._norms = {
            node_type: _load(folder / norms_path(node_type), np.float64, (len(vectors),))
            for node_type, vectors in self._vectors.items()
            if norms_path(node_type) in manifest.files
        }
        _check_newcomers(schema, manifest, frozenset(self._vectors))
        _check_indexes(manifest, frozenset(self._vectors))
        for node_type, num_nodes in manifest.num_nodes.items():
            _check_rows(folder / node_path(node_type), num_nodes)
        for node_type in manifest.quality:
            _check_quality_file(folder / quality_path(node_type), node_type, manifest)

    @cached_property
    def node_types(self) -> tuple[str, ...]:
        """The node types it holds, sorted by name."""
        return tuple(sorted(self.manifest.num_nodes))

    @cached_property
    def edge_types(self) -> tuple[EdgeType, ...]:
        """The edge types it holds, sorted by name."""
        return tuple(sorted(self._edges))

    @property
    def as_of(self) -> datetime | None:
        """Up to when it knows: its cut-off, else the time of its newest event.

        None where it has neither.
        """
        return self.manifest.cutoff or self.manifest.newest_event_at

    def num_nodes(self, node_type: str) -> int:
        """Number of nodes of one type."""
        return self.manifest.num_nodes[self._held(node_type)]

    def ids(self, node_type: str) -> pa.Array:
        """The ids of one type, sorted by code point; the position of an id is the node's row."""
        if node_type not in self._ids:
            key = self.schema.node_type(self._held(node_type)).key
            table = _read_table(self.folder / node_path(node_type), [key])
            self._ids[node_type] = table[key].combine_chunks()
        return self._ids[node_type]

    def row_of(self, node_type: str, node_id: str) -> int:
        """The row of a node.

        Raises:
            UnknownIdError: No node of that type has that id.
        """
        return find_row(node_type, self.ids(node_type), node_id)

    def id_of(self, node_type: str, row: int) -> str:
        """The id of a node."""
        node_id: str = self.ids(node_type)[int(row)].as_py()
        return node_id

    def attributes(self, node_type: str) -> pa.Table:
        """Key and properties of every node of one type, in row order."""
        if node_type not in self._attributes:
            table = _read_table(self.folder / node_path(self._held(node_type)))
            self._attributes[node_type] = table.combine_chunks()
        return self._attributes[node_type]

    def has_vectors(self, node_type: str) -> bool:
        """Whether nodes of this type can be seeds and targets."""
        return node_type in self._vectors

    def vectors(self, node_type: str) -> npt.NDArray[np.float32]:
        """The vectors of one type, float32 [num_nodes, dim], read-only.

        Raises:
            QueryError: The type has none.
        """
        if not self.has_vectors(self._held(node_type)):
            raise QueryError(
                f"the bundle has no vectors for {node_type}",
                expected="one of " + ", ".join(sorted(self._vectors)),
                next_step=f"train with {node_type} among the embedded types",
                value=node_type,
            )
        return self._vectors[node_type]

    def has_quality(self, node_type: str) -> bool:
        """Whether it says how good the nodes of this type are."""
        return node_type in self.manifest.quality

    def quality(self, node_type: str) -> pa.Table:
        """How good the nodes of one type are, in row order, with the columns of `QUALITY_SCHEMA`.

        `quality` is in [0, 1] and never empty; which parts it is made of stands in the manifest,
        and the column of another part is empty. docs/quality.md says what each column means.

        Raises:
            QueryError: The bundle does not say.
        """
        if not self.has_quality(self._held(node_type)):
            known = sorted(self.manifest.quality)
            raise QueryError(
                f"the bundle does not say how good {node_type} nodes are",
                expected="one of " + ", ".join(known) if known else None,
                next_step="train again with purchases, and returns or ratings, in the snapshot",
                value=node_type,
            )
        if node_type not in self._quality:
            table = _read_table(self.folder / quality_path(node_type))
            self._quality[node_type] = table.combine_chunks()
        return self._quality[node_type]

    def norms(self, node_type: str) -> npt.NDArray[np.float64] | None:
        """The lengths of the vectors of one type; None in a bundle from before they were kept."""
        return self._norms.get(self._held(node_type))

    def index_array(
        self, entry: IndexEntry, part: str, dtype: Any, shape: tuple[int, ...]
    ) -> npt.NDArray[Any]:
        """An array of an index, memory-mapped.

        Raises:
            BundleCorruptError: It is not of that kind.
        """
        return _load(self.folder / entry.path(part), dtype, shape)

    def has_edges(self, edge_type: EdgeType) -> bool:
        return edge_type in self._edges

    def edges(self, edge_type: EdgeType) -> Adjacency:
        """The distinct edges of one type.

        Raises:
            QueryError: The bundle does not hold them.
        """
        if edge_type not in self._edges:
            raise QueryError(
                f"the bundle does not hold the edges {edge_type}",
                expected="one of " + ", ".join(map(str, self.edge_types)),
                next_step="train again with these edges in the snapshot",
                value=str(edge_type),
            )
        return self._edges[edge_type]

    def _held(self, node_type: str) -> str:
        """The type's name again; SchemaError when unknown, QueryError when not in the bundle."""
        name = self.schema.node_type(node_type).name
        if name not in self.manifest.num_nodes:
            raise QueryError(
                f"the bundle holds no {node_type} nodes",
                expected="one of " + ", ".join(self.node_types),
                next_step=nearest(node_type, list(self.node_types)),
                value=node_type,
            )
        return name

    def _load_edges(self, edge_type: EdgeType, num_edges: int) -> Adjacency:
        indptr_path, indices_path = (self.folder / path for path in edge_paths(edge_type))
        num_sources, num_targets = (
            self.manifest.num_nodes.get(end, 0) for end in (edge_type.source, edge_type.target)
        )
        indptr = _load(indptr_path, np.int64, (num_sources + 1,))
        indices = _load(indices_path, np.int32, (num_edges,))
        if indptr[0] != 0 or indptr[-1] != num_edges:
            raise BundleCorruptError(
                f"'{indptr_path}' runs from {indptr[0]} to {indptr[-1]}",
                expected=f"0 to {num_edges}",
                next_step=_COPY_WHOLE,
            )
        return Adjacency(indptr, indices, num_targets, self._load_evidence(edge_type, num_edges))

    def _load_evidence(self, edge_type: EdgeType, num_edges: int) -> Evidence | None:
        counts_path, last_path = evidence_paths(edge_type)
        if counts_path not in self.manifest.files:
            return None
        return Evidence(
            _load(self.folder / counts_path, np.int32, (num_edges,)),
            _load(self.folder / last_path, np.int64, (num_edges,)),
        )


def _check_files(folder: Path, manifest: BundleManifest, *, contents: bool) -> None:
    needed = {node_path(node_type) for node_type in manifest.num_nodes}
    needed.update(path for name in manifest.num_edges for path in edge_paths(name))
    needed.update(map(quality_path, manifest.quality))
    needed.update(path for entry in manifest.indexes.values() for path in entry.paths)
    optional = {
        path(node_type) for node_type in manifest.num_nodes for path in (vector_path, norms_path)
    }
    listed = set(manifest.files)
    for pair in map(evidence_paths, manifest.num_edges):
        # The two belong together: one of them alone makes the other one needed.
        (needed if listed.intersection(pair) else optional).update(pair)
    if not needed <= listed or not listed <= needed | optional:
        odd = min((needed - listed) | (listed - needed - optional))
        raise BundleCorruptError(
            f"the manifest's list of files and its counts disagree about '{odd}'",
            next_step=_COPY_WHOLE,
            value=odd,
        )
    for name in manifest.files:
        path = folder / name
        if not path.is_file():
            raise BundleMissingError(f"'{path}' is missing", next_step=_COPY_WHOLE, value=str(path))
    if contents:
        _check_hashes(folder, manifest)


def _check_hashes(folder: Path, manifest: BundleManifest) -> None:
    """Compares every file with its hash, several files at once: hashing leaves Python's lock."""
    paths = [folder / name for name in manifest.files]
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _HASHING_THREADS)) as pool:
        found = pool.map(sha256_of, paths)
        for path, sha256, now in zip(paths, manifest.files.values(), found, strict=True):
            if now != sha256:
                pool.shutdown(cancel_futures=True)
                raise BundleCorruptError(
                    f"'{path}' changed since the bundle was written",
                    expected=f"sha256 {sha256}",
                    next_step=_COPY_WHOLE,
                    value=str(path),
                )


def _edge_types(schema: Schema, manifest: BundleManifest) -> list[EdgeType]:
    try:
        return [schema.parse_edge_type(name) for name in manifest.num_edges]
    except SchemaError as error:
        raise BundleCorruptError(
            f"the manifest counts edges that its schema does not have: {error}",
            next_step=_COPY_WHOLE,
            value=error.value,
        ) from error


def _check_newcomers(schema: Schema, manifest: BundleManifest, types: frozenset[str]) -> None:
    try:
        check_rules(schema, manifest.newcomers, types, frozenset(manifest.num_edges))
    except BundleError as error:
        raise BundleCorruptError(
            f"the manifest is damaged: {error}", next_step=_COPY_WHOLE, value=error.value
        ) from error


def _check_indexes(manifest: BundleManifest, with_vectors: frozenset[str]) -> None:
    for name, entry in manifest.indexes.items():
        fits = entry.num_rows <= manifest.num_nodes.get(entry.target_type, 0)
        if name != entry.name or entry.target_type not in with_vectors or not fits:
            raise BundleCorruptError(
                f"the manifest's index '{name}' does not fit: it is for {entry.num_rows} rows of "
                f"{entry.target_type}",
                next_step=_COPY_WHOLE,
                value=name,
            )


def _load(path: Path, dtype: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Memory-maps an array after checking that it is what the manifest says."""
    try:
        with _ONE_HEADER:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise BundleCorruptError(
            f"'{path}' is not a NumPy array: {error}", next_step=_COPY_WHOLE, value=str(path)
        ) from error
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise BundleCorruptError(
            f"'{path}' holds {array.dtype} {list(array.shape)}",
            expected=f"{np.dtype(dtype)} {list(shape)}",
            next_step=_COPY_WHOLE,
            value=str(path),
        )
    plain: npt.NDArray[Any] = array.view(np.ndarray)  # slicing a memmap object is far slower
    return plain


def _read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    # Not pq.read_table: that goes through pyarrow.dataset, which imports pandas where it can.
    with pq.ParquetFile(path) as file:
        return file.read(columns=columns)


def _check_quality_file(path: Path, node_type: str, manifest: BundleManifest) -> None:
    if node_type not in manifest.num_nodes:
        raise BundleCorruptError(
            f"the manifest says how good {node_type} nodes are, but counts none",
            next_step=_COPY_WHOLE,
            value=node_type,
        )
    _check_rows(path, manifest.num_nodes[node_type])
    found = pq.read_schema(path)
    if not found.equals(QUALITY_SCHEMA):
        raise BundleCorruptError(
            f"'{path}' has the columns {found.names}",
            expected=", ".join(f"{field.name} ({field.type})" for field in QUALITY_SCHEMA),
            next_step=_COPY_WHOLE,
            value=str(path),
        )


def _check_rows(path: Path, num_nodes: int) -> None:
    try:
        rows = pq.read_metadata(path).num_rows
    except pa.ArrowInvalid as error:
        raise BundleCorruptError(
            f"'{path}' is not a Parquet file: {error}", next_step=_COPY_WHOLE, value=str(path)
        ) from error
    if rows != num_nodes:
        raise BundleCorruptError(
            f"'{path}' holds {rows} rows",
            expected=str(num_nodes),
            next_step=_COPY_WHOLE,
            value=rows,
        )
