"""`graphrec evaluate` as people and programs call it."""

import json

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb.errors import TrainingError
from graphrec import open_bundle
from graphrec.cli import build_app
from training.evaluation.results import read_evaluation
from training.evaluation.run import EvaluateOptions


@pytest.fixture(scope="module")
def evaluated(planted, shuffled, tmp_path_factory):
    """An evaluation in a world with planted tastes, and one in which they are shuffled away."""
    folder = tmp_path_factory.mktemp("evaluated")
    config = folder / "config.toml"
    config.write_text("[svd]\ndim = 32\n")

    def run(snapshot, name, *options):
        arguments = ["evaluate", str(snapshot.folder), str(folder / name), "--config", str(config)]
        return CliRunner().invoke(
            build_app(), [*arguments, "--holdout-days", "20", *map(str, options)]
        )

    done = run(planted, "planted", "--baseline", "popularity", "--top-k", 10, "--top-k", 5)
    assert done.exit_code == 0, done.output
    other = run(shuffled, "shuffled", "--baseline", "popularity", "--top-k", 10, "--json")
    assert other.exit_code == 0, other.output
    return folder, run, done.stdout, json.loads(other.stdout)


def test_it_prints_tables(evaluated):
    folder, _, printed, _ = evaluated
    for words in (
        "lists of 10, means ± half a 95 % interval",
        "bought before",
        "coverage@10",
        "by user activity: recall@10",
        "svd less each baseline, on the same queries",
        f"{folder / 'planted'}: 4 tasks, 2 models, ",
    ):
        assert words in printed


def test_what_is_written(evaluated, planted):
    folder, _, _, _ = evaluated
    found = read_evaluation(folder / "planted")
    assert sorted(path.name for path in (folder / "planted").iterdir()) == [
        "evaluation.json",
        "past",
        "per_query.parquet",
    ]
    assert found.snapshot_id == planted.snapshot_id
    assert (found.protocol.ks, found.protocol.holdout_days) == ((5, 10), 20)
    assert found.settings["svd"]["dim"] == 32
    assert found.spending.seconds and found.spending.peak_memory_mb > 0
    past = open_bundle(folder / "planted" / "past")
    assert past.manifest.cutoff == found.protocol.cutoff
    assert past.as_of <= found.protocol.cutoff


def test_figures_query_node_by_query_node_have_the_means_of_the_tables(evaluated):
    folder, _, _, _ = evaluated
    found = read_evaluation(folder / "planted")
    table = pq.read_table(folder / "planted" / "per_query.parquet")
    for task in found.tasks:
        for one in task.models:
            rows = table.filter(
                pc.and_(pc.equal(table["task"], task.name), pc.equal(table["model"], one.model))
            )
            assert len(rows) == task.num_queries
            assert len(set(rows["query_id"].to_pylist())) == task.num_queries
            for name, estimate in one.metrics.items():
                assert pc.mean(rows[name]).as_py() == pytest.approx(estimate.mean)
                assert estimate.low <= estimate.mean <= estimate.high


def test_planted_tastes_are_found_and_shuffled_ones_are_not(evaluated):
    folder, _, _, shuffled = evaluated

    def of_task(found, name):
        return {task["name"]: task for task in found["tasks"]}[name]

    planted = json.loads((folder / "planted" / "evaluation.json").read_text())
    for found, is_better in ((planted, True), (shuffled, False)):
        compared = {one["metric"]: one for one in of_task(found, "new products")["comparisons"]}
        recall = compared["recall@10"]
        assert (recall["p_value"] < 0.01 and recall["difference"]["low"] > 0) == is_better


def test_the_json_is_the_document(evaluated):
    folder, _, _, shuffled = evaluated
    assert shuffled == json.loads((folder / "shuffled" / "evaluation.json").read_text())


def test_the_same_again_gives_the_same(evaluated, planted):
    folder, run, _, _ = evaluated
    done = run(planted, "again", "--baseline", "popularity", "--top-k", 10, "--top-k", 5)
    assert done.exit_code == 0
    first, again = (read_evaluation(folder / name) for name in ("planted", "again"))
    assert [one.comparisons for one in first.tasks] == [one.comparisons for one in again.tasks]
    assert [one.groups for one in first.tasks] == [one.groups for one in again.tasks]
    values = [
        [model.metrics for task in found.tasks for model in task.models] for found in (first, again)
    ]
    assert values[0] == values[1]
    assert np.isfinite([one.mean for metrics in values[0] for one in metrics.values()]).all()


def test_a_page_of_a_model_without_epochs_needs_no_log(evaluated, planted):
    folder, run, _, _ = evaluated
    options = ("--baseline", "popularity", "--top-k", 10, "--report", "--run-dir", folder / "keep")
    done = run(planted, "kept", *options)
    assert done.exit_code == 0, done.output
    page = (folder / "kept" / "report.html").read_text(encoding="utf-8")
    assert "no log of a training run was given (`--run-dir`). The SVD has no epochs." in page


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (
            ["--baseline", "popular"],
            6,
            "there is no baseline 'popular'; expected one of popularity",
        ),
        (["--baseline", "ease", "--baseline", "ease"], 6, "the baseline 'ease' is duplicated"),
        (
            ["--top-k", 5, "--top-k", 5],
            6,
            "lengths of lists are 5, 5; expected one or more distinct numbers",
        ),
        (["--top-k", 0], 2, "Invalid value for '--top-k'"),
        (["--resamples", 0], 2, "Invalid value for '--resamples'"),
        (["--seeds", 21], 6, "21 seeds; expected 1 to 20"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(evaluated, planted, options, exit_code, message):
    folder, run, _, _ = evaluated
    done = run(planted, "wrong", *options)
    assert done.exit_code == exit_code
    assert says(done.stderr, message)
    assert not list(folder.glob("wrong*"))


def test_a_baseline_that_is_not_installed_is_an_error_before_the_work(monkeypatch):
    monkeypatch.setattr("training.extras.find_spec", lambda _: None)
    with pytest.raises(TrainingError, match=r"iALS needs implicit.*graphrec\[baselines\]"):
        EvaluateOptions(baselines=("popularity", "ials"))


def test_a_failure_on_the_way_leaves_nothing(evaluated, planted):
    folder, run, _, _ = evaluated
    done = run(planted, "wrong", "--holdout-days", 400)
    assert done.exit_code == 6
    assert "holding out the last 400 days leaves no" in done.stderr
    assert not list(folder.glob("wrong*"))


def test_a_folder_that_exists(evaluated, planted):
    _, run, _, _ = evaluated
    done = run(planted, "planted", "--json")
    assert json.loads(done.stderr)["error"] == "EvaluationError"
