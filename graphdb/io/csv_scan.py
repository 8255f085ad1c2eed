r"""Detects the format of a CSV file: its header, separator, encoding and quotes.

The header comes from the first line. The escaping of quotes and the encoding are known only after
reading the whole file. Quotes are doubled (RFC 4180) or follow a backslash. Arrow reads one of the
two and is silent about a file with the other: `"5\" pan"` becomes `5\ pan`. So a file in which that
may happen is checked cell by cell and reported.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from graphdb.errors import FileFormatError
from graphdb.io.csv_encoding import UTF_8, read_text, readable_csv

BLOCK_BYTES = 32 << 20
SEPARATORS = (";", "\t", "|", ",")
_HEADER_CHARACTERS = 1 << 20
_SAY_ENCODING = 'set encoding = "{}" in a mapping, or save it as UTF-8'
_FOREIGN = (
    (b"\x1f\x8b", "compressed by gzip", "rename it to .csv.gz"),
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive", "export or unpack it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "export it as CSV"),
    (b"PAR1", "a Parquet file", "rename it to .parquet"),
    (b"ARROW1", "an Arrow file", "rename it to .arrow"),
    (b"SQLite format 3", "an SQLite database", "export its tables as CSV"),
)


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How to read the text of a CSV file.

    Args:
        separator: The character between cells.
        encoding: The character encoding; a name that Python knows.
    """

    separator: str
    encoding: str = UTF_8


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """The beginning of a CSV file."""

    names: list[str]
    has_rows: bool


def check_separator(text: str) -> str:
    """Validates the separator of a CSV file.

    Raises:
        ValueError: It is not one ASCII character, or a character with another meaning.
    """
    if len(text) != 1 or not text.isascii() or text in '"\r\n\0' or text.isalnum():
        raise ValueError(f"{text!r} cannot separate cells; write one character, such as ; or \\t")
    return text


def read_header(path: Path, form: CsvFormat, *, by_backslash: bool = False) -> CsvHeader:
    """Reads the names of the columns, and whether anything follows them.

    Args:
        by_backslash: Quotes are escaped by a backslash.

    Raises:
        FileFormatError: The file is of another kind, or its header cannot be read.
    """
    with readable_csv(path):
        _refuse_foreign(path)
        header, has_rows = _split_off(path, form)
        names = _names(header, form.separator, by_backslash=by_backslash)
    if any("\0" in name for name in names):
        raise FileFormatError(
            f"'{path}' has NUL bytes in its header: it seems to be UTF-16",
            next_step=_SAY_ENCODING.format("utf-16-le"),
            value=str(path),
        )
    return CsvHeader(names, has_rows)


def likely_separator(names: list[str], separator: str, wanted: str) -> str | None:
    """Returns a separator with which the header would have the wanted column.

    >>> likely_separator(["user;city"], ",", "user")
    ';'
    >>> likely_separator(["user", "city"], ",", "town") is None
    True
    """
    line = separator.join(names)
    others = [other for other in SEPARATORS if other != separator and other in line]
    for other in others:
        if wanted in [name.strip().strip('"') for name in line.split(other)]:
            return other
    return max(others, key=line.count) if others and len(names) == 1 else None


def _refuse_foreign(path: Path) -> None:
    with pa.input_stream(str(path)) as stream:
        first = stream.read(16)
    for magic, what, next_step in _FOREIGN:
        if first.startswith(magic):
            raise FileFormatError(
                f"'{path}' is not a CSV file but {what}", next_step=next_step, value=str(path)
            )


def _split_off(path: Path, form: CsvFormat) -> tuple[str, bool]:
    """Returns the header as text, and whether anything but line ends follows."""
    text, header = "", None
    for block in read_text(path, form.encoding):
        text += block
        if header is None:
            header, text = _first_line(text)
        if header is not None and text.strip("\r\n"):
            return _checked(path, header), True
        if header is None and len(text) > _HEADER_CHARACTERS:
            raise FileFormatError(
                f"the header of '{path}' is longer than {_HEADER_CHARACTERS:,} characters",
                expected="a line of column names; does a quote in it never close?",
                value=str(path),
            )
    return _checked(path, text if header is None else header), False


