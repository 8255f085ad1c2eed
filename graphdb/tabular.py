"""Results as tables: of Arrow, pandas or polars, and as HTML in a notebook."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from graphdb.errors import QueryError
from graphdb.printable import printable

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_MOST_ROWS = 50
"""A notebook shows so many rows of a table."""


class Tabular(ABC):
    """A result that is a table; pandas and polars are needed only to ask for theirs."""

    __slots__ = ()

    @abstractmethod
    def to_arrow(self) -> pa.Table:
        """Returns the table of Arrow."""

    def to_pandas(self) -> "pd.DataFrame":
        """Returns the table of `to_arrow` as a pandas frame.

        Raises:
            QueryError: pandas is not installed.
        """
        with _wanted("pandas"):
            import pandas as pd
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> "pl.DataFrame":
        """Returns the table of `to_arrow` as a polars frame.

        Raises:
            QueryError: polars is not installed.
        """
        with _wanted("polars"):
            import polars as pl
        return pl.DataFrame(self.to_arrow())


@contextmanager
def _wanted(package: str) -> Iterator[None]:
    """Says how to install a package if its import inside fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise QueryError(
            f"{package} is not installed",
            next_step=f"pip install {package}, or use to_arrow(), which needs nothing more",
            value=package,
        ) from error


def html_table(
    title: str, rows: Sequence[Mapping[str, Any]], *, note: str = "", columns: Iterable[str] = ()
) -> str:
    """Returns rows as an HTML table that runs nothing, whatever the texts in it are.

    Args:
        title: The caption.
        rows: By column; a missing value is an empty cell. Long tables are cut, and say so.
        note: A line below the table.
        columns: The columns in order; by default those of the rows. Columns without any value are
            left out.

    >>> html_table("2 < 3", [{"id": "<p1>"}]).partition("<tbody>")[2]
    '<tr><td style="text-align: left">&lt;p1&gt;</td></tr></tbody></table>'
    """
    shown = rows[:_MOST_ROWS]
    names = dict.fromkeys(columns) or dict.fromkeys(name for row in shown for name in row)
    used = [name for name in names if any(row.get(name) is not None for row in shown)]
    more = len(rows) - len(shown)
    notes = [*([f"and {more:,} more rows"] if more else []), *([note] if note else [])]
    numbers = {name for name in used if all(_is_number(row.get(name)) for row in shown)}
    head = "".join(_cell(name, "th", is_number=name in numbers) for name in used)
    body = ""
    for row in shown:
        cells = [_cell(row.get(name), "td", is_number=name in numbers) for name in used]
        body += f"<tr>{''.join(cells)}</tr>"
    table = f"<table><caption>{_text(title)}</caption>"
    if used:
        table += f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f"{table}</table>" + "".join(f"<p>{_text(line)}</p>" for line in notes)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any, tag: str, *, is_number: bool) -> str:
    """A cell; its column is aligned as a whole, because notebooks move all text to the right."""
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    elif isinstance(value, datetime):
        value = f"{value:%Y-%m-%d %H:%M}"
    elif value is not None and _is_number(value):
        value = _number(value)
    side = "right" if is_number else "left"
    text = "" if value is None else _text(str(value))
    return f'<{tag} style="text-align: {side}">{text}</{tag}>'


def _number(value: float) -> str:
    """A number as people read it: whole, or with four digits that count."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4g}"


def _text(text: str) -> str:
    return escape(printable(text))
