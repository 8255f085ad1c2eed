"""Writes a store's graph into a snapshot folder, atomically."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.atomic import atomic_folder
from graphdb.errors import SnapshotError
from graphdb.snapshot.manifest import (
    MANIFEST_NAME,
    FileEntry,
    SnapshotManifest,
    edge_file,
    node_file,
    sha256_of,
    snapshot_id,
)
from graphdb.snapshot.reader import Snapshot, check_content, open_snapshot
from graphdb.stores.protocol import GraphStore

_ROW_GROUP_ROWS = 1_000_000

Progress = Callable[[str, int], None]
"""Called with the file being written and the rows written since the last call."""


def write_snapshot(
    store: GraphStore,
    folder: str | Path,
    *,
    cutoff: datetime | None = None,
    on_progress: Progress | None = None,
) -> Snapshot:
    """Writes the graph of a store, as it was before `cutoff`, into a new folder.

    Args:
        cutoff: A time with a timezone; nothing at or after it is written.
        on_progress: Called as rows are written.

    Raises:
        SnapshotError: The folder exists, the cut-off has no timezone, or the store holds rows that
            its schema does not allow. No partial folder remains.
    """
    folder = Path(folder)
    if cutoff is not None and cutoff.tzinfo is None:
        raise SnapshotError(f"the cut-off {cutoff} has no timezone", value=cutoff)
    with atomic_folder(folder, SnapshotError, "snapshots") as unfinished:
        (unfinished / "nodes").mkdir()
        (unfinished / "edges").mkdir()
        manifest = _write_files(store, unfinished, cutoff, on_progress)
        text = manifest.model_dump_json(indent=2)
        (unfinished / MANIFEST_NAME).write_text(text, encoding="utf-8")
        check_content(open_snapshot(unfinished, verify=False))
    return open_snapshot(folder, verify=False)


def _write_files(
    store: GraphStore, folder: Path, cutoff: datetime | None, on_progress: Progress | None
) -> SnapshotManifest:
    schema = store.schema
    nodes: dict[str, FileEntry] = {}
    for node_type in schema.node_types:
        reader = store.read_nodes(node_type, cutoff=cutoff)
        nodes[node_type] = _write_parquet(reader, node_file(folder, node_type), on_progress)
    edges: dict[str, FileEntry] = {}
    for edge_type in schema.edge_types():
        reader = store.read_edges(edge_type, cutoff=cutoff)
        edges[str(edge_type)] = _write_parquet(reader, edge_file(folder, edge_type), on_progress)
    return SnapshotManifest(
        snapshot_id=snapshot_id(schema, cutoff, nodes, edges),
        created_at=datetime.now(UTC),
        cutoff=cutoff,
        graph_schema=schema.to_dict(),
        nodes=nodes,
        edges=edges,
    )


def _write_parquet(
    reader: pa.RecordBatchReader, path: Path, on_progress: Progress | None
) -> FileEntry:
    """Writes batches as they arrive. Row groups have a fixed size: equal rows give equal bytes."""
    rows = 0
    pending: list[pa.RecordBatch] = []
    pending_rows = 0
    with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
        for batch in reader:
            while batch.num_rows:
                taken = batch.slice(0, _ROW_GROUP_ROWS - pending_rows)
                batch = batch.slice(taken.num_rows)
                pending.append(taken)
                pending_rows += taken.num_rows
                if pending_rows == _ROW_GROUP_ROWS:
                    rows += _write_row_group(writer, pending, path.stem, on_progress)
                    pending, pending_rows = [], 0
        rows += _write_row_group(writer, pending, path.stem, on_progress)
    return FileEntry(rows=rows, sha256=sha256_of(path))


def _write_row_group(
    writer: pq.ParquetWriter,
    batches: list[pa.RecordBatch],
    name: str,
    on_progress: Progress | None,
) -> int:
    if not batches:
        return 0
    table = pa.Table.from_batches(batches).combine_chunks()
    writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)
    if on_progress:
        on_progress(name, table.num_rows)
    return int(table.num_rows)
