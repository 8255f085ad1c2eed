"""The cut in time: no future in the train graph, nothing of the past lost, truth as it was."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from training.data import ALWAYS_S, DAY_S, edge_types_of, load_graph
from training.splitting.split import graph_before, hold_out_last

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
SIZES = {"User": 4, "Product": 5, "Brand": 2}

times = st.integers(0, 12 * DAY_S)
events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), times), max_size=25)
edges = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 1), st.one_of(st.just(ALWAYS_S), times)),
    max_size=8,
)


def rows_of(graph, edge_type):
    store = graph[edge_type]
    return list(zip(*store.edge_index.tolist(), store.at_s.tolist(), strict=True))


@given(events, events, edges, st.integers(1, 10))
def test_no_leak_and_no_loss(make_graph, purchases, views, made_by, days):
    graph = make_graph(SIZES, {PURCHASED: purchases, VIEWED: views, MADE_BY: made_by})
    end_s = max((at_s for *_, at_s in purchases), default=0) + 1
    cutoff_s = end_s - days * DAY_S
    if not any(at_s < cutoff_s for *_, at_s in purchases):
        with pytest.raises(InsufficientDataError, match=r"hold(ing)? out"):
            hold_out_last(graph, PURCHASED, days)
        return
    holdout = hold_out_last(graph, PURCHASED, days)
    assert holdout.cutoff_s == cutoff_s
    for edge_type, rows in ((PURCHASED, purchases), (VIEWED, views), (MADE_BY, made_by)):
        assert rows_of(holdout.train_graph, edge_type) == [r for r in rows if r[2] < cutoff_s]
    past = {(user, product) for user, product, at_s in purchases if at_s < cutoff_s}
    future = {(user, product) for user, product, at_s in purchases if at_s >= cutoff_s}
    for user in range(SIZES["User"]):
        bought = {product for who, product in future if who == user}
        assert holdout.truth.targets(user).tolist() == sorted(bought)
        new = {product for product in bought if (user, product) not in past}
        assert holdout.new_truth.targets(user).tolist() == sorted(new)


def test_every_property_is_cut_and_nodes_stay(planted):
    graph = load_graph(planted)
    holdout = hold_out_last(graph, PURCHASED, 28)
    kept = int((graph[PURCHASED].at_s < holdout.cutoff_s).sum())
    assert 0 < kept < graph[PURCHASED].at_s.numel()
    train = holdout.train_graph
    assert {name: train[name].num_nodes for name in train.node_types} == {
        name: graph[name].num_nodes for name in graph.node_types
    }
    assert edge_types_of(train) == edge_types_of(graph)
    assert list(train[PURCHASED]) == list(graph[PURCHASED])
    assert {tensor.shape[-1] for tensor in train[PURCHASED].values()} == {kept}
    assert train.validate()


def test_validation_is_cut_from_train_by_the_same_function(planted):
    test = hold_out_last(load_graph(planted), PURCHASED, 28)
    validation = hold_out_last(test.train_graph, PURCHASED, 28)
    assert validation.cutoff_s < test.cutoff_s - 27 * DAY_S
    assert int(validation.train_graph[PURCHASED].at_s.max()) < validation.cutoff_s


def test_an_edge_at_the_very_cut_is_future(make_graph):
    graph = make_graph({"User": 1, "Product": 2}, {PURCHASED: [(0, 0, 9), (0, 1, 10)]})
    assert graph_before(graph, 10)[PURCHASED].at_s.tolist() == [9]
    assert torch.equal(graph_before(graph, 11)[PURCHASED].at_s, graph[PURCHASED].at_s)


spread = st.lists(st.integers(0, 9 * DAY_S), min_size=1, max_size=6)


@given(spread, st.integers(1, 12))
def test_fewer_days_are_named_only_where_they_help(make_graph, at_s, days):
    graph = make_graph({"User": 1, "Product": 1}, {PURCHASED: [(0, 0, moment) for moment in at_s]})
    try:
        hold_out_last(graph, PURCHASED, days)
    except InsufficientDataError as error:
        named = re.search(r"hold out fewer days, (\d+) at most", str(error))
        assert (named is None) == (max(at_s) - min(at_s) < DAY_S)
        if named is None:
            assert "fewer" not in str(error)
            with pytest.raises(InsufficientDataError):
                hold_out_last(graph, PURCHASED, 1)
            return
        most = int(named[1])
        assert most < days
        hold_out_last(graph, PURCHASED, most)
        with pytest.raises(InsufficientDataError):
            hold_out_last(graph, PURCHASED, most + 1)


@pytest.mark.parametrize(
    ("at_s", "message"),
    [
        ([5, 5, 5], "all 3 are at one time; expected User-.* edges on more than one day; train"),
        ([0, DAY_S - 1], "are within 1.0 days; expected"),
        ([0, 5 * DAY_S], "are within 5.0 days; hold out fewer days, 5 at most"),
        ([ALWAYS_S] * 2, "no User-PURCHASED-Product edge has a time"),
    ],
)
def test_why_there_is_too_little(make_graph, at_s, message):
    graph = make_graph({"User": 1, "Product": 1}, {PURCHASED: [(0, 0, moment) for moment in at_s]})
    with pytest.raises(InsufficientDataError, match=message):
        hold_out_last(graph, PURCHASED, 28)


def test_too_little_to_hold_out(make_graph):
    close = make_graph({"User": 1, "Product": 2}, {PURCHASED: [(0, 0, 0), (0, 1, DAY_S // 2)]})
    with pytest.raises(
        InsufficientDataError, match=r"leaves no .* edge to train on; all 2 are within 0.5"
    ):
        hold_out_last(close, PURCHASED, 7)
    with pytest.raises(InsufficientDataError, match="the last 0 days of 2"):
        hold_out_last(close, PURCHASED, 0)
    empty = make_graph({"User": 1, "Product": 2}, {PURCHASED: []})
    with pytest.raises(InsufficientDataError, match="days of 0 User-PURCHASED-Product edges"):
        hold_out_last(empty, PURCHASED, 7)
