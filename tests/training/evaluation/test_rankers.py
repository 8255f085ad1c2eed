"""Rankers: what comes out best, in which order, and what must not come out."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphdb.schema import SCHEMA
from graphrec import Adjacency, Recommender
from training.bundling import Learned, bundle_up
from training.data import load_graph
from training.encoders import PopularityEncoder
from training.evaluation.baselines import (
    MAKERS,
    OF_CREATORS,
    OF_VIEWED,
    PERSONAL,
    TIFU_KNN,
    TO_CREATORS,
    baseline,
    usual_baselines,
)
from training.evaluation.metrics import best_of
from training.evaluation.rankers import Served
from training.evaluation.tasks import first_tasks
from training.sparse_ops import csr_of
from training.splitting.split import hold_out_last

PURCHASED, MADE_BY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY")


class Given:
    """A scorer of a table."""

    def __init__(self, table):
        self.table = torch.tensor(table, dtype=torch.float32)

    @property
    def num_targets(self):
        return self.table.shape[1]

    def scores(self, rows):
        return self.table[rows].clone()


@given(
    st.integers(1, 9),
    st.lists(
        st.tuples(st.lists(st.integers(0, 3), min_size=7, max_size=7), st.sets(st.integers(0, 6))),
        min_size=1,
        max_size=5,
    ),
)
def test_equals_sorting_by_score_and_row(k, cases):
    sources = [seed for seed, (_, had) in enumerate(cases) for _ in had]
    targets = [target for _, had in cases for target in sorted(had)]
    had = Adjacency.from_edges(
        np.array(sources, np.int64), np.array(targets, np.int64), len(cases), 7
    )
    queries = np.arange(len(cases))[::-1].copy()
    found = best_of(Given([scores for scores, _ in cases]), queries, k, csr_of(had))
    for place, seed in enumerate(queries):
        scores, excluded = cases[seed]
        left = [row for row in range(7) if row not in excluded]
        best = sorted(left, key=lambda row: (-scores[row], row))[:k]
        assert found[place].tolist() == best + [-1] * (k - len(best))


@pytest.fixture(scope="module")
def halves(planted, tmp_path_factory):
    holdout = hold_out_last(load_graph(planted), PURCHASED, 20)
    vectors = PopularityEncoder(PURCHASED).fit(holdout.train_graph)
    bundle = bundle_up(
        tmp_path_factory.mktemp("rankers") / "bundle",
        planted,
        holdout.train_graph,
        Learned(vectors),
        cutoff=holdout.cutoff,
        config={},
        metrics={},
    )
    return first_tasks(holdout, SCHEMA, MADE_BY), Served("popularity", Recommender(bundle))


def test_popularity_is_the_same_scored_and_served(halves):
    """Equal scores come in the same order, and what was had is left out, of brands too."""
    tasks, served = halves
    scored = baseline("popularity", 0)
    queries = np.arange(40)
    assert [task.name for task in tasks] == ["all products", "new products", "new brands"]
    for task in tasks:
        assert served.can_answer(task) and scored.can_answer(task)
        assert (served.top(task, queries, 9) == scored.top(task, queries, 9)).all(), task.name


def test_where_nobody_views_what_was_viewed_cannot_answer(halves):
    tasks, _ = halves
    for name in OF_VIEWED:
        assert not any(map(baseline(name, 0).can_answer, tasks))
        assert name not in usual_baselines([tasks[0].target])


OTHERS = (*OF_VIEWED, *OF_CREATORS, *TO_CREATORS)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in OTHERS])
def test_every_baseline_beats_chance_and_learns_once(halves, name):
    """Tastes are planted: a quarter of the products is of a user's taste."""
    tasks, _ = halves
    ranker = baseline(name, 0)
    for task in tasks:
        ranked = ranker.top(task, np.arange(200), 5)
        assert ranked.shape == (200, 5)
        if name == PERSONAL:
            assert ranker.can_answer(task) == (not task.exclude_seen)
        elif name == TIFU_KNN:  # its 300 neighbors are all users here: what is new is popular
            continue
        elif "popularity" not in name and task.name == "new products":
            assert (ranked % 4 == np.arange(200)[:, None] % 4).mean() > 0.5
    assert ranker.learn(tasks[0].target) is ranker.learn(tasks[1].target)


def test_a_bundle_without_vectors_of_a_type_cannot_answer(halves):
    tasks, served = halves
    other = SCHEMA.edge_type("WATCHED")
    target = type(tasks[0].target)(other, tasks[0].target.graph, SCHEMA, tasks[0].truth)
    task = type(tasks[0])("watched", target, False, tasks[0].truth)
    assert not served.can_answer(task)
