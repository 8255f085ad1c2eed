"""docs/adr/README.md: the index of the decision records, from their own heads."""

import re
from pathlib import Path

from doc_pages.markdown import page, table

FOLDER = Path(__file__).parents[2] / "docs" / "adr"

INTRO = """\
A record says what was decided, why, and what follows. It describes what holds today: where
a later decision replaced an earlier one, one record tells both. Figures of other trials are
under [trials](../history/trials.md); [contributing](../contributing.md#how-to-add) says how
to add a record.""".splitlines()

_HEAD = re.compile(r"# (\d+)\. (.+)\n\nDate: (.+)\n\nStatus: (.+)\n")


def records() -> list[Path]:
    """The files of the records, in their order."""
    return sorted(FOLDER.glob("[0-9]*.md"))


def adr_page() -> str:
    rows = [_row(path) for path in records()]
    return page(
        "Decision records",
        "the records in this folder",
        INTRO,
        table(["number", "title", "status", "date"], rows),
    )


def _row(path: Path) -> list[str]:
    found = _HEAD.match(path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{path} does not begin with a title, a date and a status")
    number, title, date, status = found.groups()
    return [number, f"[{title}]({path.name})", status, date]
