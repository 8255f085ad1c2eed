"""The pages of the documentation as tests see them: code blocks, what they print, and links.

With GRAPHREC_WRITE_OUTPUTS=1 an output that has changed is written into the page instead of
failing the test; read the difference before you keep it.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from pages.outputs import is_excerpt, same, tidied
from typer.testing import CliRunner

from graphrec.cli import build_app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OUTPUT = "text"
SHOWN = {"", OUTPUT}
"""Languages of blocks that are shown, not run."""

NOT_RUN = {
    ("README.md", "pip install ."): "install",
    ("docs/neo4j.md", "export NEO4J_URI"): "docker",
    ("docs/contributing.md", "python scripts/bench.py "): "benchmark",
    ("docs/contributing.md", "./scripts/test"): "checks",
    ("docs/contributing.md", "source .venv"): "environment",
    ("docs/quickstart.md", "source .venv"): "environment",
}
"""Blocks that no test runs, by page and beginning, with the reason."""

REASONS = {
    "install": r"\A(pip install .*\n)+\Z",  # would change the environment that the tests run in
    "docker": r"^docker run ",  # there is no Docker where the tests run
    "benchmark": r"\A(python scripts/bench.py .*\n)+\Z",  # takes minutes; its tables are dated
    "checks": r"\A((\./scripts/test|pytest|ruff) .*\n)+\Z",  # would run this very test again
    "environment": r"\Asource \.venv/bin/activate\n\Z",  # tests run in it
}
"""What a block must hold for each reason, so that the list is no way out for others."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        start: Where its text begins in the page.
    """

    language: str
    text: str
    start: int


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(page: str) -> str:
    """The text of a page, by its path from the root."""
    return (ROOT / page).read_text(encoding="utf-8")


def check_links(page: Path) -> None:
    """Asserts that every link of a page leads to a file, and its anchor to a heading there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        leads_to = (page.parent / path) if path else page
        assert leads_to.is_file(), f"{page.name}: {target}"
        if anchor:
            assert anchor in _anchors(leads_to.read_text(encoding="utf-8")), (
                f"{page.name}: {target}"
            )


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def lost_files(text: str) -> list[str]:
    """The files of this project that a text names and that do not exist."""
    named = re.findall(r"`((?:graphdb|graphrec|training|scripts|tests|docs)/[\w./-]*)`", text)
    return [path for path in named if not (ROOT / path).exists()]


def all_blocks(text: str) -> list[Block]:
    return [Block(found[1], found[2], found.start(2)) for found in _BLOCK.finditer(text)]


def reason_not_run(page: str, block: Block) -> str | None:
    for (listed, beginning), reason in NOT_RUN.items():
        if listed == page and block.text.startswith(beginning):
            return reason
    return None


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page that have to run, in order."""
    return [
        block
        for block in all_blocks(read(page))
        if block.language in languages and not reason_not_run(page, block)
    ]


def texts(page: str, language: str) -> list[str]:
    return [block.text for block in blocks(page, language)]


def run_line(line: str) -> str:
    """Runs one line of a shell block in the current folder and returns what it prints.

    Lines of `graphrec` run in this process, where torch is loaded already; others in bash.
    """
    line = os.path.expandvars(line)
    words = shlex.split(line, comments=True)
    if words[0] == "graphrec" and not set("|>$") & set(line):
        done = CliRunner().invoke(build_app(), words[1:])
        assert done.exit_code == 0, (line, done.output)
        return done.stdout
    commands = Path(sys.executable).parent
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, (line, ran.stderr)
    return ran.stdout


def lines_of(block: str) -> list[str]:
    """The commands of a shell block without comments; a backslash at the end joins two lines."""
    lines = (
        re.sub(r"(^|\s+)#\s.*", "", line).rstrip()
        for line in block.replace("\\\n", " ").splitlines()
    )
    return [line for line in lines if line]


def run(
    page: str,
    *,
    known: Mapping[str, str] | None = None,
    on_other: Callable[[Block], None] | None = None,
) -> None:
    """Runs a page's shell and Python blocks in the current folder, top to bottom.

    A block of outputs right after one has to be what that one prints. Python blocks share their
    names, as if they were typed one after the other.

    Args:
        known: What lines of shell blocks printed when they ran before; they do not run again.
        on_other: Told of blocks in other languages, such as a file that a reader is to write.
    """
    names: dict[str, object] = {"__name__": page}
    printed = ""
    changed: list[tuple[Block, str]] = []
    for block in all_blocks(read(page)):
        if reason_not_run(page, block):
            continue
        if block.language == OUTPUT:
            if not same(printed, block.text):
                changed.append((block, tidied(printed)))
        elif block.language == "sh":
            done = known or {}
            printed = "".join(
                done[line] if line in done else run_line(line) for line in lines_of(block.text)
            )
        elif block.language == "python":
            into = StringIO()
            with redirect_stdout(into):
                exec(compile(block.text, page, "exec"), names)
            printed = into.getvalue()
        elif on_other:
            on_other(block)
    settle(page, changed)


def settle(page: str, changed: list[tuple[Block, str]]) -> None:
    """Fails with the first output that is not as the page says, or writes them all."""
    by_hand = [block for block, _ in changed if is_excerpt(block.text)]
    if changed and (by_hand or not os.environ.get("GRAPHREC_WRITE_OUTPUTS")):
        block, printed = changed[0]
        raise AssertionError(
            f"{page} says\n{block.text}\nbut this was printed:\n{printed}\n"
            "GRAPHREC_WRITE_OUTPUTS=1 writes it into the page, where it shows all of it"
        )
    text = read(page)
    for block, printed in reversed(changed):
        text = text[: block.start] + printed + text[block.start + len(block.text) :]
    if changed:
        (ROOT / page).write_text(text, encoding="utf-8")
