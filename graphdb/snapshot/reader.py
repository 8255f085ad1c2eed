"""Reads and checks a snapshot folder: node tables, edge tables, and edges as matrix rows.

Other programs write snapshots, too, and a hash does not prove that rows are valid. So every file is
checked: columns, types, values, keys, order, edge ends and cut-off.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphdb.checked_schema import Schema
from graphdb.columns import (
    check_filled,
    check_values,
    first_not_rising,
    numbers_of,
    readable_parquet,
)
from graphdb.errors import SnapshotError
from graphdb.file_access import file_access
from graphdb.schema_types import (
    CREATED_AT,
    EVENT_ID,
    OCCURRED_AT,
    SINCE,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
)
from graphdb.snapshot.manifest import (
    FileEntry,
    SnapshotManifest,
    edge_file,
    node_file,
    read_manifest,
    sha256_of,
)

if TYPE_CHECKING:
    from graphdb.snapshot.edge_lookup import EdgeFiles


def readable(path: Path) -> AbstractContextManager[None]:
    """Turns Arrow's errors of a damaged file into a SnapshotError."""
    return readable_parquet(path, SnapshotError, "write the snapshot again or copy it whole")


def check_table(path: Path, entry: FileEntry, declared: pa.Schema) -> None:
    """Compares a file's rows, columns and types with manifest and schema.

    Raises:
        SnapshotError: Names the file, the column and what was expected.
    """
    with readable(path), pq.ParquetFile(path) as file:
        found, rows = file.schema_arrow, file.metadata.num_rows
    if rows != entry.rows:
        raise SnapshotError(
            f"'{path}' has {rows} rows", expected=f"{entry.rows}, as the manifest says"
        )
    columns = {column.name: column.type for column in found}
    for column in declared:
        if columns.get(column.name) != column.type:
            raise SnapshotError(
                f"'{path}' has '{column.name}' as {columns.get(column.name, 'no column')}",
                expected=f"{column.type}",
                next_step="docs/formats.md describes each kind",
                value=column.name,
            )
    if len(columns) != len(found.names):
        raise SnapshotError(
            f"'{path}' has the columns {found.names}", expected="each of them once", value=str(path)
        )
    for name in found.names:
        if name not in declared.names:
            raise SnapshotError(
                f"'{path}' has a column '{name}' that the schema does not declare",
                next_step="remove it, or declare it in graph_schema",
                value=name,
            )


def check_keys(path: Path, key: str, ids: pa.Array) -> None:
    """Checks that the keys of a node file are not empty, unique and sorted.

    Raises:
        SnapshotError: Names the file and the key.
    """
    if ids.null_count:
        raise SnapshotError(f"a {key} is empty in '{path}'", expected="a key in every row")
    if len(ids) < 2 or pc.all(pc.less(ids[:-1], ids[1:])).as_py():
        return
    if pc.count_distinct(ids).as_py() != len(ids):
        raise SnapshotError(f"a {key} is duplicated in '{path}'", expected="each key once")
    raise SnapshotError(
        f"'{path}' is not sorted by {key}", expected="keys in the order of their code points"
    )


def check_ends(
    edge_type: EdgeType, ids: pa.ChunkedArray, node_type: str, known: pa.Array
) -> pa.Array:
    """Returns the rows of the nodes at an end.

    Raises:
        SnapshotError: The snapshot does not have one of them.
    """
    rows = pc.index_in(ids, value_set=known)
    if rows.null_count:
        lost = ids.filter(pc.is_null(rows))[0].as_py()
        raise SnapshotError(
            f"{edge_type} ends at {node_type} '{lost}', which is not in the snapshot",
            value=lost,
        )
    return rows


_BATCH_ROWS = 1_000_000


def check_content(snapshot: "Snapshot") -> None:
    """Checks every row: values, keys, their order, the ends of edges, and the cut-off.

    Raises:
        SnapshotError: A row is wrong; the message names the file, the column and the first such
            row.
    """
    for node_type in snapshot.schema.node_types:
        path = node_file(snapshot.folder, node_type)
        with readable(path):
            table = snapshot.nodes(node_type)
        columns = snapshot.schema.columns(node_type)
        check_values(table, columns, f"'{path}'", SnapshotError)
        _check_cutoff(path, table, CREATED_AT, snapshot.manifest.cutoff)
        snapshot.node_ids(node_type)
    for edge_type in snapshot.schema.edge_types():
        _check_edges(snapshot, edge_type)


def _check_edges(snapshot: "Snapshot", edge_type: EdgeType) -> None:
    """Yields the file in parts, so that it need not fit into memory."""
    path, schema = edge_file(snapshot.folder, edge_type), snapshot.schema
    columns, key = schema.columns(edge_type), schema.key(edge_type)
    happened = OCCURRED_AT if schema.relation(edge_type.relation).is_event else SINCE
    ends: dict[str, list[pa.Array]] = {SOURCE_ID: [], TARGET_ID: []}
    rows, last = 0, None
    for table in _parts(path):
        check_values(table, columns, f"'{path}'", SnapshotError)
        _check_cutoff(path, table, happened, snapshot.manifest.cutoff)
        keys = table.select(list(key))
        _check_order(path, keys if last is None else pa.concat_tables([last, keys]), rows)
        for end, seen in ends.items():
            seen.append(pc.unique(table[end]))
        rows, last = rows + table.num_rows, keys.slice(keys.num_rows - 1)
    for end, node_type in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target)):
        ids = pc.unique(pa.chunked_array(ends[end], pa.string()))
        check_ends(edge_type, pa.chunked_array([ids]), node_type, snapshot.node_ids(node_type))


