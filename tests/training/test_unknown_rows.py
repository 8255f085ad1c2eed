"""Nodes that nothing is known of have vectors of zeros, exactly: in every block, in every preset.

What is a little off zero has a target edge type and a length, so lists, lookalikes and evaluation
would take it for a taste. What is known is counted here pair by pair, not read off the vectors.
"""

from collections import defaultdict
from datetime import UTC, datetime
from math import log1p

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb import SCHEMA
from graphrec import Recommender
from training.cold_start import ColdStartLearner
from training.config import TrainConfig, load_config, preset_path, presets
from training.encoders import (
    EngagementConfig,
    EngagementEncoder,
    GraphEncoder,
    ProfileConfig,
    ProfileEncoder,
    SvdConfig,
    SvdEncoder,
)
from training.gnn import GnnConfig
from training.models import Run, make_encoder
from training.training_run import train

PURCHASED = SCHEMA.edge_type("PURCHASED")
WITH_PRODUCTS = ("VIEWED", "CARTED", "PURCHASED", "RETURNED")
OTHER_EVENTS = ("User-FOLLOWS-Creator", "User-FOLLOWS-Brand", "User-WATCHED-Content")
EDGES = (
    "Product-MADE_BY-Brand",
    "Product-TAGGED-Tag",
    "Content-FEATURES-Product",
    "Creator-PUBLISHED-Content",
)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NUM_NODES = {"User": 14, "Product": 6, "Brand": 3, "Tag": 3, "Content": 4, "Creator": 3}
QUICK = GnnConfig(dim=8, epochs=2)


@st.composite
def edges(draw):
    """{edge type: rows}; the second last user bought something for sure, and kept it."""
    found = {}
    for name in (*(f"User-{one}-Product" for one in WITH_PRODUCTS), *OTHER_EVENTS, *EDGES):
        edge_type = SCHEMA.parse_edge_type(name)
        ends = (NUM_NODES[edge_type.source], NUM_NODES[edge_type.target])
        row = st.tuples(*(st.integers(0, end - 1) for end in ends), st.integers(0, 30))
        found[edge_type] = draw(st.lists(row, max_size=12, unique_by=lambda row: row[:2]))
    found[PURCHASED] += [(12, 0, 31), (12, 0, 32), (12, 1, 31)]
    return {
        edge_type: [(source, target, day * 86_400, 1) for source, target, day in rows]
        for edge_type, rows in found.items()
    }


def weighed(drawn, target_type):
    """{(user, target): sum of what the events count}, by the schema's weights."""
    sums = defaultdict(float)
    for edge_type, rows in drawn.items():
        if (edge_type.source, edge_type.target) == ("User", target_type):
            weight = SCHEMA.relation(edge_type.relation).event_weight
            for user, target, _, count in rows:
                sums[user, target] += weight * log1p(count)
    return sums


def told_by(drawn, *target_types):
    """The users with a pair that counts more than nothing, and their targets."""
    pairs = [
        (user, target)
        for name in target_types
        for (user, target), total in weighed(drawn, name).items()
        if total > 1e-9
    ]
    return {user for user, _ in pairs}, {target for _, target in pairs}


def not_zero(rows):
    return set(np.flatnonzero(np.abs(rows).max(axis=1) > 0).tolist())


def test_first_rows_without_a_pair_are_zero(make_graph):
    """Where a QR leaves its rounding: more users than products, and the first ones did nothing."""
    rng = np.random.default_rng(0)
    bought = [(int(user), int(product)) for user in range(30, 200) for product in rng.choice(40, 5)]
    graph = make_graph({"User": 200, "Product": 60, "Brand": 1}, {PURCHASED: bought})
    vectors = SvdEncoder(SCHEMA, PURCHASED).fit(graph)
    assert not_zero(vectors["User"]) == set(range(30, 200))
    assert not_zero(vectors["Product"]) == {product for _, product in bought}


@settings(max_examples=40)
@given(edges(), st.booleans(), st.sampled_from([-1.0, 0.0, 0.75]))
def test_the_closed_form(make_graph, drawn, with_edges, singular_value_exponent):
    edge_type_weights = {"Product-MADE_BY-Brand": 0.5} if with_edges else {}
    config = SvdConfig(
        half_life_days=None,
        edge_type_weights=edge_type_weights,
        singular_value_exponent=singular_value_exponent,
    )
    vectors = SvdEncoder(SCHEMA, PURCHASED, config).fit(make_graph(NUM_NODES, drawn))
    users, products = told_by(drawn, "Product")
    branded = {one for one, *_ in drawn[SCHEMA.edge_type("MADE_BY")]} if with_edges else set()
    assert not_zero(vectors["User"]) <= users
    assert not_zero(vectors["Product"]) <= products | branded