def _first_line(text: str) -> tuple[str | None, str]:
    """Returns the first nonempty line, and the rest; a quoted line end does not end it."""
    begin = len(text) - len(text.lstrip("\r\n\ufeff"))
    is_quoted = False
    for place in range(begin, len(text)):
        if text[place] == '"':
            is_quoted = not is_quoted
        elif text[place] in "\r\n" and not is_quoted:
            return text[begin:place], text[place:]
    return None, text


def _checked(path: Path, header: str) -> str:
    if any("\udc80" <= character <= "\udcff" for character in header):
        shown = header.encode(UTF_8, "surrogateescape").decode(UTF_8, "backslashreplace")
        raise FileFormatError(
            f"'{path}' is not UTF-8: its header is {shown[:200]}",
            next_step=_SAY_ENCODING.format('latin-1" or "gb18030'),
            value=shown,
        )
    if not header.strip("\r\n\ufeff"):
        raise FileFormatError(f"'{path}' is empty", expected="at least a header row")
    return header


def _names(header: str, separator: str, *, by_backslash: bool) -> list[str]:
    with csv.open_csv(
        pa.BufferReader(header.encode() + b"\n"),
        read_options=csv.ReadOptions(block_size=8 * _HEADER_CHARACTERS, use_threads=False),
        parse_options=csv.ParseOptions(
            delimiter=separator,
            escape_char="\\" if by_backslash else False,
            newlines_in_values=True,
        ),
    ) as reader:
        names: list[str] = reader.schema.names
    return names


_MAX_CELL_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class CsvScan:
    """How to read a CSV file, known after reading all of it.

    Args:
        by_backslash: A backslash escapes the next character.
        has_stray_quote: A quote may stay open until the end of the file.
        warning: A warning about its quotes.
        is_utf8: The file is valid UTF-8; not checked in another encoding.
    """

    by_backslash: bool = False
    has_stray_quote: bool = False
    warning: str | None = None
    is_utf8: bool = True


@dataclass(slots=True)
class _Cells:
    """The cells of a file under one way of escaping quotes.

    Args:
        broken: Cells that continue after their closing quote, or never end.
        first_broken_row: The first broken row, counted from 1 without the header.
        plain_row: The first row with an escaped quote in an unquoted cell.
        quote_row: The first row with any quote in an unquoted cell.
        has_backslash: Whether there is a backslash; without one, both readings are the same.
        ends: A checksum of where cells end, to compare readings.
    """

    broken: int = 0
    first_broken_row: int | None = None
    plain_row: int | None = None
    quote_row: int | None = None
    has_backslash: bool = False
    ends: int = 0
    is_open: bool = False


def scan_csv(path: Path, form: CsvFormat) -> CsvScan:
    """Scans a CSV file once, and again cell by cell if its quotes are unusual."""
    found, is_odd = _look_through(path, form)
    return _by_cells(path, form, found) if is_odd else found


def _by_cells(path: Path, form: CsvFormat, found: CsvScan) -> CsvScan:
    """Returns the result, including how unusual quotes are escaped."""
    doubled = _cells(path, form, by_backslash=False)
    if not doubled.broken:
        return replace(found, warning=_doubt(path, form, doubled))
    escaped = _cells(path, form, by_backslash=True)
    row = doubled.first_broken_row
    if escaped.broken < doubled.broken:
        warning = f'quotes are escaped by a backslash (row {row}) and read that way; prefer ""'
        return replace(found, by_backslash=True, has_stray_quote=escaped.is_open, warning=warning)
    warning = (
        f"a cell of row {row} continues after its closing quote and may be read wrongly;"
        ' write "" for a quote within quotes'
    )
    return replace(found, warning=warning)


def _doubt(path: Path, form: CsvFormat, doubled: _Cells) -> str | None:
    """Returns the warning for a file that is read by the standard but is ambiguous."""
    if doubled.plain_row is not None:
        return f'row {doubled.plain_row} has \\" in an unquoted cell; the backslash is kept'
    if doubled.quote_row is None or not doubled.has_backslash:
        return None
    escaped = _cells(path, form, by_backslash=True)
    if escaped.broken or escaped.ends == doubled.ends:
        return None
    return (
        f"row {doubled.quote_row} has a quote in an unquoted cell and may be read wrongly:"
        ' if quotes are escaped by a backslash here, write "" instead'
    )


