"""Leaks that are planted are found; a clean split gives none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from graphdb.errors import DataLeakageError, InsufficientDataError
from graphdb.schema import SCHEMA
from graphrec.bundle import Adjacency
from training.data import ALWAYS_S, DAY_S, load_graph
from training.evaluation.leaks import check_leaks
from training.splitting.holdout import given_split, hold_out_last_of_each
from training.splitting.split import graph_before, hold_out_last

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
CARTED = SCHEMA.edge_type("CARTED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
SOLD_BY = SCHEMA.edge_type("SOLD_BY")
CUT = 80 * DAY_S
DAY = DAY_S


@pytest.fixture
def graph(make_graph):
    """Three users; purchases until day 90, of which the last ten are held out.

    Held out: user 0 buys 1 again and 2; user 1 buys 0; user 2 buys 3, which has no other buyer.
    """
    past = [(0, 0, 10 * DAY), (0, 1, 20 * DAY), (1, 1, 79 * DAY), (2, 0, 70 * DAY)]
    future = [(0, 1, 85 * DAY), (0, 2, 88 * DAY), (1, 0, 86 * DAY), (2, 3, 90 * DAY - 1)]
    views = [(0, 0, 9 * DAY), (2, 1, 60 * DAY), (2, 3, 85 * DAY)]
    edges = [(product, 0, ALWAYS_S) for product in range(4)]
    return make_graph(
        {"User": 3, "Product": 5, "Brand": 2, "Shop": 2},
        {PURCHASED: [*past, *future], VIEWED: views, CARTED: [], MADE_BY: edges, SOLD_BY: []},
    )


@pytest.fixture
def holdout(graph):
    found = hold_out_last(graph, PURCHASED, 10)
    assert found.cutoff_s == CUT
    return found


def checked(graph, holdout):
    return {finding.check: finding for finding in check_leaks(graph, holdout, SCHEMA)}


def add(graph, edge_type, source, target, at_s):
    """One more edge; the graph of a holdout shares no store with the whole one."""
    store = graph[edge_type]
    store.edge_index = torch.cat([store.edge_index, torch.tensor([[source], [target]])], dim=1)
    store.at_s = torch.cat([store.at_s, torch.tensor([at_s])])
    store.count = torch.cat([store["count"], torch.ones(1)])


def test_a_clean_split_by_time(graph, holdout):
    found = checked(graph, holdout)
    assert list(found) == [
        "nothing after the cut-off", "auxiliary events", "new pairs", "viewed before",
        "derived edges",
    ]  # fmt: skip
    assert {finding.level for finding in found.values()} == {"ok"}
    assert found["nothing after the cut-off"].figures == {"edges": 4 + 2 + 4}
    assert found["auxiliary events"].figures == {
        "User-PURCHASED-Product, missing": 0,
        "User-PURCHASED-Product, days to the cut-off": 1,
        "User-VIEWED-Product, missing": 0,
        "User-VIEWED-Product, days to the cut-off": 20,
    }
    assert found["new pairs"].figures == {"pairs": 4, "new": 3, "taken before": 1}
    assert found["viewed before"].figures == {"share": 0}
    edges = found["derived edges"]
    assert edges.figures["User, only after"] == 0
    assert edges.figures["Product, only after"] == edges.figures["Product, never taken"] + 1 == 2
    assert edges.figures["held-out pairs of Product, only after"] == 2
    assert "2 Product nodes have events only in the holdout and 1 none at all" in edges.message


@pytest.mark.parametrize(
    ("edge_type", "at_s", "days"),
    [(PURCHASED, CUT, "0.0"), (VIEWED, CUT + DAY, "1.0"), (MADE_BY, CUT + 36 * 3600, "1.5")],
)
def test_an_edge_from_the_cut_off_on(graph, holdout, edge_type, at_s, days):
    """An event of the target edge type, another event, an edge that began later."""
    add(holdout.train_graph, edge_type, 0, 1, at_s)
    message = rf"training has 1 {edge_type} edges from the cut-off 1970-03-22 00:00 UTC on, the la"
    with pytest.raises(
        DataLeakageError, match=message + rf"st {days} days after it; expected none; cut"
    ):
        check_leaks(graph, holdout, SCHEMA)


def test_auxiliary_events_that_were_not_cut(graph, holdout):
    holdout.train_graph[VIEWED].update(graph[VIEWED])
    with pytest.raises(
        DataLeakageError, match="training has 1 User-VIEWED-Product edges from the cut-"
    ):
        check_leaks(graph, holdout, SCHEMA)


def test_auxiliary_events_that_were_cut_too_early(graph, holdout):
    earlier = graph_before(graph, 50 * DAY)
    holdout.train_graph[VIEWED].update(earlier[VIEWED])
    finding = checked(graph, holdout)["auxiliary events"]
    assert finding.level == "warning"
    assert "lacks events from before the cut-off (1 User-VIEWED-Product)" in finding.message
    assert finding.figures["User-VIEWED-Product, missing"] == 1
    assert finding.figures["User-VIEWED-Product, days to the cut-off"] == 71


def test_a_new_pair_that_training_has(graph, holdout):
    leaky = replace(holdout, new_truth=holdout.truth)
    with pytest.raises(
        DataLeakageError,
        match=r"1 of 4 pairs of the holdout that count as new are User-PURCHASED-Product edges in "
        r"training, the first from row 0 to row 1",
    ) as raised:
        check_leaks(graph, leaky, SCHEMA)
    assert raised.value.value == (0, 1)


def test_new_pairs_that_were_viewed_or_carted(graph, holdout):
    """Of three new pairs, (0, 2) was carted, (2, 3) viewed and carted, (1, 0) neither."""
    add(holdout.train_graph, VIEWED, 2, 3, 70 * DAY)
    add(holdout.train_graph, CARTED, 2, 3, 71 * DAY)
    add(holdout.train_graph, CARTED, 0, 2, 5 * DAY)
    finding = checked(graph, holdout)["viewed before"]
    assert finding.level == "warning"
    assert finding.figures == {
        "share": 2 / 3,
        "share VIEWED": 1 / 3,
        "share CARTED": 2 / 3,
        "recall@20 of what was viewed alone": 2 / 3,
    }
    assert "66.7% of the new pairs of the holdout are in training as VIEWED or CARTED" in (
        finding.message
    )


def test_only_the_last_views_find_anything(make_graph):
    """User 0 viewed 25 products, the first of which is the one that is bought."""
    views = [(0, product, product * DAY) for product in range(25)]
    bought = [(1, 25, 30 * DAY), (0, 0, 45 * DAY), (0, 24, 45 * DAY)]
    graph = make_graph({"User": 2, "Product": 26}, {PURCHASED: bought, VIEWED: views})
    finding = checked(graph, hold_out_last(graph, PURCHASED, 10))["viewed before"]
    assert finding.figures["share"] == 1
    assert finding.figures["recall@20 of what was viewed alone"] == 1 / 2


@pytest.fixture
def catalogue(make_graph):
    """Products 0 to 29 sell before, 30 to 59 only later, 60 to 89 never; all have a brand."""
    bought = [(product % 5, product, 10 * DAY) for product in range(30)]
    bought += [(product % 5, product, 90 * DAY) for product in range(30, 60)]
    edges = [(product, product % 3, ALWAYS_S) for product in range(90)]
    return make_graph(
        {"User": 6, "Product": 90, "Brand": 3, "Shop": 2},
        {PURCHASED: bought, MADE_BY: edges, SOLD_BY: []},
    )


def with_shops(graph, products, since_s=ALWAYS_S):
    for product in products:
        add(graph, SOLD_BY, product, 0, since_s)
    return graph


def test_edges_that_were_made_from_all_sales(catalogue):
    """The shop of every product that ever sold: an edge tells that it will sell."""
    graph = with_shops(catalogue, range(60))
    finding = checked(graph, hold_out_last(graph, PURCHASED, 10))["derived edges"]
    assert finding.level == "warning"
    assert finding.message.startswith("Product-SOLD_BY-Shop: Product nodes with events only in")
    assert finding.figures == {
        "User, only after": 0,
        "Product, only after": 30,
        "Product, never taken": 30,
        "held-out pairs of Product, only after": 30,
        "Product-MADE_BY-Brand: connected, of only after": 1,
        "Product-MADE_BY-Brand: connected, of never taken": 1,
        "Product-SOLD_BY-Shop: connected, of only after": 1,
        "Product-SOLD_BY-Shop: connected, of never taken": 0,
    }


def test_edges_that_tell_nothing(catalogue):
    """From the past's sales alone; of half of all products; or with a beginning."""
    for products, since_s in ((range(30), ALWAYS_S), (range(0, 90, 2), ALWAYS_S), (range(60), 0)):
        graph = with_shops(catalogue.clone(), products, since_s)
        finding = checked(graph, hold_out_last(graph, PURCHASED, 10))["derived edges"]
        assert finding.level == "ok"
        assert finding.message == (
            "edges do not reveal which targets have events only in the holdout"
        )


