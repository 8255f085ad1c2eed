"""Opens table files of every supported format and reads them in batches.

CSV is read as text columns without type inference, and a broken line loses only itself.
"""

import codecs
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from graphdb.errors import FileFormatError
from graphdb.file_access import file_access, pass_on_refusal
from graphdb.io.csv_encoding import GB18030, UTF_8, first_encoding, not_in_encoding, second_encoding
from graphdb.io.csv_scan import BLOCK_BYTES, CsvFormat, CsvHeader, CsvScan, read_header, scan_csv
from graphdb.io.plain_columns import lists_of, plain_batch
from graphdb.io.source import ROW, OnBadRow

_LATIN_1 = "latin-1"


def open_csv(path: Path, form: CsvFormat) -> tuple[CsvHeader, CsvScan]:
    """Returns the header of a CSV file, and how to read the file.

    Raises:
        FileFormatError: It cannot be read.
    """
    header = read_header(path, form)
    with _errors(path, form):
        scan = scan_csv(path, form)
    if scan.by_backslash:
        header = read_header(path, form, by_backslash=True)
    return header, scan


def _found(path: Path, form: CsvFormat) -> tuple[CsvFormat, CsvHeader, CsvScan]:
    """Opens a CSV file in the encoding that its bytes show."""
    form = replace(form, encoding=first_encoding(path))
    header, scan = open_csv(path, form)
    if form.encoding == UTF_8 and not scan.is_utf8:
        form = replace(form, encoding=second_encoding(path))
        if form.encoding != UTF_8:
            header, scan = open_csv(path, form)
        else:
            doubt = "it is not all UTF-8; if all of it has one other encoding, set encoding"
            scan = replace(scan, warning="; ".join(filter(None, (doubt, scan.warning))))
    if form.encoding == GB18030:
        found = 'it is read as GBK, as its characters show; set encoding = "gb18030" to be sure'
        scan = replace(scan, warning="; ".join(filter(None, (found, scan.warning))))
    return form, header, scan


def csv_batches(
    path: Path,
    form: CsvFormat,
    header: CsvHeader,
    scan: CsvScan,
    columns: Sequence[str],
    on_bad_row: OnBadRow,
) -> Iterator[pa.RecordBatch]:
    """Yields columns as text, null if empty; broken rows go to `on_bad_row`."""
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
    """Yields columns as bytes.

    Arrow passes a row with too few or too many cells on as text, and fails for the whole file if
    that row is not UTF-8. A file that is not UTF-8 is therefore read as Latin-1, in which every
    byte is a character, and its cells are converted back to bytes.
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
    """Returns the name of a column when its UTF-8 is read as Latin-1; the first follows a BOM."""
    with pa.input_stream(str(path)) as stream:
        start = stream.read(len(codecs.BOM_UTF8) + len(name.encode()))
    is_first = start == codecs.BOM_UTF8 + name.encode()
    return ((codecs.BOM_UTF8 if is_first else b"") + name.encode()).decode(_LATIN_1)


def _bytes_again(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    """Returns cells that were read as Latin-1 as the bytes of the file."""
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
    """Returns the numbers of `count` good rows from `first` on, skipping the bad ones."""
    span = np.arange(first, first + count + len(bad_rows))
    return span[~np.isin(span, bad_rows)][:count]


def _refuse_swallowed_lines(path: Path, batch: pa.RecordBatch, rows: np.ndarray) -> None:
    """Refuses a quote that never closes: it would turn all later rows into one cell.

    Only an odd number of quotes counts; a single inch mark (`5" pan`) loses nothing.
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


