"""Opens a bundle folder, checks that its files fit together, and looks up ids.

Arrays are memory-mapped, and tables are read on first use. The checks cover the content of the
files, because a hash only proves that a file did not change. Ids are found by binary search.
"""

from bisect import bisect_left
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.errors import (
    BundleCorruptError,
    QueryError,
    UnknownIdError,
    nearest,
    shown,
)
from graphdb.file_access import file_access
from graphdb.schema_types import EdgeType
from graphrec.adjacency import Adjacency
from graphrec.bundle.checks import (
    check_adjacency,
    check_exact_index,
    check_habits,
    check_node_table,
    check_norms,
    check_vectors,
    newest_event,
)
from graphrec.bundle.files import (
    COPY_WHOLE,
    PRIVATE_TYPES,
    StoredVectors,
    corrupt_at,
    edge_types_in,
    load_array,
    load_edges,
    load_habits,
    load_sources,
    read_table,
)
from graphrec.bundle.ids import most_alike, spellings
from graphrec.bundle.manifest import (
    HABIT_PATHS,
    BundleManifest,
    IndexEntry,
    bundle_file,
    edge_paths,
    node_path,
    norms_path,
    quality_path,
    read_manifest,
    sources_path,
    vector_path,
)
from graphrec.bundle.next_rule import check_next
from graphrec.bundle.quality import Quality, check_quality
from graphrec.bundle.verifying import check_files, check_parts
from graphrec.registry.address import bundle_folder

_NUM_NEIGHBORS = 3
_MOST_BITS = 64


def check_bundle(bundle: "Bundle") -> None:
    """Checks everything that `write_bundle` checks, and the values that it computes.

    Raises:
        BundleCorruptError: A file is wrong; the message names it.
    """
    manifest, schema = bundle.manifest, bundle.schema
    for node_type in bundle.node_types:
        with corrupt_at(bundle.folder / node_path(node_type)):
            # Not with `attributes`, which caches the table: most queries need few of them.
            table = read_table(bundle.file(node_path(node_type)))
            check_node_table(schema, node_type, table)
        if bundle.has_quality(node_type):
            with corrupt_at(bundle.folder / quality_path(node_type)):
                found = read_table(bundle.file(quality_path(node_type)))
                quality = Quality(found, manifest.quality[node_type])
                check_quality(node_type, quality, manifest.num_nodes[node_type])
        if bundle.has_vectors(node_type):
            with corrupt_at(bundle.folder / vector_path(node_type)):
                norms = check_vectors(node_type, bundle.vectors(node_type), manifest.num_nodes)
            kept = bundle.norms(node_type)
            if kept is not None:
                with corrupt_at(bundle.folder / norms_path(node_type)):
                    check_norms(kept, norms)
    if manifest.next is not None:
        with corrupt_at(bundle.folder / sources_path(manifest.next.node_type)):
            sources = bundle.next_sources()
            check_next(schema, manifest.next, sources, manifest.dim, manifest.num_nodes)
    for edge_type in bundle.edge_types:
        with corrupt_at(bundle.folder / edge_paths(edge_type)[1]):
            check_adjacency(
                schema, edge_type, bundle.edges(edge_type), manifest.num_nodes, manifest.cutoff
            )
    if bundle.habits is not None:
        with corrupt_at(bundle.folder / HABIT_PATHS[0]):
            edges = {one: bundle.edges(one) for one in bundle.edge_types}
            check_habits(schema, bundle.habits, edges)
    for entry in manifest.indexes.values():
        if entry.kind == "bounds":
            with corrupt_at(bundle.folder / entry.path("rows.npy")):
                _check_exact_index(bundle, entry)
    newest = newest_event({one: bundle.edges(one) for one in bundle.edge_types})
    if manifest.newest_event_at not in (None, newest):
        raise BundleCorruptError(
            f"the manifest says that the newest event was at {manifest.newest_event_at}",
            expected=f"{newest}, the newest of the edges",
            next_step=COPY_WHOLE,
            value=manifest.newest_event_at,
        )
    if not any(map(bundle.has_vectors, bundle.node_types)):
        raise BundleCorruptError("no node type has vectors", expected="at least one")


