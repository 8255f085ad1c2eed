"""Spoilt files and odd words end in an answer or in an error of ours, and change nothing else.

Every case has a number and can be made again:

    python -m fuzz.worker WORLD TARGET NUMBER NUMBER+1 60       (in tests/)
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.targets import POLICY, TARGETS, TRAINING
from pages.markdown import run_line

TESTS = Path(__file__).parents[1]
EXAMPLE = TESTS.parent / "docs" / "examples" / "home-shop"
CASES = 60
SECONDS = 10.0
"""For each target; the cases that are left then are not run."""
SCHEMA = """\
[node.Product.property.material]
kind = "string"
choices = ["iron", "clay", "glass"]

[node.Warehouse]
doc = "Where stock lies."

[relation.STORED_IN]
ends = [["Product", "Warehouse"]]
"""


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A sound world: tables, store, snapshot, bundle, registry and what goes with them."""
    folder = tmp_path_factory.mktemp("world")
    shutil.copytree(EXAMPLE, folder / "shop")
    for name, text in (("policy", POLICY), ("training", TRAINING), ("schema", SCHEMA)):
        (folder / f"{name}.toml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in (
            "ingest synthetic:300 shop.duckdb",
            "snapshot shop.duckdb snapshot",
            "train snapshot bundle --no-holdout",
            "promote registry bundle --name first",
            "promote registry bundle --name second",
        ):
            run_line(f"graphrec {line}")
    return folder


def fuzz(world: Path, target: str, first: int, last: int) -> tuple[int, list[str]]:
    """How many cases were run, and what was found; a dead process is a finding."""
    words = [world, target, first, last, SECONDS]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.worker", *map(str, words)],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=SECONDS * 10,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    begun = [entry["begun"] for entry in told if "begun" in entry]
    found = [
        json.dumps(entry, indent=1, ensure_ascii=False) for entry in told if "finding" in entry
    ]
    if done.returncode:
        found.append(
            f"case {begun[-1:]} ended the process: {done.returncode}\n{done.stderr[-2000:]}"
        )
    return len(begun), found


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_spoilt_input_ends_well(world, target):
    cases, found = fuzz(world, target, 0, CASES)
    assert cases >= 1  # how many there is time for depends on the machine
    assert not found, "\n".join(found).replace("\\n", "\n")


def test_the_sound_world_passes_every_call(world, tmp_path, monkeypatch):
    """So that what the cases meet is the spoilt part and nothing else."""
    monkeypatch.chdir(shutil.copytree(world, tmp_path / "world"))
    for line in (
        "recommend bundle User:u0000 --policy policy.toml",
        "excluded bundle Product:p0000 --policy policy.toml",
        "info registry@current",
        "rollback registry",
        "ingest shop new.duckdb --schema schema.toml",
    ):
        run_line(f"graphrec {line}")
