"""The harness of scripts/benchmarks, every command line, and the results that are kept."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import bench
import pytest
from benchmarks.harness import Arguments, Kind, Result, Table, Timer, in_a_process, measure, text
from benchmarks.harness.bench import run
from benchmarks.harness.results import STRONGEST
from doc_pages.benchmarks import Goal, Rows, Section, Source, result_of
from pages.markdown import ROOT, read

RESULTS = sorted((ROOT / "docs" / "benchmarks").glob("*.json"))


@pytest.mark.parametrize("name", bench.questions())
def test_every_benchmark_is_imported_and_says_what_it_takes(name, capsys):
    module = bench.module_of(name)
    arguments = Arguments(name, module.__doc__)
    module.arguments(arguments)
    with pytest.raises(SystemExit) as ended:
        arguments.parsed(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: python scripts/bench.py {name} ")
    for option in ("--seed", "--threads", "--load", "--out"):
        assert option in shown


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_all_are_listed_by_their_question(words, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench.py", *words])
    bench.main()
    shown = capsys.readouterr().out
    for name, question in bench.questions().items():
        assert question.endswith("?")
        assert f"  {name:11} {question}\n" in shown


def test_another_name_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench.py", "wekks"])
    with pytest.raises(SystemExit, match="no benchmark 'wekks', only accuracy, baskets, batches"):
        bench.main()


def a_table(**settings):
    columns = [text("model"), text("part"), measure("recall", 4, "higher"), measure("s", 1)]
    return Table(title="a title", columns=columns, **settings)


def test_the_strongest_baseline_of_each_question_is_marked():
    table = a_table(group_by="part")
    table.add("a", "one", 0.2, kind=Kind.BASELINE)
    table.add("b", "one", 0.3, kind=Kind.BASELINE)
    table.add("ours", "one", 0.4)
    table.add("chance", "two", 0.9, kind=Kind.REFERENCE)
    table.add("c", "two", 0.1, kind=Kind.BASELINE)
    assert [row["model"] for row in table.rows if row.get(STRONGEST)] == ["b", "c"]


def test_cells_are_shown_with_the_digits_of_their_column():
    assert a_table().add("ours", "one", 0.12345, 1234.56) == ["ours", "one", ".1235", "1,234.6"]
    assert measure("loss", 1).shown(-0.04) == "-.0"
    assert measure("edges", None).shown(10_000) == "10,000"
    assert measure("seconds", 1).shown(None) == ""


def test_a_row_has_no_other_columns():
    with pytest.raises(ValueError, match="a title: no column 'ndcg'"):
        a_table(rows=[{"kind": "graphrec", "ndcg": 0.1}])


@pytest.mark.parametrize("kind", [None, "ours"])
def test_a_row_says_what_it_stands_for(kind):
    with pytest.raises(ValueError, match="is not a valid Kind"):
        a_table(rows=[{"kind": kind}])


def a_question():
    def arguments(arguments):
        arguments.snapshot()
        arguments.seeds(0)
        arguments.add("--like", type=Path, nargs=2, metavar=("USERS", "PRODUCTS"))

    def run(bench):
        with (timer := Timer()):
            pass
        bench.note("a note")
        for seed in bench.options.seeds:
            bench.table(f"seed {seed}", text("step"), measure("s", 3)).add("x", timer.clock.last)

    return SimpleNamespace(__doc__="Is it?", arguments=arguments, run=run)


def test_a_result_is_what_the_file_says(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "result.json"
    words = [str(tmp_path), "--seed", "1", "2", "--load", "nothing else", "--out", str(out)]
    words += ["--like", "/home/u.npy", "/home/p.npy", "--threads=1"]
    result = run("weeks", a_question(), words)
    assert Result.read(out) == result
    assert result.command == (
        "OMP_NUM_THREADS=1 python scripts/bench.py weeks SNAPSHOT --seed 1 2 "
        "--like USERS PRODUCTS --threads=1"
    )
    assert result.seed == [1, 2] and result.notes == ["a note"]
    assert result.load.startswith("nothing else; load average ")
    assert result.table("seed 2").rows[0]["step"] == "x"
    with pytest.raises(ValueError, match="weeks: 2 tables begin with 'seed'"):
        result.table("seed")
    assert str(tmp_path) not in out.read_text()
    assert "python scripts/bench.py weeks SNAPSHOT" in capsys.readouterr().out


def test_laps_are_taken_by_two_clocks():
    ticks = iter(range(100))
    timer = Timer(cpu_clock=lambda: float(next(ticks)))
    for _ in range(3):
        timer.split()
    timer.drop_first()
    assert timer.cpu.seconds == [1, 1]
    assert (timer.cpu.min, timer.cpu.median, timer.cpu.max, timer.cpu.total) == (1, 1, 1, 2)
    assert len(timer.clock.seconds) == 2


def test_percentiles_are_those_of_numpy():
    timer = Timer()
    timer.clock.seconds = [1.0, 2.0, 3.0, 5.0]
    assert timer.clock.percentile(50) == timer.clock.median == 2.5
    assert timer.clock.percentile(99) == pytest.approx(4.94)


def test_another_process_does_the_work():
    assert in_a_process(len, "four") == 4


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_kept_result_is_written_as_the_harness_writes(path, tmp_path):
    result = Result.read(path)
    for table in result.tables:
        table.mark_strongest()
    result.write(tmp_path / path.name)
    assert (tmp_path / path.name).read_text() == path.read_text()


def test_kept_results_are_of_benchmarks_that_there_are():
    commands = {path.stem: json.loads(path.read_text())["command"] for path in RESULTS}
    names = bench.questions()
    for stem, command in commands.items():
        _, script, rest = command.partition("python scripts/bench.py ")
        assert not script or rest.split()[0] in names, stem
        assert "/home" not in command and "/tmp" not in command


def a_kept_result(folder, monkeypatch, **columns):
    monkeypatch.setattr("doc_pages.benchmarks.RESULTS", folder)
    result_of.cache_clear()
    table = a_table()
    table.add("popularity", "one", 0.2, kind=Kind.BASELINE)
    table.add("iALS", "one", 0.3, kind=Kind.BASELINE)
    table.add("ours", "one", 0.25)
    kept = Result.read(RESULTS[0]).model_copy(update={"tables": [table], **columns})
    kept.write(folder / "new.json")
    return Source("new")


def test_a_page_shows_ours_beside_the_strongest_baseline(tmp_path, monkeypatch):
    source = a_kept_result(tmp_path, monkeypatch)
    assert Rows([source], {"model": "{model}", "recall": "{recall}[, {s} s]"}).lines() == [
        "| model | recall |",
        "| --- | --- |",
        "| *iALS* | **.3000** |",
        "| ours | .2500 |",
    ]


@pytest.mark.parametrize(("bound", "is_reached"), [(0.25, True), (0.3, False)])
def test_a_target_is_reached_or_missed(bound, is_reached, tmp_path, monkeypatch):
    a_kept_result(tmp_path, monkeypatch)
    goal = Goal("ours", Source("new", where={"model": ["ours"]}), "recall", at_least=bound)
    assert goal.is_reached is is_reached
    name = "Targets reached:" if is_reached else "**Missed**:"
    assert f"{name} ours .2500 ({bound:g}".replace("(0.", "(.") in " ".join(
        Section("A title", "A text.", [], [goal]).lines()
    )


def test_a_row_that_a_new_result_has_no_more_is_missed(tmp_path, monkeypatch):
    a_kept_result(tmp_path, monkeypatch)
    with pytest.raises(ValueError, match=r"new\.json has no row with {'model': \['EASE'\]}"):
        Source("new", where={"model": ["EASE"]}).rows()


def test_the_page_is_short():
    assert len(read("docs/benchmarks.md").splitlines()) < 300
