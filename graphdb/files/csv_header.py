"""The first line of a CSV file: the names of its columns, and what else a file may be instead."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from graphdb.errors import FileFormatError
from graphdb.file_access import pass_on_refusal

BLOCK_BYTES = 32 << 20
UTF_8 = "utf-8"
SEPARATORS = (";", "\t", "|", ",")
_HEADER_CHARACTERS = 1 << 20
_READ_BYTES = 1 << 16
_SAY_ENCODING = 'say encoding = "{}" in a mapping, or save it as UTF-8'
_FOREIGN = (
    (b"\x1f\x8b", "compressed by gzip", "let its name end in .csv.gz"),
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive", "export or unpack it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "export it as CSV"),
    (b"PAR1", "a Parquet file", "let its name end in .parquet"),
    (b"ARROW1", "an Arrow file", "let its name end in .arrow"),
    (b"SQLite format 3", "an SQLite database", "export its tables as CSV"),
)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How the text of a CSV file is to be read.

    Args:
        separator: The character between cells.
        encoding: How characters stand as bytes; a name that Python knows.
    """

    separator: str
    encoding: str = UTF_8


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """What the beginning of a CSV file says."""

    names: list[str]
    has_rows: bool


def check_separator(text: str) -> str:
    """Gives back a separator that CSV files can have.

    Raises:
        ValueError: It is not one ASCII character, or one that means something else.
    """
    if len(text) != 1 or not text.isascii() or text in '"\r\n\0' or text.isalnum():
        raise ValueError(f"{text!r} cannot separate cells; write one character, such as ; or \\t")
    return text


def check_encoding(name: str) -> str:
    """Gives back the name of an encoding that text can be in; UTF-8 has several, and gets one.

    Raises:
        ValueError: Python knows none of that name.

    Example:
        >>> check_encoding("latin-1"), check_encoding("UTF8")
        ('latin-1', 'utf-8')
    """
    try:
        "a".encode(name).decode(name)
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"'{name}' is not an encoding; write one such as latin-1, cp1252, gb18030 or utf-16"
        ) from error
    return UTF_8 if codecs.lookup(name).name == UTF_8 else name


def read_header(path: Path, form: CsvFormat, *, by_backslash: bool = False) -> CsvHeader:
    """The names of the columns, and whether anything follows them.

    Args:
        by_backslash: Quotes are escaped by a backslash.

    Raises:
        FileFormatError: The file is of another kind, or its header cannot be read.
    """
    try:
        _refuse_foreign(path, form)
        header, has_rows = _split_off(path, form)
        names = _names(header, form.separator, by_backslash=by_backslash)
    except (pa.ArrowException, OSError) as error:
        pass_on_refusal(error, path)
        raise FileFormatError(
            f"'{path}' is not a readable CSV file: {error}",
            expected="a header row",
            value=str(path),
        ) from error
    if any("\0" in name for name in names):
        raise FileFormatError(
            f"'{path}' has NUL bytes in its header: it seems to be UTF-16",
            next_step=_SAY_ENCODING.format("utf-16-le"),
            value=str(path),
        )
    return CsvHeader(names, has_rows)


def read_text(path: Path, encoding: str) -> Iterator[str]:
    """The text of a file in blocks; bytes that are no characters become lone surrogates.

    Raises:
        FileFormatError: The bytes cannot be of this encoding at all.
    """
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    try:
        with pa.input_stream(str(path)) as stream:
            while block := stream.read(_READ_BYTES):
                yield decoder.decode(block)
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise not_in_encoding(path, encoding, error) from error


def not_in_encoding(path: Path, encoding: str, problem: object) -> FileFormatError:
    """The error for a file that is not in the encoding that the mapping says."""
    return FileFormatError(
        f"'{path}' is not in the encoding '{encoding}': {problem}",
        next_step="say the right encoding in the mapping",
        value=encoding,
    )


def likely_separator(names: list[str], separator: str, wanted: str) -> str | None:
    """Another separator that would give the header a column of the wanted name.

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


def _refuse_foreign(path: Path, form: CsvFormat) -> None:
    with pa.input_stream(str(path)) as stream:
        first = stream.read(16)
    for magic, what, next_step in _FOREIGN:
        if first.startswith(magic):
            raise FileFormatError(
                f"'{path}' is no CSV file but {what}", next_step=next_step, value=str(path)
            )
    if first.startswith(_UTF_16) and form.encoding == UTF_8:
        raise FileFormatError(
            f"'{path}' is not UTF-8: its first bytes say UTF-16",
            next_step=_SAY_ENCODING.format("utf-16"),
            value=str(path),
        )


def _split_off(path: Path, form: CsvFormat) -> tuple[str, bool]:
    """The header as text, and whether anything but line ends follows."""
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
    """The first line that is not empty, and the rest; a quoted line end does not end it."""
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
        raise FileFormatError(f"'{path}' is empty", expected="a header row at least")
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
