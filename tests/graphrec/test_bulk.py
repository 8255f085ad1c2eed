import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb.errors import InvalidFilterError
from graphrec import Filters, Seen
from graphrec import bulk as bulk_module
from graphrec.bulk import SCHEMA, write_answers
from graphrec.cli import build_app

NOTHING = {
    "query_type": "User", "rank": None, "type": "Product", "id": None, "score": None, "reasons": [],
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
    expected["dan"] = [NOTHING | {"query_id": "dan", "outcome": "nothing_known"}]
    assert table.to_pylist() == [row for one in USERS for row in expected[one]]
    assert (report.queries, report.rows, report.empty, report.unknown) == (4, 9, 1, 0)
    assert done[-1] == (4, 4)


def test_the_unknown_get_what_is_popular_on_request(recommender, path):
    report = write_answers(recommender, "User", ["dan"], "Product", path, on_unknown="popular")
    rows = pq.read_table(path).to_pylist()
    assert report.empty == 0
    assert {row["query_id"] for row in rows} == {"dan"}
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
    path, queries = tmp_path / "a.parquet", tmp_path / "queries.txt"
    said = json.loads(run("batch", world_path, "users", path, "-k", "2", "--json").stdout)
    assert said == {"path": str(path), "queries": 4, "rows": 6, "empty": 1, "unknown": 0}
    queries.write_text("Brand:acme\n\nBrand:bolt\n")
    text = run("batch", world_path, queries, path, "--include-seen").stdout
    assert "2 Brand nodes; 0 of them got none" in text
    rows = pq.read_table(path).to_pylist()
    users = recommender.users_for_brand("acme").ids
    assert [row["id"] for row in rows if row["query_id"] == "acme"] == list(users)
    run("batch", world_path, "users", path, "--max-per-brand", "1", "--seen-days", "15")
    options = {"max_per_brand": 1, "exclude_seen": Seen(within_days=15)}
    expected = recommender.products_for_user("ann", **options).ids
    rows = pq.read_table(path).to_pylist()
    assert tuple(row["id"] for row in rows if row["query_id"] == "ann") == expected
    queries.write_text("User:dan\nUser:nobody\n")
    for asked in ("users", queries):
        assert run("batch", world_path, asked, path, "--on-unknown", "popular").exit_code == 0
        assert "dan" in {row["query_id"] for row in pq.read_table(path).to_pylist()}
    assert "nobody" in {row["query_id"] for row in pq.read_table(path).to_pylist()}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfUser:ann\nUser:bob\n",
        b"User:ann\r\n\r\nUser:bob",
        b"  User:ann \n\tUser:bob\n",
    ],
)
def test_query_nodes_may_have_a_bom_other_line_ends_and_spaces(world_path, tmp_path, content):
    (tmp_path / "queries.txt").write_bytes(content)
    result = run("batch", world_path, tmp_path / "queries.txt", tmp_path / "a.parquet", "--json")
    assert json.loads(result.stdout)["queries"] == 2


@pytest.mark.parametrize(
    ("queries", "output", "exit_code", "message"),
    [
        ("usrs", "a.parquet", 2, "did you mean 'User'?"),
        ("User:ann\nBrand:acme", "a.parquet", 2, "names 2 types of nodes"),
        ("users", "none/a.parquet", 9, "there is no folder"),
        ("users", ".", 8, "is a folder"),
    ],
)
def test_wrong_query_nodes_are_named(world_path, tmp_path, queries, output, exit_code, message):
    if ":" in queries:
        path = tmp_path / "queries.txt"
        path.write_text(queries)
        queries = path
    result = run("batch", world_path, queries, tmp_path / output)
    assert result.exit_code == exit_code
    assert says(result.stderr, message)
    assert not (tmp_path / output).is_file()


def test_the_page_goes_on_after_an_unknown_query_node_and_the_file_tells(world_path, tmp_path):
    path, queries = tmp_path / "a.parquet", tmp_path / "queries.txt"
    queries.write_text("User:ann\nUser:nobody\nUser:dan\nUser:bob\n")
    options = ("-k", "2", "--exclude", "ids=p3", "--json")
    result = run("batch", world_path, queries, path, *options)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["queries"], report["rows"], report["empty"], report["unknown"]) == (4, 4, 2, 1)
    assert "the bundle does not hold 1 of the User nodes" in result.stderr
    rows = pq.read_table(path).to_pylist()
    outcomes = [(row["query_id"], row["outcome"], row["rank"]) for row in rows]
    assert outcomes == [
        ("ann", "answered", 1),
        ("ann", "answered", 2),
        ("nobody", "unknown_id", None),
        ("dan", "nothing_known", None),
        ("bob", "answered", 1),
        ("bob", "answered", 2),
    ]


def test_a_query_node_for_which_nothing_passes_is_told(recommender, path):
    write_answers(recommender, "User", ["ann"], "Product", path, filters=Filters(ids=[]))
    (row,) = pq.read_table(path).to_pylist()
    assert row == NOTHING | {"query_id": "ann", "outcome": "nothing_passed"}


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
