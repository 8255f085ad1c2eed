"""The whole run: from a snapshot to a bundle that answers, measured on what came after."""

import hashlib
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from graphdb.errors import BundleError, InsufficientDataError, SchemaError, SnapshotError
from graphdb.schema import SCHEMA
from graphrec import Recommender
from graphrec.bundle.short_vectors import rounded_to
from training.bundling import Learned, bundle_up
from training.config import TrainConfig
from training.data import load_graph
from training.encoders import SvdConfig, SvdEncoder
from training.gnn import GnnConfig
from training.models import Run, make_encoder
from training.quality import QualityConfig
from training.splitting.split import hold_out_last
from training.training_run import train

PURCHASED = SCHEMA.edge_type("PURCHASED")
CONFIG = TrainConfig(
    top_k=10, svd=SvdConfig(dim=32, oversampling=8, half_life_days=None, singular_value_exponent=1)
)


@pytest.fixture(scope="module")
def report(planted, tmp_path_factory):
    return train(planted.folder, tmp_path_factory.mktemp("run") / "bundle", config=CONFIG)


def content_of(folder):
    """sha256 per file, with the time taken out of the manifest."""
    hashes = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    manifest = (folder / "manifest.json").read_text(encoding="utf-8")
    created_at = json.loads(manifest)["created_at"]
    return hashes, manifest.replace(created_at, "then")


def test_it_beats_popularity_where_there_is_taste(report):
    for task in ("all products", "new products", "new brands"):
        model = report.evaluation.score(task, "svd")
        baseline = report.evaluation.score(task, "popularity")
        assert model.num_queries == baseline.num_queries > 100
        assert model.recall > 1.5 * baseline.recall, task
        assert model.ndcg > 1.5 * baseline.ndcg, task


def test_it_falls_to_chance_where_purchases_are_shuffled(shuffled, tmp_path):
    report = train(shuffled.folder, tmp_path / "bundle", config=CONFIG)
    model = report.evaluation.score("new products", "svd")
    bought = load_graph(shuffled)[PURCHASED].edge_index.unique(dim=1).shape[1]
    chance = CONFIG.top_k / (160 - bought / 240)  # ten places, drawn from what is not yet bought
    assert model.recall == pytest.approx(chance, rel=0.25)


def test_the_final_bundle_knows_everything(report, planted):
    graph = load_graph(planted)
    bundle = report.bundle
    pairs = graph[PURCHASED].edge_index.unique(dim=1).shape[1]
    assert bundle.edges(PURCHASED).num_edges == pairs
    assert {str(edge_type) for edge_type in bundle.edge_types} == {
        str(edge_type) for edge_type in SCHEMA.edge_types()
    }
    bought = bundle.edges(PURCHASED).evidence
    assert bought.counts.sum() == graph[PURCHASED].edge_index.shape[1]
    assert bought.last_at_s.max() == graph[PURCHASED].at_s.max()
    assert bundle.edges(SCHEMA.edge_type("MADE_BY")).evidence is None
    assert bundle.quality("Product")["num_orders"].to_numpy().sum() == bought.counts.sum()
    assert set(bundle.node_types) == set(SCHEMA.node_types)
    assert bundle.attributes("Product").equals(planted.nodes("Product"))
    expected = make_encoder(SCHEMA, PURCHASED, CONFIG, Run()).fit(graph)
    assert {name for name in SCHEMA.node_types if bundle.has_vectors(name)} == set(expected)
    for name, vectors in expected.items():
        # as few dimensions stay as they are, and only their numbers are short
        written = rounded_to(vectors, bundle.manifest.vector_type)
        np.testing.assert_array_equal(bundle.vectors(name), written)


def test_a_bundle_of_the_past_judges_by_the_past_alone(planted, tmp_path):
    holdout = hold_out_last(load_graph(planted), PURCHASED, 28)
    bundle = bundle_up(
        tmp_path / "past",
        planted,
        holdout.train_graph,
        Learned(SvdEncoder(SCHEMA, PURCHASED, CONFIG.svd).fit(holdout.train_graph)),
        cutoff=datetime.fromtimestamp(holdout.cutoff_s, UTC),
        config={},
        metrics={},
    )
    num_before = holdout.train_graph[PURCHASED].edge_index.shape[1]
    assert num_before < planted.num_edges(PURCHASED)
    for node_type in ("Product", "Brand"):
        assert bundle.quality(node_type)["num_orders"].to_numpy().sum() == num_before
    assert bundle.as_of == bundle.manifest.cutoff
    assert bundle.manifest.newest_event_at < bundle.manifest.cutoff


def test_the_parts_of_quality_are_those_of_the_data_and_the_config(planted, tmp_path):
    config = CONFIG.model_copy(update={"quality": QualityConfig(repeat=0.7)})
    bundle = train(planted.folder, tmp_path / "bundle", config=config, holdout_days=None).bundle
    assert set(bundle.manifest.quality) == {"Product", "Brand"}
    rule = bundle.manifest.quality["Product"]
    assert rule.missing == ("return_rate", "rating")
    assert rule.parts["repeat_rate"].weight == 1
    assert bundle.manifest.config["quality"]["repeat"] == 0.7


def test_the_manifest_says_how_and_how_good(report, planted):
    manifest = report.bundle.manifest
    assert manifest.snapshot_id == planted.snapshot_id
    assert manifest.cutoff is None
    assert manifest.dim == 32 + 32  # the SVD and the profile of brands
    assert manifest.config["encoder"] == "svd"
    assert manifest.config["holdout_days"] == 28
    assert manifest.config["svd"]["dim"] == 32
    assert manifest.metrics == report.evaluation.to_dict()
    assert len(manifest.metrics["scores"]) == 6
    assert set(manifest.cold_start) == {"User", "Product", "Brand"}