@settings(max_examples=40)
@given(edges())
def test_profiles(make_graph, drawn):
    config = ProfileConfig(half_life_days=None)
    vectors = ProfileEncoder(SCHEMA, PURCHASED, config).fit(make_graph(NUM_NODES, drawn))
    connected = {
        product
        for name in ("MADE_BY", "TAGGED")
        for product, *_ in drawn[SCHEMA.edge_type(name, "Product")]
    }
    known = {
        user
        for (user, product), total in weighed(drawn, "Product").items()
        if total > 1e-9 and product in connected
    }
    assert not_zero(vectors.get("User", np.zeros((1, 1)))) <= known
    assert not_zero(vectors.get("Product", np.zeros((1, 1)))) <= connected


@settings(max_examples=40)
@given(edges(), st.sampled_from([-1.0, 0.75]))
def test_engagement(make_graph, drawn, singular_value_exponent):
    config = EngagementConfig(singular_value_exponent=singular_value_exponent, half_life_days=None)
    vectors = EngagementEncoder(SCHEMA, PURCHASED, config).fit(make_graph(NUM_NODES, drawn))
    users, _ = told_by(drawn, "Product", "Creator", "Content", "Brand")
    assert not_zero(vectors.get("User", np.zeros((1, 1)))) <= users
    for name in ("Creator", "Content"):
        _, targets = told_by(drawn, name)
        assert not_zero(vectors.get(name, np.zeros((1, 1)))) <= targets


@settings(max_examples=15)
@given(edges(), st.sampled_from([1, 2]))
def test_the_network(make_graph, drawn, num_layers):
    config = QUICK.model_copy(update={"num_layers": num_layers})
    vectors = GraphEncoder(SCHEMA, config, "cpu").fit(make_graph(NUM_NODES, drawn))
    connected = defaultdict(set)
    for edge_type, rows in drawn.items():
        if edge_type.target != "Product" or edge_type.source != "User":
            for source, target, *_ in rows:
                connected[edge_type.source].add(source)
                connected[edge_type.target].add(target)
    for (user, product), total in weighed(drawn, "Product").items():
        if total > 1e-9:
            connected["User"].add(user)
            connected["Product"].add(product)
    for name, rows in vectors.items():
        assert not_zero(rows) <= connected[name], name


@pytest.mark.parametrize("preset", presets())
@settings(max_examples=8)
@given(drawn=edges())
def test_every_preset_with_new_items(make_graph, preset, drawn):
    config = load_config(preset_path(preset))
    ageless = {
        name: getattr(config, name).model_copy(update={"half_life_days": None})
        for name in ("svd", "profile", "engagement")
    }
    graph = QUICK.model_copy(update={"weight": config.graph.weight})
    weight = max(config.popularity.weight, 0.1)
    popularity = config.popularity.model_copy(update={"weight": weight})
    config = config.model_copy(update={"graph": graph, "popularity": popularity, **ageless})
    graph = make_graph(NUM_NODES, drawn)
    vectors = make_encoder(SCHEMA, PURCHASED, config, Run("cpu")).fit(graph)
    learner = ColdStartLearner(graph, vectors, SCHEMA, PURCHASED, config.cold_start)
    for found in (vectors, learner.applied(learner.rules())):
        users, _ = told_by(drawn, "Product", "Creator", "Content", "Brand")
        assert not_zero(found["User"]) <= users
        connected = defaultdict(set)
        for edge_type, rows in drawn.items():
            for source, target, *_ in rows:
                connected[edge_type.source].add(source)
                connected[edge_type.target].add(target)
        for name, rows in found.items():
            assert not_zero(rows) <= connected[name], name
        assert all(np.isfinite(rows).all() for rows in found.values())


@pytest.mark.parametrize("popularity", [0.0, 0.1])
def test_a_bundle_says_so_of_the_first_user_and_of_the_last(write_world, tmp_path, popularity):
    users = ["a0", *(f"u{number}" for number in range(6)), "z0"]
    bought = [
        (user, f"p{(row + step) % 5}") for row, user in enumerate(users[1:-1]) for step in (0, 1, 2)
    ]
    snapshot = write_world(
        tmp_path / "snapshot",
        {"User": {"user_id": users}, "Product": {"product_id": [f"p{row}" for row in range(5)]}},
        {
            "User-PURCHASED-Product": {
                "source_id": [user for user, _ in bought],
                "target_id": [product for _, product in bought],
                "at": [SINCE] * len(bought),
                "event_id": [f"e{number}" for number in range(len(bought))],
            }
        },
    )
    config = TrainConfig(popularity={"weight": popularity})
    made = train(snapshot.folder, tmp_path / "bundle", config=config, holdout_days=None)
    recommender = Recommender(made.bundle)
    assert recommender.knows("User", "u0", "Product")
    for user in ("a0", "z0"):
        assert not recommender.knows("User", user, "Product")
        popular = recommender.products_for_user(user, k=3, on_unknown="popular")
        assert "popular" in popular.items[0].reasons[0]
    assert {"a0", "z0"}.isdisjoint(recommender.similar_users("u0", k=10).ids)
