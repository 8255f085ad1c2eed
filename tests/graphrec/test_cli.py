import json
import re
import shlex
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import EntryPoint

import pyarrow as pa
import pytest
import typer
from pages.messages import says
from typer.testing import CliRunner

from graphdb import SCHEMA, open_store, write_snapshot
from graphdb.errors import StoreUnavailableError
from graphrec.cli import app as app_module
from graphrec.cli import build_app

EXAMPLES = {
    "recommend": [
        "graphrec recommend BUNDLE User:42",
        "graphrec recommend BUNDLE User:42 --category Yogurt --price-max 5",
        "graphrec recommend BUNDLE Brand:109 --target users --include-seen",
    ],
    "similar": ["graphrec similar BUNDLE Product:1082185", "graphrec similar BUNDLE Brand:109"],
    "index": ["graphrec index runs/demo/bundle"],
    "info": ["graphrec info runs/demo/bundle"],
}


@pytest.fixture
def run(monkeypatch):
    """Runs `graphrec` with the given arguments; without plug-ins unless a test gives some."""

    def call(*arguments, plugins=()):
        monkeypatch.setattr(app_module, "entry_points", lambda group: plugins[:] if group else ())
        return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])

    return call


def rows_of(table):
    """The cells of a printed table, one list per body line."""
    lines = [line for line in table.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_recommend_prints_a_table(run, world_path):
    result = run("recommend", world_path, "User:ann", "-k", "2")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "Product for User ann" in result.stdout
    kefir = ["1", "p2", "East Kefir", "Acme", "Yogurt", "2.00", "3"]
    loaf = ["2", "p4", "North Loaf", "Bolt", "Bread", "4.00", "1"]
    assert [row[:-1] for row in rows_of(result.stdout)] == [kefir, loaf]
    assert rows_of(result.stdout)[1][-1] == "nothing of its brand or category bought yet"


def test_recommend_prints_json(run, world_path, recommender):
    result = run("recommend", world_path, "User:ann", "--json")
    assert result.stderr == ""
    assert json.loads(result.stdout) == {
        "query": {"type": "User", "id": "ann"},
        "target": "Product",
        "outcome": "answered",
        "recommendations": recommender.products_for_user("ann").to_dicts(),
        "trace": json.loads(json.dumps(asdict(recommender.products_for_user("ann").trace))),
    }


def ids(result):
    assert result.exit_code == 0, result.output
    return [item["id"] for item in json.loads(result.stdout)["recommendations"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["User:ann"], "p2 p4 p3 p6"),
        (["user:ann", "--target", "products", "--top-k", "1"], "p2"),
        (["User:ann", "--include-seen", "-k", "3"], "p1 p2 p5"),
        (["User:ann", "--category", "Yogurt"], "p2"),
        (["User:ann", "--category", "yogurt", "--category", "Bread"], "p2 p4 p3"),
        (["User:ann", "--brand", "bolt", "--price-min", "3.5"], "p4"),
        (["User:ann", "--price-max", "2", "--no-verify"], "p2"),
        (["User:ann", "-t", "brands"], "bolt"),
        (["Brand:acme"], "bob"),
        (["Brand:acme", "--target", "USER", "--include-seen"], "cat ann bob"),
        (["Product:p3"], "cat ann"),
    ],
)
def test_recommend_passes_its_options_on(run, world_path, arguments, expected):
    assert ids(run("recommend", world_path, *arguments, "--json")) == expected.split()


def test_similar(run, world_path):
    assert ids(run("similar", world_path, "Product:p1", "--json")) == ["p2", "p5", "p4", "p3"]
    assert ids(run("similar", world_path, "Product:p1", "--brand", "bolt", "-k", 1, "--json")) == [
        "p4"
    ]
    capped = run("similar", world_path, "Product:p1", "--max-per-brand", 1, "--json")
    assert ids(capped) == ["p2", "p4"]
    table = run("similar", world_path, "Brand:acme").stdout
    assert "Brand like Brand acme" in table
    assert rows_of(table) == [["1", "bolt", "Bolt", "3", "-0.25", "1 buyer in common"]]


def test_an_empty_answer_says_so(run, world_path):
    result = run("recommend", world_path, "User:ann", "--price-min", "99")
    assert result.exit_code == 0
    assert "no results after filters, policy and seen items" in result.stdout
    assert ids(run("recommend", world_path, "User:ann", "--price-min", "99", "--json")) == []


