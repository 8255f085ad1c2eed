"""Two models query by query, from what evaluations keep."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from graphdb.errors import EvaluationError
from graphrec.cli import build_app
from training.evaluation.results import RESULTS_NAME, read_evaluation
from training.evaluation.two_models import compare_models


def run(*arguments):
    return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def evaluations(planted, tmp_path_factory):
    """Two evaluations of one world, by models of other lengths."""
    folder = tmp_path_factory.mktemp("two")
    for name, dim in (("a", 32), ("b", 48)):
        config = folder / f"{name}.toml"
        config.write_text(f"[svd]\ndim = {dim}\n")
        done = run(
            "evaluate", planted.folder, folder / name, "--config", config,
            "--holdout-days", 20, "--baseline", "popularity", "--top-k", 10,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    return folder


def test_within_one_evaluation_it_is_what_stands_there(evaluations):
    found = compare_models(evaluations / "a", evaluations / "a", against="popularity")
    kept = read_evaluation(evaluations / "a")
    for task in kept.tasks:
        ours = {one.metric: one for one in found[task.name]}
        for one in task.comparisons:
            assert ours[one.metric].difference.mean == pytest.approx(one.difference.mean)
            assert ours[one.metric].p_value == pytest.approx(one.p_value, abs=0.05)


def test_two_evaluations(evaluations):
    found = compare_models(evaluations / "a", evaluations / "b")
    back = compare_models(evaluations / "b", evaluations / "a")
    tables = [pq.read_table(evaluations / name / "per_query.parquet") for name in ("a", "b")]
    means = [
        np.mean(
            [
                row["recall@10"]
                for row in table.to_pylist()
                if (row["task"], row["model"]) == ("all products", "svd")
            ]
        )
        for table in tables
    ]
    (recall,) = (one for one in found["all products"] if one.metric == "recall@10")
    assert recall.difference.mean == pytest.approx(means[0] - means[1])
    assert [one.mean for one in recall.values] == pytest.approx(means)
    for name, value in zip(("a", "b"), recall.values, strict=True):
        (ours, _) = read_evaluation(evaluations / name).task("all products").models
        assert value == ours.metrics["recall@10"]
    (turned,) = (one for one in back["all products"] if one.metric == "recall@10")
    assert turned.difference.mean == pytest.approx(-recall.difference.mean)
    assert turned.p_value == recall.p_value


def test_the_command(evaluations):
    told = run("compare-models", evaluations / "a", evaluations / "b").stdout
    assert "all products: svd (first) less svd (other)" in told
    said = run(
        "compare-models",
        evaluations / "a",
        "--model",
        "popularity",
        "--against",
        "svd",
        "--json",
    )
    assert json.loads(said.stdout)["all products"][0]["against"] == "svd"


def test_what_cannot_be_compared(evaluations, tmp_path):
    a = evaluations / "a"
    with pytest.raises(EvaluationError, match="'svd' is compared with itself"):
        compare_models(a, a)
    with pytest.raises(EvaluationError, match=r"no model 'popularty'.*did you mean 'popularity'"):
        compare_models(a, a, against="popularty")
    with pytest.raises(EvaluationError, match="does not exist"):
        compare_models(a, tmp_path)
    document = json.loads((a / RESULTS_NAME).read_text())
    (tmp_path / RESULTS_NAME).write_text(json.dumps({**document, "snapshot_id": "other"}))
    with pytest.raises(EvaluationError, match=r"the snapshot of one evaluation is .* other"):
        compare_models(a, tmp_path)
    (tmp_path / RESULTS_NAME).write_text(json.dumps(document))
    with pytest.raises(EvaluationError, match="cannot be read"):
        compare_models(a, tmp_path)
