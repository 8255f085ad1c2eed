"""Habits are learned from what was taken again, and only where anything was."""

import numpy as np
import pytest
import torch

from graphdb.schema import SCHEMA
from graphrec.bundle import PairHistory
from graphrec.bundle.habits import features
from training.config import TrainConfig
from training.data import AT_S, COUNT, DAY_S, HeteroData
from training.evaluation.metrics import ndcg_at_k
from training.habits import Events, HabitsConfig, learn_habits, logistic
from training.pairs import adjacency, events, without
from training.splitting.split import graph_before, hold_out_last

PURCHASED, IN_CATEGORY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("IN_CATEGORY")
NUM_USERS, NUM_PRODUCTS, DAYS = 60, 120, 200
START_S = 1_700_000_000


def graph_of(num_users, num_products, rows):
    """A graph of purchases: (user, product, epoch seconds)."""
    graph = HeteroData()
    for name, number in {"User": num_users, "Product": num_products, "Category": 1}.items():
        graph[name].num_nodes = number
    for edge_type, of in {PURCHASED: rows, IN_CATEGORY: []}.items():
        columns = torch.tensor(of, dtype=torch.int64).reshape(-1, 3).T
        graph[edge_type].edge_index = columns[:2]
        graph[edge_type][AT_S] = columns[2]
        graph[edge_type][COUNT] = torch.ones(columns.shape[1])
    return graph