def test_markup_in_names_is_text(run, content, make_recommender):
    title = "[red]Beans[/red] [/]"
    table = content["nodes"]["Product"]
    titles = pa.array([title] * 6)
    content["nodes"]["Product"] = table.set_column(
        table.column_names.index("title"), "title", titles
    )
    bundle = make_recommender(**content).bundle.folder
    assert rows_of(run("recommend", bundle, "User:ann").stdout)[0][2] == title


@pytest.mark.parametrize(
    ("arguments", "exit_code", "error", "message"),
    [
        (["recommend", "WORLD", "User:zoe"], 8, "UnknownIdError", "no User has the id 'zoe'"),
        (["recommend", "WORLD", "User:dan"], 8, "QueryError", "knows nothing about User 'dan'"),
        (["similar", "WORLD", "Product:p6"], 8, "QueryError", "knows nothing about Product 'p6'"),
        (
            ["recommend", "WORLD", "User:ann", "--category", "Yoghurt"],
            8,
            "InvalidFilterError",
            "did you mean 'Yogurt'",
        ),
        (
            ["recommend", "WORLD", "User:ann", "--price-min", "3", "--price-max", "2"],
            8,
            "InvalidFilterError",
            "'price_min' is 3.0, above 'price_max'",
        ),
        (
            ["recommend", "WORLD", "User:ann", "--price-min=-1"],
            8,
            "InvalidFilterError",
            "filter 'price_min' cannot be -1.0",
        ),
        (
            ["recommend", "WORLD", "Brand:acme", "--brand", "bolt"],
            8,
            "InvalidFilterError",
            "'brands' does not work on User targets",
        ),
        (["recommend", "NOWHERE", "User:ann"], 7, "BundleMissingError", "no bundle at"),
        (["recommend", "OLD", "User:ann"], 7, "BundleVersionError", "has format version 0"),
        (["similar", "DAMAGED", "User:ann"], 7, "BundleCorruptError", "changed since the bundle"),
        (["info", "DAMAGED"], 7, "BundleCorruptError", "changed since the bundle"),
        (["info", "NOWHERE"], 4, "DataError", "is not a bundle, a snapshot or a store"),
        (["info", "NOT_JSON"], 4, "DataError", "is not valid JSON"),
    ],
)
def test_errors_end_as_one_line_and_an_exit_code(
    run, tmp_path, world_path, arguments, exit_code, error, message
):
    paths = {"WORLD": world_path, "NOWHERE": tmp_path / "nowhere"} | damaged(tmp_path, world_path)
    arguments = [paths.get(argument, argument) for argument in arguments]
    plain = run(*arguments)
    assert plain.exit_code == exit_code
    assert plain.stdout == ""
    assert re.fullmatch(r"Error: .*\n", plain.stderr)
    assert message in plain.stderr
    as_json = run(*arguments, "--json")
    assert as_json.exit_code == exit_code
    assert as_json.stdout == ""
    report = json.loads(as_json.stderr)
    assert (report["error"], report["exit_code"]) == (error, exit_code)
    assert message in report["message"]


