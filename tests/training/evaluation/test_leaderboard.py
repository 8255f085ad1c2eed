"""Several models in one evaluation: which one to take, and why, by hand and from the command."""

import json
import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from contracts.evaluations import MODELS, estimate, make_evaluation
from pages.messages import says
from typer.testing import CliRunner

from graphdb.errors import EvaluationError
from graphrec import Adjacency, Recommender
from graphrec.cli import build_app
from training.config import TrainConfig, default_config
from training.evaluation.leaderboard import (
    choose,
    configs_by_name,
    reasons_to_take,
    simple_rule_ahead,
    with_seed,
)
from training.evaluation.measure import Ranked, Resampling
from training.evaluation.results import Recommendation, TrainedModel, read_evaluation

NUM_QUERIES = 40
HOW = Resampling((1,), 500, 0)
TASK = SimpleNamespace(
    name="all products",
    truth=Adjacency.from_edges(np.arange(NUM_QUERIES), np.zeros(NUM_QUERIES, int), NUM_QUERIES, 9),
)


def hitting(number):
    """Lists of one place, of which the first `number` hit."""
    return Ranked(np.where(np.arange(NUM_QUERIES) < number, 0, 1)[:, None], 0.0)


def test_the_best_is_taken_where_it_is_ahead_by_more_than_chance():
    lists = {"slow": hitting(38), "quick": hitting(10)}
    chosen = choose(TASK, lists, {"slow": 100.0, "quick": 1.0}, HOW)
    assert (chosen.model, chosen.best, chosen.tied) == ("slow", "slow", ("slow",))
    assert chosen.metric == "recall@1" and chosen.p_values["quick"] < 0.01


def test_among_models_that_differ_by_chance_the_quickest_is_taken():
    lists = {"slow": hitting(30), "quick": hitting(29), "bad": hitting(3)}
    chosen = choose(TASK, lists, {"slow": 100.0, "quick": 1.0, "bad": 0.1}, HOW)
    assert (chosen.model, chosen.best) == ("quick", "slow")
    assert chosen.tied == ("slow", "quick")


def test_many_comparisons_need_a_smaller_p_value():
    """A difference of six of six queries has p = 1/32: enough alone, and not among four."""
    best, other = hitting(30), hitting(24)
    seconds = {name: float(place) for place, name in enumerate("abcde")}
    alone = choose(TASK, {"a": best, "b": other}, seconds, HOW)
    assert 0.0125 < alone.p_values["b"] < 0.05 and alone.tied == ("a",)
    several = choose(TASK, {"a": best, **dict.fromkeys("bcde", other)}, seconds, HOW)
    assert several.tied == tuple("abcde")


def test_there_is_nothing_to_choose_from_one_model_or_few_queries():
    assert choose(TASK, {"one": hitting(3)}, {"one": 1.0}, HOW) is None
    few = SimpleNamespace(
        name="few", truth=Adjacency.from_edges(np.arange(3), np.zeros(3, int), 3, 9)
    )
    lists = {name: Ranked(np.zeros((3, 1), int), 0.0) for name in "ab"}
    assert choose(few, lists, {"a": 1.0, "b": 1.0}, HOW) is None


def test_names_of_models():
    config = TrainConfig()
    assert configs_by_name(None) == {"svd": default_config()}
    assert configs_by_name(config) == {"svd": config}
    for name in ("ease", "../up", "", ".hidden", "a b"):
        with pytest.raises(EvaluationError, match="a model cannot be called"):
            configs_by_name({name: config})
    with pytest.raises(EvaluationError, match="no model is given"):
        configs_by_name({})
    other = config.model_copy(update={"target_edge_type": "User-VIEWED-Product"})
    with pytest.raises(EvaluationError, match=r"predict different edge types.*one by one"):
        configs_by_name({"a": config, "b": other})


def test_a_seed_is_that_of_every_block():
    config = with_seed(TrainConfig(), 7)
    seeds = {name: block.seed for name, block in config if hasattr(block, "seed")}
    assert set(seeds.values()) == {7} and {"svd", "graph", "profile", "engagement"} <= set(seeds)
    assert with_seed(config, TrainConfig().svd.seed) == TrainConfig()


