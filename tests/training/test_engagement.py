"""Engagement: what users watch, like and follow, on worlds where that is planted."""

import numpy as np
import pytest

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from training.config import TrainConfig
from training.encoders import EngagementConfig, EngagementEncoder, SvdConfig
from training.models import Run, make_encoder
from training.tuning.search import Fitter

PURCHASED = SCHEMA.edge_type("PURCHASED")
WATCHED = SCHEMA.edge_type("WATCHED")
FEATURES = SCHEMA.edge_type("FEATURES")
CREATOR = SCHEMA.edge_type("FOLLOWS", target="Creator")
BRAND = SCHEMA.edge_type("FOLLOWS", target="Brand")
NUM_USERS, NUM_CONTENTS = 60, 40


def fitted(graph, **settings):
    config = EngagementConfig(**{"dim": 8, **settings})
    return EngagementEncoder(SCHEMA, PURCHASED, config).fit(graph)


@pytest.fixture(scope="module")
def two_crowds(make_graph):
    # Users and contents have the taste of their number's parity. Each user watches ten of the
    # twenty contents of that taste. What they buy, and what contents show, is drawn without taste.
    rng = np.random.default_rng(3)
    watched = [
        (user, 2 * content + user % 2)
        for user in range(NUM_USERS)
        for content in rng.permutation(NUM_CONTENTS // 2)[:10]
    ]
    bought = [(user, item) for user in range(NUM_USERS) for item in rng.permutation(30)[:5]]
    shown = [(content, item) for content in range(NUM_CONTENTS) for item in rng.permutation(30)[:2]]
    sizes = {"User": NUM_USERS, "Product": 30, "Content": NUM_CONTENTS}
    return make_graph(sizes, {PURCHASED: bought, WATCHED: watched, FEATURES: shown})


def right_share(vectors, graph):
    """The share of users whose best content that they have not watched is of their taste."""
    scores = vectors["User"] @ vectors["Content"].T
    scores[tuple(graph[WATCHED].edge_index.numpy())] = -np.inf
    return np.mean(scores.argmax(1) % 2 == np.arange(NUM_USERS) % 2)


def test_what_users_watch_tells_what_they_will_watch(two_crowds):
    assert right_share(fitted(two_crowds), two_crowds) == 1
    shares = {}
    for weight in (0.0, 2.0):
        config = TrainConfig(svd=SvdConfig(dim=32), engagement={"weight": weight})
        vectors = make_encoder(SCHEMA, PURCHASED, config, Run()).fit(two_crowds)
        shares[weight] = right_share(vectors, two_crowds)
    assert shares[2.0] > 0.9 > shares[0.0]  # without, contents are known by what they show


def test_scores_of_products_stay_as_they_are(two_crowds):
    scores = []
    for weight in (0.0, 2.0):
        config = TrainConfig(svd=SvdConfig(dim=32), engagement={"weight": weight})
        vectors = make_encoder(SCHEMA, PURCHASED, config, Run()).fit(two_crowds)
        scores.append(vectors["User"] @ vectors["Product"].T)
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5, atol=1e-6)


def test_worked_by_hand(make_graph):
    # One user: every matrix is a row. With exponents 0 all types are rows of length 1 beside each
    # other, so S = sqrt(2), U = 1 and V_content = (1, 2, 0) / sqrt(5) / sqrt(2).
    graph = make_graph(
        {"User": 1, "Product": 1, "Content": 3},
        {PURCHASED: [(0, 0)], WATCHED: [(0, 0), (0, 1), (0, 1)]},
    )
    vectors = fitted(
        graph,
        user_degree_exponent=0.0,
        item_exponent=0.0,
        item_popularity_exponent=0.0,
        repeat_exponent=1.0,
        singular_value_exponent=1.0,
    )
    expected = np.array([[1, 2, 0]]) / np.sqrt(5) * np.sqrt(2)
    np.testing.assert_allclose(vectors["User"] @ vectors["Content"].T, expected, rtol=1e-5)


def test_what_was_watched_recently_comes_first(make_graph):
    day_s = 86_400
    watched = [(user, 0, user) for user in range(6)] + [
        (user, 1, 100 * day_s + user) for user in range(6)
    ]
    sizes = {"User": 6, "Product": 2, "Content": 2}
    bought = [(user, user % 2) for user in range(6)]
    graph = make_graph(sizes, {PURCHASED: bought, WATCHED: watched})
    vectors = fitted(graph, half_life_days=20.0)
    scores = vectors["User"] @ vectors["Content"].T
    assert (scores[:, 1] > scores[:, 0]).all()


def test_events_with_brands_tell_of_users_only(make_graph):
    sizes = {"User": 4, "Product": 2, "Creator": 3, "Brand": 2}
    edges = {
        PURCHASED: [(user, user % 2) for user in range(4)],
        CREATOR: [(0, 0), (1, 1), (2, 2)],
        BRAND: [(0, 0), (1, 1), (2, 0), (3, 1)],
    }
    graph = make_graph(sizes, edges)
    assert set(fitted(graph)) == {"User", "Creator"}
    assert set(fitted(graph, left_out=())) == {"User", "Creator", "Brand"}
    del edges[BRAND]
    without = fitted(make_graph(sizes, edges))
    scores = [found["User"] @ found["Creator"].T for found in (fitted(graph), without)]
    assert scores[0][3, 0] < scores[0][3, 1]  # user 3 follows the brand of creator 1's follower
    assert not np.allclose(*scores, rtol=1e-2)


def test_nothing_where_users_deal_with_products_and_brands_alone(make_graph):
    sizes = {"User": 2, "Product": 2, "Brand": 1}
    assert fitted(make_graph(sizes, {PURCHASED: [(0, 0), (1, 1)], BRAND: [(0, 0)]})) == {}


def test_a_type_that_does_not_exist_cannot_be_left_out(two_crowds):
    with pytest.raises(SchemaError, match="Contents"):
        fitted(two_crowds, left_out=("Contents",))


def test_equal_seeds_give_equal_vectors(two_crowds):
    for name, rows in fitted(two_crowds).items():
        np.testing.assert_array_equal(rows, fitted(two_crowds)[name])


def test_tuning_makes_the_same_vectors(two_crowds):
    config = TrainConfig(svd=SvdConfig(dim=32), popularity={"weight": 0.5})
    expected = make_encoder(SCHEMA, PURCHASED, config, Run()).fit(two_crowds)
    found = Fitter(two_crowds, SCHEMA, PURCHASED, Run()).vectors(config)
    for name, rows in found.items():
        np.testing.assert_array_equal(rows, expected[name])
