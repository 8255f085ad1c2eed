"""docs/evaluation.md does what it says: its commands run, and its tables name what there is."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graphrec import Recommender
from graphrec.cli import build_app
from training.evaluation import creators, rankers, tasks
from training.evaluation.baselines import MAKERS, OF_CREATORS, TO_CREATORS, USUAL
from training.evaluation.groups import MOST_GROUPS
from training.evaluation.metrics import METRICS
from training.evaluation.results import read_evaluation
from training.evaluation.run import EvaluateOptions

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_command_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("pairs.csv").write_text("source_id,target_id\nu0001,p0001\nu0002,p0003\n")
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            command = line.split()
            assert command[0] == "graphrec"
            done = CliRunner().invoke(build_app(), command[1:])
            assert done.exit_code == 0, (line, done.output)
    code = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert code
    exec(compile(code[1], "evaluation.md", "exec"), {})
    assert capsys.readouterr().out == code[2]
    found = read_evaluation("evaluation")
    assert found.models == ("svd", *USUAL, *OF_CREATORS, *TO_CREATORS)
    assert Recommender.open("evaluation/past").bundle.manifest.cutoff == found.protocol.cutoff
    two = read_evaluation("evaluation-two")
    assert set(two.contenders) == {"default", "svd-graph"}
    assert {len(one.means) for one in two.seeds} == {2}
    assert read_evaluation("evaluation-short").protocol.ks == (1, 10)
    assert Path("evaluation/report.html").stat().st_size > 50_000
    assert read_evaluation("evaluation-last").protocol.split == "leave-last-out"
    assert read_evaluation("evaluation-given").task("all products").num_pairs == 2


def first_column(heading):
    table = re.search(rf"\| {heading} \|.*?\n\n", PAGE, re.DOTALL)
    assert table
    return [row.split("|")[1].strip(" `") for row in table[0].splitlines()[2:] if row]


def test_the_tables_of_the_page_name_all_there_is():
    assert first_column("baseline") == list(MAKERS)
    assert first_column("task") == [
        tasks.ALL,
        tasks.REPEAT,
        tasks.NEW,
        tasks.NEW_GROUPS,
        tasks.NEW_CATEGORIES,
        f"{tasks.PEAK}, {tasks.OTHER_DAYS}",
        "User-FOLLOWS-Creator and so on",
        f"{creators.OF_PRODUCT}, {creators.OF_BRAND}",
        "products, brands and categories for a creator",
    ]
    names = {name.partition(" for ")[0] for name in creators.TO_CREATOR.values()}
    assert names == {"products", "brands", "categories"}
    figures = re.findall(r"\| `(\w+)@k` \|", PAGE)
    of_lists = [
        rankers.COVERAGE,
        rankers.GINI,
        rankers.NOVELTY,
        rankers.DIVERSITY,
        rankers.NEW_ITEMS,
    ]
    assert sorted(figures) == sorted([*METRICS, *of_lists])


def test_the_numbers_of_the_page_are_those_of_the_code():
    options = EvaluateOptions()
    assert f"The last {options.holdout_days} days" in PAGE
    assert f"within {options.new_item_days} days before" in PAGE
    assert f"{options.resamples:,} times" in PAGE
    assert f"at least {tasks.TIMES_USUAL:g} times" in PAGE
    assert f"median + {tasks.DEVIATIONS:g} √median" in PAGE
    assert (tasks.USUAL_DAYS, MOST_GROUPS) == (8 * 7, 12)
