"""Settings and fixtures for all tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Both are read when NumPy and torch are loaded, which no import above does, and processes inherit
# them. Threads of torch sleep while they wait for one another: by default they spin, and where two
# workers share two cores, the one takes the other's. Workers share the cores, because more threads
# than these take a quarter more processor time for the same work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _WORKERS > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // _WORKERS, 1)))

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
    from pages.markdown import lines_of, run_line, texts  # which loads NumPy

    folder = tmp_path_factory.mktemp("town")
    (commands,) = texts("docs/tour.md", "sh")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, {line: run_line(line) for line in lines_of(commands)}
