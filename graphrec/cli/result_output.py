"""Shows an answer: a table for people, a JSON document for programs."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from graphrec.cli.opening import warn_of_skipped
from graphrec.cli.output import console, print_json
from graphrec.cli.text import escape
from graphrec.query import Recommendations

_ID_WIDTH = 40
"""Shorter ids are never broken, however narrow the terminal is."""


def show(answer: Recommendations, title: str, *, as_json: bool) -> None:
    """Prints an answer on stdout, and on stderr what it was answered without."""
    warn_of_skipped(answer.trace.skipped)
    if as_json:
        print_json(
            {
                "seed": {"type": answer.seed_type, "id": answer.seed_id},
                "target": answer.target_type,
                "outcome": answer.outcome.value,
                "recommendations": answer.to_dicts(),
                "trace": asdict(answer.trace),
            }
        )
    elif answer:
        console().print(_table(answer, title))
    else:
        unsellable = answer.trace.num_unsellable
        gone = f" {unsellable:,} cannot be bought; see --include-unsellable." if unsellable else ""
        console().print(
            f"{escape(title)}: nothing is left after filters, policy and what was seen.{gone}"
        )


def _table(answer: Recommendations, title: str) -> Table:
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
