"""`graphrec train` as people and programs call it."""

import importlib.util
import json
import subprocess
import sys

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphrec.cli import build_app
from training import extras
from training.encoders import ProfileConfig, SvdConfig
from training.gnn import GnnConfig


@pytest.fixture
def run(planted, tmp_path):
    def run(*options, snapshot=None, bundle="bundle"):
        arguments = ["train", str(snapshot or planted.folder), str(tmp_path / bundle)]
        return CliRunner().invoke(build_app(), [*arguments, "--dim", "32", *map(str, options)])

    return run


def test_it_prints_a_table(run, tmp_path):
    result = run("--holdout-days", 20)
    assert result.exit_code == 0, result.output
    assert "asked about everything from 2024-03-" in result.stdout
    for words in ("new brands", "popularity", "svd", "recall@20", "ndcg@20"):
        assert words in result.stdout
    assert f"{tmp_path / 'bundle'}: 480 nodes" in result.stdout
    assert (tmp_path / "bundle" / "manifest.json").is_file()


def test_json_is_one_document(run):
    result = run("--json", "--seed", 3)
    document = json.loads(result.stdout)
    assert document["dim"] == 32 + ProfileConfig().dim
    assert document["metrics"]["k"] == 20
    assert {score["model"] for score in document["metrics"]["scores"]} == {
        "popularity",
        "svd",
    }


def test_no_holdout(run):
    document = json.loads(run("--json", "--no-holdout").stdout)
    assert document["metrics"] is None


def test_options_and_config_reach_the_manifest(run, tmp_path):
    config = tmp_path / "train.toml"
    config.write_text("top_k = 5\n[svd]\nseed = 9\nsingular_value_exponent = 0.25\n")
    assert run("--config", config, "--seed", 4).exit_code == 0
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert manifest["config"]["svd"]["seed"] == 4
    assert manifest["config"]["svd"]["singular_value_exponent"] == 0.25
    assert manifest["metrics"]["k"] == 5


def test_a_preset_with_both_halves_keeps_its_run(run, tmp_path):
    result = run(
        "--json", "--preset", "svd-graph", "--run-dir", tmp_path / "kept", "--device", "cpu"
    )
    document = json.loads(result.stdout)
    assert document["dim"] == 32 + GnnConfig().dim + ProfileConfig().dim
    assert {score["model"] for score in document["metrics"]["scores"]} == {"popularity", "concat"}
    for part in ("past", "everything"):
        lines = (tmp_path / "kept" / part / "all.jsonl").read_text().splitlines()
        assert len(lines) == GnnConfig().epochs


def test_epochs_can_be_seen_in_tensorboard(run, tmp_path):
    config = tmp_path / "train.toml"
    config.write_text("[svd]\nweight = 0\n[graph]\nweight = 1\ndim = 8\nepochs = 2\n")
    kept = tmp_path / "kept"
    done = run("--config", config, "--run-dir", kept, "--tensorboard", "--no-holdout")
    assert done.exit_code == 0, done.output
    assert list((kept / "everything" / "tensorboard" / "all").glob("events.out.tfevents.*"))


def test_without_tensorboard_it_says_what_to_install(run, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name == "tensorboard" else found(name)
    )
    result = run("--run-dir", tmp_path / "kept", "--tensorboard")
    assert result.exit_code == 6
    assert (
        "a log for TensorBoard needs tensorboard, which is not installed; install "
        "graphrec[tensorboard]" in result.stderr
    )


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--preset", "fast"], 6, "Error: there is no preset 'fast'"),
        (
            ["--preset", "default", "--config", "x"],
            6,
            "Error: a preset and a config file were given",
        ),
        (
            ["--preset", "svd-graph", "--device", "abacus"],
            6,
            "Error: 'abacus' is an unknown torch device",
        ),
        (
            ["--preset", "svd-graph", "--device", "cuda:99"],
            6,
            "Error: there is no device 'cuda:99'",
        ),
        (["--dim", 7], 6, "Error: 'svd.dim' cannot be 7"),
        (["--seed", -1], 6, "Error: 'svd.seed' cannot be -1"),
        (["--config", "none.toml"], 6, "Error: 'none.toml' does not exist"),
        (["--tensorboard"], 6, "needs a folder; set one with --run-dir"),
        (["--holdout-days", 400], 6, "Error: holding out the last 400 days leaves no"),
        (["--holdout-days", 0], 2, "Invalid value for '--holdout-days'"),
    ],
)
def test_errors_are_one_line_with_an_exit_code(run, options, exit_code, message):
    result = run(*options)
    assert result.exit_code == exit_code
    assert says(result.stderr, message)
    assert "Traceback" not in result.output


def test_what_only_one_process_can_do_is_refused_under_torchrun(run, planted, monkeypatch):
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "2")
    result = run()
    assert result.exit_code == 6
    assert "the SVD runs in one process, and 2 were started" in result.stderr
    result = CliRunner().invoke(build_app(), ["tune", str(planted.folder)])
    assert result.exit_code == 6
    assert "graphrec tune runs in one process, and 2 were started" in result.stderr


def test_a_missing_snapshot(run, tmp_path):
    result = run(snapshot=tmp_path / "none")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "no snapshot at" in result.stderr


def test_an_existing_bundle(run):
    result = run("--json", bundle=".")
    assert result.exit_code == 7
    assert json.loads(result.stderr)["error"] == "BundleError"


def test_without_torch_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", {}.get)
    result = run()
    assert result.exit_code == 6
    assert "training needs torch, which is not installed; install graphrec[train]" in result.stderr


def test_help_shows_examples_and_true_defaults():
    result = CliRunner().invoke(build_app(), ["train", "--help"], env={"COLUMNS": "120"})
    assert "graphrec train snapshots/today bundles/today" in result.stdout
    assert "[default: (chosen)]" in result.stdout
    assert f"[default: ({SvdConfig().seed})]" in result.stdout


def test_the_command_line_starts_without_torch():
    code = "import sys, training.cli.commands; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