def test_a_product_that_came_too_late_is_encoded_from_its_brand(report):
    recommender = Recommender(report.bundle)
    vector = recommender.embed_new("Product", {"Product-MADE_BY-Brand": ["b02"]})
    audience = recommender.recommend_vector(vector, "User", k=20)
    assert sum(int(user_id[1:]) % 4 == 2 for user_id in audience.ids) >= 18


def test_measured_and_served_are_the_same_batch_or_not(report):
    recommender = Recommender(report.bundle)
    users = np.arange(0, 240, 17)
    rows, scores = recommender.top_rows("User", users, "Product", k=7, exclude_seen=True)
    for position, user in enumerate(users):
        one_rows, one_scores = recommender.top_rows(
            "User", np.array([user]), "Product", k=7, exclude_seen=True
        )
        assert one_rows[0].tolist() == rows[position].tolist()
        assert one_scores[0].tolist() == scores[position].tolist()
        served = recommender.products_for_user(f"u{user:03d}", k=7)
        assert [item.id for item in served] == [f"p{row:03d}" for row in rows[position]]


def test_tastes_show_in_similar_products_and_lookalike_users(report):
    recommender = Recommender(report.bundle)
    similar = recommender.similar_products("p008", k=10)
    assert sum(int(item.id[1:]) % 4 == 0 for item in similar) >= 9
    audience = recommender.users_for_brand("b02", k=20)
    assert sum(int(item.id[1:]) % 4 == 2 for item in audience) >= 18


def test_both_halves_in_one_bundle_and_a_killed_run_goes_on(planted, tmp_path):
    graph = GnnConfig(weight=0.5, dim=16, epochs=4, batch_size=64)
    config = CONFIG.model_copy(update={"graph": graph})
    epochs = []

    def kill(epoch):
        epochs.append(epoch.number)
        if len(epochs) == 6:  # four epochs of the past, then two of everything
            raise KeyboardInterrupt

    run = Run(folder=tmp_path / "run", on_epoch=kill)
    with pytest.raises(KeyboardInterrupt):
        train(planted.folder, tmp_path / "bundle", config=config, run=run)
    assert not (tmp_path / "bundle").exists()
    resumed = train(planted.folder, tmp_path / "bundle", config=config, run=run)
    whole = train(planted.folder, tmp_path / "whole", config=config)
    assert epochs == [1, 2, 3, 4, 1, 2, 3, 4]
    assert resumed.bundle.manifest.dim == 32 + 16 + 32
    assert content_of(tmp_path / "bundle") == content_of(tmp_path / "whole")
    baseline = whole.evaluation.score("new products", "popularity")
    assert whole.evaluation.score("new products", "concat").recall > 1.5 * baseline.recall


def test_two_runs_give_the_same_bytes(planted, tmp_path):
    config = TrainConfig(svd=SvdConfig(dim=32, seed=5))
    for place in ("here", "there/deeper"):
        train(planted.folder, tmp_path / place / "bundle", config=config)
    one, other = (content_of(tmp_path / place / "bundle") for place in ("here", "there/deeper"))
    assert one == other
    assert str(tmp_path) not in one[1]
    assert "measure" not in one[1]


def test_another_seed_gives_other_bytes(planted, tmp_path):
    for seed in (1, 2):
        config = TrainConfig(svd=SvdConfig(dim=32, oversampling=0, seed=seed))
        train(planted.folder, tmp_path / str(seed), config=config, holdout_days=None)
    name = "vectors/Product.npy"
    assert content_of(tmp_path / "1")[0][name] != content_of(tmp_path / "2")[0][name]


def test_nothing_but_the_bundle_is_left_behind(planted, tmp_path):
    train(planted.folder, tmp_path / "bundle", config=CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_without_holdout_nothing_is_measured(planted, tmp_path):
    steps = []
    report = train(
        planted.folder,
        tmp_path / "bundle",
        config=CONFIG,
        holdout_days=None,
        on_progress=lambda *step: steps.append(step),
    )
    assert report.evaluation is None
    assert report.bundle.manifest.metrics == {}
    assert steps == [
        ("read the snapshot", 1, 3),
        ("learn from everything", 2, 3),
        ("write the bundle", 3, 3),
    ]


def test_steps_are_told_in_order(planted, tmp_path):
    steps = []
    train(
        planted.folder,
        tmp_path / "bundle",
        config=CONFIG,
        on_progress=lambda *step: steps.append(step),
    )
    assert [number for _, number, _ in steps] == [1, 2, 3, 4, 5, 6]
    assert {total for *_, total in steps} == {6}
    assert steps[1][0] == "hold out the last 28 days"


def test_an_existing_bundle_is_refused_before_any_work(planted, tmp_path):
    steps = []
    with pytest.raises(BundleError, match=r"exists already; bundles are never changed; choose"):
        train(planted.folder, tmp_path, on_progress=lambda *step: steps.append(step))
    assert steps == []


def test_a_holdout_longer_than_the_data_leaves_nothing_behind(planted, tmp_path):
    with pytest.raises(InsufficientDataError, match="the last 500 days leaves no"):
        train(planted.folder, tmp_path / "bundle", holdout_days=500)
    assert list(tmp_path.iterdir()) == []


def test_no_snapshot(tmp_path):
    with pytest.raises(SnapshotError, match="no snapshot at"):
        train(tmp_path / "none", tmp_path / "bundle")


def test_a_direction_that_the_schema_does_not_have(planted, tmp_path):
    config = TrainConfig(target_edge_type="User-BOUGHT-Product")
    with pytest.raises(SchemaError, match="unknown relation 'BOUGHT'"):
        train(planted.folder, tmp_path / "bundle", config=config)
