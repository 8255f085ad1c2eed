"""What is asked: truths and gains counted by hand."""

from dataclasses import replace

import pytest
import torch

from graphdb.checked_schema import Schema
from graphdb.schema import SCHEMA
from training.data import AT_S, DAY_S
from training.evaluation.tasks import all_tasks, first_tasks
from training.splitting.split import Holdout, hold_out_last

PURCHASED, MADE_BY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY")


@pytest.fixture
def tasks(whole, holdout):
    return {task.name: task for task in all_tasks(whole, holdout, SCHEMA, MADE_BY)}


def truths(task):
    return [task.truth.targets(row).tolist() for row in range(task.truth.num_sources)]


def test_truths(tasks):
    assert {name: truths(task) for name, task in tasks.items()} == {
        "all products": [[0, 2], [1, 3], [], []],
        "bought before": [[0], [], [], []],
        "new products": [[2], [1, 3], [], []],
        "new brands": [[1], [2], [], []],
        # Of cups > home and tea > food the leaves are answers; bob's p4 is of home.
        "new categories": [[], [3], [], []],
        # bob followed lee before; nobody watched anything in the past to train on.
        "User-FOLLOWS-Creator": [[0], [], [], []],
    }


def test_gains_are_what_was_paid_less_what_came_back(tasks):
    # ann: p1 20 - 4, p3 5; bob: p2 of unknown value, p4 8. What ann sent back of p2 is no gain.
    assert tasks["all products"].gains.tolist() == [16, 5, 0, 8]
    assert tasks["bought before"].gains.tolist() == [16]
    assert tasks["new products"].gains.tolist() == [5, 0, 8]
    assert tasks["new brands"].gains.tolist() == [5, 8]
    assert tasks["User-FOLLOWS-Creator"].gains is None


def test_what_is_learned_and_what_was_had(tasks):
    brands = tasks["new brands"].target
    assert str(brands.edge_type) == "User-PURCHASED-Brand"
    assert [brands.seen.targets(row).tolist() for row in range(4)] == [[0], [0], [1], []]
    # Each purchase is one of the brand: two of p1 and one of p2 are three of acme.
    pairs = brands.graph[brands.edge_type].edge_index.T.tolist()
    assert sorted(pairs) == [[0, 0], [0, 0], [0, 0], [1, 0], [2, 1]]
    assert brands.edge_type in list(brands.schema.edge_types())
    assert tasks["all products"].target is tasks["new products"].target
    followed = tasks["User-FOLLOWS-Creator"]
    assert followed.target.seen.targets(0).tolist() == [1]
    assert followed.exclude_seen.relations == ("FOLLOWS",)


def test_who_had_a_category_had_what_it_is_a_part_of(holdout):
    """cups > home, tea > food: ann and bob bought in both trees, or one, before the cut-off."""
    tasks = first_tasks(holdout, SCHEMA, SCHEMA.edge_type("IN_CATEGORY"))
    (categories,) = [task for task in tasks if task.target_type == "Category"]
    had = [categories.target.seen.targets(row).tolist() for row in range(4)]
    assert had == [[0, 1, 2, 3], [0, 2], [0, 2], []]
    # bob's p4 stands in home, where bob's p1 stood through cups; p2 is tea.
    assert truths(categories) == [[], [3], [], []]


def test_peak_days_and_others(make_graph):
    """Two purchases a day, and forty on a day after the cut-off."""
    rows = [(number % 2, number % 5, day * DAY_S) for day in range(60) for number in (day, day + 1)]
    rows += [(number % 2, 5, 55 * DAY_S + number) for number in range(40)]
    graph = make_graph({"User": 2, "Product": 6}, {PURCHASED: rows})
    graph[PURCHASED].value = torch.where(graph[PURCHASED].edge_index[1] == 5, 3.0, 1.0)
    found = hold_out_last(graph, PURCHASED, 10)
    tasks = {task.name: task for task in all_tasks(graph, found, SCHEMA, MADE_BY)}
    assert 5 in truths(tasks["peak days"])[0]
    assert 5 not in truths(tasks["other days"])[0]
    assert tasks["peak days"].gains.sum() == 40 * 3 + 2 * 1
    late = (graph[PURCHASED][AT_S] >= found.cutoff_s).sum()
    assert tasks["other days"].gains.sum() == late - 40 - 2


def test_without_a_cut_off_nothing_needs_one(whole, holdout):
    timeless = Holdout(holdout.train_graph, PURCHASED, None, holdout.truth, holdout.new_truth)
    tasks = all_tasks(whole, timeless, SCHEMA, MADE_BY)
    names = ["all products", "bought before", "new products", "new brands", "new categories"]
    assert [task.name for task in tasks] == names
    assert all(task.gains is None for task in tasks)


def test_the_first_ones_are_those_of_train(holdout):
    tasks = first_tasks(holdout, SCHEMA, MADE_BY)
    assert [task.name for task in tasks] == ["all products", "new products", "new brands"]
    assert [task.exclude_seen for task in tasks] == [False, True, True]


def test_a_relation_that_tells_nothing_of_taste_is_not_asked_about(whole, holdout):
    follows = replace(SCHEMA.relation("FOLLOWS"), event_weight=0)
    schema = Schema(SCHEMA.node_types, {**SCHEMA.relations, "FOLLOWS": follows})
    names = [task.name for task in all_tasks(whole, holdout, schema, MADE_BY)]
    assert "User-FOLLOWS-Creator" not in names


def test_edges_can_be_predicted_too(make_graph):
    """A creator carries a second product of brand 0, and one of brand 1; edges have no count."""
    promotes = SCHEMA.edge_type("PROMOTES")
    graph = make_graph(
        {"Creator": 1, "Product": 3, "Brand": 2},
        {
            promotes: [(0, 0, 0), (0, 1, 9 * DAY_S), (0, 2, 9 * DAY_S)],
            MADE_BY: [(0, 0), (1, 0), (2, 1)],
        },
    )
    del graph[promotes].count
    found = hold_out_last(graph, promotes, 5)
    tasks = {task.name: truths(task) for task in all_tasks(graph, found, SCHEMA, MADE_BY)}
    assert tasks == {
        "all products": [[1, 2]],
        "new products": [[1, 2]],
        "new brands": [[1]],
    }
