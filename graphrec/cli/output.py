"""Prints results to stdout and everything else to stderr, as tables or, on request, as JSON.

This is the only module that makes untrusted text safe to print, in cells, errors and JSON. Warnings
go to stderr, with tables and with --json alike.
"""

import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from errno import EBADF
from io import TextIOWrapper
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from graphdb.documents import write_json
from graphdb.explore import Answer, FoundNode, FoundPath, SavedQuery
from graphdb.explore.answers import Value
from graphdb.file_access import of_number, refused
from graphdb.printable import is_printable, printable, redacted
from graphrec.query import Recommendations, Recommender
from graphrec.query.names import Skipped

_NOTHING = "[dim][/dim]"


def escape(text: str) -> str:
    r"""Escapes untrusted text for Rich's markup and for terminals.

    >>> print(escape("[red]a\x1b[0m"))
    \[red]a\x1b[0m
    """
    shown = escape_markup(printable(text))
    if not text.endswith("\\"):
        return shown
    # Rich treats backslashes before a tag as escapes, and keeps others.
    plain = shown.rstrip("\\")
    return plain + "\\" * (2 * (len(text) - len(text.rstrip("\\")))) + _NOTHING


def escape_lines(text: str) -> str:
    """Like `escape`, but keeps line breaks."""
    return "\n".join(map(escape, text.split("\n")))


def json_text(document: Any, stream: TextIO | None, *, indent: int | None = None) -> str:
    """Returns a document as JSON that is safe for a stream and a terminal.

    Other characters become JSON escapes, so the values are exact.
    """
    text = write_json(document, indent=indent, default=_plain)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    can_carry = _carried_by(encoding)
    return "".join(sign if sign == "\n" or can_carry(sign) else _unit(sign) for sign in text)


def _carried_by(encoding: str) -> Callable[[str], bool]:
    if encoding.lower().replace("-", "") == "utf8":
        return is_printable

    def carried(sign: str) -> bool:
        return is_printable(sign) and sign.encode(encoding, "replace").decode(encoding) == sign

    return carried


def _unit(sign: str) -> str:
    return json.dumps(sign)[1:-1] if ord(sign) > 0x7F else f"\\u{ord(sign):04x}"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_JSON_KEY = "graphrec.json"
_PIPED_WIDTH = 160  # a pipe has no width; 80 columns would wrap every table


class OutputConsole(Console):
    """A console whose output errors go to the error handling of the command line."""

    def print(self, *objects: Any, **options: Any) -> None:
        for one in objects:
            if isinstance(one, Table):
                _fold(one)
        with to_stdout():
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class ErrorConsole(Console):
    """A console that ignores output errors: only the exit code remains."""

    def print(self, *objects: Any, **options: Any) -> None:
        with suppress(OSError):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        pass


def console() -> Console:
    """Returns the console for results, on stdout."""
    plain = OutputConsole(emoji=False)
    return plain if plain.is_terminal else OutputConsole(width=_PIPED_WIDTH, emoji=False)


def _fold(table: Table) -> None:
    """Wraps long words, such as ids, in a narrow terminal instead of cutting them off."""
    for column in table.columns:
        column.overflow = "fold"


def prepare_streams() -> None:
    """Escapes characters that a stream cannot encode, such as in a Latin-1 terminal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def error_console() -> Console:
    """Returns the console for errors, warnings and progress, on stderr."""
    return ErrorConsole(stderr=True, emoji=False)


@contextmanager
def to_stdout() -> Iterator[None]:
    """Raises FileAccessError if results cannot be printed, except for a closed pipe."""
    if sys.stdout is None:  # closed by `>&-`
        raise of_number(EBADF, "write to standard output", None)
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        raise refused(error, "write to standard output") from error


def silence_stdout() -> None:
    """Lets the interpreter exit quietly if its buffered output cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(message: str) -> None:
    """Prints a warning on stderr."""
    error_console().print(f"[yellow]Warning:[/yellow] {escape(redacted(message))}", soft_wrap=True)


_MOST_CHARACTERS = 20


def warn_of_fonts(missing: str) -> None:
    """Warns about characters that no installed font has, which pictures show as boxes."""
    if missing:
        some = missing[:_MOST_CHARACTERS] + ("..." if len(missing) > _MOST_CHARACTERS else "")
        warn(
            f"no installed font has {some}: pictures show boxes instead, HTML pages use the "
            "browser's fonts. Install a font that has them, such as Noto Sans CJK"
        )


def print_json(document: Any) -> None:
    """Prints one JSON document on stdout."""
    print_text(json_text(document, sys.stdout, indent=2) + "\n")


def print_text(text: str) -> None:
    """Prints a text on stdout unchanged."""
    with to_stdout():
        typer.echo(text, nl=False)


def _remember(ctx: typer.Context, value: bool) -> bool:
    ctx.meta[_JSON_KEY] = value
    return value


