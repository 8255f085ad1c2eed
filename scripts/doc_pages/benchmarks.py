"""docs/benchmarks.md: the current figures, from the results in docs/benchmarks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from benchmarks.harness.results import KIND, STRONGEST, Column, Kind, Result, Row, Table, Value

from doc_pages.markdown import page, table, wrapped

RESULTS = Path(__file__).parents[2] / "docs" / "benchmarks"
SOURCE = "the results in docs/benchmarks"


@dataclass(frozen=True)
class Source:
    """A table of a result.

    Args:
        file: Its name in docs/benchmarks, without the ending.
        table: How the table's title begins; by default the only or first one.
        label: What its rows are called in the page.
        where: Values that a row must have, by column.
        all_baselines: Whether others than the strongest are shown.
        templates: In place of those of `Rows`, by heading.
    """

    file: str
    table: str = ""
    label: str = ""
    where: Mapping[str, Sequence[object]] | None = None
    all_baselines: bool = False
    templates: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> Table:
        found = result_of(self.file)
        return found.table(self.table) if self.table else found.tables[0]

    def rows(self) -> list[Row]:
        """Ours, the strongest baseline, and the best published figure, which is the last.

        Raises:
            ValueError: There are none: a new result calls something by another name.
        """
        content = self.read()
        published = [row for row in content.rows if row[KIND] == Kind.PUBLISHED][-1:]
        found = [
            row
            for row in content.rows
            if all(row.get(name) in some for name, some in (self.where or {}).items())
            and (
                row[KIND] in (Kind.OURS, Kind.REFERENCE)
                or (row[KIND] == Kind.BASELINE and (self.all_baselines or row.get(STRONGEST)))
                or row in published
            )
        ]
        if not found:
            raise ValueError(f"docs/benchmarks/{self.file}.json has no row with {self.where}")
        return found


@dataclass(frozen=True)
class Rows:
    """A table with a row for each row of its sources.

    Args:
        columns: Heading to template: `{name}` is a value, `{one|other}` that of the column that
            there is, `[...]` is left out where a value in it is missing.
    """

    sources: Sequence[Source]
    columns: Mapping[str, str]

    def lines(self) -> list[str]:
        cells, rows = [], []
        for source in self.sources:
            content = source.read()
            compared = f"{source.label} {content.title}" if source.label else str(id(content))
            templates = {**self.columns, **source.templates}
            for row in source.rows():
                cells.append([filled(one, row, content, source) for one in templates.values()])
                rows.append((row, content, compared))
        for place, template in enumerate(self.columns.values()):
            _emphasise(cells, rows, place, template)
        return table(list(self.columns), cells)


@dataclass(frozen=True)
class Versus:
    """A table with a row for each question of its sources: ours beside the strongest baseline.

    Args:
        ours: How the label of our row begins, in the first column that is not the question.
        values: Heading to template, as in `Rows`.
        questions: The questions that are shown, with what they are called; by default all.
    """

    sources: Sequence[Source]
    ours: str
    values: Mapping[str, str]
    questions: Mapping[str, str] | None = None

    def lines(self) -> list[str]:
        headings = ["question"]
        for heading in self.values:
            headings += [heading, "strongest baseline"]
        cells = []
        for source in self.sources:
            content = source.read()
            for rows in content.groups():
                question = str(rows[0][str(content.group_by)])
                if self.questions is None or question in self.questions:
                    shown = (self.questions or {}).get(question, question)
                    cells.append([shown, *self._compared(rows, content, source)])
        return table(headings, cells)

    def _compared(self, rows: list[Row], content: Table, source: Source) -> Iterator[str]:
        name = next(one.name for one in content.columns if one.name != content.group_by)
        mine = next(
            row for row in rows if row[KIND] == Kind.OURS and str(row[name]).startswith(self.ours)
        )
        strongest = next(row for row in rows if row.get(STRONGEST))
        for template in self.values.values():
            column = _compared_by(template, strongest, content)
            best = column and column.best([mine[column.name], strongest[column.name]])
            for row in (mine, strongest):
                cell = filled(template, row, content, source)
                if column and row[column.name] == best:
                    cell = f"**{cell}**"
                yield cell if row is mine else f"{cell}, {row[name]}"


@dataclass(frozen=True)
class Goal:
    """A bound that was set beforehand; whether it is reached is read from the result."""

    what: str
    source: Source
    column: str
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    @property
    def is_reached(self) -> bool:
        value = self._row()[self.column]
        assert isinstance(value, int | float)
        return value >= self.at_least if self.at_least is not None else value <= self.at_most

    def __str__(self) -> str:
        column = self.source.read().column(self.column)
        bound = self.at_least if self.at_least is not None else self.at_most
        shown = Column(name="", digits=_digits(bound)).shown(bound)
        return f"{self.what} {column.shown(self._row()[self.column])} ({shown}{self.unit})"

    def _row(self) -> Row:
        (row,) = self.source.rows()
        return row


@dataclass(frozen=True)
class Section:
    """A question: what its figures mean, the figures, and what was aimed at."""

    title: str
    text: str
    tables: Sequence[Rows | Versus]
    goals: Sequence[Goal] = ()

    def lines(self) -> Iterator[str]:
        yield f"## {self.title}"
        yield ""
        yield from wrapped(_one_line(" ".join([self.text, *self._aims(), self._runs()])))
        for one in self.tables:
            yield ""
            yield from one.lines()

    def _aims(self) -> Iterator[str]:
        """What was reached and what was missed, with the targets in brackets."""
        for name, is_reached in (("Targets reached:", True), ("**Missed**:", False)):
            found = [str(goal) for goal in self.goals if goal.is_reached == is_reached]
            if found:
                yield f"{name} {'; '.join(found)}."

    def _runs(self) -> str:
        files = dict.fromkeys(source.file for one in self.tables for source in one.sources)
        return f"From {', '.join(f'[{file}](benchmarks/{file}.json)' for file in files)}."


@cache
def result_of(file: str) -> Result:
    return Result.read(RESULTS / f"{file}.json")


def benchmarks_page() -> str:
    from doc_pages.benchmark_sections import INTRO, SECTIONS

    result_of.cache_clear()
    return page("Benchmarks", SOURCE, wrapped(_one_line(INTRO)), *(one.lines() for one in SECTIONS))


def runs_page() -> str:
    """docs/benchmarks/README.md: how every result was made."""
    from doc_pages.benchmark_sections import RUNS

    result_of.cache_clear()
    return page(
        "Results of benchmarks",
        "the results beside it",
        wrapped(_one_line(RUNS)),
        _machines(),
        _runs(),
    )


def filled(template: str, row: Row, content: Table, source: Source) -> str:
    """A template with the values of a row."""

    def value(name: str) -> str:
        if name == "label":
            return source.label
        names = [one for one in name.split("|") if one in row]
        return content.column(names[0]).shown(row[names[0]]) if names else ""

    def optional(part: re.Match[str]) -> str:
        holes = re.findall(r"\{([^}]+)\}", part[1])
        return part[1] if all(map(value, holes)) else ""

    template = re.sub(r"\[([^\]]+)\]", optional, template)
    text = re.sub(r"\{([^}]+)\}", lambda hole: value(hole[1]), template)
    return "" if re.fullmatch(r"[\s/]*", text) else text


def _emphasise(
    cells: list[list[str]], rows: list[tuple[Row, Table, str]], place: int, template: str
) -> None:
    """The first column: the strongest baselines in italics. Others: the best of each question bold,
    where there is a baseline to compare with. Runs of equal label and title are one question.
    """
    groups: dict[tuple[str, Value], list[int]] = {}
    for number, (row, content, compared) in enumerate(rows):
        group = row.get(content.group_by) if content.group_by else None
        groups.setdefault((compared, group), []).append(number)
    for numbers in groups.values():
        competing = [number for number in numbers if rows[number][0][KIND] != Kind.REFERENCE]
        row, content, _ = rows[numbers[0]]
        column = _compared_by(template, row, content)
        best = column and column.best([rows[number][0].get(column.name) for number in competing])
        is_compared = any(rows[number][0][KIND] == Kind.BASELINE for number in competing)
        for number in numbers:
            row = rows[number][0]
            if place == 0 and row.get(STRONGEST):
                cells[number][place] = f"*{cells[number][place]}*"
            elif column and number in competing and is_compared and row.get(column.name) == best:
                cells[number][place] = f"**{cells[number][place]}**"


def _compared_by(template: str, row: Row, content: Table) -> Column | None:
    """The first column of a template that has a better end, and a value."""
    for hole in re.findall(r"\{([^}]+)\}", template):
        for column in content.columns:
            if (
                column.name in hole.split("|")
                and column.better
                and row.get(column.name) is not None
            ):
                return column
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _digits(number: float) -> int | None:
    text = f"{number:g}"
    return len(text.partition(".")[2]) or (None if number == int(number) else 1)


def _machines() -> list[str]:
    named = {}
    for path in sorted(RESULTS.glob("*.json")):
        machine = result_of(path.stem).machine
        if machine.name:
            named[machine.name] = machine
    return table(["machine", "what it is"], [[name, str(named[name])] for name in sorted(named)])


def _runs() -> list[str]:
    rows = []
    for path in sorted(RESULTS.glob("*.json")):
        one = result_of(path.stem)
        seeds = one.seed if isinstance(one.seed, list) else [one.seed]
        rows.append(
            [
                f"[{path.stem}]({path.name})",
                f"`{one.command}`",
                one.machine.name or str(one.machine),
                str(one.date),
                ", ".join(map(str, seeds)),
                one.load,
            ]
        )
    return table(["result", "command", "machine", "date", "seed", "what else ran"], rows)
