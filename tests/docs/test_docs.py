"""The documentation as a whole: links lead somewhere, made pages are new, every block is run."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from generate_docs import outdated
from pages.markdown import (
    NOT_RUN,
    PAGES,
    REASONS,
    ROOT,
    SHOWN,
    all_blocks,
    check_links,
    lost_files,
    name_of,
    read,
    reason_not_run,
)
from pages.outputs import same

from graphrec.cli import build_app

RUN_BY = {
    "README.md": "tests/docs/test_readme.py",
    "docs/bulk-load.md": "tests/graphdb/neo4j/test_bulk_refusals.py",
    "docs/contributing.md": "tests/docs/test_contributing.py",
    "docs/cookbook.md": "tests/docs/test_cookbook.py",
    "docs/deleting.md": "tests/docs/test_deleting_doc.py",
    "docs/evaluation.md": "tests/docs/test_evaluation_doc.py",
    "docs/explain.md": "tests/docs/test_explain_doc.py",
    "docs/explore.md": "tests/graphdb/neo4j/explore/test_queries_on_a_world.py",
    "docs/formats.md": "tests/docs/test_formats.py",
    "docs/from-pandas.md": "tests/docs/test_from_pandas_doc.py",
    "docs/governance.md": "tests/graphrec/policy/test_governance_doc.py",
    "docs/neo4j.md": "tests/graphdb/neo4j/publishing/test_publish_command.py",
    "docs/own-data.md": "tests/docs/test_own_data_doc.py",
    "docs/quickstart.md": "tests/docs/test_quickstart.py",
    "docs/quality.md": "tests/docs/test_cookbook.py",
    "docs/releases.md": "tests/docs/test_releases_doc.py",
    "docs/report.md": "tests/training/report/test_report_doc.py",
    "docs/tour.md": "tests/docs/test_tour.py",
    "docs/training.md": "tests/docs/test_training_doc.py",
}
"""Which test runs the blocks of a page."""

NAMES = [name_of(page) for page in PAGES]
# No block of these is run: history is as it was, and results are a table.
LINKING = [*NAMES, *(name_of(page) for page in sorted((ROOT / "docs").glob("*/*.md")))]


PRINTED = "1 p0110  tea 0.9462\n2 p0138  pan 0.7505\n3 p0023  cup 0.2100\n"


@pytest.mark.parametrize(
    ("said", "is_same"),
    [
        (PRINTED, True),
        ("1 p0110 tea 0.9461\n2 p0138 pan 0.7505\n3 p0023 cup 0.2100\n", True),
        ("1 p0110 tea 0.8\n2 p0138 pan 0.7505\n3 p0023 cup 0.2100\n", False),
        ("1 p0138 tea 0.9462\n2 p0110 pan 0.7505\n3 p0023 cup 0.2100\n", False),
        ("1 p0110 tea 0.9462\n2 p0138 pan 0.7505\n", False),
        ("", False),
        ("1 p0110 tea 0.9462\n...\n3 p0023 cup 0.2100\n", True),
        ("...\n2 p0138 pan 0.7505\n...\n", True),
        ("...\n2 p0138 pan 0.2100\n...\n", False),
        ("...\n3 p0023 cup 0.2100\n...\n2 p0138 pan 0.7505\n", False),
        ("...\n4 p0001 mug 0.7505\n...\n", False),
    ],
)
def test_an_output_is_what_a_page_says(said, is_same):
    assert same(PRINTED, said) is is_same


def test_pages_made_of_code_are_up_to_date():
    assert [path.name for path in outdated()] == [], "run python scripts/generate_docs.py"


def test_the_examples_of_every_command_can_be_typed(tmp_path, monkeypatch):
    """docs/cli.md shows them. Their stores and bundles do not exist, so they are only parsed."""
    monkeypatch.chdir(tmp_path)
    for name in ("brands.txt", "nodes.txt"):
        (tmp_path / name).write_text("Brand:b1\n")
    for name in ("snapshots", "runs"):
        (tmp_path / name).mkdir()
    commands = typer.main.get_command(build_app()).commands
    examples = re.findall(r"^    (?:torchrun .* -m )?graphrec (.*)$", read("docs/cli.md"), re.M)
    assert {shlex.split(example)[0] for example in examples} >= set(commands)
    for example in examples:
        name, *words = shlex.split(example)
        commands[name].make_context(name, words)


@pytest.mark.parametrize("name", LINKING)
def test_links_lead_somewhere(name):
    check_links(ROOT / name)


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_exist(name):
    assert lost_files(read(name)) == []


def test_every_page_is_in_the_index():
    index = read("docs/README.md")
    missing = [path.name for path in (ROOT / "docs").glob("*.md") if f"({path.name})" not in index]
    assert missing == ["README.md"]


@pytest.mark.parametrize("name", NAMES)
def test_lines_are_short(name):
    """Outside of code, of tables, and of addresses, which cannot be broken."""
    text = re.sub(r"^```.*?^```$", "", read(name), flags=re.S | re.M)
    prose = [
        re.sub(r"\]\([^)\s]+\)", "]", line)
        for line in text.splitlines()
        if not line.startswith(("|", "    ", "!["))
    ]
    assert [line for line in prose if len(line) > 100] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_block_is_run_or_says_why_not(name):
    to_run = [
        block
        for block in all_blocks(read(name))
        if block.language not in SHOWN and not reason_not_run(name, block)
    ]
    if not to_run:
        assert name not in RUN_BY
        return
    test = ROOT / RUN_BY[name]
    assert Path(name).name in test.read_text(encoding="utf-8"), f"{test} does not run {name}"


def test_what_is_not_run_has_its_reason():
    for (name, beginning), reason in NOT_RUN.items():
        fitting = [block for block in all_blocks(read(name)) if block.text.startswith(beginning)]
        assert fitting, f"{name} has no block that begins with '{beginning}'"
        for block in fitting:
            assert re.search(REASONS[reason], block.text, re.MULTILINE), f"{name}: {block.text}"
