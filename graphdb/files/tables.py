"""One way to read a table file, whatever its format."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.errors import FileFormatError
from graphdb.file_access import file_access, pass_on_refusal
from graphdb.files.csv_file import csv_batches, open_csv
from graphdb.files.csv_header import UTF_8, CsvFormat
from graphdb.files.plain_columns import lists_of, plain_batch
from graphdb.ingest.source import ROW, OnBadRow

_BATCH_ROWS = 500_000
_CSV_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")
_ARROW = (".arrow", ".feather", ".ipc")
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", *_PARQUET, *_ARROW)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table file whose header has been read.

    Args:
        column_names: As the file gives them.
        num_rows: None where only reading the whole file would tell (CSV).
        reader: What `batches` calls.
        separator: Between the cells of a CSV file; None for other kinds.
        warning: What a person should know of the file.
        lists: The columns whose cells hold lists.
    """

    path: Path
    column_names: list[str]
    num_rows: int | None
    reader: Callable[[Sequence[str], OnBadRow], Iterator[pa.RecordBatch]]
    separator: str | None = None
    warning: str | None = None
    lists: frozenset[str] = frozenset()

    def batches(self, columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        """Reads columns as plain types (see `plain_batch`); batches carry the ROW column.

        Raises:
            FileFormatError: The file cannot be read, or a name stands in it more than once.
        """
        self.check_unique(columns)
        return self.reader(columns, on_bad_row)

    def check_unique(self, columns: Collection[str]) -> None:
        """Refuses columns whose names stand in the file more than once.

        Raises:
            FileFormatError: It cannot be told which column is meant.
        """
        if ROW in columns:
            raise FileFormatError(
                f"'{self.path}' has a column named '{ROW}', which is used for the numbers of rows",
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
        encoding: Of a CSV file, a name that Python knows; UTF-8 by default.

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
        raise FileFormatError(f"'{path}' is empty", expected="a header row at least")
    if suffix in _CSV_SEPARATORS:
        table = _csv(path, CsvFormat(separator or _CSV_SEPARATORS[suffix], encoding or UTF_8))
    elif separator or encoding:
        raise FileFormatError(
            f"'{path.name}' is no CSV file, so it has no separator and no encoding",
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
            f"'{path.name}' is no kind of table file", expected=f"one of {known}", value=suffix
        )
    return table


def _csv(path: Path, form: CsvFormat) -> TableFile:
    header, scan = open_csv(path, form)

    def batches(columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        return csv_batches(path, form, header, scan, columns, on_bad_row)

    return TableFile(path, header.names, None, batches, form.separator, scan.warning)


def _parquet(path: Path) -> TableFile:
    with _readable(path, "Parquet"), pq.ParquetFile(path) as file:
        schema, num_rows = file.schema_arrow, file.metadata.num_rows
        names = schema.names

    def batches(columns: Sequence[str], on_bad_row: OnBadRow) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            yield from _numbered(
                file.iter_batches(_BATCH_ROWS, columns=list(columns)), path, on_bad_row
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
            yield from _numbered((batch.select(list(columns)) for batch in read), path, on_bad_row)

    return TableFile(path, names, num_rows, batches, lists=lists_of(schema))


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Raises FileFormatError for a file that is not of its kind."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        pass_on_refusal(error, path)
        raise FileFormatError(
            f"'{path}' is not a readable {kind} file: {error}",
            next_step="write or copy it again",
            value=str(path),
        ) from error


def _numbered(
    batches: Iterator[pa.RecordBatch], path: Path, on_bad_row: OnBadRow
) -> Iterator[pa.RecordBatch]:
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