def wants_json(ctx: typer.Context) -> bool:
    """Returns whether the command got --json."""
    return bool(ctx.meta.get(_JSON_KEY))


JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document on stdout and nothing else; errors are JSON on stderr.",
        is_eager=True,
        callback=_remember,
    ),
]
"""With `as_json: JsonOption = False` in a command, its errors become JSON, too."""


_SHOWN = 5


def open_recommender(bundle: str, *, policy: str | None = None, verify: bool) -> Recommender:
    """Opens a bundle with a policy file, and warns about likely mistakes in the policy.

    Raises:
        BundleError: The bundle cannot be used.
        PolicyError: The policy cannot be read or does not fit the bundle.
    """
    recommender = Recommender.open(bundle, policy=policy, verify=verify)
    for warning in recommender.policy_warnings:
        warn(warning)
    return recommender


def warn_of_skipped(skipped: Sequence[Skipped]) -> None:
    """Warns about nodes that a query names and the bundle lacks."""
    if skipped:
        shown = ", ".join(f"{one.type} '{one.id}' ({one.asked_by})" for one in skipped[:_SHOWN])
        more = f" and {len(skipped) - _SHOWN:,} more" if len(skipped) > _SHOWN else ""
        warn(f"skipped, because it is not in the bundle: {shown}{more}")


def show_answer(answer: Answer, query: SavedQuery, *, as_json: bool) -> None:
    """Prints the result of a saved query on stdout."""
    if as_json:
        print_json({"query": query.name, "title": query.title, "rows": answer.to_dicts()})
    elif answer.rows:
        console().print(_table(answer, query.title))
    else:
        text = f"{query.title}: nothing found. {query.notes}".rstrip()
        console().print(escape(text), soft_wrap=True)


def _table(answer: Answer, title: str) -> Table:
    table = Table(title=escape(title), title_justify="left", header_style="bold", show_lines=True)
    for position, name in enumerate(answer.columns):
        numeric = all(isinstance(row[position], int | float) for row in answer.rows)
        table.add_column(escape(name), justify="right" if numeric else "left")
    for row in answer.rows:
        beside = [value for value in row if isinstance(value, FoundNode)]
        table.add_row(*(escape_lines(cell(value, beside)) for value in row))
    return table


def cell(value: Value, beside: Collection[FoundNode] = ()) -> str:
    r"""Returns a value as text.

    Args:
        beside: Nodes in other cells of the row; a path that begins at one omits it.

    >>> cell([1.25, "a"]), cell(None), cell(True)
    ('1.25\na', '', 'yes')
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(cell(entry, beside) for entry in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, FoundPath) and value.nodes[0] in beside:
        return printable(value.after_start().strip())
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


_ID_WIDTH = 40
"""Shorter ids are never wrapped, even in a narrow terminal."""


def show(answer: Recommendations, title: str, *, as_json: bool) -> None:
    """Prints results on stdout, and skipped nodes on stderr."""
    warn_of_skipped(answer.trace.skipped)
    if as_json:
        print_json(
            {
                "query": {"type": answer.query_type, "id": answer.query_id},
                "target": answer.target_type,
                "outcome": answer.outcome.value,
                "recommendations": answer.to_dicts(),
                "trace": asdict(answer.trace),
            }
        )
    elif answer:
        console().print(_result_table(answer, title))
    else:
        unsellable = answer.trace.num_unsellable
        gone = f" {unsellable:,} cannot be bought; see --include-unsellable." if unsellable else ""
        console().print(f"{escape(title)}: no results after filters, policy and seen items.{gone}")


def _result_table(answer: Recommendations, title: str) -> Table:
    names = list(dict.fromkeys(name for item in answer for name in item.fields))
    table = Table(
        title=escape(title),
        title_justify="left",
        header_style="bold",
        caption=_score_words(answer),
        caption_justify="left",
    )
    table.add_column("#", justify="right")
    longest = max(len(item.id) for item in answer)
    table.add_column("id", min_width=min(longest, _ID_WIDTH))
    for name in names:
        numeric = all(_is_number(item.fields.get(name, 0)) for item in answer)
        table.add_column(escape(name), justify="right" if numeric else "left")
    table.add_column("score", justify="right")
    table.add_column("why")
    for item in answer:
        shown = [_text(item.fields.get(name)) for name in names]
        table.add_row(
            str(item.rank),
            escape(item.id),
            *map(escape, shown),
            f"{item.score:.4g}",
            escape("; ".join(item.reasons)),
        )
    return table


def _score_words(answer: Recommendations) -> str | None:
    """Describes the scores of an audience; None if they are affinities."""
    if answer.trace.score_kind == "probability":
        return (
            f"score: the probability to buy within {answer.trace.score_days} days, from the holdout"
        )
    if answer.trace.score_kind == "similarity":
        return (
            "score: a similarity in standard deviations above the average user, not a probability"
        )
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
