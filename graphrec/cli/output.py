"""Prints results to stdout and everything else to stderr, as tables or, on request, as JSON.

This is the only module that makes foreign text safe to print, in cells, errors and JSON. Warnings
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
    r"""A text of others within Rich's markup: nothing in it is markup, and none of it acts.

    >>> print(escape("[red]a\x1b[0m"))
    \[red]a\x1b[0m
    """
    shown = escape_markup(printable(text))
    if not text.endswith("\\"):
        return shown
    # Rich takes backslashes before a tag for escapes, and leaves them alone elsewhere.
    plain = shown.rstrip("\\")
    return plain + "\\" * (2 * (len(text) - len(text.rstrip("\\")))) + _NOTHING


def escape_lines(text: str) -> str:
    """As `escape`, of a text whose line breaks are ours."""
    return "\n".join(map(escape, text.split("\n")))


def json_text(document: Any, stream: TextIO | None, *, indent: int | None = None) -> str:
    """A document as JSON that a stream can carry, and no terminal acts on.

    What it cannot carry or show stands as an escape of JSON, so the values are exact.
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
    raise TypeError(f"{type(value).__name__} has no JSON form")


_JSON_KEY = "graphrec.json"
_PIPED_WIDTH = 160  # a pipe has no width; 80 columns would fold every table


class OutputConsole(Console):
    """A console that leaves what cannot be printed to the error handling of the command line."""

    def print(self, *objects: Any, **options: Any) -> None:
        for one in objects:
            if isinstance(one, Table):
                _fold(one)
        with to_stdout():
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class ErrorConsole(Console):
    """A console that says nothing where it cannot: the exit code tells, and nobody else."""

    def print(self, *objects: Any, **options: Any) -> None:
        with suppress(OSError):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        pass


def console() -> Console:
    """The console for results, on stdout."""
    plain = OutputConsole(emoji=False)
    return plain if plain.is_terminal else OutputConsole(width=_PIPED_WIDTH, emoji=False)


def _fold(table: Table) -> None:
    """Has a narrow terminal break long words, ids above all, instead of cutting them off."""
    for column in table.columns:
        column.overflow = "fold"


def prepare_streams() -> None:
    """Has signs that a stream cannot carry, as in a Latin-1 terminal, come out as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def error_console() -> Console:
    """The console for errors, warnings and progress, on stderr."""
    return ErrorConsole(stderr=True, emoji=False)


@contextmanager
def to_stdout() -> Iterator[None]:
    """Raises FileAccessError where results cannot be printed; a closed pipe stays as it is."""
    if sys.stdout is None:  # as `>&-` leaves it
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
    """Lets the interpreter end quietly though what it holds back cannot be written any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(message: str) -> None:
    """Says on stderr what is not as it should be, but stops nothing."""
    error_console().print(f"[yellow]Warning:[/yellow] {escape(redacted(message))}", soft_wrap=True)


def print_json(document: Any) -> None:
    """Prints one JSON document on stdout."""
    print_text(json_text(document, sys.stdout, indent=2) + "\n")


def print_text(text: str) -> None:
    """Prints a text on stdout as it is."""
    with to_stdout():
        typer.echo(text, nl=False)


def _remember(ctx: typer.Context, value: bool) -> bool:
    ctx.meta[_JSON_KEY] = value
    return value


def wants_json(ctx: typer.Context) -> bool:
    """Whether the command that ran was given --json."""
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
"""Declare `as_json: JsonOption = False` in a command and its errors come out as JSON too."""


_SHOWN = 5


def open_recommender(bundle: str, *, policy: str | None = None, verify: bool) -> Recommender:
    """Opens a bundle under a policy file, and says what of the policy may be a mistake.

    Raises:
        BundleError: The bundle cannot be used.
        PolicyError: The policy cannot be read or does not fit the bundle.
    """
    recommender = Recommender.open(bundle, policy=policy, verify=verify)
    for warning in recommender.policy_warnings:
        warn(warning)
    return recommender


def warn_of_skipped(skipped: Sequence[Skipped]) -> None:
    """Says what a question names and the bundle does not hold; nothing where there is none."""
    if skipped:
        shown = ", ".join(f"{one.type} '{one.id}' ({one.asked_by})" for one in skipped[:_SHOWN])
        more = f" and {len(skipped) - _SHOWN:,} more" if len(skipped) > _SHOWN else ""
        warn(f"skipped, as the bundle does not hold it: {shown}{more}")


def show_answer(answer: Answer, query: SavedQuery, *, as_json: bool) -> None:
    """Prints an answer on stdout."""
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
    r"""A value as text.

    Args:
        beside: Nodes in other cells of the row; a path that begins at one leaves it out.

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
"""Shorter ids are never broken, however narrow the terminal is."""


def show(answer: Recommendations, title: str, *, as_json: bool) -> None:
    """Prints an answer on stdout, and on stderr what it was answered without."""
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
        console().print(
            f"{escape(title)}: nothing is left after filters, policy and what was seen.{gone}"
        )


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
    """What the scores of an audience are; None where they are affinities."""
    if answer.trace.score_kind == "probability":
        return (
            f"score: the chance to buy within {answer.trace.score_days} days, as held-out days told"
        )
    if answer.trace.score_kind == "similarity":
        return "score: a similarity, standard deviations above the average user; no probability"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
