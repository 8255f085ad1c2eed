"""Stars count with their sign: many for, few against, the middle not at all; in every part."""

import math

import numpy as np
import pytest
import torch

from graphdb import SCHEMA
from graphdb.errors import InsufficientDataError
from graphrec import Recommender
from training.baselines import RecentPopularity
from training.config import TrainConfig
from training.data import event_weights, interaction_matrix, likes, load_graph
from training.encoders import (
    EngagementEncoder,
    PopularityConfig,
    PopularityEncoder,
    ProfileEncoder,
    SvdEncoder,
)
from training.evaluation.tasks import first_tasks
from training.gnn import GnnConfig
from training.gnn.supervision import supervised_edge_types, supervised_edges
from training.pairs import liked
from training.splitting.holdout import hold_out_last_of_each
from training.splitting.split import hold_out_last
from training.training_run import train

RATED = SCHEMA.edge_type("RATED")
PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
DAY = np.timedelta64(1, "D")
START = np.datetime64("2026-01-01T00:00:00")
NUM_USERS, NUM_PRODUCTS, NUM_KINDS = 40, 32, 4


def rating(rows):
    """Edges of RATED from tuples (user, product, stars, day)."""
    users, products, stars, days = zip(*rows, strict=True)
    return {
        "source_id": [f"u{user:02}" for user in users],
        "target_id": [f"p{product:02}" for product in products],
        "stars": list(map(float, stars)),
        "at": [(START + day * DAY).item() for day in days],
    }


def written(write_world, folder, rows, **more):
    nodes = {
        "User": {"user_id": [f"u{row:02}" for row in range(NUM_USERS)]},
        "Product": {"product_id": [f"p{row:02}" for row in range(NUM_PRODUCTS)]},
        "Tag": {"tag_id": [f"t{row}" for row in range(NUM_KINDS)]},
    }
    tagged = {
        "source_id": [f"p{row:02}" for row in range(NUM_PRODUCTS)],
        "target_id": [f"t{row % NUM_KINDS}" for row in range(NUM_PRODUCTS)],
    }
    edges = {str(RATED): rating(rows), "Product-TAGGED-Tag": tagged, **more}
    return write_world(folder, nodes, edges)


