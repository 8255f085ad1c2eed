"""The ends of lists as a validation part: what scripts/bench.py accuracy --order asks."""

import numpy as np
import pytest
from benchmarks.data.ordered import hold_out_ends

# User 0 took 0 to 19, user 1 took 5 to 24, user 2 took 0 and 1.
PAIRS = np.array([[0] * 20 + [1] * 20 + [2] * 2, [*range(20), *range(5, 25), 0, 1]])


@pytest.fixture
def order(tmp_path):
    def write(text):
        path = tmp_path / "train.txt"
        path.write_text(text)
        return path

    return write


def test_the_last_tenth_of_every_list_is_held_out(order):
    file = order(f"0 {' '.join(map(str, reversed(range(20))))}\n1 24 5 6 7 8\n2 1 0\n9\n")
    past, ends = hold_out_ends(PAIRS, file)
    # A tenth of the user's pairs, of whom the file may name some alone; none of two.
    assert ends.T.tolist() == [[0, 0], [0, 1], [1, 7], [1, 8]]
    together = np.concatenate([past, ends], axis=1).T.tolist()
    assert sorted(together) == sorted(PAIRS.T.tolist())


def test_users_that_the_file_lacks_keep_their_pairs(order):
    past, ends = hold_out_ends(PAIRS, order("0 0 1 2 3 4 5 6\n"))
    assert ends.T.tolist() == [[0, 5], [0, 6]]
    assert (past[0] == 1).sum() == 20


def test_at_least_one_of_a_list_stays(order):
    _, ends = hold_out_ends(PAIRS, order("0 3\n1 5 6\n"))
    assert ends.T.tolist() == [[1, 6]]


@pytest.mark.parametrize("text", ["", "1\n", "0 3 4 77\n", "70 3 4\n"])
def test_pairs_that_there_are_not(order, text):
    with pytest.raises(ValueError, match=r"train.txt names no pairs, or some that"):
        hold_out_ends(PAIRS, order(text))
