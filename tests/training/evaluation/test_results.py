import json
from datetime import UTC, datetime

import pytest

from graphdb.errors import EvaluationError
from training.evaluation.results import (
    Estimate,
    Evaluation,
    ModelResult,
    Protocol,
    Spending,
    TaskResult,
    read_evaluation,
)


@pytest.fixture
def evaluation() -> Evaluation:
    estimate = Estimate(mean=0.25, low=0.2, high=0.3)
    task = TaskResult(
        name="all products",
        query_type="User",
        target_type="Product",
        num_queries=3,
        num_pairs=7,
        models=(ModelResult(model="svd", metrics={"recall@5": estimate}, lists={}, seconds=1),),
    )
    return Evaluation(
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        snapshot_id="abc",
        target_edge_type="User-PURCHASED-Product",
        protocol=Protocol(
            split="time", cutoff=None, holdout_days=7, ks=(5,), seed=0, resamples=100
        ),
        models=("svd",),
        tasks=(task,),
        leaks=(),
        lifts=(),
        exposure=(),
        settings={"model": "svd"},
        versions={"python": "3.11"},
        spending=Spending(seconds={"rank": 1}, peak_memory_mb=10, threads=2, machine="x86_64"),
    )


def test_what_is_written_is_read(evaluation, tmp_path):
    evaluation.write(tmp_path)
    assert read_evaluation(tmp_path) == evaluation


def test_a_task_is_found_by_name(evaluation):
    assert evaluation.task("all products").num_pairs == 7
    with pytest.raises(KeyError):
        evaluation.task("new products")


def test_a_folder_without_one(tmp_path):
    with pytest.raises(
        EvaluationError, match=r"evaluation\.json' does not exist; expected a folder"
    ):
        read_evaluation(tmp_path)


@pytest.mark.parametrize(
    ("change", "place"),
    [({"format_version": 1}, "format_version"), ({"extra": 1}, "extra"), ({"tasks": 1}, "tasks")],
)
def test_another_version_names_the_place(evaluation, tmp_path, change, place):
    path = evaluation.write(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(
        EvaluationError, match=f"not an evaluation of this version: {place}: .*again"
    ):
        read_evaluation(tmp_path)
