"""Shows what a saved query found: a table for people, a JSON document for programs."""

from collections.abc import Collection

from rich.table import Table

from graphdb.explore import Answer, FoundNode, FoundPath, SavedQuery
from graphdb.explore.answers import Value
from graphdb.printable import printable
from graphrec.cli.output import console, print_json
from graphrec.cli.text import escape, escape_lines


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