def habitual_graph(*, seed=0, repeats=True):
    """Users buy 6 staples, some every 4 days until half time, some every 12 days, and much once."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(NUM_USERS):
        products = rng.permutation(NUM_PRODUCTS)
        for product in products[:6] if repeats else ():
            interval = 4 if product % 2 else 12
            start = rng.integers(interval)
            stop = DAYS // 2 if product % 2 else DAYS
            days = np.arange(start, stop, interval) + rng.normal(
                0, 0.3, len(range(start, stop, interval))
            )
            rows += [(user, int(product), day) for day in days]
        others = products[6:] if repeats else products
        rows += [(user, int(product), rng.random() * DAYS) for product in others[:40]]
    rows = [
        (user, product, int(START_S + np.clip(day, 0, DAYS) * DAY_S)) for user, product, day in rows
    ]
    return graph_of(NUM_USERS, NUM_PRODUCTS, rows)


def vectors_of(graph):
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(size=(graph[name].num_nodes, 4)).astype(np.float32)
        for name in ("User", "Product")
    }


def learn(graph, **config):
    return learn_habits(graph, PURCHASED, HabitsConfig(**config), vectors_of(graph), vectors_of)


@pytest.fixture(scope="module")
def graph():
    return habitual_graph()


def own_log_odds(graph, habits, now_s):
    """Per pair of the graph, ascending, its log-odds."""
    pairs = events(graph, PURCHASED)
    history = PairHistory(
        pairs.evidence.counts,
        habits.first_at_s,
        pairs.evidence.last_at_s,
        habits.decayed,
        habits.rule.as_of.timestamp(),
    )
    of_targets = habits.targets.part(pairs.indices)
    return pairs, habits.rule.log_odds(
        features(history, of_targets, now_s, habits.rule.half_lives_days)
    )


def ranked(pairs, values, k):
    lists = np.full((pairs.num_sources, k), -1)
    for user in range(pairs.num_sources):
        part = slice(pairs.indptr[user], pairs.indptr[user + 1])
        order = np.argsort(-values[part], kind="stable")[:k]
        lists[user, : len(order)] = pairs.indices[part][order]
    return lists


def test_habits_find_more_of_what_is_taken_again_than_counts_do(graph):
    holdout = hold_out_last(graph, PURCHASED, 10)
    past = holdout.train_graph
    pairs, log_odds = own_log_odds(past, learn(past), holdout.cutoff_s)
    counts = pairs.evidence.counts.astype(float)
    truth = without(holdout.truth, holdout.new_truth)
    users = np.flatnonzero(truth.degrees())
    by_habit, by_count = (
        ndcg_at_k(ranked(pairs, values, 6)[users], users, truth, 6) for values in (log_odds, counts)
    )
    assert by_habit > by_count + 0.1


def test_without_repeats_there_are_none():
    assert learn(habitual_graph(repeats=False)) is None


def visits_graph(num_users, days):
    """Everybody buys 2 of 5 products on the given days, counted from a first day of their own."""
    return graph_of(
        num_users,
        5,
        [
            (user, product, START_S + (user % 20 + day) * DAY_S)
            for user in range(num_users)
            for day in days
            for product in (0, 1)
        ],
    )


def test_the_median_span_is_of_sources_with_two_times():
    rows = [(0, 1, 50), (0, 0, 10), (1, 1, 7), (2, 0, 5), (2, 1, 25), (3, 0, 0), (3, 1, 4)]
    assert Events.of(graph_of(4, 2, rows), PURCHASED).median_span_s() == 20  # of 40, 20 and 4
    assert Events.of(graph_of(4, 2, rows[2:3]), PURCHASED).median_span_s() == 0


@pytest.mark.parametrize(
    ("num_users", "window_days"),
    [
        (1_200, 2.0),  # half of the 4 days that the events of a user span
        (400, 23 / 4),  # the days after which a pair met again are too few, a quarter of all
    ],
)
def test_the_window_is_short_where_histories_are(num_users, window_days):
    habits = learn(visits_graph(num_users, [0, 3, 4]))
    assert habits.rule.window_days == pytest.approx(window_days)


def test_there_are_none_where_everybody_took_everything():
    graph = visits_graph(1_200, [0, 3, 4])
    graph["Product"].num_nodes = 2
    assert learn(graph) is None


def test_weight_zero_leaves_them_out(graph):
    assert learn(graph, weight=0) is None


def test_an_empty_graph_has_none():
    assert learn(graph_of(3, 2, [])) is None


def test_learning_twice_gives_the_same_bits(graph):
    one, other = learn(graph), learn(graph)
    assert one.rule == other.rule
    assert all(np.array_equal(*pair) for pair in zip(one.arrays, other.arrays, strict=True))


def test_the_past_does_not_know_later_events(graph):
    cutoff_s = START_S + 150 * DAY_S
    changed = habitual_graph()
    store = changed[PURCHASED]
    late = store.at_s >= cutoff_s
    store.edge_index[:, late] = store.edge_index[:, late].flip(1)
    assert not torch.equal(store.edge_index, graph[PURCHASED].edge_index)
    one, other = (learn(graph_before(of, cutoff_s)) for of in (graph, changed))
    assert one.rule == other.rule
    assert one.rule.as_of.timestamp() < cutoff_s
    assert all(np.array_equal(*pair) for pair in zip(one.arrays, other.arrays, strict=True))


def test_usual_intervals_are_shrunk_to_the_category_and_to_all():
    # Pair (0, 0) has the gaps 2 and 8 days, pair (0, 1) none; both products are of one category.
    days = [(0, 0, 0), (0, 0, 2), (0, 0, 10), (0, 1, 5)]
    events = Events.of(graph_of(1, 2, [(u, p, START_S + d * DAY_S) for u, p, d in days]), PURCHASED)
    pairs, history = events.history(START_S + 10 * DAY_S, (10.0,))
    habits = events.target_habits(history, pairs, np.zeros(2, dtype=np.int64))
    mean = np.log(2 * 8) / 2  # of all, and so of the category
    assert habits.intervals == pytest.approx([mean, mean], abs=1e-6)
    rate = (1 + 5 * 0.5) / 6  # one of two pairs repeats; five more count half each
    other = (0 + 5 * 0.5) / 6
    assert habits.repeat_rates == pytest.approx(
        [np.log(rate / (1 - rate)), np.log(other / (1 - other))], abs=1e-6
    )
    assert history.counts.tolist() == [3, 1]
    assert history.decayed[:, 0] == pytest.approx([1 + 2**-0.8 + 0.5, 2**-0.5], abs=1e-6)
    assert habits.decayed == pytest.approx(history.decayed, abs=1e-6)


def test_arrays_stand_beside_the_edges(graph):
    habits, pairs = learn(graph), adjacency(graph, PURCHASED)
    habits.check(pairs.num_edges, pairs.num_targets)


def test_the_regression_is_where_the_gradient_is_zero():
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(400, 3)) * [1, 10, 0.1] + [0, 5, 1]
    chances = 1 / (1 + np.exp(-(columns @ [1.0, -0.1, 5.0] - 5)))
    labels = rng.random(400) < chances
    intercept, coefficients = logistic(columns, labels)
    left = labels - 1 / (1 + np.exp(-(intercept + columns @ coefficients)))
    scales = columns.std(axis=0)
    gradient = (columns - columns.mean(axis=0)).T @ left / scales
    assert left.sum() == pytest.approx(0, abs=1e-4)
    assert gradient == pytest.approx(coefficients * scales, abs=1e-3)  # the ridge


def test_columns_that_never_change_do_no_harm():
    intercept, coefficients = logistic(np.ones((200, 1)), np.arange(200) % 4 == 0)
    assert coefficients.tolist() == [0.0]
    assert intercept == pytest.approx(np.log(1 / 3), abs=1e-6)


def test_the_config_says_when_habits_are_left_out():
    assert TrainConfig().habits.weight == 1.0
