"""Splits without one moment for all: nothing held out is left in training, nothing else is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import InsufficientDataError, TrainingError
from graphdb.schema import SCHEMA
from graphrec.bundle import Adjacency
from training.data import ALWAYS_S, edge_types_of, load_graph
from training.splitting.holdout import given_split, hold_out_last_of_each

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
FOLLOWS = SCHEMA.edge_type("FOLLOWS", target="Brand")
MADE_BY = SCHEMA.edge_type("MADE_BY")
PROMOTES = SCHEMA.edge_type("PROMOTES")
SIZES = {"User": 4, "Product": 5, "Brand": 3}

times = st.integers(0, 9)
events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), times), max_size=25)
follows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), times), max_size=10)
edges = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 2), st.one_of(st.just(ALWAYS_S), times)),
    max_size=8,
)
pairs = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=12)


def rows_of(graph, edge_type):
    store = graph[edge_type]
    return list(zip(*store.edge_index.tolist(), store.at_s.tolist(), strict=True))


def pairs_of(adjacency):
    return {
        (source, target)
        for source in range(adjacency.num_sources)
        for target in adjacency.targets(source).tolist()
    }


def as_adjacency(some):
    return Adjacency.from_edges(*np.array(sorted(some), int).reshape(-1, 2).T, 4, 5)


def asked_from(purchases):
    """By a loop: from which moment on each user is held out."""
    found = {}
    for user in range(4):
        moments = [at_s for who, _, at_s in purchases if who == user]
        products = {product for who, product, _ in purchases if who == user}
        if len(products) > 1 and min(moments) < max(moments):
            found[user] = max(moments)
    return found


@given(events, events, follows, edges)
def test_the_last_of_each_leaves_with_all_that_came_after(
    make_graph, purchases, views, brands, made_by
):
    graph = make_graph(
        SIZES, {PURCHASED: purchases, VIEWED: views, FOLLOWS: brands, MADE_BY: made_by}
    )
    moments = asked_from(purchases)
    if not moments:
        with pytest.raises(
            InsufficientDataError, match=r"no User has User-PURCHASED-Product edges"
        ):
            hold_out_last_of_each(graph, PURCHASED)
        return
    holdout = hold_out_last_of_each(graph, PURCHASED)
    assert (holdout.cutoff_s, holdout.cutoff) == (None, None)
    for edge_type, rows in ((PURCHASED, purchases), (VIEWED, views), (FOLLOWS, brands)):
        kept = [row for row in rows if row[2] < moments.get(row[0], 10)]
        assert rows_of(holdout.train_graph, edge_type) == kept
    assert rows_of(holdout.train_graph, MADE_BY) == made_by
    held = {(u, p) for u, p, at_s in purchases if u in moments and at_s == moments[u]}
    past = {(u, p) for u, p, at_s in purchases if u not in moments or at_s < moments[u]}
    assert pairs_of(holdout.truth) == held
    assert pairs_of(holdout.new_truth) == held - past
    # who is asked has something to be known by
    assert {user for user, _ in held} <= {user for user, _ in past}


@given(events, events, edges, pairs)
def test_given_pairs_leave_all_events_between_the_two_types(
    make_graph, purchases, views, made_by, held
):
    graph = make_graph(SIZES, {PURCHASED: purchases, VIEWED: views, MADE_BY: made_by})
    kept = {
        edge_type: [row for row in rows if row[:2] not in held]
        for edge_type, rows in ((PURCHASED, purchases), (VIEWED, views))
    }
    if not kept[PURCHASED]:
        with pytest.raises(InsufficientDataError, match=r"given pairs leaves no .* edge to learn"):
            given_split(graph, SCHEMA, PURCHASED, as_adjacency(held))
        return
    holdout = given_split(graph, SCHEMA, PURCHASED, as_adjacency(held))
    assert holdout.cutoff_s is None
    for edge_type, rows in kept.items():
        assert rows_of(holdout.train_graph, edge_type) == rows
    assert rows_of(holdout.train_graph, MADE_BY) == made_by
    assert pairs_of(holdout.truth) == pairs_of(holdout.new_truth) == held


def test_every_property_is_cut_and_nodes_stay(planted):
    graph = load_graph(planted)
    holdout = hold_out_last_of_each(graph, PURCHASED)
    train = holdout.train_graph
    assert {name: train[name].num_nodes for name in train.node_types} == {
        name: graph[name].num_nodes for name in graph.node_types
    }
    assert edge_types_of(train) == edge_types_of(graph)
    assert list(train[PURCHASED]) == list(graph[PURCHASED])
    assert len({tensor.shape[-1] for tensor in train[PURCHASED].values()}) == 1
    assert train.validate()
    # 240 users with 30 purchases each, all at moments of their own
    assert holdout.truth.degrees().tolist() == [1] * 240


def test_an_order_of_several_products_is_held_out_whole(make_graph):
    bought = [(0, 0, 1), (0, 1, 5), (0, 2, 5), (1, 0, 3), (1, 0, 7), (2, 3, 4), (2, 4, 4)]
    holdout = hold_out_last_of_each(make_graph(SIZES, {PURCHASED: bought}), PURCHASED)
    assert pairs_of(holdout.truth) == {(0, 1), (0, 2)}
    # one pair alone, bought twice, and two pairs at one time: both users keep theirs
    assert rows_of(holdout.train_graph, PURCHASED) == [bought[0], *bought[3:]]


def test_what_was_bought_before_is_asked_for_but_is_not_new(make_graph):
    bought = [(0, 0, 1), (0, 1, 2), (0, 0, 3)]
    holdout = hold_out_last_of_each(make_graph(SIZES, {PURCHASED: bought}), PURCHASED)
    assert pairs_of(holdout.truth) == {(0, 0)}
    assert not holdout.new_truth.num_edges


def test_pairs_of_a_edge_leave_the_edge(make_graph):
    carried = [(0, 0), (0, 1), (1, 1)]
    graph = make_graph({"Creator": 4, "Product": 5}, {PROMOTES: carried})
    holdout = given_split(graph, SCHEMA, PROMOTES, as_adjacency({(0, 1)}))
    assert pairs_of(holdout.truth) == {(0, 1)}
    assert [row[:2] for row in rows_of(holdout.train_graph, PROMOTES)] == [(0, 0), (1, 1)]


def test_pairs_that_do_not_fit(make_graph):
    graph = make_graph(SIZES, {PURCHASED: [(0, 0)]})
    with pytest.raises(TrainingError, match=r"are of 4 x 3 nodes; expected 4 x 5, as the graph"):
        given_split(
            graph, SCHEMA, PURCHASED, Adjacency.from_edges(np.array([0]), np.array([0]), 4, 3)
        )
    with pytest.raises(InsufficientDataError, match="there are no pairs to hold out"):
        given_split(graph, SCHEMA, PURCHASED, as_adjacency(set()))
