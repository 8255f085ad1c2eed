"""Tables of pairs to hold out: what can be read, and what each wrong one is told."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphdb.errors import DataError, FileFormatError
from graphdb.schema import SCHEMA
from training.splitting.holdout import read_held_pairs

PURCHASED = SCHEMA.edge_type("PURCHASED")


@pytest.fixture(scope="module")
def shop(write_world, tmp_path_factory):
    nodes = {
        "User": {"user_id": ["007", "7", "ann"]},
        "Product": {"product_id": ["1", "2", "cup", "tea"]},
    }
    return write_world(tmp_path_factory.mktemp("shop") / "snapshot", nodes, {})


def lists_of(pairs):
    return [pairs.targets(source).tolist() for source in range(pairs.num_sources)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("source_id,target_id\nann,tea\nann,cup\n007,1\nann,tea\n", [[0], [], [2, 3]]),
        ("note,target_id,source_id\nx,2,7\n", [[], [1], []]),
        ("source_row,target_row\n0,3\n2,0\n", [[3], [], [0]]),
        ("source_row,target_row,source_id,target_id\n0,0,ann,tea\n", [[], [], [3]]),
        ("source_id,target_id\n", [[], [], []]),
    ],
)
def test_ids_or_rows(shop, tmp_path, content, expected):
    path = tmp_path / "held.csv"
    path.write_text(content)
    pairs = read_held_pairs(path, shop, PURCHASED)
    assert lists_of(pairs) == expected
    assert (pairs.num_sources, pairs.num_targets) == (3, 4)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"source_id": ["ann", "7"], "target_id": ["tea", "2"]}, [[], [1], [3]]),
        ({"source_id": pa.array([7]), "target_id": pa.array([2])}, [[], [1], []]),
        ({"source_id": pa.array(["7"]).dictionary_encode(), "target_id": ["2"]}, [[], [1], []]),
        (
            {"source_row": pa.array([0], pa.int32()), "target_row": pa.array([2], pa.uint8())},
            [[2], [], []],
        ),
    ],
)
def test_parquet_of_any_plain_type(shop, tmp_path, columns, expected):
    path = tmp_path / "held.parquet"
    pq.write_table(pa.table(columns), path)
    assert lists_of(read_held_pairs(path, shop, PURCHASED)) == expected


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (
            "user,item\n1,2\n",
            FileFormatError,
            r"has the columns user, item; expected source_id and target_id, or source_row and",
        ),
        ("source_id\nann\n", FileFormatError, "has the columns source_id; expected"),
        ("source_id,target_id\nann\n", FileFormatError, "row 1 of .* cannot be read: it has 1 ce"),
        (
            "source_row,target_row\n0,cup\n",
            FileFormatError,
            "target_row of .* is not a column of int",
        ),
        ("source_id,target_id\nann,tea\nann,\n", DataError, "has no target_id in row 2"),
        (
            "source_id,target_id\nann,tea\nbob,tea\neve,tea\n",
            DataError,
            "2 of 3 pairs in .* name an unknown User, first source_id 'bob' in row 2; use",
        ),
        (
            "source_row,target_row\n0,3\n0,4\n",
            DataError,
            "1 of 2 pairs in .* name an unknown Product, first target_row '4' in row 2",
        ),
        ("source_row,target_row\n-1,0\n", DataError, "name an unknown User, first source_row '-1'"),
    ],
)
def test_a_wrong_table_is_told_what_is_wrong(shop, tmp_path, content, error, message):
    path = tmp_path / "held.csv"
    path.write_text(content)
    with pytest.raises(error, match=message):
        read_held_pairs(path, shop, PURCHASED)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0]), "the source_id of .* holds double; expected string"),
        (pa.array([["ann"]]), "the source_id of .* holds list<.*; expected string"),
    ],
)
def test_columns_that_are_no_ids(shop, tmp_path, column, message):
    path = tmp_path / "held.parquet"
    pq.write_table(pa.table({"source_id": column, "target_id": ["tea"]}), path)
    with pytest.raises(FileFormatError, match=message):
        read_held_pairs(path, shop, PURCHASED)


def test_a_file_that_is_not_there(shop, tmp_path):
    with pytest.raises(FileFormatError, match=r"there is no file '.*held\.csv'"):
        read_held_pairs(tmp_path / "held.csv", shop, PURCHASED)
