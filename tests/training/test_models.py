"""From settings to an encoder."""

import numpy as np
import pytest

from graphdb import SCHEMA
from training.config import TrainConfig
from training.data import load_graph
from training.encoders import PopularityEncoder
from training.encoders.concat import score_spread
from training.models import Run, make_encoder

PURCHASED = SCHEMA.edge_type("PURCHASED")


@pytest.fixture(scope="module")
def graph(planted):
    return load_graph(planted)


def fitted(graph, **settings):
    config = TrainConfig(svd={"dim": 32}, **settings)
    return make_encoder(SCHEMA, PURCHASED, config, Run("cpu")).fit(graph)


def scores(graph, popularity):
    vectors = fitted(graph, popularity={"weight": popularity})
    return vectors["User"] @ vectors["Product"].T


def directions(vectors):
    lengths = np.linalg.norm(vectors["Product"], axis=1, keepdims=True)
    return vectors["Product"] / np.where(lengths > 0, lengths, 1)


def test_popularity_is_added_to_the_scores_by_its_weight(graph):
    alone = scores(graph, 0.0)
    popular = PopularityEncoder(PURCHASED).fit(graph)["Product"][:, 0]
    expected = alone / alone.std(axis=1).mean() + 0.5 * popular / popular.std()
    np.testing.assert_allclose(scores(graph, 0.5), expected, atol=1e-4)


def test_with_a_large_weight_all_query_nodes_see_what_is_popular(graph):
    popular = PopularityEncoder(PURCHASED).fit(graph)
    assert score_spread(popular["User"], popular["Product"]) > 0
    best = np.argmax(scores(graph, 1000.0), axis=1)
    most = popular["Product"].max()
    np.testing.assert_array_equal(popular["Product"][best, 0], np.full(len(best), most))


def test_what_is_popular_hardly_turns_the_vectors_of_products(graph):
    plain, vectors = fitted(graph), fitted(graph, popularity={"weight": 0.1, "half_life_days": 5})
    number = vectors["Product"][:, -1]
    long = np.sqrt(np.mean(number[number > 0] ** 2))
    assert 1 / 2 < long / vectors["User"][0, -1] < 2
    similarity, before = (products @ products.T for products in map(directions, (vectors, plain)))
    assert np.corrcoef(similarity.ravel(), before.ravel())[0, 1] > 0.99