BATCH_ROWS = 500_000
_CSV_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")
_ARROW = (".arrow", ".feather", ".ipc")
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", *_PARQUET, *_ARROW)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table file whose header has been read.

    Args:
        column_names: As the file gives them.
        num_rows: None if only a full read could count them (CSV).
        reader: The function behind `batches`.
        separator: Between the cells of a CSV file; None for other kinds.
        encoding: Of a CSV file, as given or found.
        warning: A warning about the file.
        lists: The columns whose cells hold lists.
    """

    path: Path
    column_names: list[str]
    num_rows: int | None
    reader: Callable[[Sequence[str], OnBadRow], Iterator[pa.RecordBatch]]
    separator: str | None = None
    warning: str | None = None
    lists: frozenset[str] = frozenset()
    encoding: str | None = None

    def batches(self, columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        """Reads columns as plain types (see `plain_batch`); batches carry the ROW column.

        Raises:
            FileFormatError: The file cannot be read, or a column name is duplicated.
        """
        self.check_unique(columns)
        return self.reader(columns, on_bad_row)

    def check_unique(self, columns: Collection[str]) -> None:
        """Refuses duplicated column names.

        Raises:
            FileFormatError: A wanted column name is duplicated.
        """
        if ROW in columns:
            raise FileFormatError(
                f"'{self.path}' has a column named '{ROW}', a name reserved for row numbers",
                next_step="give the column another name",
                value=ROW,
            )
        for name in columns:
            if self.column_names.count(name) > 1:
                raise FileFormatError(
                    f"'{self.path}' has several columns named '{name}'",
                    expected="unique names of the columns that are read",
                    value=name,
                )


def open_table_file(
    path: Path, *, separator: str | None = None, encoding: str | None = None
) -> TableFile:
    """Opens a table file by its suffix: .csv, .tsv (also .gz), .parquet, .arrow.

    Args:
        separator: Between the cells of a CSV file; by default what its suffix says.
        encoding: Of a CSV file, a name that Python knows; by default, see `csv_encoding`.

    Raises:
        FileFormatError: It is missing, empty, of another kind, or not what its suffix says.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    with file_access("read", path):
        is_folder, is_file = path.is_dir(), path.is_file()
    if is_folder:
        raise FileFormatError(f"'{path}' is a folder", expected="a table file", value=str(path))
    if not is_file:
        raise FileFormatError(f"there is no file '{path}'", value=str(path))
    if path.stat().st_size == 0:
        raise FileFormatError(f"'{path}' is empty", expected="at least a header row")
    if suffix in _CSV_SEPARATORS:
        table = _csv(path, separator or _CSV_SEPARATORS[suffix], encoding)
    elif separator or encoding:
        raise FileFormatError(
            f"'{path.name}' is not a CSV file, so it has no separator and no encoding",
            next_step="leave them out",
            value=suffix,
        )
    elif suffix in _PARQUET:
        table = _parquet(path)
    elif suffix in _ARROW:
        table = _arrow(path)
    else:
        known = ", ".join(SUFFIXES)
        raise FileFormatError(
            f"'{path.name}' is not a known kind of table file",
            expected=f"one of {known}",
            value=suffix,
        )
    return table


def _csv(path: Path, separator: str, encoding: str | None) -> TableFile:
    form = CsvFormat(separator, encoding or UTF_8)
    if encoding is None:
        form, header, scan = _found(path, form)
    else:
        header, scan = open_csv(path, form)

    def batches(columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        return csv_batches(path, form, header, scan, columns, on_bad_row)

    return TableFile(
        path, header.names, None, batches, form.separator, scan.warning, encoding=form.encoding
    )


def _parquet(path: Path) -> TableFile:
    with _readable(path, "Parquet"), pq.ParquetFile(path) as file:
        schema, num_rows = file.schema_arrow, file.metadata.num_rows
        names = schema.names

    def batches(columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            yield from numbered(
                file.iter_batches(BATCH_ROWS, columns=list(columns)), path, on_bad_row
            )

    return TableFile(path, names, num_rows, batches, lists=lists_of(schema))


def _arrow(path: Path) -> TableFile:
    with (
        _readable(path, "Arrow"),
        pa.memory_map(str(path)) as source,
        pa.ipc.open_file(source) as file,
    ):
        schema = file.schema
        names = schema.names
        num_rows = sum(file.get_batch(i).num_rows for i in range(file.num_record_batches))

    def batches(columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            read = (file.get_batch(i) for i in range(file.num_record_batches))
            yield from numbered((batch.select(list(columns)) for batch in read), path, on_bad_row)

    return TableFile(path, names, num_rows, batches, lists=lists_of(schema))


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Raises FileFormatError for a file that does not match its suffix."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        pass_on_refusal(error, path)
        raise FileFormatError(
            f"'{path}' is not a readable {kind} file: {error}",
            next_step="write or copy it again",
            value=str(path),
        ) from error


def numbered(
    batches: Iterator[pa.RecordBatch], path: Path, on_bad_row: OnBadRow
) -> Iterator[pa.RecordBatch]:
    """Yields batches as plain columns with row numbers from 1."""
    first_row = 1
    try:
        for batch in batches:
            rows = np.arange(first_row, first_row + batch.num_rows)
            yield plain_batch(batch.append_column(ROW, pa.array(rows)), path, on_bad_row)
            first_row += batch.num_rows
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        pass_on_refusal(error, path)
        raise FileFormatError(
            f"'{path}' cannot be read past row {first_row - 1}: {error}",
            next_step="write or copy it again",
            value=str(path),
        ) from error
