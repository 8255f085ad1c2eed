"""Settings and fixtures for all tests."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

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
