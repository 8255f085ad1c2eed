"""Markdown from plain values."""

from collections.abc import Iterable, Sequence

GENERATED = (
    "<!-- Made by scripts/generate_docs.py from {source}; change it there and run the script. -->"
)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; a bar in a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def page(title: str, source: str, *parts: Iterable[str]) -> str:
    """A page of parts, with an empty line between them."""
    head = [f"# {title}", "", GENERATED.format(source=source)]
    return "\n".join([*head, *(line for part in parts for line in ("", *part))]) + "\n"


def code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def number(value: float) -> str:
    return f"{value:g}"
