"""Writes the results of an evaluation as a page and pictures."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from graphdb.atomic import atomic_file, check_writable, made_folder
from graphdb.errors import EvaluationError
from graphdb.file_access import file_access, inside
from graphrec.explain.render.png import without_font
from training.report.charts import Chart
from training.report.page import Block, Figure, MapFigure, Omitted, Row, Section, page
from training.report.sections import SECTIONS
from training.report.sources import Sources, open_sources
from training.report.words import plural

REPORT_NAME = "report.html"
PLOTS = "plots"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The files of a report.

    Args:
        path: The page.
        plots: The pictures of charts and maps, in the order of the page.
        without_font: The characters that no installed font has: boxes in the pictures. The page
            is drawn with the fonts of the browser.
    """

    path: Path
    plots: tuple[Path, ...]
    without_font: str


@file_access("read or write")
def write_report(
    folder: str | Path,
    *,
    bundle: str | Path | None = None,
    snapshot: str | Path | None = None,
    store: str | None = None,
    log: str | Path | None = None,
    output: str | Path | None = None,
) -> WrittenReport:
    """Writes the results of an evaluation as an HTML file, with pictures of its charts.

    Args:
        folder: A folder that `graphrec evaluate` wrote.
        bundle: The bundle for maps, neighbors and the schema; by default `past` in the folder, if
            it exists.
        snapshot: The snapshot whose nodes and edges to count.
        store: The store whose rejected rows to list; a path or a URL as for `open_store`.
        log: The folder of `graphrec train --run-dir`, for curves of the training.
        output: The page to write; by default `report.html` in the folder. Pictures go to `plots`
            beside it. Existing files are overwritten.

    Raises:
        EvaluationError: There is no evaluation or no log, or a folder, a link or a device has the
            name of the page or a picture.
        FileAccessError: The page or a picture cannot be written. No partial file remains.
        BundleError: The bundle cannot be opened.
        SnapshotError: The snapshot cannot be opened.
        StoreError: The store cannot be opened.
    """
    path = Path(folder) / REPORT_NAME if output is None else Path(output)
    sources = open_sources(folder, bundle=bundle, snapshot=snapshot, store=store, log=log)
    check_writable(path, EvaluationError)  # before the slow drawing of maps
    made = [make(sources) for make in SECTIONS]
    sections = [one for one in made if isinstance(one, Section)]
    omitted = [one for one in made if isinstance(one, Omitted)]
    text = page(title_of(sources), sources.evaluation.created_at, sections, omitted)
    plots = path.parent / PLOTS
    with made_folder(plots), ExitStack() as files:
        # All files are renamed together at the end, so that no partial report remains.
        unfinished = files.enter_context(atomic_file(path, EvaluationError))
        unfinished.write_text(text, encoding="utf-8")
        pictures = tuple(_write_plots(plots, sections, files))
    blocks = [block for section in sections for block in section.blocks]
    words = "".join(chart.words() for chart in _charts(blocks))
    return WrittenReport(path, pictures, without_font(words))


def title_of(sources: Sources) -> str:
    """Returns the title of the report."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    asked = f"{plural(task.target_type)} for {plural(task.query_type)}"
    return f"Evaluation of {', '.join(evaluation.contenders)}: {asked}"


def _write_plots(folder: Path, sections: Sequence[Section], files: ExitStack) -> Iterator[Path]:
    blocks = [block for section in sections for block in section.blocks]
    for chart in _charts(blocks):
        path = inside(folder, f"{chart.name}.png", EvaluationError)
        files.enter_context(atomic_file(path, EvaluationError)).write_bytes(chart.png())
        yield path


def _charts(blocks: Sequence[Block]) -> Iterator[Chart]:
    for block in blocks:
        if isinstance(block, Row):
            yield from _charts(block.blocks)
        elif isinstance(block, Figure):
            yield block.chart
        elif isinstance(block, MapFigure):
            yield block.map.chart
