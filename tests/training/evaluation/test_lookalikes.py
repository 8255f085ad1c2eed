"""Lift of audiences: by hand, and on a world where tastes are planted."""

import numpy as np
import pytest

from graphdb.errors import InsufficientDataError, TrainingError
from graphdb.schema import SCHEMA
from graphrec import Recommender
from training.data import DAY_S, load_graph
from training.encoders import SvdConfig, SvdEncoder
from training.evaluation.backtest import write_backtest_bundle
from training.evaluation.lookalikes import lift_points, lifts, new_buyers, orders
from training.splitting.split import hold_out_last

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
SHARES = (0.1, 0.25, 1)


@pytest.fixture
def holdout(make_graph):
    """Brand 0 sold to users 0 and 1, then to 1, 2 and 5; brand 1 only later; brand 2 to 3 alone.

    User 3 bought most in all, user 4 recently.
    """
    past = [(0, 0, 0), (1, 0, 0), *[(3, 2, 0)] * 3, *[(4, 2, 79 * DAY_S)] * 2]
    future = [(user, 0, 90 * DAY_S) for user in (1, 2, 5)] + [(2, 1, 90 * DAY_S)]
    graph = make_graph(
        {"User": 10, "Product": 3, "Brand": 3},
        {PURCHASED: [*past, *future], MADE_BY: [(0, 0), (1, 1), (2, 2)]},
    )
    return hold_out_last(graph, PURCHASED, 10)


def test_who_is_asked_for(holdout):
    asked = new_buyers(holdout, MADE_BY, min_new_buyers=1)
    assert asked.rows.tolist() == [0]  # nobody had bought of brand 1, nobody new of brand 2
    assert asked.bought_before.targets(0).tolist() == [0, 1]
    assert asked.new.targets(0).tolist() == [2, 5]
    with pytest.raises(InsufficientDataError, match=r"no Brand .* has 3 new ones .*the most are 2"):
        new_buyers(holdout, MADE_BY, min_new_buyers=3)


def test_products_are_asked_for_themselves(holdout):
    """As the brands: each has one product; p0's new buyers are 2 and 5."""
    asked = new_buyers(holdout, None, min_new_buyers=1)
    assert asked.query_type == "Product" and asked.rows.tolist() == [0]
    assert asked.new.targets(0).tolist() == [2, 5]
    with pytest.raises(InsufficientDataError, match=r"no Product .* has 3 new ones"):
        new_buyers(holdout, None, min_new_buyers=3)


def test_activity_in_the_categories_of_a_brand(make_graph):
    """b0 makes p0 in c0; user 3 bought p1 in c0 twice, and p2 in c1 more often than anyone."""
    past = [(0, 0, 0), (1, 0, 0), *[(3, 1, 0)] * 2, *[(4, 2, 0)] * 5]
    future = [(user, 0, 90 * DAY_S) for user in (2, 5)]
    edges = {
        PURCHASED: [*past, *future],
        MADE_BY: [(0, 0), (1, 1), (2, 2)],
        SCHEMA.edge_type("IN_CATEGORY"): [(0, 0), (1, 0), (2, 1)],
    }
    sizes = {"User": 10, "Product": 3, "Brand": 3, "Category": 2}
    holdout = hold_out_last(make_graph(sizes, edges), PURCHASED, 10)
    for group in (MADE_BY, None):
        asked = new_buyers(holdout, group, min_new_buyers=1)
        found = {}
        for name, scores in orders(None, holdout, asked, seed=0):
            found[name] = scores[0]
            if name == "most active in its categories":
                break  # the one after it asks the recommender
        assert found["most active in its categories"].tolist() == [1, 1, 0, 2, 0, 0, 0, 0, 0, 0]


def test_lifts_worked_out_by_hand(holdout):
    asked = new_buyers(holdout, MADE_BY, min_new_buyers=1)
    # eight never bought it, two of them will: a quarter; tops of 1, 2 and 8 users
    best = np.array([9.0, 9, 5, 0, 0, 4, 0, 0, 0, 0])
    worst = -best
    half = np.zeros(10)  # by row: 2, a hit, then 3
    found = lifts(asked, [best], SHARES)
    assert found.tolist() == [[4, 4, 1]]
    assert lifts(asked, [worst], SHARES).tolist() == [[0, 0, 1]]
    assert lifts(asked, [half], SHARES).tolist() == [[4, 2, 1]]


def test_activity_in_all_and_recently(holdout):
    asked = new_buyers(holdout, MADE_BY, min_new_buyers=1)
    found = {}
    for name, scores in orders(None, holdout, asked, seed=0):
        found[name] = scores[0]
        if name == "most active recently":
            break  # the one after it asks the recommender
    assert found["most active"].tolist() == [1, 1, 0, 3, 2, 0, 0, 0, 0, 0]
    assert found["most active recently"].argmax() == 4
    assert not np.array_equal(found["random"], found["most active"])


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_share_out_of_its_range(holdout, share):
    with pytest.raises(TrainingError, match=f"a share is {share}; expected above 0 and at most 1"):
        lift_points(None, holdout, MADE_BY, [share])


@pytest.fixture(scope="module")
def of_planted(planted, tmp_path_factory):
    holdout = hold_out_last(load_graph(planted), PURCHASED, 28)
    vectors = SvdEncoder(SCHEMA, PURCHASED, SvdConfig(dim=32)).fit(holdout.train_graph)
    folder = tmp_path_factory.mktemp("past") / "bundle"
    recommender = Recommender(write_backtest_bundle(folder, planted, holdout, vectors))
    return lift_points(recommender, holdout, MADE_BY, SHARES, min_new_buyers=3)


def test_audiences_find_planted_tastes_and_chance_does_not(of_planted):
    found = {(point.model, point.share): point.lift for point in of_planted}
    rules = ("random", "most active", "most active recently", "most active in its categories")
    names = (*rules, "users_for_brand")
    assert list(found) == [(name, share) for name in names for share in SHARES]
    # a quarter has the brand's taste, and nine of ten purchases are of one's own
    assert found["users_for_brand", 0.25] > 1.8 * max(found[name, 0.25] for name in names[:3])
    assert found["random", 0.25] == pytest.approx(1, abs=0.3)
    assert {found[name, 1] for name in names} == {1}
