import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb.errors import InvalidFilterError
from graphrec import Filters
from graphrec import bulk as bulk_module
from graphrec.bulk import SCHEMA, write_answers
from graphrec.cli import build_app

NOTHING = {
    "seed_type": "User", "rank": None, "type": "Product", "id": None, "score": None, "reasons": [],
}  # fmt: skip
USERS = ["cat", "dan", "ann", "bob"]


@pytest.fixture(params=[1, 3, 1_000])
def path(request, tmp_path, monkeypatch):
    monkeypatch.setattr(bulk_module, "_AT_ONCE", request.param)
    return tmp_path / "answers.parquet"


def run(*arguments):
    return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])


def test_the_file_holds_what_recommend_gives(recommender, path):
    done = []
    report = write_answers(
        recommender, "User", USERS, "Product", path, k=3, on_progress=lambda *at: done.append(at)
    )
    table = pq.read_table(path)
    assert table.schema == SCHEMA
    expected = {
        one: recommender.recommend("User", one, "Product", k=3)
        .to_arrow()
        .select(SCHEMA.names[:-1])
        .append_column("outcome", pa.array(["answered"] * 3))
        .to_pylist()
        for one in USERS
        if one != "dan"  # of whom nothing is known
    }
    expected["dan"] = [NOTHING | {"seed_id": "dan", "outcome": "nothing_known"}]
    assert table.to_pylist() == [row for one in USERS for row in expected[one]]
    assert (report.seeds, report.rows, report.empty, report.unknown) == (4, 9, 1, 0)
    assert done[-1] == (4, 4)


def test_the_unknown_get_what_is_popular_on_request(recommender, path):
    report = write_answers(recommender, "User", ["dan"], "Product", path, on_unknown="popular")
    rows = pq.read_table(path).to_pylist()
    assert report.empty == 0
    assert {row["seed_id"] for row in rows} == {"dan"}
    assert "popular" in rows[0]["reasons"][0]


def test_nothing_is_left_behind_by_what_fails(recommender, path):
    path.write_bytes(b"before")
    with pytest.raises(InvalidFilterError):
        write_answers(
            recommender, "User", USERS, "Product", path, filters=Filters(brands=["nobody"])
        )
    assert path.read_bytes() == b"before"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_command_takes_a_type_or_a_file(world_path, recommender, tmp_path):
    path, seeds = tmp_path / "a.parquet", tmp_path / "seeds.txt"
    said = json.loads(run("batch", world_path, "users", path, "-k", "2", "--json").stdout)
    assert said == {"path": str(path), "seeds": 4, "rows": 6, "empty": 1, "unknown": 0}
    seeds.write_text("Brand:acme\n\nBrand:bolt\n")
    text = run("batch", world_path, seeds, path, "--include-seen").stdout
    assert "2 Brand nodes; 0 of them got none" in text
    rows = pq.read_table(path).to_pylist()
    users = recommender.users_for_brand("acme").ids
    assert [row["id"] for row in rows if row["seed_id"] == "acme"] == list(users)
    seeds.write_text("User:dan\nUser:nobody\n")
    for asked in ("users", seeds):
        assert run("batch", world_path, asked, path, "--on-unknown", "popular").exit_code == 0
        assert "dan" in {row["seed_id"] for row in pq.read_table(path).to_pylist()}
    assert "nobody" in {row["seed_id"] for row in pq.read_table(path).to_pylist()}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfUser:ann\nUser:bob\n",
        b"User:ann\r\n\r\nUser:bob",
        b"  User:ann \n\tUser:bob\n",
    ],
)
def test_seeds_may_have_a_bom_other_line_ends_and_spaces(world_path, tmp_path, content):
    (tmp_path / "seeds.txt").write_bytes(content)
    result = run("batch", world_path, tmp_path / "seeds.txt", tmp_path / "a.parquet", "--json")
    assert json.loads(result.stdout)["seeds"] == 2


@pytest.mark.parametrize(
    ("seeds", "output", "exit_code", "message"),
    [
        ("usrs", "a.parquet", 2, "did you mean 'User'?"),
        ("User:ann\nBrand:acme", "a.parquet", 2, "names 2 types of nodes"),
        ("users", "none/a.parquet", 9, "there is no folder"),
        ("users", ".", 8, "is a folder"),
    ],
)
def test_wrong_seeds_are_named(world_path, tmp_path, seeds, output, exit_code, message):
    if ":" in seeds:
        path = tmp_path / "seeds.txt"
        path.write_text(seeds)
        seeds = path
    result = run("batch", world_path, seeds, tmp_path / output)
    assert result.exit_code == exit_code
    assert says(result.stderr, message)
    assert not (tmp_path / output).is_file()


def test_the_page_goes_on_after_an_unknown_seed_and_the_file_tells(world_path, tmp_path):
    path, seeds = tmp_path / "a.parquet", tmp_path / "seeds.txt"
    seeds.write_text("User:ann\nUser:nobody\nUser:dan\nUser:bob\n")
    options = ("-k", "2", "--exclude", "ids=p3", "--json")
    result = run("batch", world_path, seeds, path, *options)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["seeds"], report["rows"], report["empty"], report["unknown"]) == (4, 4, 2, 1)
    assert "the bundle does not hold 1 of the User nodes" in result.stderr
    rows = pq.read_table(path).to_pylist()
    outcomes = [(row["seed_id"], row["outcome"], row["rank"]) for row in rows]
    assert outcomes == [
        ("ann", "answered", 1),
        ("ann", "answered", 2),
        ("nobody", "unknown_id", None),
        ("dan", "nothing_known", None),
        ("bob", "answered", 1),
        ("bob", "answered", 2),
    ]


def test_a_seed_for_which_nothing_passes_is_told(recommender, path):
    write_answers(recommender, "User", ["ann"], "Product", path, filters=Filters(ids=[]))
    (row,) = pq.read_table(path).to_pylist()
    assert row == NOTHING | {"seed_id": "ann", "outcome": "nothing_passed"}


@pytest.mark.parametrize("columns", ["30", "80", "300"])
def test_a_message_is_read_whole_at_any_width_and_with_long_paths(
    world_path, tmp_path, monkeypatch, columns
):
    monkeypatch.setenv("COLUMNS", columns)
    folder = tmp_path / ("f" * 120) / ("g" * 120)
    folder.mkdir(parents=True)
    result = run("batch", world_path, "users", folder)
    assert result.exit_code == 8
    assert says(result.stderr, f"'{folder}' is a folder")
