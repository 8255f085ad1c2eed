"""What is kept on disk is written by one process at a time."""

import pytest

from graphdb.errors import CheckpointError
from training.kept import sole_writer


def test_what_is_kept_under_a_name_has_one_writer(tmp_path):
    folder = tmp_path / "runs" / "today"
    with sole_writer(folder, "final"):
        with sole_writer(folder, "validation"), sole_writer(tmp_path, "final"):
            pass
        with (
            pytest.raises(CheckpointError, match=r"keeps its 'final' in .*today'; wait until it"),
            sole_writer(folder, "final"),
        ):
            pass
    with sole_writer(folder, "final"), sole_writer(None, "final"), sole_writer(None, "final"):
        pass
