"""Figures agree to three digits whatever the number of threads and the instruction set.

Every setting sums in another order, so vectors differ by rounding, about one in a hundred thousand.
Nothing may make more of that.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from pages.markdown import run_line

SETTINGS = (
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2"},
    {"OMP_NUM_THREADS": "4"},
    {"ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"},
    {"MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"},
)
CHANGED = {name for setting in SETTINGS for name in setting}


def figures(folder, bundle, setting):
    """What `graphrec train --json` measured, by its place in the document."""
    graphrec = Path(sys.executable).parent / "graphrec"
    environment = {name: value for name, value in os.environ.items() if name not in CHANGED}
    done = subprocess.run(
        [graphrec, "train", "snapshot", bundle, "--json"],
        cwd=folder,
        env=environment | setting,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(numbers(json.loads(done.stdout)["metrics"]))


def numbers(document, place=""):
    parts = document.items() if isinstance(document, dict) else enumerate(document)
    for name, part in parts:
        if isinstance(part, float):
            yield f"{place}/{name}", part
        elif isinstance(part, dict | list):
            yield from numbers(part, f"{place}/{name}")


@pytest.mark.slow
def test_recall_is_the_same_for_all_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_line("graphrec ingest synthetic:10000 store.duckdb")
    run_line("graphrec snapshot store.duckdb snapshot")
    bundles = [f"bundle-{number}" for number in range(len(SETTINGS))]
    with ThreadPoolExecutor(2) as pool:  # half of each training is spent on one core
        found = list(pool.map(partial(figures, tmp_path), bundles, SETTINGS))
    assert any("recall" in name for name in found[0])
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=5e-4)
