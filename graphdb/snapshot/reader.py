"""Reads a snapshot folder: node tables, edge tables, and edges as matrix rows."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.column_checks import check_filled
from graphdb.errors import SnapshotError
from graphdb.file_access import file_access
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType, Schema
from graphdb.snapshot.checks import check_ends, check_keys, check_table, readable
from graphdb.snapshot.content import check_content
from graphdb.snapshot.manifest import (
    FileEntry,
    SnapshotManifest,
    edge_file,
    node_file,
    read_manifest,
    sha256_of,
)

if TYPE_CHECKING:
    from graphdb.snapshot.looking_up import EdgeFiles

Rows = npt.NDArray[np.int64]


@file_access("read")
def open_snapshot(folder: str | Path, *, verify: bool = True) -> "Snapshot":
    """Opens a snapshot folder.

    Args:
        verify: Compare every file with the hash in the manifest first, and check every row.

    Raises:
        SnapshotError: No snapshot is there, a file is missing or changed, the format is another
            version's, or the rows are not what the schema says.
        FileAccessError: The system refuses to read a file of it.
    """
    folder = Path(folder)
    snapshot = Snapshot(folder, read_manifest(folder))
    snapshot.check_files(contents=verify)
    if verify:
        check_content(snapshot)
    return snapshot


class Snapshot:
    """An immutable graph on disk. A node's row is its position in its type's file."""

    def __init__(self, folder: Path, manifest: SnapshotManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._node_ids: dict[str, pa.Array] = {}

    @cached_property
    def schema(self) -> Schema:
        """The schema the snapshot was written under."""
        return self.manifest.schema_declared

    @property
    def snapshot_id(self) -> str:
        """Identifies the content; see `SnapshotManifest`."""
        return self.manifest.snapshot_id

    def num_nodes(self, node_type: str) -> int:
        """Number of nodes of one type, zero included."""
        return self.manifest.nodes[self.schema.node_type(node_type).name].rows

    def num_edges(self, edge_type: EdgeType) -> int:
        """Number of edges of one type, zero included."""
        return self.manifest.edges[str(edge_type)].rows

    def nodes(self, node_type: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The nodes of one type, in row order."""
        return self._read(node_file(self.folder, node_type), columns)

    def edges(self, edge_type: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        """The edges of one type, sorted by source, target and the rest of their key.

        Raises:
            SnapshotError: A required cell is empty.
        """
        path = edge_file(self.folder, edge_type)
        table = self._read(path, columns)
        for column in self.schema.columns(edge_type):
            if column.required and column.name in table.column_names:
                check_filled(table, column.name, f"'{path}'", SnapshotError)
        return table

    def edges_between(self, edge_type: EdgeType, pairs: pa.Table) -> pa.Table:
        """The edges of one type between some pairs of nodes, in the order of `edges`.

        Args:
            pairs: `source_id` and `target_id`. Pairs that no edge ties bring nothing.

        Raises:
            SchemaError: There is no such edge type.
            SnapshotError: The file cannot be read.
        """
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        file = edge_file(self.folder, edge_type)
        return self._edge_files.edges_between(edge_type, file, pairs)

    @cached_property
    def _edge_files(self) -> "EdgeFiles":
        # Imported here: training and answering read snapshots and bundles without a database.
        from graphdb.snapshot.looking_up import EdgeFiles

        return EdgeFiles(self.schema)

    def node_ids(self, node_type: str) -> pa.Array:
        """The keys of one type; the position of a key is the node's row.

        Raises:
            SnapshotError: A key is empty or stands twice, or they are not sorted.
        """
        if node_type not in self._node_ids:
            key = self.schema.node_type(node_type).key
            ids = self.nodes(node_type, [key])[key].combine_chunks()
            check_keys(node_file(self.folder, node_type), key, ids)
            self._node_ids[node_type] = ids
        return self._node_ids[node_type]

    def edge_rows(self, edge_type: EdgeType) -> tuple[Rows, Rows]:
        """Source rows and target rows of one edge type, each of shape [num_edges].

        Raises:
            SnapshotError: An edge ends at a node that the snapshot does not have.
        """
        ends = self.edges(edge_type, [SOURCE_ID, TARGET_ID])
        return (
            self._rows_of(edge_type, ends[SOURCE_ID], edge_type.source),
            self._rows_of(edge_type, ends[TARGET_ID], edge_type.target),
        )

    def _rows_of(self, edge_type: EdgeType, ids: pa.ChunkedArray, node_type: str) -> Rows:
        rows = check_ends(edge_type, ids, node_type, self.node_ids(node_type))
        return np.asarray(rows, dtype=np.int64)

    def check_files(self, *, contents: bool) -> None:
        """Checks every type's file: that it is there, its columns, and with `contents` its hash.

        Raises:
            SnapshotError: Names the first file that is not as schema and manifest say.
        """
        for of in self.schema.tables():
            path, entry = self._file_of(of)
            if not path.is_file():
                raise SnapshotError(
                    f"'{path}' is missing",
                    next_step="write the snapshot again or copy it whole",
                    value=str(path),
                )
            if contents and sha256_of(path) != entry.sha256:
                raise SnapshotError(
                    f"'{path}' changed since the snapshot was written",
                    expected=f"sha256 {entry.sha256}",
                    next_step="write the snapshot again or copy it whole",
                    value=str(path),
                )
            check_table(path, entry, self.schema.arrow_schema(of))

    def _file_of(self, of: str | EdgeType) -> tuple[Path, FileEntry]:
        is_edge = isinstance(of, EdgeType)
        listed = self.manifest.edges if is_edge else self.manifest.nodes
        if str(of) not in listed:
            raise SnapshotError(
                f"the manifest of '{self.folder}' lists no file of {of}, which its schema declares",
                next_step="write a file without rows, or leave it out of the schema",
                value=str(of),
            )
        name_file = edge_file if is_edge else node_file
        return name_file(self.folder, str(of)), listed[str(of)]

    def _read(self, path: Path, columns: Sequence[str] | None) -> pa.Table:
        with readable(path):
            return pq.read_table(path, columns=list(columns) if columns is not None else None)
