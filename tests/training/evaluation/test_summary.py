"""Evaluation goes through the query layer and says what a hand count says."""

from datetime import UTC, datetime

import numpy as np
import pytest

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from graphrec import Recommender
from training.bundling import Learned, bundle_up
from training.data import DAY_S, load_graph
from training.encoders import PopularityEncoder
from training.evaluation.backtest import write_backtest_bundle
from training.evaluation.rankers import Served
from training.evaluation.tables import Report, summarise
from training.evaluation.tasks import first_tasks
from training.splitting.split import hold_out_last

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
START_S = 1_700_000_000


@pytest.fixture
def small(write_world, tmp_path):
    """Past: p1 has 3 buyers, p2 has 2, p3 has 1. acme makes p1 p2, bolt p3, cole p4.

    Future: ann buys p1 again and p4 (new, of a new brand), bob buys p3 (new, of a new brand).
    """
    past = "ann-p1 bob-p1 cat-p1 ann-p2 bob-p2 cat-p3"
    future = "ann-p1 ann-p4 bob-p3"
    lines = [(pair, START_S) for pair in past.split()]
    lines += [(pair, START_S + 10 * DAY_S) for pair in future.split()]
    nodes = {
        "User": {"user_id": ["ann", "bob", "cat", "dan"]},
        "Product": {"product_id": ["p1", "p2", "p3", "p4"]},
        "Brand": {"brand_id": ["acme", "bolt", "cole"]},
    }
    edges = {
        "User-PURCHASED-Product": {
            "source_id": [pair.split("-")[0] for pair, _ in lines],
            "target_id": [pair.split("-")[1] for pair, _ in lines],
            "at": [datetime.fromtimestamp(at_s, UTC) for _, at_s in lines],
            "event_id": [str(number) for number in range(len(lines))],
        },
        "Product-MADE_BY-Brand": {
            "source_id": ["p1", "p2", "p3", "p4"],
            "target_id": ["acme", "acme", "bolt", "cole"],
        },
    }
    return write_world(tmp_path / "small", nodes, edges)


@pytest.fixture
def measured(small, tmp_path):
    holdout = hold_out_last(load_graph(small), PURCHASED, 5)
    bundle = bundle_up(
        tmp_path / "bundle",
        small,
        holdout.train_graph,
        Learned(PopularityEncoder(PURCHASED).fit(holdout.train_graph)),
        cutoff=None,
        config={},
        metrics={},
    )
    tasks = first_tasks(holdout, SCHEMA, MADE_BY)
    model = Served("pop", Recommender(bundle))
    report = summarise([model], tasks, k=2, cutoff=holdout.cutoff, fewest=1)
    return holdout, tasks, report


def test_tasks_ask_what_was_held_out(measured):
    _, tasks, _ = measured
    ids = {task.name: [task.truth.targets(row).tolist() for row in range(4)] for task in tasks}
    assert ids == {
        "all products": [[0, 3], [2], [], []],
        "new products": [[3], [2], [], []],
        "new brands": [[2], [1], [], []],
    }
    assert [task.exclude_seen for task in tasks] == [False, True, True]


def test_scores_by_hand(measured):
    _, _, report = measured
    everything = report.score("all products", "pop")
    # Everybody is offered p1 p2: ann bought p1 of {p1, p4}; bob bought neither.
    assert everything.recall == pytest.approx((1 / 2 + 0) / 2)
    assert everything.ndcg == pytest.approx((1 / (1 + 1 / np.log2(3)) + 0) / 2)
    # Of what they never bought, ann and bob are offered p3 p4.
    new = report.score("new products", "pop")
    assert new.recall == pytest.approx(1)
    assert new.ndcg == pytest.approx((1 / np.log2(3) + 1) / 2)
    # Of brands they never bought, bolt and cole, by number of buyers 1 and 0.
    brands = report.score("new brands", "pop")
    assert (brands.recall, brands.num_queries) == (pytest.approx(1), 2)
    assert brands.ndcg == pytest.approx((1 / np.log2(3) + 1) / 2)


def test_report_as_table_and_as_data(measured):
    holdout, _, report = measured
    headings, rows = report.table()
    assert headings == ["task", "model", "recall@2", "ndcg@2", "users"]
    assert rows[0] == ["all products", "pop", "0.2500", "0.3066", "2"]
    assert len(rows) == 3
    data = report.to_dict()
    assert data["cutoff"] == "2023-11-19T22:13:21+00:00"
    assert holdout.cutoff_s == START_S + 5 * DAY_S + 1
    assert data["scores"][0]["recall"] == pytest.approx(0.25)


def test_without_a_cut_off_a_report_names_none():
    report = Report(k=2, cutoff=None, scores=())
    assert report.title == "asked about pairs that were held out"
    assert report.to_dict() == {"k": 2, "cutoff": None, "scores": []}


def test_the_bundle_of_the_past_does_not_know_the_future(small, tmp_path):
    """What was bought later is neither seen, nor excluded."""
    holdout = hold_out_last(load_graph(small), PURCHASED, 5)
    vectors = PopularityEncoder(PURCHASED).fit(holdout.train_graph)
    bundle = write_backtest_bundle(tmp_path / "b", small, holdout, vectors)
    assert bundle.manifest.cutoff == holdout.cutoff
    assert bundle.edges(PURCHASED).num_edges == 6
    ranked, _ = Recommender(bundle).top_rows(
        "User", np.array([0]), "Product", k=4, exclude_seen=True
    )
    assert ranked.tolist() == [[2, 3, -1, -1]]


def test_without_brands_there_is_no_brand_task(small):
    holdout = hold_out_last(load_graph(small), PURCHASED, 5)
    tasks = first_tasks(holdout, SCHEMA, SCHEMA.edge_type("SOLD_BY"))
    names = [task.name for task in tasks]
    assert names == ["all products", "new products"]


def test_nothing_to_ask():
    with pytest.raises(InsufficientDataError, match="the holdout has nothing"):
        summarise([], [], k=3, cutoff=None)


@pytest.mark.parametrize("of_graph", [None, datetime(2024, 1, 1, tzinfo=UTC)])
def test_a_bundle_says_when_its_knowledge_ends(write_world, tmp_path, of_graph):
    of_snapshot = datetime(2024, 2, 1, tzinfo=UTC)
    nodes = {"User": {"user_id": ["ann"]}, "Product": {"product_id": ["p1"]}}
    snapshot = write_world(tmp_path / "world", nodes, {}, of_snapshot)
    vectors = {"User": np.ones((1, 1), dtype=np.float32)}
    bundle = bundle_up(
        tmp_path / "bundle",
        snapshot,
        load_graph(snapshot),
        Learned(vectors),
        cutoff=of_graph,
        config={},
        metrics={},
    )
    assert bundle.manifest.cutoff == (of_graph or of_snapshot)