def _look_through(path: Path, form: CsvFormat) -> tuple[CsvScan, bool]:
    """Returns the result of one scan, and whether its quotes need a second one."""
    sep = re.escape(form.separator).encode()
    # It begins with the quote, so that a search stops only at quotes.
    odd = re.compile(rb'"(?:(?<=\\")|(?<=[^"\r\n' + sep + rb']")(?=[^"\r\n' + sep + rb"]))")
    quotes, is_odd, carry = 0, False, b""
    utf8 = _Utf8() if form.encoding == UTF_8 else None
    for block in _blocks(path, form):
        quotes += block.count(b'"')
        is_odd = is_odd or odd.search(carry + block) is not None
        carry = block[-2:]
        if utf8:
            utf8.add(block)
    is_utf8 = utf8 is None or utf8.holds()
    return CsvScan(has_stray_quote=quotes % 2 == 1, is_utf8=is_utf8), is_odd


class _Utf8:
    """Returns whether blocks of bytes are valid UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder(UTF_8)()
        self._is_broken = False

    def add(self, block: bytes, *, is_last: bool = False) -> None:
        if self._is_broken:
            return
        try:
            self._decoder.decode(block, is_last)
        except UnicodeDecodeError:
            self._is_broken = True

    def holds(self) -> bool:
        self.add(b"", is_last=True)
        return not self._is_broken


def _cells(path: Path, form: CsvFormat, *, by_backslash: bool) -> _Cells:
    pattern = _cell_pattern(form.separator, by_backslash=by_backslash)
    cells, row, in_row, rest, begin = _Cells(), 0, False, b"", 0
    for block in chain(_blocks(path, form), [None]):
        cells.has_backslash = cells.has_backslash or b"\\" in (block or b"")
        text, at = rest + (block or b""), 0
        while at < len(text):
            match = pattern.match(text, at)
            if match is None or (match.end() == len(text) and block is not None):
                break  # it may continue in the next block
            at = match.end()
            after, plain, end = match.group("after", "plain", "end")
            if after:
                _note_broken(cells, row)
            if plain and b'"' in plain:
                _note_quote(cells, row, plain)
            cells.ends = hash((cells.ends, begin + at))
            in_row = in_row or match.end() > match.start() + len(end)
            if end != form.separator.encode():
                row, in_row = row + in_row, False
            else:
                in_row = True
        rest, begin = text[at:], begin + at
        if len(rest) > _MAX_CELL_BYTES or (block is None and rest):
            _note_broken(cells, row)
            cells.is_open = True
            break
    return cells


def _note_quote(cells: _Cells, row: int, plain: bytes) -> None:
    if cells.quote_row is None:
        cells.quote_row = row
    if cells.plain_row is None and b'\\"' in plain:
        cells.plain_row = row


def _note_broken(cells: _Cells, row: int) -> None:
    cells.broken += 1
    if cells.first_broken_row is None:
        cells.first_broken_row = row


def _cell_pattern(separator: str, *, by_backslash: bool) -> re.Pattern[bytes]:
    """One cell with what ends it; `after` is what follows its closing quote.

    The quoted part is possessive (`*+`): a doubled quote does not close a cell, even if the closing
    one is not read yet.
    """
    sep = re.escape(separator).encode()
    if by_backslash:
        quoted = rb'"[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+"'
        plain = rb'(?:[^"\\\r\n' + sep + rb"]|\\.)(?:[^\\\r\n" + sep + rb"]|\\.)*"
    else:
        quoted = rb'"[^"]*+(?:""[^"]*+)*+"'
        plain = rb'[^"\r\n' + sep + rb"][^\r\n" + sep + rb"]*"
    return re.compile(
        rb"(?:" + quoted + rb"(?P<after>[^\r\n" + sep + rb"]*)|(?P<plain>" + plain + rb")|)"
        rb"(?P<end>" + sep + rb"|\r\n|\r|\n|\Z)",
        re.DOTALL,
    )


def _blocks(path: Path, form: CsvFormat) -> Iterator[bytes]:
    """Yields the text of the file as UTF-8."""
    if form.encoding != UTF_8:
        for text in read_text(path, form.encoding):
            yield text.encode(UTF_8, "surrogateescape")
        return
    with pa.input_stream(str(path)) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block
