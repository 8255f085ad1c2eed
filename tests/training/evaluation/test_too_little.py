"""Where there is too little to measure, that is what is said, and no figure."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from graphdb.errors import InsufficientDataError
from graphrec import open_bundle
from graphrec.bundle.manifest import figures, headline
from graphrec.cli import build_app
from training.evaluation.run import EvaluateOptions, evaluate
from training.evaluation.two_models import compare_models
from training.report import write_report
from training.training_run import train
from training.tuning import Split, TuneOptions, tune

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def bought(write_world, tmp_path):
    """A snapshot of purchases (user, product, day)."""

    def make(purchases):
        users, products, days = zip(*purchases, strict=True)
        nodes = {
            "User": {"user_id": sorted(set(users))},
            "Product": {"product_id": sorted(set(products))},
        }
        edges = {
            "User-PURCHASED-Product": {
                "source_id": users,
                "target_id": products,
                "at": [BEGIN + timedelta(days=day) for day in days],
                "event_id": [f"e{number}" for number in range(len(days))],
            },
        }
        return write_world(tmp_path / "snapshot", nodes, edges).folder

    return make


def by(num_users, num_products=4, days=(0, 20, 59)):
    """Everybody buys on each of these days."""
    return [
        (f"u{user:02}", f"p{(user + turn) % num_products}", day)
        for user in range(num_users)
        for turn, day in enumerate(days)
    ]


ONE_SEES_MORE = [*by(12, days=(0,)), ("u00", "p3", 59)]


@pytest.mark.parametrize(
    ("purchases", "message"),
    [
        (by(12, 1), "there is 1 Product to rank; expected at least 2"),
        (by(12, days=(0, 0, 0)), "all 36 are at one time; .*train without a holdout"),
        (by(12, days=(0, 0.3)), r"all 24 are within 0\.3 days; expected"),
        (by(12, days=(0, 5)), "hold out fewer days, 5 at most"),
    ],
)
def test_an_evaluation_of_nothing_is_none(bought, tmp_path, purchases, message):
    folder = tmp_path / "evaluation"
    with pytest.raises(InsufficientDataError, match=message):
        evaluate(bought(purchases), folder, options=EvaluateOptions(resamples=20))
    assert not folder.exists()


@pytest.mark.parametrize(
    ("purchases", "split", "message"),
    [
        (by(1), "time", r"\(n=1\): so many User .*needs 10; use more data: only 1 User nodes"),
        (by(9), "time", r"\(n=9\).*use more data"),
        (by(9), "leave-last-out", r"\(n=9\)"),
        (ONE_SEES_MORE, "time", r"\(n=1\).*hold out more days"),
    ],
)
def test_an_evaluation_of_few_tells_no_figure(bought, tmp_path, purchases, split, message):
    folder = tmp_path / "evaluation"
    options = EvaluateOptions(resamples=20, split=split)
    snapshot = bought(purchases)
    found = evaluate(snapshot, folder, options=options)
    (warning,) = [one for one in found.leaks if one.check == "number of queries"]
    assert re.search(message, warning.message) and warning.level == "warning"
    for task in found.tasks:
        assert set(task.too_few.values()) == {task.num_queries}
        assert all(one.metrics == {} for one in task.models) and task.comparisons == ()
        assert not any(any(group.models.values()) for group in task.groups)
    page = write_report(folder, snapshot=snapshot).path.read_text(encoding="utf-8")
    number = found.tasks[0].num_queries
    assert f"too few queries (n={number}) to tell how svd did" in page
    for section in ("result", "tasks", "groups"):
        told = page.partition(f'<section id="{section}">')[2].partition("</section>")[0]
        assert told and "1.0000" not in told
    compared = compare_models(folder, folder, against="popularity")
    assert not any(compared.values())


def test_with_ten_queries_there_are_figures(bought, tmp_path):
    folder = tmp_path / "evaluation"
    found = evaluate(bought(by(10)), folder, options=EvaluateOptions(resamples=20))
    assert found.tasks[0].num_queries == 10 and found.tasks[0].too_few == {}
    assert all("recall@20" in one.metrics for one in found.tasks[0].models)
    (warning,) = [one for one in found.leaks if one.check == "length of lists"]
    assert "lists of 5 and 10 and 20 fit all 4 Product nodes" in warning.message


@pytest.mark.parametrize(
    ("purchases", "instead"),
    [(by(1), "too few queries (n=1)"), (by(9), "too few"), (by(12, 1), "nothing to rank")],
)
def test_training_tells_no_figure(bought, tmp_path, purchases, instead):
    snapshot = bought(purchases)
    report = train(snapshot, tmp_path / "bundle")
    _, rows = report.evaluation.table()
    assert all(instead in row[2] and instead in row[3] for row in rows)
    manifest = open_bundle(tmp_path / "bundle").manifest
    assert not any("recall" in name or "ndcg" in name for name in figures(manifest))
    assert headline(manifest) == {}
    run = CliRunner().invoke(
        build_app(), ["train", str(snapshot), str(tmp_path / "again")], env={"COLUMNS": "200"}
    )
    assert run.exit_code == 0, run.output
    assert instead in run.stdout and "1.0000" not in run.stdout


def test_commands_say_it(bought, tmp_path):
    folder = str(tmp_path / "e")
    run = CliRunner().invoke(
        build_app(), ["evaluate", str(bought(by(1))), folder], env={"COLUMNS": "240"}
    )
    assert run.exit_code == 0, run.output
    assert "too few queries (n=1)" in run.stderr
    assert "too few queries (n=1)" in run.stdout and "1.0000 ±" not in run.stdout
    compared = ["compare-models", folder, "--against", "popularity", "--json"]
    run = CliRunner().invoke(build_app(), compared)
    assert run.exit_code == 0 and "too few to compare" in run.stderr
    assert not any(json.loads(run.stdout).values())


@pytest.mark.parametrize("split", [Split(None), Split(None, validation_fraction=0.3)])
@pytest.mark.parametrize("purchases", [by(1), by(9), by(12, 1, days=(0, 20, 25, 59))])
def test_settings_are_not_compared_on_too_little(bought, purchases, split):
    with pytest.raises(InsufficientDataError):
        tune(bought(purchases), options=TuneOptions(trials=1, split=split))
