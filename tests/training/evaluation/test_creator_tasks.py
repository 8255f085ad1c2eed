"""Creators for products and brands, by hand: what is asked, and what the plain rules answer.

p0 and p1 are b0's and stand in c0 (p1 in c1 too), p2 is b1's in c1. k0 carried p0, k1 p2; since the
cut-off, k1 carries p0, and again p2, and k2 p1. k0 has one follower, k1 three, k2 none.
"""

import numpy as np
import pytest
import torch

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from training.data import DAY_S
from training.evaluation.baselines import (
    CATEGORY_SALES,
    CATEGORY_SELLERS,
    EASE,
    FOLLOWERS,
    OF_CREATORS,
    SELLERS,
    TO_CREATORS,
    USUAL,
    baseline,
    usual_baselines,
)
from training.evaluation.creators import OF_BRAND, OF_PRODUCT, TO_CREATOR, creator_tasks
from training.evaluation.run import BUYING
from training.evaluation.tasks import all_tasks
from training.splitting.split import graph_before, hold_out_last

PURCHASED, MADE_BY = BUYING
FOLLOWS = SCHEMA.edge_type("FOLLOWS", target="Creator")
PROMOTES, FEATURES = SCHEMA.edge_type("PROMOTES"), SCHEMA.edge_type("FEATURES")
PUBLISHED, IN_CATEGORY = SCHEMA.edge_type("PUBLISHED"), SCHEMA.edge_type("IN_CATEGORY")
CUTOFF = 100
NODES = {"User": 4, "Product": 3, "Brand": 2, "Creator": 3, "Category": 2, "Content": 5}
SALES = [(0, 0, 1), (1, 0, 2), (1, 1, 3), (2, 2, 4), (0, 0, 5)]
EDGES = {
    PURCHASED: SALES,
    MADE_BY: [(0, 0), (1, 0), (2, 1)],
    IN_CATEGORY: [(0, 0), (1, 0), (1, 1), (2, 1)],
    FOLLOWS: [(0, 0, 7), (0, 1, 7), (1, 1, 8), (2, 1, 9)],
}
CARRIED = [(0, 0, 10), (1, 2, 20), (1, 0, 110), (1, 2, 120), (2, 1, 130)]
SHOWN = {
    PUBLISHED: [(creator, content, at) for content, (creator, _, at) in enumerate(CARRIED)],
    FEATURES: [(content, product, at) for content, (_, product, at) in enumerate(CARRIED)],
}


def tasks_of(make_graph, edges):
    graph = make_graph(NODES, {**EDGES, **edges})
    found = creator_tasks(graph, graph_before(graph, CUTOFF), CUTOFF, SCHEMA)
    return {task.name: task for task in found}


def rows(adjacency):
    return [adjacency.targets(row).tolist() for row in range(adjacency.num_sources)]


@pytest.mark.parametrize(
    ("edges", "relation"),
    [
        ({PROMOTES: CARRIED}, "PROMOTES"),
        (SHOWN, "FEATURES"),
        ({PROMOTES: [(0, 0), (1, 2)], **SHOWN}, "FEATURES"),  # promotions without dates
        ({PROMOTES: CARRIED, PUBLISHED: [], FEATURES: []}, "PROMOTES"),
    ],
)
def test_who_began_to_carry_it(make_graph, edges, relation):
    tasks = tasks_of(make_graph, edges)
    assert set(tasks) == {OF_PRODUCT, OF_BRAND, *TO_CREATOR.values()}
    assert rows(tasks[OF_PRODUCT].truth) == [[1], [2], []]
    assert rows(tasks[OF_PRODUCT].target.seen) == [[0], [], [1]]
    assert rows(tasks[OF_BRAND].truth) == [[1, 2], []]  # k1 carried b1's p2 before
    assert rows(tasks[OF_BRAND].target.seen) == [[0], [1]]
    assert {task.exclude_seen.relations for task in tasks.values()} == {(relation,)}
    to_creator = {name: tasks[task] for name, task in TO_CREATOR.items()}
    assert rows(to_creator["Product"].truth) == [[], [0], [1]]
    assert rows(to_creator["Product"].target.seen) == [[0], [2], []]
    assert rows(to_creator["Brand"].truth) == [[], [0], [0]]  # k1 carried b1's p2 before
    assert rows(to_creator["Category"].truth) == [[], [0], [0, 1]]  # and c1
    assert rows(to_creator["Category"].target.seen) == [[0], [1], []]


@pytest.mark.parametrize(
    "edges", [{}, {PROMOTES: [(0, 0, 10)]}, {PROMOTES: [(0, 0, 110)]}, {PUBLISHED: [(0, 0, 110)]}]
)
def test_without_a_before_and_an_after_nothing_is_asked(make_graph, edges):
    assert not tasks_of(make_graph, edges)


