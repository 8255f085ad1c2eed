"""`graphrec tune` as people and programs call it."""

import json
import subprocess
import sys

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphrec.cli import build_app
from training import extras
from training.config import load_config

RANGES = (
    "[svd]\nsingular_value_exponent = { low = 0.0, high = 2.0 }\ndim = { choices = [32, 64] }\n"
)


@pytest.fixture
def run(planted, tmp_path):
    (tmp_path / "ranges.toml").write_text(RANGES)

    def run(*options, snapshot=None):
        fixed = ["--space", tmp_path / "ranges.toml", "--trials", 3, "--holdout-days", 20]
        fixed += ["--validation-days", 20]
        arguments = [*fixed, *options] if snapshot is None else list(options)
        command = ["tune", str(snapshot or planted.folder), *map(str, arguments)]
        return CliRunner().invoke(build_app(), command)

    return run


def test_the_best_settings_are_a_file_that_train_reads(run, planted, tmp_path):
    best = tmp_path / "best.toml"
    result = run("--out", best)
    assert result.exit_code == 0, result.output
    assert "new pairs of the last 20 days before the held-out 20 days" in result.stdout
    for words in ("popularity", "ndcg@20", "recall@20", "svd.singular_value_exponent", "svd.dim"):
        assert words in result.stdout
    assert f"{best}: the settings of trial" in result.stdout
    head = best.read_text().splitlines()
    assert head[0].startswith("# Written by graphrec tune: trial ")
    assert head[1].startswith("# On the last 20 days before the held-out 20 days: ndcg@20 0.")
    train = ["train", str(planted.folder), str(tmp_path / "bundle"), "--config", str(best)]
    assert CliRunner().invoke(build_app(), train).exit_code == 0
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert (
        manifest["config"]["svd"]["singular_value_exponent"]
        == load_config(best).svd.singular_value_exponent
    )


def test_json_is_one_document(run):
    document = json.loads(run("--json", "--metric", "recall", "--seed", 3).stdout)
    assert (document["metric"], document["k"], len(document["trials"])) == ("recall", 20, 3)
    reached = [trial["reached"]["recall"] for trial in document["trials"]]
    assert reached[document["best"] - 1] == max(reached)
    assert document["config"]["svd"]["seed"] == 3
    assert set(document["popularity"]) == {"recall", "ndcg", "hit_rate", "precision"}
    assert set(document["trials"][0]["settings"]) == {"svd.singular_value_exponent", "svd.dim"}


def test_what_is_not_tuned_comes_from_the_config(run, tmp_path):
    config = tmp_path / "train.toml"
    config.write_text("top_k = 5\n[svd]\nseed = 9\nsingular_value_exponent = 0.25\n")
    document = json.loads(run("--json", "--config", config, "--trials", 1).stdout)
    assert document["k"] == 5
    assert document["config"]["svd"]["seed"] == 9
    assert document["trials"][0]["settings"]["svd.singular_value_exponent"] == 0.25


def test_a_kept_study_goes_on(run, tmp_path):
    keep = ("--json", "--run-dir", tmp_path / "kept")
    first = json.loads(run(*keep, "--trials", 2).stdout)["trials"]
    more = json.loads(run(*keep, "--trials", 3).stdout)["trials"]
    assert more[:2] == first
    assert (tmp_path / "kept" / "trials.jsonl").is_file()


def test_a_share_of_the_pairs_and_no_holdout(planted, run, tmp_path):
    options = ("--json", "--no-holdout", "--validation-fraction", 0.1, "--trials", 1)
    document = json.loads(
        run(*options, "--space", tmp_path / "ranges.toml", snapshot=planted.folder).stdout
    )
    assert document["part"] == "0.1 of the pairs"


def test_the_default_space(planted, run):
    document = json.loads(run("--json", "--trials", 2, snapshot=planted.folder).stdout)
    assert "svd.half_life_days" in document["trials"][0]["settings"]


def test_a_file_that_is_there_is_refused_before_any_work(run, tmp_path):
    best = tmp_path / "best.toml"
    best.write_text("mine")
    result = run("--out", best, snapshot=tmp_path / "none")
    assert result.exit_code == 6
    assert says(result.stderr, "best.toml' exists already; choose another name")
    assert best.read_text() == "mine"
    assert run("--out", best, "--overwrite", "--trials", 1).exit_code == 0
    load_config(best)


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--preset", "fast"], 6, "Error: there is no preset 'fast'"),
        (
            ["--preset", "default", "--config", "x"],
            6,
            "Error: a preset and a config file were given",
        ),
        (["--space", "none.toml"], 6, "Error: 'none.toml' does not exist"),
        (
            ["--validation-fraction", 0.1],
            6,
            "Error: --validation-days and --validation-fraction were",
        ),
        (["--validation-days", 400], 6, "Error: holding out the last 400 days leaves no"),
        (["--holdout-days", 400], 6, "Error: holding out the last 400 days leaves no"),
        (["--trials", 0], 2, "Invalid value for '--trials'"),
        (["--metric", "auc"], 2, "Invalid value for '--metric'"),
    ],
)
def test_errors_are_one_line_with_an_exit_code(run, options, exit_code, message):
    result = run(*options)
    assert result.exit_code == exit_code
    assert says(result.stderr, message)
    assert "Traceback" not in result.output


def test_a_share_out_of_range(planted, run):
    result = run("--validation-fraction", 0.7, snapshot=planted.folder)
    assert result.exit_code == 6
    assert "--validation-fraction is 0.7; expected above 0, at most 0.5" in result.stderr


def test_a_missing_snapshot(run, tmp_path):
    result = run("--trials", 1, snapshot=tmp_path / "none")
    assert (result.exit_code, result.stdout) == (4, "")


def test_without_torch_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", {}.get)
    result = run()
    assert result.exit_code == 6
    assert "training needs torch, which is not installed; install graphrec[train]" in result.stderr


def test_the_command_line_starts_without_optuna_and_torch():
    loaded = "bool({'torch', 'optuna'} & sys.modules.keys())"
    code = f"import sys, training.cli.commands; sys.exit({loaded})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
