"""Reads a bundle folder. Arrays are memory-mapped, tables are read when first asked for."""

from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphdb.errors import BundleCorruptError, QueryError, SchemaError, nearest
from graphdb.file_access import file_access
from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle.adjacency import Adjacency
from graphrec.bundle.content import check_bundle
from graphrec.bundle.ids import find_row, position_of
from graphrec.bundle.index_entry import IndexEntry
from graphrec.bundle.loading import COPY_WHOLE, load_array, load_edges, read_table
from graphrec.bundle.manifest import (
    BundleManifest,
    bundle_file,
    node_path,
    norms_path,
    quality_path,
    read_manifest,
    vector_path,
)
from graphrec.bundle.verifying import check_files, check_parts
from graphrec.registry.address import bundle_folder


@file_access("read")
def open_bundle(address: str | Path, *, verify: bool = True) -> "Bundle":
    """Opens a bundle and checks it.

    Args:
        address: Its folder; or REGISTRY@current or REGISTRY@NAME for a release of a registry. What
            exists as it is written is a folder, also with an @ in it.
        verify: Compare every file with the hash in the manifest, and check that what is in them
            fits together. Formats, versions, the presence of every file and the shapes of all
            arrays are checked in any case.

    Raises:
        BundleMissingError: No bundle is there, or a file of it is gone.
        BundleVersionError: It was written in a format that is not read here.
        BundleCorruptError: A file is not what the manifest says.
        RegistryError: There is no such registry, no such release in it, or none is current.
        FileAccessError: The system refuses to read a file of it.
    """
    folder = bundle_folder(address)
    manifest = read_manifest(folder)
    schema = manifest.read_schema()
    check_files(folder, manifest, contents=verify)
    bundle = Bundle(folder, manifest, schema)
    if verify:
        check_bundle(bundle)
    return bundle


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
            node_type: load_array(
                bundle_file(folder, vector_path(node_type)), np.float32, (num_nodes, manifest.dim)
            )
            for node_type, num_nodes in manifest.num_nodes.items()
            if vector_path(node_type) in manifest.files
        }
        self._edges = {
            edge_type: load_edges(folder, manifest, edge_type)
            for edge_type in _edge_types(schema, manifest)
        }
        self._norms = {
            node_type: load_array(
                bundle_file(folder, norms_path(node_type)), np.float64, (len(vectors),)
            )
            for node_type, vectors in self._vectors.items()
            if norms_path(node_type) in manifest.files
        }
        check_parts(folder, manifest, schema, frozenset(self._vectors))

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

    def file(self, name: str) -> Path:
        """The path of one of its files, by its path in the folder.

        Raises:
            BundleCorruptError: It leads out of the folder.
        """
        return bundle_file(self.folder, name)

    def num_nodes(self, node_type: str) -> int:
        """Number of nodes of one type."""
        return self.manifest.num_nodes[self._held(node_type)]

    def ids(self, node_type: str) -> pa.Array:
        """The ids of one type, sorted by code point; the position of an id is the node's row."""
        if node_type not in self._ids:
            key = self.schema.node_type(self._held(node_type)).key
            table = read_table(self.file(node_path(node_type)), [key])
            self._ids[node_type] = table[key].combine_chunks()
        return self._ids[node_type]

    def row_of(self, node_type: str, node_id: str) -> int:
        """The row of a node.

        Raises:
            UnknownIdError: No node of that type has that id.
        """
        return find_row(node_type, self.ids(node_type), node_id)

    def find_row(self, node_type: str, node_id: str) -> int | None:
        """The row of a node; None where no node of that type has that id.

        Raises:
            UnknownIdError: The id is no text.
        """
        return position_of(node_type, self.ids(node_type), node_id)

    def id_of(self, node_type: str, row: int) -> str:
        """The id of a node."""
        node_id: str = self.ids(node_type)[int(row)].as_py()
        return node_id

    def attributes(self, node_type: str) -> pa.Table:
        """Key and properties of every node of one type, in row order."""
        if node_type not in self._attributes:
            table = read_table(self.file(node_path(self._held(node_type))))
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
            table = read_table(self.file(quality_path(node_type)))
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
        return load_array(self.file(entry.path(part)), dtype, shape)

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


def _edge_types(schema: Schema, manifest: BundleManifest) -> list[EdgeType]:
    try:
        return [schema.parse_edge_type(name) for name in manifest.num_edges]
    except SchemaError as error:
        raise BundleCorruptError(
            f"the manifest counts edges that its schema does not have: {error}",
            next_step=COPY_WHOLE,
            value=error.value,
        ) from error
