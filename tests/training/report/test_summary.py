from dataclasses import replace

import pytest
from contracts.evaluations import LEVELS, make_evaluation

from training.report.sections.headline import lost, sentence, summary_of

ASKED = "Asked what 2,014 users would do in the 28 days from 4 December 2017 on, "


def told(levels, p_value=0.0002):
    return sentence(make_evaluation(levels, p_value)).removeprefix(ASKED)


def test_ahead():
    assert told((0.12, 0.05, 0.06, 0.07, 0.08, 0.03)) == (
        "svd found 12.0 % of what they then bought with 20 suggestions each, "
        "50 % more than the best baseline, iALS, with 8.0 % (paired test, p < 0.001)."
    )


def test_behind():
    assert told((0.06, 0.05, 0.08, 0.07, 0.06, 0.03), 0.012) == (
        "svd found 6.0 % of what they then bought with 20 suggestions each, "
        "25 % less than the best baseline, recent popularity, with 8.0 % (paired test, p = 0.012)."
    )


def test_a_little_ahead_has_a_digit_more():
    assert ", 3.7 % more than the best baseline" in told((0.084, 0.05, 0.06, 0.07, 0.081, 0.03))


@pytest.mark.parametrize("ours", [0.085, 0.075])
def test_no_more_apart_than_by_chance(ours):
    words = told((ours, 0.05, 0.06, 0.07, 0.08, 0.03), 0.4)
    assert "no more apart than by chance from the best baseline, iALS, with 8.0 %" in words
    assert "p = 0.400" in words
    assert "more than the best" not in words


def test_the_same():
    words = told((0.08, 0.05, 0.06, 0.07, 0.08, 0.03))
    assert words.endswith("each, as the best baseline, iALS, with 8.0 % (paired test, p < 0.001).")


def test_beside_baselines_that_found_nothing_there_is_no_percentage():
    words = told((0.08, 0, 0, 0, 0, 0))
    assert ", more than the best baseline, popularity, with 0.0 % (" in words
    assert ", as the best baseline, popularity, with 0.0 % (" in told((0, 0, 0, 0, 0, 0))


def changed(evaluation, **changes):
    """With another first task."""
    task = evaluation.tasks[0].model_copy(update=changes)
    return evaluation.model_copy(update={"tasks": (task, *evaluation.tasks[1:])})


def test_without_a_test_the_sentence_says_so():
    evaluation = changed(make_evaluation(), comparisons=())
    assert sentence(evaluation).endswith("the best baseline, iALS, with 8.1 % (not tested).")


def test_without_a_baseline_it_says_so():
    evaluation = make_evaluation()
    evaluation = changed(evaluation, models=evaluation.tasks[0].models[:1])
    assert sentence(evaluation).endswith("with 20 suggestions each, with no baseline beside it.")


def test_other_splits():
    evaluation = make_evaluation()
    for split, begin in (
        ("leave-last-out", "Asked for the last step of each of 2,014 users, "),
        ("given", "Asked for what was held out of 2,014 users, "),
    ):
        protocol = evaluation.protocol.model_copy(update={"split": split, "cutoff": None})
        assert sentence(evaluation.model_copy(update={"protocol": protocol})).startswith(begin)


def test_a_baseline_ahead_is_counted_in_every_task():
    losses, compared = lost(make_evaluation((0.07, 0.05, 0.06, 0.07, 0.08, 0.03)))
    assert compared == len(losses) == 5 * 21  # five tasks, seven metrics at three lengths
    assert {one.summary.best_baseline for one in losses} == {"iALS"}
    assert lost(make_evaluation())[0] == []


def test_the_verdict_has_the_test_of_its_own_metric():
    evaluation = make_evaluation()
    summary = summary_of(evaluation, evaluation.tasks[0], "ndcg@20")
    assert summary.comparison.metric == "ndcg@20" and summary.is_sure
    assert not replace(summary, comparison=None).is_sure
    assert summary_of(evaluation, evaluation.tasks[0], "recall@7") is None
    assert LEVELS[0] > LEVELS[4]
