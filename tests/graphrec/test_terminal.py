"""What others wrote reaches a terminal as text: nothing in it acts, hides or is markup."""

import io
import json
import os
import shlex
import subprocess
import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from typer.testing import CliRunner

from graphdb.printable import printable
from graphrec.cli import build_app
from graphrec.cli.output import escape, json_text
from graphrec.cli.progress import progress_bars

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "title of the window": "\x1b]0;mine\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "C1": "\x9b2J",
    "bell": "a\x07b",
    "back": "a\x08\x08b",
    "new line": "a\nError: b",
    "carriage return": "safe\rDONE",
    "tab": "a\tb",
    "right to left": "gpj.\u202eexe",
    "isolate": "\u2066a\u2069",
    "zero width": "pa\u200byp\u200dal\ufeff",
    "separators": "a\u2028b\u2029c",
    "tag": "a\U000e0041",
    "filler": "\u3164",
    "soft hyphen": "a\u00adb",
    "delete": "a\x7fb",
}
PLAIN = [
    ":x:",
    "[red]",
    "[/]",
    "[link=http://a]b",
    "a\\",
    "C:\\[b]\\",
    "Käse 奶酪 🧀",
    "{task}",
    "$HOME",
]


def acts(text):
    """The signs in an output that are more than text and line breaks."""
    return [
        sign
        for sign in text
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign != "\n"
    ]


@given(st.text())
def test_a_text_is_printed_as_it_is_but_for_what_acts(text):
    for shown in (Text.from_markup(escape(text)), Text.from_markup(f"[bold]{escape(text)}[/bold]")):
        assert shown.plain == printable(text)
    assert not acts(printable(text)) and "\n" not in printable(text)
    if all(sign.isprintable() and sign not in "\u034f\u3164" for sign in text):
        assert printable(text).isprintable()


@given(st.text(), st.sampled_from(["utf-8", "latin-1", "ascii", "cp1252"]))
def test_json_is_exact_in_every_encoding_and_does_not_act(text, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    printed = json_text({"id": text}, stream, indent=2)
    assert printed.encode(encoding)
    assert json.loads(printed) == {"id": text}
    assert not acts(printed)


@pytest.fixture
def run():
    def call(*arguments, **options):
        runner = CliRunner(**options)
        return runner.invoke(build_app(), [str(argument) for argument in arguments])

    return call


@pytest.fixture(params=[*HOSTILE.values(), *PLAIN], ids=[*HOSTILE, *PLAIN])
def text(request):
    return request.param


@pytest.fixture
def named(content, make_recommender, text):
    """The small world, in which every product is called so."""
    table = content["nodes"]["Product"]
    place = table.column_names.index("title")
    content["nodes"]["Product"] = table.set_column(place, "title", pa.array([text] * 6))
    return make_recommender(**content).bundle.folder


def test_titles_are_printed_as_text(run, named, text):
    for arguments in (
        ["recommend", named, "User:ann"],
        ["similar", named, "Product:p1"],
        ["explain", named, "User:ann", "Product:p2"],
    ):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        assert not acts(result.output)
        if arguments[0] != "explain":  # which leaves out what cannot be printed
            assert printable(text) in result.stdout
            answer = json.loads(run(*arguments, "--json").stdout)
            assert answer["recommendations"][0]["fields"]["title"] == text


def test_an_id_that_is_not_there_is_told_as_text(run, world_path, text):
    for arguments in (
        ["recommend", world_path, f"User:{text}"],
        ["info", f"nothing {text}".replace("://", "")],
    ):
        result = run(*arguments)
        assert result.exit_code in (4, 5, 7, 8)
        assert not acts(result.output) and result.stderr.count("\n") == 1
        assert printable(arguments[-1].removeprefix("User:")) in result.stderr
        told = run(*arguments, "--json").stderr
        assert arguments[-1].removeprefix("User:") in json.loads(told)["message"] and not acts(told)


def test_a_wrong_option_is_told_as_text(run, world_path, text):
    arguments = ["recommend", world_path, "User:ann", "--filter", f"{text}"]
    result = run(*arguments)
    assert result.exit_code == 2 and not acts(result.output)
    told = json.loads(run(*arguments, "--json").stderr)
    assert (told["error"], told["exit_code"]) == ("UsageError", 2)
    assert printable(text) in told["message"]


def test_rejected_rows_are_told_as_text(run, tmp_path, text):
    folder = tmp_path / "tables"
    folder.mkdir()
    ids = pa.array(["a", text, text])
    with pa.OSFile(str(folder / "User.arrow"), "wb") as file:
        table = pa.table({"user_id": ids})
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    run("ingest", folder, tmp_path / "s.duckdb")
    result = run("rejects", tmp_path / "s.duckdb")
    assert result.exit_code == 0 and not acts(result.output)


def test_progress_bars_show_names_as_text(text):
    bars = progress_bars()
    task = bars.add_task(text)
    shown = bars.columns[0].render(bars.tasks[task])
    assert shown.plain == printable(text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_another_encoding(content, make_recommender, encoding):
    table = content["nodes"]["Product"]
    place = table.column_names.index("title")
    content["nodes"]["Product"] = table.set_column(place, "title", pa.array(["奶酪 🧀"] * 6))
    bundle = make_recommender(**content).bundle.folder
    done = subprocess.run(
        [sys.executable, "-m", "graphrec", "recommend", str(bundle), "User:ann"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert ("奶酪 🧀" if encoding == "utf-8" else "\\u5976\\u916a \\U0001f9c0") in shown


def test_a_closed_output_is_an_error_and_no_traceback(world_path):
    command = f"{shlex.quote(sys.executable)} -m graphrec info {shlex.quote(str(world_path))} >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert done.returncode == 9
    assert done.stderr.startswith("Error: cannot write to standard output: it is closed")
    assert done.stderr.count("\n") == 1


def test_ids_are_whole_on_a_narrow_terminal(run, monkeypatch, content, make_recommender):
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("graphrec.cli.output._PIPED_WIDTH", 30)
    result = run("recommend", make_recommender(**content).bundle.folder, "User:ann")
    assert "…" not in result.stdout


def test_suggested_commands_can_be_pasted(run, tmp_path):
    folder = tmp_path / "my releases; rm x"
    result = run("rollback", folder)
    assert f"graphrec promote {shlex.quote(str(folder))} BUNDLE" in result.stderr