def test_the_last_of_each_is_later_than_others_training(make_graph):
    """User 0's last is on day 10, user 1's on day 30; what user 1 did on day 20 is later."""
    bought = [
        (0, 0, 5 * DAY),
        (0, 1, 10 * DAY),
        (1, 0, 6 * DAY),
        (1, 2, 20 * DAY),
        (1, 1, 30 * DAY),
    ]
    graph = make_graph({"User": 2, "Product": 3}, {PURCHASED: bought})
    found = checked(graph, hold_out_last_of_each(graph, PURCHASED))
    assert list(found) == ["later events", "new pairs", "viewed before", "derived edges"]
    # half of what is held out is from day 20 (the median of 10 and 30) on: one of three
    assert found["later events"].level == "warning"
    assert found["later events"].figures == {
        "later than half of the held-out pairs": 1 / 3,
        "later, by the query node itself": 0,
    }


def test_what_a_query_node_did_after_a_given_pair(make_graph):
    bought = [(0, 0, 5 * DAY), (0, 1, 10 * DAY), (0, 2, 15 * DAY), (1, 1, 2 * DAY), (1, 0, 3 * DAY)]
    graph = make_graph({"User": 2, "Product": 3}, {PURCHASED: bought})
    pairs = Adjacency.from_edges(np.array([0, 1]), np.array([1, 0]), 2, 3)
    finding = checked(graph, given_split(graph, SCHEMA, PURCHASED, pairs))["later events"]
    # asked: day 10 and day 3; left: days 5 and 15 of user 0, day 2 of user 1
    assert finding.figures == {
        "later than half of the held-out pairs": 1 / 3,
        "later, by the query node itself": 1 / 3,
    }


def test_a_given_split_without_times(make_graph):
    graph = make_graph({"User": 2, "Product": 2}, {PURCHASED: [(0, 0), (0, 1), (1, 0)]})
    pairs = Adjacency.from_edges(np.array([0]), np.array([1]), 2, 2)
    finding = checked(graph, given_split(graph, SCHEMA, PURCHASED, pairs))["later events"]
    assert (finding.level, finding.figures) == ("warning", {})
    assert "has no times" in finding.message
    with pytest.raises(InsufficientDataError, match="at two moments; bring data with times"):
        hold_out_last_of_each(graph, PURCHASED)


def test_a_world_is_clean(planted):
    graph = load_graph(planted)
    for holdout in (hold_out_last(graph, PURCHASED, 28), hold_out_last_of_each(graph, PURCHASED)):
        found = checked(graph, holdout)
        found.pop("later events", None)
        assert {finding.level for finding in found.values()} == {"ok"}