def _parts(path: Path) -> Iterator[pa.Table]:
    with readable(path), pq.ParquetFile(path) as file:
        batches = file.iter_batches(batch_size=_BATCH_ROWS)
        while batch := next(batches, None):
            yield pa.Table.from_batches([batch])


def _check_order(path: Path, keys: pa.Table, rows_before: int) -> None:
    filled = [
        pc.fill_null(keys[name], "") if name == EVENT_ID else keys[name]
        for name in keys.column_names
    ]
    row = first_not_rising(filled)
    if row is not None:
        raise SnapshotError(
            f"row {row + max(rows_before - 1, 0)} of '{path}' is not sorted after the previous one",
            expected=f"rows in the order of {', '.join(keys.column_names)}, each of them once",
            value=str(path),
        )


def _check_cutoff(path: Path, table: pa.Table, column: str, cutoff: datetime | None) -> None:
    if cutoff is None:
        return
    moments_us = numbers_of(table[column].drop_null())
    cutoff_us = round(cutoff.timestamp() * 1_000_000)
    if (moments_us >= cutoff_us).any():
        raise SnapshotError(
            f"'{path}' has '{column}' at {moments_us.max()}, microseconds since 1970",
            expected=f"nothing from the cut-off on, {cutoff_us} ({cutoff})",
            value=column,
        )


Rows = npt.NDArray[np.int64]


@file_access("read")
def open_snapshot(folder: str | Path, *, verify: bool = True) -> "Snapshot":
    """Opens a snapshot folder.

    Args:
        verify: Compare every file with its hash in the manifest, and check every row.

    Raises:
        SnapshotError: There is no snapshot, a file is missing or changed, the format is of another
            version, or the rows do not follow the schema.
        FileAccessError: The system refuses to read a file.
    """
    folder = Path(folder)
    snapshot = Snapshot(folder, read_manifest(folder))
    snapshot.check_files(contents=verify)
    if verify:
        check_content(snapshot)
    return snapshot


class Snapshot:
    """An immutable graph on disk. The row of a node is its position in the file of its type."""

    def __init__(self, folder: Path, manifest: SnapshotManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._node_ids: dict[str, pa.Array] = {}

    @cached_property
    def schema(self) -> Schema:
        """The schema of the snapshot."""
        return self.manifest.schema_declared

    @property
    def snapshot_id(self) -> str:
        """The id of the content; equal contents have equal ids."""
        return self.manifest.snapshot_id

    def num_nodes(self, node_type: str) -> int:
        """Returns the number of nodes of one type."""
        return self.manifest.nodes[self.schema.node_type(node_type).name].rows

    def num_edges(self, edge_type: EdgeType) -> int:
        """Returns the number of edges of one type."""
        return self.manifest.edges[str(edge_type)].rows

    def nodes(self, node_type: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Returns the nodes of one type, in row order."""
        return self._read(node_file(self.folder, node_type), columns)

    def edges(self, edge_type: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        """Returns the edges of one type, sorted by source, target and the rest of their key.

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
        """Returns the edges of one type between some pairs of nodes, in the order of `edges`.

        Args:
            pairs: `source_id` and `target_id`. Pairs without an edge give no rows.

        Raises:
            SchemaError: There is no such edge type.
            SnapshotError: The file cannot be read.
        """
        edge_type = self.schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
        file = edge_file(self.folder, edge_type)
        return self._edge_files.edges_between(edge_type, file, pairs)

    @cached_property
    def _edge_files(self) -> "EdgeFiles":
        # Imported here: training and serving read snapshots and bundles without DuckDB.
        from graphdb.snapshot.edge_lookup import EdgeFiles

        return EdgeFiles(self.schema)

    def node_ids(self, node_type: str) -> pa.Array:
        """Returns the keys of one type; the position of a key is the row of the node.

        Raises:
            SnapshotError: A key is empty or duplicated, or the keys are not sorted.
        """
        if node_type not in self._node_ids:
            key = self.schema.node_type(node_type).key
            ids = self.nodes(node_type, [key])[key].combine_chunks()
            check_keys(node_file(self.folder, node_type), key, ids)
            self._node_ids[node_type] = ids
        return self._node_ids[node_type]

    def edge_rows(self, edge_type: EdgeType) -> tuple[Rows, Rows]:
        """Returns source rows and target rows of one edge type, each of shape [num_edges].

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
        """Checks that every file exists, its columns, and with `contents` its hash.

        Raises:
            SnapshotError: A file does not match schema and manifest; the message names the first.
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
                next_step="write a file without rows, or remove the type from the schema",
                value=str(of),
            )
        name_file = edge_file if is_edge else node_file
        return name_file(self.folder, str(of)), listed[str(of)]

    def _read(self, path: Path, columns: Sequence[str] | None) -> pa.Table:
        with readable(path):
            return pq.read_table(path, columns=list(columns) if columns is not None else None)