def damaged(tmp_path, world_path):
    copies = {name: tmp_path / name.lower() for name in ("OLD", "DAMAGED", "NOT_JSON")}
    for copy in copies.values():
        shutil.copytree(world_path, copy)
    manifest = json.loads((copies["OLD"] / "manifest.json").read_text())
    (copies["OLD"] / "manifest.json").write_text(json.dumps({**manifest, "format_version": 0}))
    with (copies["DAMAGED"] / "nodes" / "User.parquet").open("ab") as file:
        file.write(b"x")
    (copies["NOT_JSON"] / "manifest.json").write_text("{")
    return copies


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["similar", "WORLD"], "Missing argument"),
        (["recommend", "WORLD", "ann"], "'ann' is not a node; write TYPE:ID, such as User:42"),
        (["recommend", "WORLD", "User:"], "'User:' is not a node"),
        (["recommend", "WORLD", "Usr:ann"], "'Usr' is not a node type; did you mean 'User'?"),
        (["recommend", "WORLD", "xyz:ann"], "'xyz' is not a node type; there are User, Creator"),
        (["recommend", "WORLD", "User:ann", "-t", "brnds"], "did you mean 'Brand'?"),
        (["recommend", "WORLD", "User:ann", "-k", "0"], "Invalid value for '--top-k' / '-k'"),
        (["recommend", "WORLD", "User:ann", "-k", "many"], "Invalid value for '--top-k' / '-k'"),
        (
            ["recommend", "WORLD", "User:ann", "--price-max", "cheap"],
            "Invalid value for '--price-max'",
        ),
        (["recommend", "WORLD", "User:ann", "--colour", "red"], "No such option"),
        (["similar"], "Missing argument"),
        (["recomend"], "No such command"),
    ],
)
def test_usage_errors_exit_2(run, world_path, arguments, message):
    result = run(*[world_path if argument == "WORLD" else argument for argument in arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert says(result.stderr, message)


def test_info_on_a_bundle(run, world_path):
    described = json.loads(run("info", world_path, "--json").stdout)
    assert described["kind"] == "bundle"
    assert described["nodes"] == {"Brand": 2, "Category": 6, "Product": 6, "User": 4}
    assert described["edges"]["User-PURCHASED-Product"] == 6
    assert described["facts"]["dim"] == 2
    assert described["facts"]["cutoff"] == "2017-12-01T00:00:00+00:00"
    assert described["facts"]["embedded"] == ["Brand", "Product", "User"]
    assert described["facts"]["metrics"] == {"recall@20": 0.5}
    shown = run("info", world_path).stdout
    assert re.search(r"cutoff +2017-12-01 00:00:00 UTC", shown)
    assert re.search(r"metrics.recall@20 +0.5", shown)
    summary, questions = described["summary"], described["next_steps"]
    assert list(summary) == ["what", "trained", "knows", "how good", "about"]
    assert summary["knows"] == "events before 2017-12-01 00:00:00 UTC"
    assert summary["about"] == "6 Category, 6 Product, 4 User, 2 Brand"
    assert summary["how good"].startswith("this bundle has no figures")
    assert list(questions) == [
        "products, brands for a user",
        "users for a brand",
        "users for a product",
        "similar brands",
    ]
    assert ["User-PURCHASED-Product", "6"] in rows_of(shown)
    # What is asked first comes first, and every fact last.
    places = [shown.index(words) for words in ("what ", "to ask or do", "User-PURCHASED", "dim ")]
    assert places == sorted(places)


def test_every_question_that_info_names_is_answered(run, world_path):
    steps = json.loads(run("info", world_path, "--json").stdout)["next_steps"]
    for command in steps.values():
        name, *arguments = shlex.split(command)
        assert name == "graphrec"
        done = run(*arguments, "--json")
        assert done.exit_code == 0, (command, done.stderr)


def test_info_says_how_good_a_release_is(run, world_path, tmp_path):
    path = shutil.copytree(world_path, tmp_path / "measured")
    manifest = path / "manifest.json"
    content = json.loads(manifest.read_text())
    scores = [
        {"task": "all products", "model": model, "recall": recall, "num_queries": 40}
        for model, recall in (("svd", 0.11), ("popularity", 0.05), ("ease", 0.1))
    ]
    content["config"] = {"encoder": "svd"}
    content["metrics"] = {"k": 20, "cutoff": "2017-12-04T00:00:00+00:00", "scores": scores}
    manifest.write_text(json.dumps(content))
    told = json.loads(run("info", path, "--json").stdout)["summary"]
    assert told["how good"] == (
        "recall@20 on what came from 2017-12-04 on: all products 0.1100 (ease 0.1000)"
    )


def test_index(run, world_path, tmp_path):
    path = shutil.copytree(world_path, tmp_path / "b")
    assert "no node type has 20,000 nodes" in run("index", path).stdout
    shown = run("index", path, "--kind", "bounds", "--min-targets", "4").stdout
    built = {name: (kind, rows, recall) for name, kind, rows, recall, *_ in rows_of(shown)}
    assert built == {
        "Product.dot": ("bounds", "6", "1.0000"),
        "Product.cosine": ("bounds", "5", "1.0000"),  # without the zero vector
        "User.dot": ("bounds", "4", "1.0000"),
    }
    again = run("index", path, "--json")
    assert again.exit_code == 7
    assert "has indexes already" in again.stderr


def test_index_as_json(run, world_path, tmp_path):
    path = shutil.copytree(world_path, tmp_path / "b")
    told = json.loads(run("index", path, "--kind", "bounds", "--min-targets", "5", "--json").stdout)
    assert [one["name"] for one in told["indexes"]] == ["Product.dot", "Product.cosine"]
    assert told["indexes"][0]["entry"]["queries"] == {"Brand": 2, "User": 3}


def test_info_on_a_snapshot(run, tmp_path):
    with open_store(str(tmp_path / "graph.duckdb")) as store:
        users = pa.table({"user_id": ["a", "b"]})
        store.upsert_nodes("User", users)
        snapshot = write_snapshot(store, tmp_path / "snapshot")
    described = json.loads(run("info", tmp_path / "snapshot", "--json").stdout)
    assert described["kind"] == "snapshot"
    assert described["facts"]["snapshot_id"] == snapshot.snapshot_id
    assert described["nodes"]["User"] == 2
    assert set(described["nodes"]) == set(SCHEMA.node_types)
    assert ["User", "2"] in rows_of(run("info", tmp_path / "snapshot").stdout)


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_shows_each_example_on_its_own_line(run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")  # a narrow terminal folds them
    result = run(command, "--help")
    assert result.exit_code == 0
    lines = [line.strip() for line in result.stdout.splitlines()]
    for example in EXAMPLES[command]:
        assert any(line.startswith(example) for line in lines)
    assert not any(line.count("graphrec ") > 1 for line in lines)


def test_help_lists_all_commands(run):
    result = run("-h")
    assert result.exit_code == 0
    for command in EXAMPLES:
        assert re.search(rf"│ {command} ", result.stdout)


class Plugin:
    """Stands for an entry point of another package."""

    def __init__(self, name, load):
        self.name = name
        self.load = load


def test_plugins_add_commands_with_our_error_handling(run):
    def fail(how: str):
        """Fail in one way or the other."""
        if how == "interrupt":
            raise KeyboardInterrupt
        raise StoreUnavailableError("the store is held by another process")

    def register(app: typer.Typer):
        app.command()(fail)

    plugins = [Plugin("other", lambda: register)]
    result = run("fail", "error", plugins=plugins)
    assert result.exit_code == 5
    assert result.stderr == "Error: the store is held by another process\n"
    interrupted = run("fail", "interrupt", plugins=plugins)
    assert (interrupted.exit_code, interrupted.output) == (130, "")


@pytest.mark.parametrize("value", ["no_such_module_at_all:register", "graphrec.cli:no_such_name"])
def test_a_plugin_that_cannot_be_loaded_takes_nothing_with_it(run, capsys, world_path, value):
    broken = EntryPoint("broken", value, app_module.PLUGIN_GROUP)
    result = run("recommend", world_path, "User:ann", "--json", plugins=[broken])
    assert ids(result) == ["p2", "p4", "p3", "p6"]
    assert capsys.readouterr().err.startswith("Warning: the commands of 'broken' are missing: ")


def test_events_instead_of_a_query_node(run, world_path, recommender):
    words = ["--event", "PURCHASED:p1", "-e", "PURCHASED:p3@2017-11-30"]
    moment = datetime(2017, 11, 30, tzinfo=UTC)
    events = [("PURCHASED", "p1", None), ("PURCHASED", "p3", moment)]
    asked = recommender.recommend_for_events(events, "Product")
    assert ids(run("recommend", world_path, *words, "--json")) == list(asked.ids)
    sooner = recommender.recommend_for_events(events, "Product", half_life_days=1)
    found = json.loads(
        run("recommend", world_path, *words, "--half-life-days", "1", "--json").stdout
    )
    assert found["recommendations"] == sooner.to_dicts()
    table = run("recommend", world_path, *words, "-t", "brands").stdout
    assert "Brand for someone with 2 events" in table


def test_events_since_training_beside_a_user(run, world_path, recommender):
    asked = recommender.products_for_user("ann", recent_events=[("PURCHASED", "p2")])
    found = run("recommend", world_path, "User:ann", "--event", "PURCHASED:p2", "--json")
    assert ids(found) == list(asked.ids)
    assert "p2" in recommender.products_for_user("ann").ids and "p2" not in asked.ids


def test_popular_if_unknown(run, world_path):
    assert run("recommend", world_path, "User:dan").exit_code == 8
    done = run("recommend", world_path, "User:dan", "--on-unknown", "popular")
    assert "popular" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a QUERY as TYPE:ID, or give --event"),
        (["Product:p1", "--event", "PURCHASED:p1"], "recent_events are given for a Product"),
        (["--event", "PURCHASED"], "'PURCHASED' is not an event; write RELATION:ID"),
        (["--event", "PURCHASED:p1@2017-13-01"], "no Product has the id 'p1@2017-13-01'"),
        (["--event", "BOUGHT:p1"], "'BOUGHT' is no event of a user"),
    ],
)
def test_wrong_events_are_named(run, world_path, arguments, message):
    result = run("recommend", world_path, *arguments)
    assert result.exit_code in (2, 8)
    assert says(result.stderr, message)