def two_trained(**changes):
    """Made-up results in which the first two models were trained."""
    found = make_evaluation(**changes)
    trained = [
        TrainedModel(model=name, folder=f"past-{name}", seconds=seconds)
        for name, seconds in zip(MODELS[:2], (300.0, 20.0), strict=True)
    ]
    chosen = Recommendation(
        model="svd",
        best="svd",
        task="all products",
        metric="recall@20",
        tied=("svd",),
        p_values={"popularity": 0.0002},
    )
    return found.model_copy(update={"trained": tuple(trained), "recommendation": chosen})


def test_the_reasons_name_values_and_tests():
    (why,) = reasons_to_take(two_trained())
    assert why == (
        "Take svd: it is the best of 2 models in 'all products', recall@20 0.1095 against "
        "0.0487 of popularity (p < 0.001)."
    )
    tied = two_trained().recommendation.model_copy(
        update={"model": "popularity", "tied": ("svd", "popularity")}
    )
    (why,) = reasons_to_take(two_trained().model_copy(update={"recommendation": tied}))
    assert "Take popularity: of the models that differ by no more than chance" in why
    assert "svd 0.1095 in 5 min, popularity 0.0487 in 20 s" in why
    assert list(reasons_to_take(make_evaluation())) == []
    few = two_trained()
    task = few.tasks[0].model_copy(update={"num_queries": 3})
    few = few.model_copy(update={"recommendation": None, "tasks": (task, *few.tasks[1:])})
    assert list(reasons_to_take(few)) == [
        "No model is recommended: 'all products' has 3 queries, fewer than 10."
    ]


def test_a_task_in_which_another_model_is_better_is_named():
    found = two_trained()
    task = found.task("new brands")
    models = tuple(
        one.model_copy(update={"metrics": {"recall@20": estimate(0.5)}})
        if one.model == "popularity"
        else one
        for one in task.models
    )
    comparison = found.tasks[0].comparisons[0]
    assert (comparison.against, comparison.metric) == ("popularity", "recall@20")
    changed = task.model_copy(update={"models": models, "comparisons": (comparison,)})
    tasks = tuple(changed if one.name == "new brands" else one for one in found.tasks)
    _, other = reasons_to_take(found.model_copy(update={"tasks": tasks}))
    assert other.startswith("For 'new brands', popularity is better: 0.5000 against 0.04")


def test_a_simple_rule_that_is_ahead_is_named():
    ahead = make_evaluation((0.07, 0.05, 0.06, 0.07, 0.08, 0.03))
    assert simple_rule_ahead(ahead, ahead.tasks[0], "recall@20") == (
        "A simple rule is ahead of the trained model in 'all products': iALS reaches recall@20 "
        "0.0800, svd 0.0700 (paired test, p < 0.001)."
    )
    behind = make_evaluation()
    assert simple_rule_ahead(behind, behind.tasks[0], "recall@20") is None
    # A trained model is no simple rule.
    assert two_trained(levels=(0.07, 0.08, 0.06, 0.07, 0.01, 0.03)) is not None
    several = two_trained(levels=(0.07, 0.08, 0.06, 0.07, 0.01, 0.03))
    assert simple_rule_ahead(several, several.tasks[0], "recall@20") is None


