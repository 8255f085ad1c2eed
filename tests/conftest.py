"""Settings and fixtures for all tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from pages.markdown import lines_of, run_line, texts

# Threads of torch sleep while they wait for one another. By default they spin, and where two
# workers share two cores, the one takes the other's: training took eight times as long. This is
# read when torch is loaded, which no import above does, and processes inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A slow machine is no failing test.
settings.register_profile("graphrec", deadline=None)
settings.load_profile("graphrec")


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A folder in which the demo has run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    script = Path(__file__).parents[1] / "scripts" / "demo.py"
    done = subprocess.run([sys.executable, str(script)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / ".demo", done.stdout


@pytest.fixture(scope="session")
def town(tmp_path_factory):
    """A folder in which the commands of docs/tour.md have run, and what each printed."""
    folder = tmp_path_factory.mktemp("town")
    (commands,) = texts("docs/tour.md", "sh")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, {line: run_line(line) for line in lines_of(commands)}
