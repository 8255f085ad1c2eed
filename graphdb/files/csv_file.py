"""CSV as text columns: nothing is guessed, and a broken line costs only itself."""

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
from graphdb.files.csv_quoting import Quoting, quoting_of
from graphdb.files.plain_columns import plain_batch
from graphdb.ingest.source import ROW, OnBadRow


def open_csv(path: Path, form: CsvFormat) -> tuple[CsvHeader, Quoting]:
    """The header of a CSV file, and how its quotes are read.

    Raises:
        FileFormatError: It cannot be read.
    """
    header = read_header(path, form)
    with _errors(path, form):
        quoting = quoting_of(path, form)
    if quoting.by_backslash:
        header = read_header(path, form, by_backslash=True)
    return header, quoting


def csv_batches(
    path: Path,
    form: CsvFormat,
    header: CsvHeader,
    quoting: Quoting,
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

    next_row = 1
    with (
        _errors(path, form),
        csv.open_csv(
            path,
            # Row numbers of bad rows are known only without threads.
            read_options=csv.ReadOptions(
                block_size=BLOCK_BYTES, use_threads=False, encoding=form.encoding
            ),
            parse_options=_parse_options(form.separator, quoting, skip),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.binary() for name in header.names},
                include_columns=header.names if quoting.has_stray_quote else list(columns),
                null_values=[""],
                strings_can_be_null=True,
            ),
        ) as reader,
    ):
        for batch in reader:
            rows = _row_numbers(next_row, batch.num_rows, bad_rows)
            next_row = int(rows[-1]) + 1 if len(rows) else next_row
            if quoting.has_stray_quote:
                _refuse_swallowed_lines(path, batch, rows)
                batch = batch.select(list(columns))
            yield plain_batch(batch.append_column(ROW, pa.array(rows)), path, on_bad_row)


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
    separator: str, quoting: Quoting, on_invalid: Callable[[csv.InvalidRow], str]
) -> csv.ParseOptions:
    return csv.ParseOptions(
        delimiter=separator,
        escape_char="\\" if quoting.by_backslash else False,
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
