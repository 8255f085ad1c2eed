"""Profiles: what users like in products, worked out by hand and on planted tastes."""

import numpy as np
import pytest

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from training.config import TrainConfig
from training.encoders import ProfileConfig, ProfileEncoder, SvdConfig, SvdEncoder
from training.models import Run, make_encoder
from training.tuning.search import Fitter

PURCHASED = SCHEMA.edge_type("PURCHASED")
TAGGED = SCHEMA.edge_type("TAGGED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
NAME = str(TAGGED)
SIZES = {"User": 3, "Product": 4, "Tag": 2, "Brand": 2}


def fitted(graph, **settings):
    plain = {
        "half_life_days": None,
        "repeat_exponent": 0.0,
        "prior": 1.0,
        "edge_type_weights": {NAME: 1.0},
    }
    config = ProfileConfig(**{**plain, **settings})
    return ProfileEncoder(SCHEMA, PURCHASED, config).fit(graph)


@pytest.fixture
def graph(make_graph):
    # Products 0 and 1 have tag 0, product 2 tag 1, product 3 both. User 0 bought 0 and 1, user 1
    # bought 2, user 2 bought 0 and 2.
    return make_graph(
        SIZES,
        {
            PURCHASED: [(0, 0), (0, 1), (1, 2), (2, 0), (2, 2)],
            TAGGED: [(0, 0), (1, 0), (2, 1), (3, 0), (3, 1)],
            MADE_BY: [(0, 0), (1, 1), (2, 0), (3, 1)],
        },
    )


def test_worked_by_hand(graph):
    vectors = fitted(graph)
    # P = [[2, 0], [0, 1], [1, 1]], s = [2, 1, 2], b = [3/5, 2/5], prior 1:
    centred = np.array([[2 - 6 / 5, -4 / 5], [-3 / 5, 1 - 2 / 5], [1 - 6 / 5, 1 - 4 / 5]])
    centred /= np.array([[3], [2], [3]])
    shares = np.array([[1, 0], [1, 0], [0, 1], [0.5, 0.5]])
    expected = centred @ shares.T
    expected /= expected.std(axis=1).mean()  # scores spread by the weight, 1
    scores = vectors["User"] @ vectors["Product"].T
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    of_tags = vectors["User"] @ vectors["Tag"].T
    np.testing.assert_allclose(of_tags[:, 0], scores[:, 0], rtol=1e-4)  # product 0 is tag 0 alone


def test_an_average_taste_and_what_is_popular_score_nothing(make_graph):
    every = [(user, item) for user in range(3) for item in range(4)]
    graph = make_graph(SIZES, {PURCHASED: every, TAGGED: [(0, 0), (1, 0), (2, 0), (3, 1)]})
    vectors = fitted(graph)
    assert np.abs(vectors["User"]).max() < 1e-5


def test_more_purchases_make_a_taste_surer(make_graph):
    likes = [(0, 0), (1, 0), (1, 1), (1, 2), (2, 3)]
    graph = make_graph(SIZES, {PURCHASED: likes, TAGGED: [(0, 0), (1, 0), (2, 0), (3, 1)]})
    scores = fitted(graph, prior=5.0)["User"] @ fitted(graph, prior=5.0)["Tag"].T
    assert scores[1, 0] > scores[0, 0] > 0 > scores[2, 0]


def test_kinds_stand_side_by_side_by_their_weights(graph):
    tags, brands = fitted(graph), fitted(graph, edge_type_weights={str(MADE_BY): 1.0})
    both = fitted(graph, edge_type_weights={NAME: 1.0, str(MADE_BY): 0.25})
    expected = tags["User"] @ tags["Product"].T + 0.25 * brands["User"] @ brands["Product"].T
    np.testing.assert_allclose(both["User"] @ both["Product"].T, expected, rtol=1e-4, atol=1e-5)
    assert set(both) == {"User", "Product", "Tag"}  # brands can be followed, so they have none


def test_what_the_graph_lacks_does_no_harm(graph, make_graph):
    lacking = make_graph(SIZES, {PURCHASED: [(0, 0), (1, 1)]})
    assert fitted(lacking) == {}
    by_default = ProfileEncoder(SCHEMA, PURCHASED).fit(graph)
    assert set(by_default) == {"User", "Product", "Tag"}  # there are no price bands
    assert by_default["User"].shape[1] == 2 + 2  # tags and brands


def test_kinds_that_nothing_bought_has_are_left_out(make_graph):
    graph = make_graph(SIZES, {PURCHASED: [(0, 0), (1, 1)], TAGGED: [(2, 0)]})
    assert fitted(graph) == {}


def test_by_default_directions_without_products_have_no_profile(make_graph):
    watched = SCHEMA.edge_type("WATCHED")
    graph = make_graph({"User": 2, "Content": 2}, {watched: [(0, 0), (1, 1)]})
    assert ProfileEncoder(SCHEMA, watched).fit(graph) == {}


def test_only_edges_of_products_to_others(graph):
    with pytest.raises(SchemaError, match="profiles cannot hold Product-ALSO_BOUGHT-Product"):
        fitted(graph, edge_type_weights={"Product-ALSO_BOUGHT-Product": 1.0})
    with pytest.raises(SchemaError, match="profiles cannot hold User-FOLLOWS-Brand"):
        fitted(graph, edge_type_weights={"User-FOLLOWS-Brand": 1.0})


def test_it_stands_beside_the_model_and_tuning_does_not_learn_it_twice(graph, monkeypatch):
    svd = SvdConfig(dim=32)
    config = TrainConfig(svd=svd, profile={"weight": 0.5})
    vectors = make_encoder(SCHEMA, PURCHASED, config, Run()).fit(graph)
    alone = SvdEncoder(SCHEMA, PURCHASED, svd).fit(graph)
    assert vectors["User"].shape[1] > alone["User"].shape[1]
    plain = make_encoder(SCHEMA, PURCHASED, TrainConfig(svd=svd), Run()).fit(graph)
    assert plain.keys() == alone.keys()
    fitter = Fitter(graph, SCHEMA, PURCHASED, Run())
    for name, rows in fitter.vectors(config).items():
        np.testing.assert_array_equal(rows, vectors[name])

    def never(*_):
        raise AssertionError("learned twice")

    monkeypatch.setattr(ProfileEncoder, "fit", never)
    monkeypatch.setattr(SvdEncoder, "fit", never)
    fitter.vectors(TrainConfig(svd=svd, profile={"weight": 2.0}))


def test_the_profile_needs_no_purchase_of_the_product(graph):
    vectors = fitted(graph)
    assert vectors["Product"][3].any()  # nobody bought it
