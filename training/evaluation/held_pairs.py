"""Reads a split that somebody gives: a table of the pairs to hold out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import DataError, FileFormatError
from graphdb.files import TableFile, open_table_file
from graphdb.ingest.source import ROW
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType
from graphdb.snapshot import Snapshot
from graphrec.bundle import Adjacency

SOURCE_ROW = "source_row"
TARGET_ROW = "target_row"

Rows = npt.NDArray[np.int64]


def read_held_pairs(path: str | Path, snapshot: Snapshot, edge_type: EdgeType) -> Adjacency:
    """The distinct pairs of a table file (CSV, Parquet, Arrow); further columns are not looked at.

    Args:
        path: With the columns `source_id` and `target_id`, as the snapshot's own files have
            them, or `source_row` and `target_row`: places among the snapshot's nodes, from 0.

    Raises:
        FileFormatError: It is no such table.
        DataError: A cell is empty, or names no node of the snapshot.
    """
    path = Path(path)
    columns, table = _pairs_in(path)
    ends = (edge_type.source, edge_type.target)
    read = _rows_by_id if columns[0] == SOURCE_ID else _rows_by_number
    for name in columns:
        _refuse_empty(path, table, name)
    sources, targets = (
        read(path, table, name, snapshot, end) for name, end in zip(columns, ends, strict=True)
    )
    return Adjacency.from_edges(sources, targets, *map(snapshot.num_nodes, ends))


def _pairs_in(path: Path) -> tuple[Sequence[str], pa.Table]:
    """The two columns, ids where a file has both kinds, with the number of each row."""
    file = open_table_file(path)
    for columns in ((SOURCE_ID, TARGET_ID), (SOURCE_ROW, TARGET_ROW)):
        if set(columns) <= set(file.column_names):
            return columns, _read(path, file, columns)
    raise FileFormatError(
        f"'{path}' has the columns {', '.join(file.column_names)}",
        expected=f"{SOURCE_ID} and {TARGET_ID}, or {SOURCE_ROW} and {TARGET_ROW}",
        value=file.column_names,
    )


def _read(path: Path, file: TableFile, columns: Sequence[str]) -> pa.Table:
    bad: list[tuple[int, str]] = []
    batches = list(file.batches(columns, lambda row, _, why: bad.append((row, why))))
    if bad:  # a split that is not whole would measure something else
        row, why = bad[0]
        raise FileFormatError(f"row {row} of '{path}' cannot be read: {why}", value=row)
    empty = pa.schema([(name, pa.string()) for name in (*columns, ROW)])
    return pa.Table.from_batches(batches, None if batches else empty)


def _refuse_empty(path: Path, table: pa.Table, name: str) -> None:
    empty = pc.is_null(table[name])
    if pc.any(empty).as_py():
        row = table[ROW].filter(empty)[0].as_py()
        raise DataError(f"'{path}' has no {name} in row {row}", value=row)


def _rows_by_id(path: Path, table: pa.Table, name: str, snapshot: Snapshot, end: str) -> Rows:
    ids = _as(pa.string(), path, table, name)
    rows = pc.index_in(ids, value_set=snapshot.node_ids(end))
    _refuse_unknown(path, table, name, end, pc.is_null(rows))
    return np.asarray(rows, dtype=np.int64)


def _rows_by_number(path: Path, table: pa.Table, name: str, snapshot: Snapshot, end: str) -> Rows:
    rows = np.asarray(_as(pa.int64(), path, table, name), dtype=np.int64)
    outside = (rows < 0) | (rows >= snapshot.num_nodes(end))
    _refuse_unknown(path, table, name, end, pa.chunked_array([outside]))
    return rows


def _as(kind: pa.DataType, path: Path, table: pa.Table, name: str) -> pa.ChunkedArray:
    found = table[name].type
    if pa.types.is_floating(found) or pa.types.is_nested(found):
        raise FileFormatError(
            f"the {name} of '{path}' holds {found}", expected=f"{kind}", value=str(found)
        )
    try:
        return table[name].cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FileFormatError(
            f"the {name} of '{path}' is no column of {kind}: {error}", value=name
        ) from error


def _refuse_unknown(
    path: Path, table: pa.Table, name: str, end: str, unknown: pa.ChunkedArray
) -> None:
    if pc.any(unknown).as_py():
        lost, row = table.filter(unknown).slice(0, 1).select([name, ROW]).to_pylist()[0].values()
        count = pc.sum(unknown).as_py()
        raise DataError(
            f"{count} of {len(table)} pairs in '{path}' name no {end} of the snapshot, first "
            f"{name} '{lost}' in row {row}",
            next_step="give the split that belongs to this snapshot, or take a new snapshot",
            value=lost,
        )