def _check_exact_index(bundle: "Bundle", entry: IndexEntry) -> None:
    num_rows, dim, width = entry.num_rows, bundle.manifest.dim, entry.width or 0
    check_exact_index(
        bundle.index_array(entry, "rows.npy", np.int32, (num_rows,)),
        bundle.index_array(entry, "lengths.npy", np.float32, (num_rows,)),
        bundle.index_array(entry, "heads.npy", np.float32, (num_rows, width)),
        bundle.index_array(entry, "rotation.npy", np.float64, (2, dim, dim)),
        bundle.num_nodes(entry.target_type),
    )


@file_access("read")
def open_bundle(address: str | Path, *, verify: bool = True) -> "Bundle":
    """Opens a bundle and checks it.

    Args:
        address: A bundle folder, or a release of a registry: REGISTRY@current or REGISTRY@NAME. An
            existing path is always a folder, even with an @ in it.
        verify: Compare every file with its hash in the manifest, and check the content. Formats,
            versions, the presence of every file and the shapes of all arrays are always checked.

    Raises:
        BundleMissingError: There is no bundle, or one of its files is missing.
        BundleVersionError: The bundle has a format that this version does not read.
        BundleCorruptError: A file does not match the manifest.
        RegistryError: There is no such registry or release, or no release is current.
        FileAccessError: The system refuses to read a file.
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
    """One model release: ids, attributes, vectors and edges. The row of a node is its position."""

    def __init__(self, folder: Path, manifest: BundleManifest, schema: Schema) -> None:
        self.folder = folder
        self.manifest = manifest
        self.schema = schema
        self._ids: dict[str, pa.Array] = {}
        self._attributes: dict[str, pa.Table] = {}
        self._quality: dict[str, pa.Table] = {}
        self._vectors = {
            node_type: StoredVectors(
                folder, manifest, vector_path(node_type), (num_nodes, manifest.dim)
            )
            for node_type, num_nodes in manifest.num_nodes.items()
            if vector_path(node_type) in manifest.files
        }
        self._edges = {
            edge_type: load_edges(folder, manifest, edge_type)
            for edge_type in edge_types_in(schema, manifest)
        }
        self._norms = {
            node_type: load_array(
                bundle_file(folder, norms_path(node_type)),
                np.float64,
                (manifest.num_nodes[node_type],),
            )
            for node_type in self._vectors
            if norms_path(node_type) in manifest.files
        }
        self.habits = load_habits(folder, manifest, self._edges)
        check_parts(folder, manifest, schema, frozenset(self._vectors))
        self._sources = load_sources(folder, manifest)

    @cached_property
    def node_types(self) -> tuple[str, ...]:
        """The node types in the bundle, sorted by name."""
        return tuple(sorted(self.manifest.num_nodes))

    @cached_property
    def edge_types(self) -> tuple[EdgeType, ...]:
        """The edge types in the bundle, sorted by name."""
        return tuple(sorted(self._edges))

    @property
    def as_of(self) -> datetime | None:
        """The end of the known time: the cut-off, or the newest event, or None."""
        return self.manifest.cutoff or self.manifest.newest_event_at

    def file(self, name: str) -> Path:
        """Returns the path of a file, from its path within the bundle.

        Raises:
            BundleCorruptError: The path leads out of the folder.
        """
        return bundle_file(self.folder, name)

    def num_nodes(self, node_type: str) -> int:
        """Returns the number of nodes of one type."""
        return self.manifest.num_nodes[self._held(node_type)]

    def ids(self, node_type: str) -> pa.Array:
        """Returns the ids of one type, sorted by code point; the position of an id is its row."""
        if node_type not in self._ids:
            key = self.schema.node_type(self._held(node_type)).key
            table = read_table(self.file(node_path(node_type)), [key])
            self._ids[node_type] = table[key].combine_chunks()
        return self._ids[node_type]

    def row_of(self, node_type: str, node_id: str) -> int:
        """Returns the row of a node.

        Raises:
            UnknownIdError: No node of that type has that id.
        """
        return find_row(node_type, self.ids(node_type), node_id)

    def find_row(self, node_type: str, node_id: str) -> int | None:
        """Returns the row of a node, or None if no node of that type has that id.

        Raises:
            UnknownIdError: The id is not text.
        """
        return position_of(node_type, self.ids(node_type), node_id)

    def id_of(self, node_type: str, row: int) -> str:
        """Returns the id of a node."""
        node_id: str = self.ids(node_type)[int(row)].as_py()
        return node_id

    def attributes(self, node_type: str) -> pa.Table:
        """Returns key and properties of all nodes of one type, in row order."""
        if node_type not in self._attributes:
            table = read_table(self.file(node_path(self._held(node_type))))
            self._attributes[node_type] = table.combine_chunks()
        return self._attributes[node_type]

    def has_vectors(self, node_type: str) -> bool:
        """Returns whether nodes of this type can be query nodes and targets."""
        return node_type in self._vectors

    def vectors(self, node_type: str) -> npt.NDArray[np.float32]:
        """Returns the vectors of one type, float32 [num_nodes, dim], read-only.

        Raises:
            QueryError: The type has no vectors.
        """
        if not self.has_vectors(self._held(node_type)):
            raise QueryError(
                f"the bundle has no vectors for {node_type}",
                expected="one of " + ", ".join(sorted(self._vectors)),
                next_step=f"train with {node_type} among the embedded types",
                value=node_type,
            )
        return self._vectors[node_type].vectors

    def next_sources(self) -> npt.NDArray[np.float32]:
        """Returns the source vectors of `NextRule`, float32 [num_nodes, width], read-only.

        Raises:
            QueryError: The bundle has no block for what comes next.
        """
        if self._sources is None:
            step = "train with [next] weight above 0, on events with times"
            raise QueryError("the bundle has no block for what comes next", next_step=step)
        return self._sources.vectors

    def has_quality(self, node_type: str) -> bool:
        """Returns whether the bundle has the quality of this node type."""
        return node_type in self.manifest.quality

    def quality(self, node_type: str) -> pa.Table:
        """Returns the quality of the nodes of one type, in row order.

        The columns are those of `QUALITY_SCHEMA`. `quality` is in [0, 1] and never empty. The
        manifest lists its parts; the columns of other parts are empty. docs/quality.md explains the
        columns.

        Raises:
            QueryError: The bundle has no quality for this type.
        """
        if not self.has_quality(self._held(node_type)):
            known = sorted(self.manifest.quality)
            raise QueryError(
                f"the bundle has no quality for {node_type}",
                expected="one of " + ", ".join(known) if known else None,
                next_step="train again with purchases, and returns or ratings, in the snapshot",
                value=node_type,
            )
        if node_type not in self._quality:
            table = read_table(self.file(quality_path(node_type)))
            self._quality[node_type] = table.combine_chunks()
        return self._quality[node_type]

    def norms(self, node_type: str) -> npt.NDArray[np.float64] | None:
        """Returns the lengths of the vectors of one type, or None in an older bundle."""
        return self._norms.get(self._held(node_type))

    def index_array(
        self, entry: IndexEntry, part: str, dtype: Any, shape: tuple[int, ...]
    ) -> npt.NDArray[Any]:
        """Returns an array of an index, memory-mapped.

        Raises:
            BundleCorruptError: The array has another type or shape.
        """
        return load_array(self.file(entry.path(part)), dtype, shape)

    def has_edges(self, edge_type: EdgeType) -> bool:
        return edge_type in self._edges

    def edges(self, edge_type: EdgeType) -> Adjacency:
        """Returns the distinct edges of one type.

        Raises:
            QueryError: The bundle does not have them.
        """
        if edge_type not in self._edges:
            raise QueryError(
                f"the bundle does not have the edges {edge_type}",
                expected="one of " + ", ".join(map(str, self.edge_types)),
                next_step="train again with these edges in the snapshot",
                value=str(edge_type),
            )
        return self._edges[edge_type]

    def _held(self, node_type: str) -> str:
        """Returns the type; SchemaError if unknown, QueryError if not in the bundle."""
        if isinstance(node_type, str) and node_type in self.manifest.num_nodes:
            return node_type
        self.schema.node_type(node_type)  # raises if it is unknown
        raise QueryError(
            f"the bundle has no {node_type} nodes",
            expected="one of " + ", ".join(self.node_types),
            next_step=nearest(node_type, list(self.node_types)),
            value=node_type,
        )


def find_row(node_type: str, ids: pa.Array, node_id: str) -> int:
    """Returns the position of an id, by a binary search.

    Args:
        ids: Sorted by code point, without duplicates.

    Raises:
        UnknownIdError: It is missing; the message suggests the id that differs only in spelling,
            or ids with the longest common prefix, but never those of users.

    >>> find_row("User", pa.array(["a1", "a2", "b1"]), "b1")
    2
    """
    row = position_of(node_type, ids, node_id)
    if row is not None:
        return row
    next_step, meant = None, _meant(ids, node_id)
    if meant is not None:
        next_step = f"did you mean '{meant}'?"
    elif node_type not in PRIVATE_TYPES and len(ids):
        place = _place(ids, node_id)
        near = ids[max(place - _NUM_NEIGHBORS, 0) : place + _NUM_NEIGHBORS].to_pylist()
        alike = most_alike(node_id, near, _NUM_NEIGHBORS)
        next_step = "similar ids: " + ", ".join(f"'{other}'" for other in alike)
    raise UnknownIdError(
        f"no {node_type} has the id '{node_id}'", next_step=next_step, value=node_id
    )


def position_of(node_type: str, ids: pa.Array, node_id: str) -> int | None:
    """Returns the position of an id in sorted ids, or None.

    Raises:
        UnknownIdError: It is not text.

    >>> [position_of("User", pa.array(["a1", "b1"]), one) for one in ("b1", "b")]
    [1, None]
    """
    if not isinstance(node_id, str):
        raise UnknownIdError(
            f"{node_type} ids are strings, not {type(node_id).__name__} ({shown(node_id)})",
            next_step=_as_text(ids, node_id),
            value=node_id,
        )
    if not is_text(node_id):
        raise UnknownIdError(f"{shown(node_id)} is not valid UTF-8, so no {node_type} has this id")
    return _position(ids, node_id)


def is_text(text: str) -> bool:
    """Returns whether a text can be encoded as UTF-8; text with lone surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(ids: pa.Array, number: object) -> str | None:
    """What to write in the place of an id that is no text."""
    if not isinstance(number, int) or number.bit_length() > _MOST_BITS:
        return None
    return f"use '{_meant(ids, str(number)) or number}'"


def _meant(ids: pa.Array, node_id: str) -> str | None:
    """The id that is this one in another spelling.

    >>> [_meant(pa.array(["U00001", "U00003"]), one) for one in ("u3", " U3", "3", "U2")]
    ['U00003', 'U00003', 'U00003', None]
    """
    if not len(ids):
        return None
    candidates = spellings(node_id, str(ids[0]), str(ids[-1]))
    return next((one for one in candidates if _position(ids, one) is not None), None)


def _position(ids: pa.Array, node_id: str) -> int | None:
    row = _place(ids, node_id)
    return row if row < len(ids) and ids[row].as_py() == node_id else None


def _place(ids: pa.Array, node_id: str) -> int:
    return bisect_left(range(len(ids)), node_id, key=lambda position: ids[position].as_py())
