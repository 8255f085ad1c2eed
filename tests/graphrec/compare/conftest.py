"""Releases that differ by plan."""

import pytest
from contracts.compared_world import content

from graphrec import write_bundle


@pytest.fixture
def make(tmp_path):
    """Writes a release with some arguments of write_bundle changed."""

    def write(name, **changes):
        return write_bundle(tmp_path / name, **content(**changes))

    return write
