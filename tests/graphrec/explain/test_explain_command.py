"""`graphrec explain`, as typed on a command line."""

import json
import re

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb import SCHEMA, open_store, write_snapshot
from graphrec.cli import build_app
from graphrec.explain import explain
from graphrec.explain.render import png

ANN, CUP = ("User", "ann"), ("Product", "p9")
FOLLOWED = "User:ann -[FOLLOWS]-> Creator:zoe 'Zoe' -[PROMOTES]-> Product:p9 'Red cup'"


def run(*arguments):
    return CliRunner().invoke(build_app(), ["explain", *map(str, arguments)])


def test_it_prints_the_text(shop):
    said = run(shop.folder, "user:ann", "Product:p9")
    assert said.exit_code == 0, said.output
    assert said.stdout == explain(shop, ANN, CUP).to_text()
    assert FOLLOWED in said.stdout


def test_help_shows_examples(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")  # a narrow terminal folds them
    said = run("--help")
    assert said.exit_code == 0
    assert "graphrec explain BUNDLE User:42 Product:7\n" in re.sub(" +\n", "\n", said.stdout)
    assert re.search(r"│ explain ", CliRunner().invoke(build_app(), ["--help"]).stdout)


def test_its_options(shop):
    said = run(shop.folder, "User:ann", "Product:p9", "-k", 1, "--max-hops", 3, "--examples", 1)
    assert said.stdout == explain(shop, ANN, CUP, k=1, max_hops=3, examples=1).to_text()


def test_cypher_alone(shop):
    said = run(shop.folder, "User:ann", "Product:p9", "--cypher", "--no-verify")
    assert said.stdout == explain(shop, ANN, CUP).to_cypher()


def test_json_has_everything(shop, tmp_path):
    drawing = tmp_path / "why.html"
    said = run(shop.folder, "User:ann", "Product:p9", "--json", "-o", drawing)
    explanation = explain(shop, ANN, CUP)
    assert json.loads(said.stdout) == {
        **explanation.to_dict(),
        "cypher": explanation.to_cypher(),
        "drawing": str(drawing),
    }
    assert drawing.read_text() == explanation.to_html()


def test_a_drawing_is_named_below_the_text(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(png, "without_font", lambda words: "汉" if "ann" in words else "")
    told = run(shop.folder, "User:ann", "Product:p9", "--output", tmp_path / "why.png")
    assert says(told.stderr, "no installed font has 汉: pictures show boxes instead")
    monkeypatch.undo()
    said = run(shop.folder, "User:ann", "Product:p9", "--output", tmp_path / "why.png")
    assert said.stderr == ""
    assert said.stdout.endswith(f"\n\ndrawing: {tmp_path / 'why.png'}\n")


@pytest.mark.parametrize("option", ["--store", "--snapshot"])
def test_evidence_from_a_file(make_bundle, tmp_path, option):
    bundle = make_bundle({"User-FOLLOWS-Creator": "ann-zoe"})
    path = tmp_path / "shop.duckdb"
    with open_store(str(path)) as store:
        for of, rows in (
            ("User", {"user_id": ["ann"]}),
            ("Creator", {"creator_id": ["zoe"]}),
            (SCHEMA.edge_type("FOLLOWS", target="Creator"), FOLLOWS),
        ):
            write = store.upsert_nodes if isinstance(of, str) else store.upsert_edges
            write(of, table(of, rows))
        if option == "--snapshot":
            path = write_snapshot(store, tmp_path / "snapshot").folder
    said = run(bundle.folder, "User:ann", "Creator:zoe", option, path)
    assert said.exit_code == 0, said.output
    assert "-[FOLLOWS: 2025-03-01]->" in said.stdout


FOLLOWS = {"source_id": ["ann"], "target_id": ["zoe"], "at": ["2025-03-01T00:00:00Z"]}


def table(of, columns):
    import pyarrow as pa

    schema = SCHEMA.arrow_schema(of)
    return pa.table(
        {name: pa.array(v).cast(schema.field(name).type) for name, v in columns.items()}
    )


def test_markup_in_names_is_text(make_bundle):
    bundle = make_bundle(names={"p9": "[red]Cup[/] [/nothing]"})
    assert (
        "Product:p9 '[red]Cup[/] [/nothing]'"
        in run(bundle.folder, *["User:ann", "Product:p9"]).stdout
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["User:ann"], 2, "Missing argument 'TARGET'"),
        (["User:ann", "cup"], 2, "'cup' is not a node"),
        (["User:ann", "Product:p9", "--max-hops", "9"], 2, "'--max-hops'"),
        (["User:ann", "Product:p9", "--snapshot", "a", "--store", "b"], 2, "not from both"),
        (["User:ann", "Product:p9", "--snapshot", "nowhere"], 4, "no snapshot at 'nowhere'"),
        (["User:ann", "Product:p9", "--store", "nowhere"], 5, "there is no store at 'nowhere'"),
        (["User:eve", "Product:p9"], 8, "no User has the id 'eve'"),
        (["User:ann", "User:ann"], 8, "both query node and target"),
        (["User:ann", "Product:p9", "-o", "why.pdf"], 8, "no kind of drawing"),
    ],
)
def test_errors_say_what_is_wrong(shop, arguments, exit_code, message):
    said = run(shop.folder, *arguments)
    assert (said.exit_code, said.stdout) == (exit_code, "")
    assert says(said.stderr, message)
    assert "Traceback" not in said.stderr