def test_nobody_but_old_carriers_is_no_question(make_graph):
    """k0 carries p0 and then p1, both b0's: new for the product, not for the brand."""
    tasks = tasks_of(make_graph, {PROMOTES: [(0, 0, 10), (0, 1, 110)]})
    assert set(tasks) == {OF_PRODUCT, TO_CREATOR["Product"], TO_CREATOR["Category"]}
    assert rows(tasks[TO_CREATOR["Category"]].truth) == [[1], [], []]


def test_categories_are_those_with_none_below_them(make_graph):
    """c0 is a part of c1, which is therefore no answer."""
    tree = {SCHEMA.edge_type("CHILD_OF"): [(0, 1)]}
    task = tasks_of(make_graph, {PROMOTES: CARRIED, **tree})[TO_CREATOR["Category"]]
    assert rows(task.target.seen) == [[0], [], []]
    assert rows(task.truth) == [[], [0], [0]]
    assert task.levels == "leaf"


def test_best_sellers_by_hand(make_graph):
    """p0 and b0 sell to two, p1 and p2 to one each; k0 carries c0, k1 and nobody else c1."""
    tasks = tasks_of(make_graph, {PROMOTES: CARRIED})
    scores = {
        (rule, name): baseline(rule, 0)
        .learn(tasks[TO_CREATOR[name]].target)
        .scores(torch.arange(3))
        .tolist()
        for rule, name in (
            (SELLERS, "Product"),
            (SELLERS, "Brand"),
            (SELLERS, "Category"),
            (CATEGORY_SELLERS, "Product"),
            (CATEGORY_SELLERS, "Brand"),
        )
    }
    assert scores[SELLERS, "Product"] == [[2, 1, 1]] * 3
    assert scores[SELLERS, "Brand"] == [[2, 1]] * 3
    assert scores[SELLERS, "Category"] == [[2, 2]] * 3
    # c0: p0 sells to two, p1 to one; c1: p1 and p2 to one each.
    assert scores[CATEGORY_SELLERS, "Product"] == [[2, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert scores[CATEGORY_SELLERS, "Brand"] == [[3, 0], [1, 1], [0, 0]]
    target = tasks[TO_CREATOR["Category"]].target
    assert not baseline(CATEGORY_SELLERS, 0).fits(target)
    without_sales = tasks_of(make_graph, {PROMOTES: CARRIED, PURCHASED: []})
    for name in ("Product", "Brand"):
        target = without_sales[TO_CREATOR[name]].target
        for rule in TO_CREATORS:
            assert not baseline(rule, 0).fits(target)
            with pytest.raises(InsufficientDataError, match="to count"):
                baseline(rule, 0).learn(target)


@pytest.mark.parametrize("name", [OF_PRODUCT, OF_BRAND])
def test_plain_rules_by_hand(make_graph, name):
    """Three follow k1, one k0. p0 has two buyers, in c0; p2 has one, in c1."""
    task = tasks_of(make_graph, {PROMOTES: CARRIED})[name]
    queries = np.arange(task.truth.num_sources)
    scores = {
        rule: baseline(rule, 0).learn(task.target).scores(torch.from_numpy(queries)).tolist()
        for rule in OF_CREATORS
    }
    assert scores[FOLLOWERS] == [[1, 3, 0]] * len(queries)
    assert (
        scores[CATEGORY_SALES]
        == {
            OF_PRODUCT: [[2, 0, 0], [2, 1, 0], [0, 1, 0]],
            OF_BRAND: [[2, 1, 0], [0, 1, 0]],
        }[name]
    )
    assert baseline(FOLLOWERS, 0).top(task, np.array([0]), 3).tolist() == [[1, 2, -1]]


def test_which_baselines_are_asked(make_graph):
    graph = make_graph(NODES, {**EDGES, PROMOTES: CARRIED, PURCHASED: [*SALES, (3, 2, 2 * DAY_S)]})
    holdout = hold_out_last(graph, PURCHASED, 1)
    main = all_tasks(graph, holdout, SCHEMA, MADE_BY)[0].target
    tasks = tasks_of(make_graph, {PROMOTES: CARRIED})
    targets = [main, *(task.target for task in tasks.values())]
    assert set(usual_baselines([main])) <= set(USUAL)
    assert usual_baselines(targets) == (*usual_baselines([main]), *OF_CREATORS, *TO_CREATORS)
    assert not any(baseline(EASE, 0).can_answer(task) for task in tasks.values())
    assert not baseline(FOLLOWERS, 0).fits(main)


@pytest.mark.parametrize(("rule", "missing"), [(FOLLOWERS, FOLLOWS), (CATEGORY_SALES, IN_CATEGORY)])
def test_without_what_it_counts_a_rule_says_so(make_graph, rule, missing):
    task = tasks_of(make_graph, {PROMOTES: CARRIED, missing: []})[OF_PRODUCT]
    assert not baseline(rule, 0).can_answer(task)
    with pytest.raises(InsufficientDataError, match="to count"):
        baseline(rule, 0).learn(task.target)
