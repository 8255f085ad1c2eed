"""One process at a time writes the files of a run."""

import pytest

from graphdb.errors import CheckpointError
from training.resume import sole_writer


def test_the_files_of_a_name_have_one_writer(tmp_path):
    folder = tmp_path / "runs" / "today"
    with sole_writer(folder, "final"):
        with sole_writer(folder, "validation"), sole_writer(tmp_path, "final"):
            pass
        with (
            pytest.raises(CheckpointError, match=r"uses 'final' in .*today'; wait until it"),
            sole_writer(folder, "final"),
        ):
            pass
    with sole_writer(folder, "final"), sole_writer(None, "final"), sole_writer(None, "final"):
        pass