@pytest.fixture(scope="module")
def kinds(write_world, tmp_path_factory):
    """Every user gives 5 or 4 stars to four products of one kind, 1 or 2 to four of the next."""
    rng = np.random.default_rng(1)
    rows = []
    for user in range(NUM_USERS):
        for step, stars in ((0, (5, 4)), (1, (1, 2)), (2, (3, 3))):
            drawn = rng.choice(NUM_PRODUCTS // NUM_KINDS, 4, replace=False)
            products = drawn * NUM_KINDS + (user + step) % NUM_KINDS
            rows += [
                (user, int(product), stars[place % 2], int(rng.integers(60)))
                for place, product in enumerate(products)
            ]
    return written(write_world, tmp_path_factory.mktemp("kinds") / "snapshot", rows)


@pytest.fixture
def few(write_world, tmp_path):
    """u00 gives p00 to p04 one to five stars, and p05 four and a half; u01 gives p00 five."""
    rows = [(0, stars - 1, stars, stars) for stars in range(1, 6)] + [(0, 5, 4.5, 9), (1, 0, 5, 9)]
    return load_graph(written(write_world, tmp_path / "snapshot", rows))


def test_one_rule_from_stars_to_weights(few):
    assert few[RATED]["opinion"].tolist() == [-1, -0.5, 0, 0.5, 1, 0.75, 1]
    matrix = interaction_matrix(few, event_weights(SCHEMA, RATED, {})).to_dense()
    expected = torch.zeros(NUM_USERS, NUM_PRODUCTS).double()
    expected[0, 3:6] = torch.tensor([0.5, 1, 0.75]).double() * math.log(2)
    expected[1, 0] = math.log(2)
    torch.testing.assert_close(matrix, expected)
    assert liked(few, RATED).targets(0).tolist() == [3, 4, 5]
    assert likes(few, PURCHASED) is None


def test_stars_count_by_a_weight_beside_purchases(write_world, tmp_path):
    bought = {
        "source_id": ["u00", "u00"],
        "target_id": ["p00", "p01"],
        "at": [START.item()] * 2,
        "event_id": ["e1", "e2"],
    }
    rows = [(0, 0, 1, 1), (0, 1, 5, 1)]
    graph = load_graph(
        written(write_world, tmp_path / "snapshot", rows, **{str(PURCHASED): bought})
    )
    alone = interaction_matrix(graph, event_weights(SCHEMA, PURCHASED, {})).to_dense()
    assert (alone[0, :2] / math.log(2)).tolist() == pytest.approx([5, 5])
    weights = event_weights(SCHEMA, PURCHASED, {"RATED": 6.0})
    both = interaction_matrix(graph, weights).to_dense()
    assert (both[0, :2] / math.log(2)).tolist() == pytest.approx([0, 11])


def test_what_is_popular_is_what_was_liked(few):
    counts = PopularityEncoder(RATED).fit(few)["Product"][:, 0]
    assert np.flatnonzero(counts).tolist() == [0, 3, 4, 5]
    recent = PopularityEncoder(RATED, PopularityConfig(half_life_days=30)).fit(few)["Product"][:, 0]
    assert np.flatnonzero(recent).tolist() == [0, 3, 4, 5]
    recently = RecentPopularity(RATED).fit(few).targets[:, 0]
    assert torch.nonzero(recently).flatten().tolist() == [0, 3, 4, 5]


def test_the_network_learns_from_what_was_liked(few):
    config = GnnConfig()
    (name,) = supervised_edge_types(few, SCHEMA, config, RATED)
    target_edge_type = supervised_edges(few, SCHEMA, name, 1.0, config)
    assert name == str(RATED)
    assert target_edge_type.positives.to_dense()[0].nonzero().flatten().tolist() == [3, 4, 5]
    assert target_edge_type.disliked.to_dense()[0].nonzero().flatten().tolist() == [0, 1]


@pytest.mark.parametrize("cut", [lambda graph: hold_out_last(graph, RATED, 20), None])
def test_what_is_to_be_found_was_liked(kinds, cut):
    graph = load_graph(kinds)
    holdout = cut(graph) if cut else hold_out_last_of_each(graph, RATED)
    assert holdout.truth.num_edges
    for user in range(NUM_USERS):
        assert {row % NUM_KINDS for row in holdout.truth.targets(user)} <= {user % NUM_KINDS}
    tasks = first_tasks(holdout, SCHEMA, MADE_BY)
    assert [getattr(one.exclude_seen, "relations", None) for one in tasks] == [None, ("RATED",)]


@pytest.mark.parametrize("encoder", [SvdEncoder, ProfileEncoder, EngagementEncoder])
def test_every_part_reads_a_config_that_names_ratings(kinds, encoder):
    encoder(SCHEMA, RATED).fit(load_graph(kinds))


@pytest.mark.parametrize(
    "settings",
    [
        {"target_edge_type": str(RATED)},
        {"target_edge_type": str(RATED), "graph": {"weight": 0.5, "dim": 8, "epochs": 5}},
        {
            "target_edge_type": str(RATED),
            "svd": {"weight": 0},
            "graph": {"weight": 1, "dim": 8, "epochs": 20},
        },
        {"target_edge_type": str(RATED), "popularity": {"weight": 0.1}},
        {"svd": {"event_weights": {"RATED": 1.0}}},
    ],
)
def test_the_first_four_are_of_the_liked_kind(kinds, tmp_path, settings):
    config = TrainConfig.model_validate(settings)
    made = train(kinds.folder, tmp_path / "bundle", config=config, holdout_days=None)
    recommender = Recommender(made.bundle)
    found = np.zeros(NUM_KINDS, dtype=np.int64)
    for user in range(NUM_USERS):
        for product in recommender.products_for_user(f"u{user:02}", k=4).ids:
            found[(int(product[1:]) - user) % NUM_KINDS] += 1
    assert found[0] > 0.9 * found.sum()
    assert found[1] <= 0.01 * found.sum()


@pytest.mark.parametrize("holdout_days", [28, None])
def test_without_purchases_one_line_says_what_to_set(kinds, tmp_path, holdout_days):
    said = r'give --config a file with target_edge_type = "User-RATED-Product" \(480 edges\)'
    with pytest.raises(InsufficientDataError, match=said):
        train(kinds.folder, tmp_path / "bundle", holdout_days=holdout_days)


def test_a_user_of_bad_ratings_alone_is_unknown(write_world, tmp_path):
    rows = [(user, product, 5, 1) for user in range(1, 9) for product in (user, user + 1)]
    rows += [(0, 3, 1, 1), (0, 4, 2.5, 1)]
    snapshot = written(write_world, tmp_path / "snapshot", rows)
    config = TrainConfig(target_edge_type=str(RATED))
    made = train(snapshot.folder, tmp_path / "bundle", config=config, holdout_days=None)
    recommender = Recommender(made.bundle)
    assert recommender.knows("User", "u01", "Product")
    assert not recommender.knows("User", "u00", "Product")
