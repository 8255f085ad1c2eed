"""CSV as text columns: nothing is guessed, and a broken line costs only itself."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from graphdb.errors import FileFormatError
from graphdb.ingest.source import ROW, OnBadRow

_BLOCK_BYTES = 32 << 20


def csv_column_names(path: Path, separator: str) -> list[str]:
    """The header of a CSV file.

    Raises:
        FileFormatError: The file has no readable header.
    """
    with (
        _errors(path),
        csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=1 << 20, use_threads=False),
            parse_options=_parse_options(separator, lambda _: "skip"),
        ) as reader,
    ):
        names: list[str] = reader.schema.names
    return names


def csv_batches(
    path: Path, separator: str, names: list[str], columns: Sequence[str], on_bad_row: OnBadRow
) -> Iterator[pa.RecordBatch]:
    """The given columns as text, null where empty; rows that are no rows go to `on_bad_row`."""
    bad_rows: list[int] = []

    def skip(row: csv.InvalidRow) -> str:
        number = row.number - 1  # pyarrow counts the header
        bad_rows.append(number)
        on_bad_row(
            number,
            "malformed_row",
            f"it has {row.actual_columns} cells, the header has {row.expected_columns}",
        )
        return "skip"

    next_row = 1
    has_stray_quote = _count_quotes(path) % 2 == 1
    with (
        _errors(path),
        csv.open_csv(
            path,
            # Row numbers of bad rows are known only without threads.
            read_options=csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
            parse_options=_parse_options(separator, skip),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.binary() for name in names},
                include_columns=names if has_stray_quote else list(columns),
                null_values=[""],
                strings_can_be_null=True,
            ),
        ) as reader,
    ):
        for batch in reader:
            rows = _row_numbers(next_row, batch.num_rows, bad_rows)
            next_row = int(rows[-1]) + 1 if len(rows) else next_row
            if has_stray_quote:
                _refuse_swallowed_lines(path, batch, rows)
                batch = batch.select(list(columns))
            yield _decoded(batch.append_column(ROW, pa.array(rows)), on_bad_row)


def _row_numbers(first: int, count: int, bad_rows: list[int]) -> np.ndarray:
    """The numbers of `count` good rows from `first` on, stepping over the bad ones."""
    span = np.arange(first, first + count + len(bad_rows))
    return span[~np.isin(span, bad_rows)][:count]


def _count_quotes(path: Path) -> int:
    quotes = 0
    with pa.input_stream(str(path)) as stream:
        while block := stream.read(_BLOCK_BYTES):
            quotes += block.count(b'"')
    return quotes


def _refuse_swallowed_lines(path: Path, batch: pa.RecordBatch, rows: np.ndarray) -> None:
    """A quote that never closes makes one cell of all lines after it: their rows would be lost.

    Only with an odd number of quotes; an inch mark alone (`5" pan`) swallows nothing.
    """
    for column in batch.columns:
        swallowed = pc.match_substring(pc.fill_null(column, b""), b"\n")
        if pc.any(swallowed).as_py():
            row = rows[pc.index(swallowed, True).as_py()]
            raise FileFormatError(
                f"'{path}' has a quote in or before row {row} that never closes",
                expected="balanced quotes",
                value=int(row),
            )


def _decoded(batch: pa.RecordBatch, on_bad_row: OnBadRow) -> pa.RecordBatch:
    """Bytes as text; rows with bytes that are no UTF-8 are told and dropped."""
    try:
        return _as_text(batch)
    except pa.ArrowInvalid:
        good = []
        for position, row in enumerate(batch.to_pylist()):
            broken = [name for name, cell in row.items() if not _is_utf8(cell)]
            if broken:
                on_bad_row(row[ROW], "bad_encoding", f"column '{broken[0]}' is not UTF-8")
            else:
                good.append(position)
        return _as_text(batch.take(pa.array(good, pa.int64())))


def _as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            column if name == ROW else pc.cast(column, pa.string())
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ],
        names=batch.schema.names,
    )


def _is_utf8(cell: object) -> bool:
    if not isinstance(cell, bytes):
        return True
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _parse_options(separator: str, on_invalid: Callable[[csv.InvalidRow], str]) -> csv.ParseOptions:
    return csv.ParseOptions(
        delimiter=separator, newlines_in_values=True, invalid_row_handler=on_invalid
    )


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise FileFormatError(
            f"'{path}' is not a readable CSV file: {error}",
            expected="UTF-8 text with a header row and balanced quotes",
            value=str(path),
        ) from error
