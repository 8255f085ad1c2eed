r"""What only a look at the whole of a CSV file tells: how it escapes quotes, whether it is UTF-8.

Quotes are doubled (RFC 4180) or have a backslash before them. Arrow reads the one or the other and
says nothing where a file does neither: `"5\" pan"` becomes `5\ pan"`. So a file in which that may
happen is looked at cell by cell, and told of.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import pyarrow as pa

from graphdb.files.csv_header import BLOCK_BYTES, UTF_8, CsvFormat, read_text

_MAX_CELL_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class CsvScan:
    """What the whole of a file says of how it is to be read.

    Args:
        by_backslash: A backslash takes its meaning from the character after it.
        has_stray_quote: A quote may be open until the end of the file.
        warning: What a person should know of its quotes.
        is_utf8: Every byte belongs to a character of UTF-8; not looked at in another encoding.
    """

    by_backslash: bool = False
    has_stray_quote: bool = False
    warning: str | None = None
    is_utf8: bool = True


@dataclass(slots=True)
class _Cells:
    """What cells of a file look like under one reading.

    Args:
        broken: Cells that go on after the quote that ends them, or never end.
        first_broken_row: The first of them, counted from 1 without the header.
        plain_row: The first row with an escaped quote in a cell without quotes.
        quote_row: The first row with any quote in a cell without quotes.
        ends: A number that differs where another reading ends cells elsewhere.
    """

    broken: int = 0
    first_broken_row: int | None = None
    plain_row: int | None = None
    quote_row: int | None = None
    ends: int = 0
    is_open: bool = False


def scan_csv(path: Path, form: CsvFormat) -> CsvScan:
    """Looks through a CSV file: once, and again by cells where its quotes are odd."""
    found, is_odd = _look_through(path, form)
    return _by_cells(path, form, found) if is_odd else found


def _by_cells(path: Path, form: CsvFormat, found: CsvScan) -> CsvScan:
    """What was found, with how odd quotes are escaped."""
    doubled = _cells(path, form, by_backslash=False)
    if not doubled.broken and doubled.quote_row is None:
        return found
    escaped = _cells(path, form, by_backslash=True)
    if not doubled.broken:
        return replace(found, warning=_doubtful(doubled, escaped))
    row = doubled.first_broken_row
    if escaped.broken < doubled.broken:
        warning = f'quotes are escaped by a backslash (row {row}), and read so; write "" instead'
        return replace(found, by_backslash=True, has_stray_quote=escaped.is_open, warning=warning)
    warning = (
        f"a cell of row {row} goes on after its closing quote, and may be read wrongly;"
        ' write "" for a quote within quotes'
    )
    return replace(found, warning=warning)


def _doubtful(doubled: _Cells, escaped: _Cells) -> str | None:
    """What is told of a file that is read by the standard and could be read otherwise."""
    if doubled.plain_row is not None:
        return f'row {doubled.plain_row} has \\" in a cell without quotes; the backslash is kept'
    if escaped.broken or escaped.ends == doubled.ends:
        return None
    return (
        f"row {doubled.quote_row} has a quote in a cell without quotes, and may be read wrongly:"
        ' if quotes are escaped by a backslash here, write "" instead'
    )


def _look_through(path: Path, form: CsvFormat) -> tuple[CsvScan, bool]:
    """What one look tells, and whether any quote needs a closer one."""
    sep = re.escape(form.separator).encode()
    # It begins at the quote, so that a search stops at quotes alone.
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
    """Whether bytes that come in blocks are UTF-8."""

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
        text, at = rest + (block or b""), 0
        while at < len(text):
            match = pattern.match(text, at)
            if match is None or (match.end() == len(text) and block is not None):
                break  # it may go on in the next block
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

    The quoted part never gives back what it took (`*+`): a doubled quote is no closing one, even
    where the closing one has not been read yet.
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
    """The text of the file as UTF-8."""
    if form.encoding != UTF_8:
        for text in read_text(path, form.encoding):
            yield text.encode(UTF_8, "surrogateescape")
        return
    with pa.input_stream(str(path)) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block
