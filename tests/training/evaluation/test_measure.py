"""From lists to results: what is counted where, by hand."""

import numpy as np
import pytest

from graphdb.schema import SCHEMA
from training.evaluation.bootstrap import METHOD
from training.evaluation.groups import Grouping
from training.evaluation.measure import EvalContext, Resampling, measure, rank_all
from training.evaluation.rankers import Catalogue
from training.evaluation.tasks import all_tasks

MADE_BY = SCHEMA.edge_type("MADE_BY")
HOW = Resampling((1, 2), 200, 0, fewest=1)


class Fixed:
    """Offers everyone the same; remembers what it was asked."""

    def __init__(self, name, *rows):
        self.name = name
        self.rows = rows
        self.asked = []
        self.learned = []

    def can_answer(self, task):
        return task.target_type != "Creator"

    def learn(self, target):
        self.learned.append(target)

    def top(self, task, query_rows, k):
        assert task.target in self.learned
        self.asked.append((task.name, query_rows.tolist(), k))
        return np.array([self.rows[:k]] * len(query_rows))


@pytest.fixture
def tasks(whole, holdout):
    return {task.name: task for task in all_tasks(whole, holdout, SCHEMA, MADE_BY)}


@pytest.fixture
def measured(tasks):
    """ann is to find p1 and p3, bob p2 and p4."""
    task = tasks["all products"]
    context = EvalContext(
        [Grouping("user activity", ("few", "none", "many"), np.array([2, 0, 0, 0]))],
        [Grouping("price band", ("low", "high"), np.array([0, 1, 0, -1, 1]))],
        Catalogue(np.array([3.0, 1, 1, 0, 0])),
    )
    models = [Fixed("good", 0, 1), Fixed("bad", 4, 3)]
    lists = {model.name: rank_all(model, [task], 2)[task.name] for model in models}
    return measure(task, lists, context, HOW)


def mean(result, model, metric):
    return result.models[model][metric].mean


def test_tasks_that_ask_the_same_share_one_ranking(tasks):
    model = Fixed("good", 0, 1)
    found = rank_all(model, list(tasks.values()), 2)
    assert model.asked == [
        ("all products", [0, 1], 2),
        ("new products", [0, 1], 2),
        ("new brands", [0, 1], 2),
        ("new categories", [1], 2),
    ]
    assert set(found) == set(tasks) - {"User-FOLLOWS-Creator"}
    assert found["bought before"].rows.tolist() == [[0, 1]]  # ann alone


def test_means_over_those_who_had_something_to_find(measured):
    result = measured.result
    assert (result.num_queries, result.num_pairs) == (2, 4)
    good, bad = result.models
    # ann finds p1 at rank 1, bob p2 at rank 2 of lists p1 p2; the others p4 at rank 2.
    assert good.metrics["recall@1"].mean == pytest.approx((1 / 2 + 0) / 2)
    assert good.metrics["recall@2"].mean == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert bad.metrics["recall@2"].mean == pytest.approx((0 + 1 / 2) / 2)
    # Gains: ann's p1 16 of 16 and 5; bob's p2 brought nothing, p4 brought 8.
    assert good.metrics["value_ndcg@1"].mean == pytest.approx((1 + 0) / 2)
    assert good.lists["coverage@2"] == 2 / 5
    found = bad.metrics["recall@2"]
    assert (found.low, found.high) == (0, 0.5)


def test_groups_of_query_nodes_leave_query_nodes_out(measured):
    groups = {one.group: one for one in measured.result.groups if one.of == "queries"}
    assert set(groups) == {"few", "many"}  # nobody is in the third
    assert (groups["many"].num_queries, groups["many"].num_pairs) == (1, 2)
    assert mean(groups["many"], "good", "hit_rate@2") == 1
    assert mean(groups["many"], "bad", "hit_rate@2") == 0
    assert mean(groups["few"], "bad", "recall@2") == 1 / 2


def test_groups_of_targets_restrict_what_is_to_be_found(measured):
    groups = {one.group: one for one in measured.result.groups if one.of == "targets"}
    # Low are p1 and p3, both ann's; high is p2, bob's; p4 has no price.
    assert (groups["low"].num_queries, groups["low"].num_pairs) == (1, 2)
    assert (groups["high"].num_queries, groups["high"].num_pairs) == (1, 1)
    assert mean(groups["low"], "good", "recall@2") == 1 / 2
    assert mean(groups["high"], "good", "recall@2") == 1
    # The list stays as it is: p2 stands at rank 2.
    assert mean(groups["high"], "good", "ndcg@2") == pytest.approx(1 / np.log2(3))


def test_comparisons_are_of_the_longest_lists(measured):
    found = {one.metric: one for one in measured.result.comparisons}
    assert set(found) == {f"{name}@2" for name in ("recall", "ndcg", "mrr", "hit_rate", "map")} | {
        "value_ndcg@2"
    }
    recall = found["recall@2"]
    assert (recall.model, recall.against, recall.method) == ("good", "bad", METHOD)
    assert recall.difference.mean == pytest.approx((1 / 2 + 0) / 2)
    # Differences of 1/2 and 0: every choice of signs is as far from 0.
    assert recall.p_value == 1


def test_figures_query_node_by_query_node(measured):
    assert measured.query_rows.tolist() == [0, 1]
    assert measured.values["bad"]["recall@2"].tolist() == [0, 1 / 2]


def test_one_model_alone_is_compared_with_nobody(tasks):
    task = tasks["bought before"]
    context = EvalContext([], [], Catalogue(np.ones(5)))
    lists = {"good": rank_all(Fixed("good", 0, 1), [task], 2)[task.name]}
    result = measure(task, lists, context, HOW).result
    assert (result.groups, result.comparisons) == ((), ())
