"""CSV as text columns: nothing is guessed, and a broken line costs only itself."""

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from graphdb.errors import FileFormatError
from graphdb.file_access import pass_on_refusal
from graphdb.files.csv_header import (
    BLOCK_BYTES,
    CsvFormat,
    CsvHeader,
    not_in_encoding,
    read_header,
)
from graphdb.files.csv_scan import CsvScan, scan_csv
from graphdb.files.plain_columns import plain_batch
from graphdb.ingest.source import ROW, OnBadRow

_LATIN_1 = "latin-1"


def open_csv(path: Path, form: CsvFormat) -> tuple[CsvHeader, CsvScan]:
    """The header of a CSV file, and what the whole of it says of how it is to be read.

    Raises:
        FileFormatError: It cannot be read.
    """
    header = read_header(path, form)
    with _errors(path, form):
        scan = scan_csv(path, form)
    if scan.by_backslash:
        header = read_header(path, form, by_backslash=True)
    return header, scan


def csv_batches(
    path: Path,
    form: CsvFormat,
    header: CsvHeader,
    scan: CsvScan,
    columns: Sequence[str],
    on_bad_row: OnBadRow,
) -> Iterator[pa.RecordBatch]:
    """The given columns as text, null where empty; rows that are no rows go to `on_bad_row`."""
    if not header.has_rows:
        return
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

    wanted = header.names if scan.has_stray_quote else list(columns)
    next_row = 1
    with _errors(path, form):
        for batch in _raw_batches(path, form, scan, wanted, skip):
            rows = _row_numbers(next_row, batch.num_rows, bad_rows)
            next_row = int(rows[-1]) + 1 if len(rows) else next_row
            if scan.has_stray_quote:
                _refuse_swallowed_lines(path, batch, rows)
                batch = batch.select(list(columns))
            yield plain_batch(batch.append_column(ROW, pa.array(rows)), path, on_bad_row)


def _raw_batches(
    path: Path,
    form: CsvFormat,
    scan: CsvScan,
    columns: Sequence[str],
    skip: Callable[[csv.InvalidRow], str],
) -> Iterator[pa.RecordBatch]:
    """The given columns as bytes.

    Arrow hands a row of too few or too many cells over as text, and gives the whole file up where
    the row is no UTF-8. A file that is none is therefore read as Latin-1, in which every byte is a
    character, and its cells are turned back into the bytes they were.
    """
    by_byte = not scan.is_utf8
    names = [_as_latin_1(path, name) for name in columns] if by_byte else list(columns)
    with csv.open_csv(
        path,
        # Row numbers of bad rows are known only without threads.
        read_options=csv.ReadOptions(
            block_size=BLOCK_BYTES,
            use_threads=False,
            encoding=_LATIN_1 if by_byte else form.encoding,
        ),
        parse_options=_parse_options(form.separator, scan, skip),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.binary()),
            include_columns=names,
            null_values=[""],
            strings_can_be_null=True,
        ),
    ) as reader:
        for batch in reader:
            yield _bytes_again(batch, columns) if by_byte else batch


def _as_latin_1(path: Path, name: str) -> str:
    """What a column is called where its UTF-8 is read as Latin-1: its first one after a BOM."""
    with pa.input_stream(str(path)) as stream:
        start = stream.read(len(codecs.BOM_UTF8) + len(name.encode()))
    is_first = start == codecs.BOM_UTF8 + name.encode()
    return ((codecs.BOM_UTF8 if is_first else b"") + name.encode()).decode(_LATIN_1)


def _bytes_again(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    """Cells that were read as Latin-1, as the bytes of the file."""
    restored = [
        pa.array(
            [
                None if cell is None else cell.decode().encode(_LATIN_1)
                for cell in column.to_pylist()
            ],
            pa.binary(),
        )
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(restored, names=list(columns))


def _row_numbers(first: int, count: int, bad_rows: list[int]) -> np.ndarray:
    """The numbers of `count` good rows from `first` on, stepping over the bad ones."""
    span = np.arange(first, first + count + len(bad_rows))
    return span[~np.isin(span, bad_rows)][:count]


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


def _parse_options(
    separator: str, scan: CsvScan, on_invalid: Callable[[csv.InvalidRow], str]
) -> csv.ParseOptions:
    return csv.ParseOptions(
        delimiter=separator,
        escape_char="\\" if scan.by_backslash else False,
        newlines_in_values=True,
        invalid_row_handler=on_invalid,
    )


@contextmanager
def _errors(path: Path, form: CsvFormat) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        raise not_in_encoding(path, form.encoding, error) from error
    except (pa.ArrowException, OSError) as error:
        pass_on_refusal(error, path)
        what = (
            f"a row is longer than {BLOCK_BYTES:,} bytes"
            if "straddling" in str(error)
            else str(error)
        )
        raise FileFormatError(
            f"'{path}' is not a readable CSV file: {what}",
            expected="text with a header row and balanced quotes",
            value=str(path),
        ) from error
