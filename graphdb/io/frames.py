"""Reads frames of pandas, polars, Arrow and others as tables, through Arrow's C interface.

None of these libraries is imported. A frame of pandas may hold anything in a column; a column of
several types is read as text, as in a CSV file, and its cells are checked one by one.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from re import fullmatch
from typing import Any

import pyarrow as pa

from graphdb.errors import FileFormatError
from graphdb.io.plain_columns import lists_of
from graphdb.io.source import OnBadRow
from graphdb.io.table_files import BATCH_ROWS, TableFile, numbered

_EXPECTED = "a frame of pandas (2.2 or newer) or polars, or a table of Arrow"
_WITHOUT_NAME = r"__index_level_\d+__"
"""The columns that pandas makes of an index without a name."""
_NOT_ARROW = (ValueError, TypeError, OverflowError, NotImplementedError)
"""What Arrow raises for cells that do not fit together."""


def open_arrow(name: str, table: pa.Table) -> TableFile:
    """Prepares a table for reading; rows are numbered from 1.

    Args:
        name: The name in messages and rejects.
    """
    path = Path(name)

    def batches(columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        read = table.select(list(columns)).to_batches(max_chunksize=BATCH_ROWS)
        return numbered(iter(read), path, on_bad_row)

    return TableFile(
        path, table.column_names, table.num_rows, batches, lists=lists_of(table.schema)
    )


def arrow_table(name: str, frame: Any) -> pa.Table:
    """Returns the rows of a frame.

    A named index of pandas is a column; an index without a name is ignored.

    Args:
        name: The name of the frame in messages.

    Raises:
        FileFormatError: It is no frame.
    """
    if isinstance(frame, pa.Table):
        return frame
    is_pandas = hasattr(frame, "iloc") and hasattr(frame, "reset_index")
    if is_pandas and any(one is not None for one in frame.index.names):
        frame = frame.reset_index()
    if not (hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__")):
        lazy = hasattr(frame, "collect")
        raise FileFormatError(
            f"'{name}' is a {type(frame).__module__.partition('.')[0]}.{type(frame).__name__}",
            expected=_EXPECTED,
            next_step="collect it first, with .collect()" if lazy else None,
            value=type(frame).__name__,
        )
    try:
        table = pa.table(frame)
    except _NOT_ARROW as error:
        if is_pandas:
            return _by_column(frame)
        raise FileFormatError(
            f"'{name}' cannot be read: {error}", expected=_EXPECTED, value=name
        ) from error
    kept = [one for one in table.column_names if not fullmatch(_WITHOUT_NAME, one)]
    return table if len(kept) == table.num_columns else table.select(kept)


def _by_column(frame: Any) -> pa.Table:
    """The table of a pandas frame with columns that Arrow refuses, or several of one name."""
    columns = [_column(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return pa.Table.from_arrays(columns, names=[str(name) for name in frame.columns])


def _column(series: Any) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(series, from_pandas=True)
    except _NOT_ARROW:
        missing = series.isna().tolist()
        cells = zip(series.tolist(), missing, strict=True)
        # As bytes: a text that is not UTF-8 then costs its row, and not the frame.
        return pa.array([None if gone else _bytes_of(cell) for cell, gone in cells], pa.binary())


def _bytes_of(cell: Any) -> bytes:
    """A cell as it would stand in a CSV file."""
    if isinstance(cell, bytes):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower().encode()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell)).encode()
    return str(cell).encode("utf-8", "surrogatepass")