@pytest.fixture(scope="module")
def walked(planted, tmp_path_factory):
    """An engineer evaluates two configs together with two seeds, and each of them alone."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "small.toml").write_text("[svd]\ndim = 32\n")
    (folder / "large.toml").write_text("[svd]\ndim = 48\n[graph]\nweight = 0.5\nepochs = 2\n")

    def run(name, *options):
        arguments = ["evaluate", str(planted.folder), str(folder / name), "--holdout-days", "20"]
        options = (*options, "--baseline", "popularity", "--baseline", "personal-frequency")
        return CliRunner().invoke(
            build_app(), [*arguments, "--top-k", "10", "--resamples", "200", *map(str, options)]
        )

    small, large = ("--config", folder / "small.toml"), ("--config", folder / "large.toml")
    done = {
        "both": run("both", *small, *large, "--seeds", "2", "--report"),
        "small": run("small", *small),
        "large": run("large", *large),
    }
    for one in done.values():
        assert one.exit_code == 0, one.output
    return folder, run, done["both"].stdout


def test_the_leaderboard_recommends_one(walked):
    folder, _, printed = walked
    found = read_evaluation(folder / "both")
    assert set(found.contenders) == {"small", "large"}
    assert found.models[0] == found.recommendation.model
    assert found.baselines == ("popularity", "personal-frequency")
    assert "leaderboard: recall@10 of each task" in printed
    assert f"Take {found.recommendation.model}: " in printed
    means = [
        one.metrics["recall@10"].mean
        for one in found.tasks[0].models
        if one.model in found.recommendation.tied
    ]
    assert found.recommendation.best in found.recommendation.tied and len(means) >= 1
    assert sorted(path.name for path in (folder / "both").iterdir() if path.is_dir()) == [
        "past-large",
        "past-small",
        "plots",
    ]
    assert set(found.settings) == {"small", "large"} and found.settings["small"]["svd"]["dim"] == 32
    Recommender.open(folder / "both" / "past-small")


def test_the_figures_are_those_of_separate_evaluations(walked):
    folder, _, _ = walked
    both = read_evaluation(folder / "both")
    for name in both.contenders:
        alone = read_evaluation(folder / name)
        assert len(alone.contenders) == 1
        for task in alone.tasks:
            ours = {one.model: one for one in both.task(task.name).models}
            # Alone, a model has the name of its encoder; it stands first, then popularity.
            for model, other in zip((name, "popularity"), task.models[:2], strict=True):
                assert ours[model].metrics.keys() == other.metrics.keys()
                for metric, measured in other.metrics.items():
                    same = ours[model].metrics[metric]
                    assert same.mean == measured.mean
                    # The ends are means of samples, which are summed in another order.
                    assert (same.low, same.high) == pytest.approx((measured.low, measured.high))


def test_every_pair_with_a_trained_model_is_compared_once(walked):
    folder, _, _ = walked
    found = read_evaluation(folder / "both")
    pairs = {(one.model, one.against) for one in found.tasks[0].comparisons}
    names = [one.model for one in found.tasks[0].models]
    assert pairs == {
        (model, other) for place, model in enumerate(names[:2]) for other in names[place + 1 :]
    }


def test_the_spread_over_seeds_is_told(walked):
    folder, _, printed = walked
    found = read_evaluation(folder / "both")
    assert "means over 2 random seeds" in printed
    for one in found.seeds:
        assert len(one.means) == 2
        (ours,) = (each for each in found.task(one.task).models if each.model == one.model)
        assert one.means[0] == pytest.approx(ours.metrics[one.metric].mean)
    differ = {one.model for one in found.seeds if any(a != b for a, b in pairwise(one.means))}
    assert "large" in differ


def test_personal_frequency_is_not_asked_for_what_is_new(walked):
    folder, _, _ = walked
    found = read_evaluation(folder / "both")
    asked = {
        task.name for task in found.tasks if "personal-frequency" in {m.model for m in task.models}
    }
    assert {"all products", "bought before"} <= asked and "new products" not in asked


def test_the_report_names_the_recommended_model(walked):
    folder, _, _ = walked
    found = read_evaluation(folder / "both")
    page = (folder / "both" / "report.html").read_text(encoding="utf-8")
    words = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert f"Take {found.recommendation.model}: " in words
    values = {one.model: one.metrics["recall@10"].mean for one in found.tasks[0].models}
    for name in found.contenders:
        assert f"{values[name]:.4f}" in words


def test_two_models_of_one_name_are_an_error(walked):
    folder, run, _ = walked
    done = run("wrong", "--preset", "default", "--preset", "default")
    assert done.exit_code == 6 and says(done.stderr, "two models are called 'default'")
    assert not list(folder.glob("wrong*"))


def test_compare_models_shows_the_values(walked):
    folder, _, _ = walked
    done = CliRunner().invoke(
        build_app(),
        ["compare-models", str(folder / "both"), "--model", "small", "--against", "large"],
    )
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if "recall@10" in line)
    found = read_evaluation(folder / "both").tasks[0]
    values = {one.model: one.metrics["recall@10"].mean for one in found.models}
    for name in ("small", "large"):
        assert f"{values[name]:.4f}" in line
    assert json.loads((folder / "both" / "evaluation.json").read_text())["trained"]
