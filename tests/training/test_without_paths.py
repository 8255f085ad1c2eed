"""Training and evaluation without a path: the same results, and nothing is left behind."""

import gc
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from graphdb import Graph
from graphdb.errors import BundleError, InsufficientDataError, SchemaError
from graphrec import Block, Policy, Recommender
from training import EvaluateOptions, TrainConfig, evaluate, read_evaluation, train
from training.encoders import SvdConfig

CONFIG = TrainConfig(
    top_k=10,
    svd=SvdConfig(dim=32, oversampling=8),
    # as with nothing held out, where no size is chosen
    compression={"enabled": True, "dim": 256, "vector_type": "float16"},
)
OPTIONS = EvaluateOptions(baselines=("popularity",), resamples=20)


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """The folder of temporary files, empty."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    gc.collect()
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def graph(planted):
    schema = planted.schema
    nodes = {of: planted.nodes(of) for of in schema.node_types if planted.num_nodes(of)}
    edges = {str(of): planted.edges(of) for of in schema.edge_types() if planted.num_edges(of)}
    with Graph.from_frames({**nodes, **edges}) as graph:
        assert not graph.report.rejected
        yield graph


def same_vectors(one, other):
    return all(np.array_equal(one.vectors(of), other.vectors(of)) for of in ("User", "Product"))


def test_a_graph_a_snapshot_and_a_folder_train_the_same(graph, planted, tmp_path):
    of_folder = train(planted.folder, tmp_path / "bundle", config=CONFIG)
    of_graph = train(graph, config=CONFIG)
    assert same_vectors(of_graph.bundle, of_folder.bundle)
    assert of_graph.evaluation == of_folder.evaluation
    of_snapshot = train(graph.snapshot(), config=CONFIG, holdout_days=None)
    assert same_vectors(of_snapshot.bundle, of_folder.bundle)


def test_a_trained_bundle_answers_until_nobody_needs_it(planted, tmp_path, scratch):
    trained = train(planted, config=CONFIG, holdout_days=None)
    user = trained.bundle.id_of("User", 0)
    recommender = Recommender.from_training(trained)
    kept = trained.save(tmp_path / "kept")
    with pytest.raises(BundleError, match="exists"):
        trained.save(kept)
    del trained
    gc.collect()
    assert len(list(scratch.iterdir())) == 1  # the recommender still reads it
    answer = recommender.products_for_user(user, exclude_seen=False)
    assert answer == Recommender.open(kept).products_for_user(user, exclude_seen=False)
    policy = Policy(
        version="1", blocks=(Block(type="Product", ids=(answer.ids[0],), reason="RECALLED"),)
    )
    again = Recommender.from_training(
        train(planted, config=CONFIG, holdout_days=None), policy=policy
    )
    assert answer.ids[0] not in again.products_for_user(user, exclude_seen=False).ids


def test_an_evaluation_without_a_folder_returns_the_same_figures(planted, tmp_path):
    returned = evaluate(planted, config=CONFIG, options=OPTIONS)
    evaluate(planted.folder, tmp_path / "evaluation", config=CONFIG, options=OPTIONS)
    written = read_evaluation(tmp_path / "evaluation")
    for name in ("models", "leaks", "lifts", "exposure", "settings", "snapshot_id"):
        assert getattr(returned, name) == getattr(written, name)
    assert returned.to_arrow() == written.to_arrow()


def test_what_fails_leaves_nothing(planted):
    with pytest.raises(InsufficientDataError):
        train(planted, holdout_days=500)
    with pytest.raises(InsufficientDataError):
        evaluate(planted, options=EvaluateOptions(holdout_days=500))
    with pytest.raises(SchemaError, match=r"a dict is no snapshot; expected a Graph, a Snapshot"):
        train({"User": []})
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_results_of_training_and_evaluation_are_tables(planted):
    trained = train(planted, config=CONFIG)
    rows = trained.to_arrow().to_pylist()
    assert [(row["task"], row["model"], row["recall@10"], row["queries"]) for row in rows] == [
        (one.task, one.model, one.recall, one.num_queries) for one in trained.evaluation.scores
    ]
    assert repr(trained).startswith("<bundle of 480 nodes, ")
    assert trained._repr_html_().count("<tr>") == len(rows) + 1
    measured = evaluate(planted, config=CONFIG, options=OPTIONS)
    frame = measured.to_pandas()
    found = frame[(frame.task == "all products") & (frame.model == "svd")].set_index("metric")
    assert found["mean"].to_dict() == {
        name: one.mean for name, one in measured.task("all products").models[0].metrics.items()
    }
    assert repr(measured) == str(measured) and len(repr(measured)) < 150
    assert measured._repr_html_().count("<tr>") == 1 + 2 * len(measured.tasks)
    assert json.loads(measured.model_dump_json())["models"] == ["svd", "popularity"]
    bare = train(planted, config=CONFIG, holdout_days=None)
    assert bare.to_arrow().num_rows == 0 and "without a holdout" in bare._repr_html_()
