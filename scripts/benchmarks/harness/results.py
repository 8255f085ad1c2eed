"""What a benchmark found, as rows on the screen and in JSON.

docs/benchmarks.md is made of such files: `--out docs/benchmarks/NAME.json` is all that it takes to
bring a new figure there.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator
from rich.table import Table as RichTable

from benchmarks.harness.machine import Machine

Value = bool | str | int | float | None
Row = dict[str, Value]
KIND, STRONGEST = "kind", "strongest_baseline"


class Kind(StrEnum):
    """What a row stands for."""

    OURS = "graphrec"
    BASELINE = "baseline"
    PUBLISHED = "published"
    REFERENCE = "reference"
    """Chance, or somebody who knows the truth: it tells how much there is to gain."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Frozen):
    """A column of a table.

    Args:
        digits: After the point; None where it holds text or whole numbers.
        better: Where values compare, the better end. The strongest baseline is the best one in the
            first such column.
    """

    name: str
    digits: int | None = None
    better: Literal["higher", "lower"] | None = None

    def shown(self, value: Value) -> str:
        """A cell's text: .0487 rather than 0.0487, as is usual for shares."""
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if self.digits is None:
            return f"{value:,}"
        cell = f"{value:,.{self.digits}f}"
        return cell.replace("0.", ".", 1) if cell.lstrip("-").startswith("0.") else cell

    def best(self, values: Sequence[Value]) -> float | None:
        numbers = [one for one in values if isinstance(one, int | float)]
        if not numbers or self.better is None:
            return None
        return max(numbers) if self.better == "higher" else min(numbers)


def text(name: str) -> Column:
    return Column(name=name)


def measure(
    name: str, digits: int | None, better: Literal["higher", "lower"] | None = None
) -> Column:
    return Column(name=name, digits=digits, better=better)


class Table(BaseModel):
    """Rows by the names of their columns, with what each row stands for.

    Args:
        group_by: A column whose values are questions of their own, such as how much a filter lets
            pass: each has its strongest baseline.
    """

    model_config = ConfigDict(extra="forbid")

    title: str
    columns: list[Column]
    group_by: str | None = None
    rows: list[dict[str, Value]] = []

    @model_validator(mode="after")
    def _fits(self) -> "Table":
        names = {column.name for column in self.columns}
        for row in self.rows:
            Kind(str(row.get(KIND)))
            if unknown := row.keys() - names - {KIND, STRONGEST}:
                raise ValueError(f"{self.title}: no column {', '.join(map(repr, sorted(unknown)))}")
        return self

    def add(self, *cells: Value, kind: Kind = Kind.OURS) -> list[str]:
        """Adds a row, and gives its cells as they are shown. Cells at the end may be left out."""
        given = list(zip(self.columns, cells, strict=False))
        self.rows.append({KIND: kind.value, **{column.name: cell for column, cell in given}})
        self.mark_strongest()
        return [column.shown(cell) for column, cell in given]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def groups(self) -> Iterator[list[dict[str, Value]]]:
        """The rows of each question."""
        found: dict[Value, list[dict[str, Value]]] = {}
        for row in self.rows:
            found.setdefault(row.get(self.group_by) if self.group_by else None, []).append(row)
        yield from found.values()

    def mark_strongest(self) -> None:
        """Marks the best baseline of each group, by the first column that compares them."""
        for rows in self.groups():
            baselines = [row for row in rows if row[KIND] == Kind.BASELINE]
            for row in rows:
                row.pop(STRONGEST, None)
            for column in self.columns:
                best = column.best([row.get(column.name) for row in baselines])
                if best is not None:
                    next(row for row in baselines if row.get(column.name) == best)[STRONGEST] = True
                    break

    def on_screen(self) -> RichTable:
        found = RichTable(title=self.title, title_justify="left", header_style="bold")
        for column in self.columns:
            is_text = any(isinstance(row.get(column.name), str) for row in self.rows)
            found.add_column(column.name, justify="left" if is_text else "right")
        for rows in self.groups():
            for row in rows:
                cells = (column.shown(row.get(column.name)) for column in self.columns)
                found.add_row(*cells, style="italic" if row.get(STRONGEST) else None)
            found.add_section()
        return found


class Result(_Frozen):
    """One run of a benchmark.

    Args:
        command: What repeats it; paths stand in it as the names of their arguments.
        seed: Of randomness; several where a benchmark ran once with each.
        load: What else ran on the machine.
    """

    bench: str
    command: str
    date: date
    machine: Machine
    seed: int | list[int]
    load: str
    notes: list[str] = []
    tables: list[Table]

    def table(self, title: str) -> Table:
        """The table whose title begins so.

        Raises:
            ValueError: There is none, or there are several.
        """
        found = [table for table in self.tables if table.title.startswith(title)]
        if len(found) != 1:
            titles = [table.title for table in self.tables]
            raise ValueError(f"{self.bench}: {len(found)} tables begin with {title!r}: {titles}")
        return found[0]

    def write(self, path: Path) -> None:
        path.write_text(_dumped(self.model_dump(mode="json", exclude_none=True)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Result":
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


def _dumped(content: Any) -> str:
    """JSON with a row, a column and a list of plain values on a line each: it is read in diffs."""

    def lines(value: Any, indent: int) -> str:
        flat = json.dumps(value, ensure_ascii=False)
        children = value.values() if isinstance(value, dict) else value
        is_nested = isinstance(value, dict | list) and any(
            isinstance(child, dict | list) for child in children
        )
        is_long = isinstance(value, list) and len(flat) > 96
        if indent and not is_nested and not is_long:
            return flat
        pad, end = " " * (indent + 2), "\n" + " " * indent
        if isinstance(value, dict):
            parts = [f"{pad}{json.dumps(k)}: {lines(v, indent + 2)}" for k, v in value.items()]
            return "{\n" + ",\n".join(parts) + end + "}"
        return "[\n" + ",\n".join(pad + lines(one, indent + 2) for one in value) + end + "]"

    return lines(content, 0) + "\n"
