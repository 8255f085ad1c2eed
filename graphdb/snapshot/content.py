"""What the rows of a snapshot have to be, beyond their columns: a hash says only who wrote them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphdb.column_checks import check_values, first_not_rising, numbers_of
from graphdb.errors import SnapshotError
from graphdb.schema_types import (
    CREATED_AT,
    EVENT_ID,
    OCCURRED_AT,
    SINCE,
    SOURCE_ID,
    TARGET_ID,
    EdgeType,
)
from graphdb.snapshot.checks import check_ends, readable
from graphdb.snapshot.manifest import edge_file, node_file

if TYPE_CHECKING:
    from graphdb.snapshot.reader import Snapshot

_BATCH_ROWS = 1_000_000


def check_content(snapshot: "Snapshot") -> None:
    """Checks every row: values, keys, their order, the ends of edges, and the cut-off.

    Raises:
        SnapshotError: Names the file, the column, and the first row that is wrong.
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
    """A part of the file after the other: not all of it has to fit into memory."""
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
            f"row {row + max(rows_before - 1, 0)} of '{path}' does not come after the one before",
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
