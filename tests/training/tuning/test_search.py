"""The search on a world in which the best settings are known, and what it must not look at."""

import importlib.util
import json

import numpy as np
import pytest

from graphdb.errors import (
    CheckpointError,
    DivergedError,
    InsufficientDataError,
    SchemaError,
    TrainingError,
)
from graphdb.schema import SCHEMA
from training import extras
from training.baselines import EncoderBaseline
from training.config import TrainConfig
from training.data import load_graph
from training.encoders import (
    GraphEncoder,
    PopularityConfig,
    ProfileEncoder,
    SvdConfig,
    SvdEncoder,
)
from training.evaluation.metrics import metrics_at_k
from training.gnn import GnnConfig
from training.models import Run, make_encoder
from training.sparse_ops import csr_of
from training.splitting.holdout import cut
from training.tuning import Dimension, Space, Split, TuneOptions, tune
from training.tuning.journal import JOURNAL
from training.tuning.search import Fitter

PURCHASED = SCHEMA.edge_type("PURCHASED")
DAY_S = 86_400
BASE = TrainConfig(
    top_k=10, svd=SvdConfig(dim=32, oversampling=8, half_life_days=None, singular_value_exponent=1)
)
BETA = Space((Dimension(("svd", "singular_value_exponent"), -1.0, 2.0),))
THREE = TuneOptions(trials=3, split=Split(20, 20))


@pytest.fixture(scope="module")
def report(planted):
    return tune(planted.folder, BASE, BETA, THREE)


def settings_of(report):
    return [trial.settings for trial in report.trials]


def reached_by(report):
    return [trial.reached for trial in report.trials]


def test_the_base_is_tried_first_and_the_best_is_no_worse(report):
    assert [trial.number for trial in report.trials] == [1, 2, 3]
    assert report.trials[0].settings == {"svd.singular_value_exponent": 1.0}
    assert len({trial.settings["svd.singular_value_exponent"] for trial in report.trials}) == 3
    assert report.best.reached.ndcg == max(reached.ndcg for reached in reached_by(report))
    assert report.config == BETA.config(BASE, report.best.settings)
    assert report.best.reached.ndcg > 1.5 * report.popularity.ndcg


def test_a_trial_is_what_its_settings_reach_on_the_validation_part(report, planted):
    part = cut(load_graph(planted), SCHEMA, PURCHASED, THREE.split, 0)
    config = BETA.config(BASE, report.trials[2].settings)
    encoder = make_encoder(SCHEMA, PURCHASED, config, Run())
    scorer = EncoderBaseline(encoder, PURCHASED).fit(part.train_graph)
    assert metrics_at_k(scorer, part.taken, part.truth, 10) == report.trials[2].reached


def test_the_metric_decides(planted, report):
    recall = tune(planted.folder, BASE, BETA, TuneOptions(3, metric="recall", split=THREE.split))
    assert recall.best.reached.recall == max(reached.recall for reached in reached_by(recall))
    assert settings_of(recall) == settings_of(report)  # drawn before anything is learned of them


def test_two_runs_are_the_same_and_another_seed_is_not(planted, report):
    again = tune(planted, BASE, BETA, THREE)
    assert settings_of(again) == settings_of(report)
    assert reached_by(again) == reached_by(report)
    other = tune(planted.folder, BASE, BETA, TuneOptions(3, split=THREE.split, seed=1))
    assert settings_of(other)[1:] != settings_of(report)[1:]


class TestValidationPart:
    """Purchases lie within 100 days: days 0-60 to train on, 60-80 to validate, 80-100 unseen."""

    @pytest.fixture
    def graph(self, planted):
        return load_graph(planted)

    def days(self, graph):
        at_s = graph[PURCHASED].at_s
        return (at_s - int(at_s.max()) - 1).double() / DAY_S + 100

    def pairs(self, graph, which):
        return graph[PURCHASED].edge_index[:, which].T.tolist()

    def test_what_train_measures_on_is_in_neither_part(self, graph):
        part = cut(graph, SCHEMA, PURCHASED, Split(20, 20), 0)
        at_s = graph[PURCHASED].at_s
        held_out_s = int(at_s.max()) + 1 - 20 * DAY_S
        validation_s = int(at_s[at_s < held_out_s].max()) + 1 - 20 * DAY_S
        early, middle = at_s < validation_s, (at_s >= validation_s) & (at_s < held_out_s)
        assert part.train_graph[PURCHASED].edge_index.shape[1] == early.sum()
        past, new = (set(map(tuple, self.pairs(graph, which))) for which in (early, middle))
        assert set(map(tuple, part.taken.to_dense().nonzero().tolist())) == past
        assert set(map(tuple, csr_of(part.truth).to_dense().nonzero().tolist())) == new - past

    def test_whatever_happens_in_the_last_days_changes_nothing(self, graph):
        whole = cut(graph, SCHEMA, PURCHASED, Split(20, 20), 0)
        last = self.days(graph) >= 80
        last[graph[PURCHASED].at_s.argmax()] = False  # the moment that all is counted from
        graph[PURCHASED].edge_index[1, last] = 0
        changed = cut(graph, SCHEMA, PURCHASED, Split(20, 20), 0)
        for one, other in (
            (whole.taken, changed.taken),
            (csr_of(whole.truth), csr_of(changed.truth)),
        ):
            assert one.to_dense().equal(other.to_dense())
        index = changed.train_graph[PURCHASED].edge_index
        assert index.equal(whole.train_graph[PURCHASED].edge_index)

    def test_without_a_holdout_the_last_days_are_validated_on(self, graph):
        part = cut(graph, SCHEMA, PURCHASED, Split(None, 20), 0)
        days = self.days(graph)
        assert part.train_graph[PURCHASED].edge_index.shape[1] == int((days < 80).sum())

    def test_a_share_of_the_pairs_before_the_holdout(self, graph):
        part, same, other = (
            cut(graph, SCHEMA, PURCHASED, Split(20, validation_fraction=0.2), seed)
            for seed in (0, 0, 1)
        )
        assert csr_of(part.truth).to_dense().equal(csr_of(same.truth).to_dense())
        assert not csr_of(part.truth).to_dense().equal(csr_of(other.truth).to_dense())
        before = self.days(graph) < 80
        pairs = graph[PURCHASED].edge_index[:, before].unique(dim=1).shape[1]
        assert csr_of(part.truth).to_dense().sum() / pairs == pytest.approx(0.2, abs=0.03)
        assert not (csr_of(part.truth).to_dense() * part.taken.to_dense()).any()

    def test_titles(self):
        assert Split().title == "the last 28 days before the held-out 28 days"
        assert Split(None, 7).title == "the last 7 days"
        assert (
            Split(9, validation_fraction=0.1).title == "0.1 of the pairs before the held-out 9 days"
        )

    def test_too_little_left(self, planted):
        with pytest.raises(InsufficientDataError, match="the last 90 days leaves no"):
            tune(planted.folder, BASE, BETA, TuneOptions(1, split=Split(28, 90)))


class TestGoingOn:
    @pytest.mark.parametrize("killed_in", [1, 2, 3])
    def test_a_killed_study_tries_what_it_would_have_tried(
        self, planted, tmp_path, monkeypatch, report, killed_in
    ):
        fit, calls = Fitter.vectors, []

        def kill(self, config):
            calls.append(config)
            if len(calls) == killed_in:
                raise KeyboardInterrupt
            return fit(self, config)

        options = TuneOptions(3, split=THREE.split, keep=tmp_path)
        monkeypatch.setattr(Fitter, "vectors", kill)
        with pytest.raises(KeyboardInterrupt):
            tune(planted.folder, BASE, BETA, options)
        told = []
        resumed = tune(planted.folder, BASE, BETA, options, on_trial=told.append)
        assert len(calls) == 3 + 1
        assert settings_of(resumed) == settings_of(report)
        assert reached_by(resumed) == reached_by(report)
        assert told == list(resumed.trials)

    def test_more_trials_go_on_and_what_is_done_is_not_done_again(self, planted, tmp_path, report):
        two = TuneOptions(2, split=THREE.split, keep=tmp_path)
        tune(planted.folder, BASE, BETA, two)
        lines = (tmp_path / JOURNAL).read_text().splitlines()
        assert all(json.loads(line) for line in lines)  # no pickle
        assert len(tune(planted.folder, BASE, BETA, two).trials) == 2
        assert len((tmp_path / JOURNAL).read_text().splitlines()) - len(lines) <= 1
        three = tune(planted.folder, BASE, BETA, TuneOptions(3, split=THREE.split, keep=tmp_path))
        assert settings_of(three) == settings_of(report)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"base": BASE.model_copy(update={"top_k": 5})},
                r"started with config\.top_k = 10; expected 5",
            ),
            (
                {"space": Space((Dimension(("svd", "singular_value_exponent"), 0.0, 2.0),))},
                r"started with space\.svd\.singular_value_exponent\.low = -1\.0; expected 0\.0",
            ),
            (
                {"options": {"metric": "recall"}},
                "metric = 'ndcg'; expected 'recall'; tune with the same",
            ),
            (
                {"options": {"split": Split(20, 10)}},
                r"started with split\.validation_days = 20; expected 10",
            ),
            ({"options": {"seed": 3}}, "started with seed = 0; expected 3"),
        ],
    )
    def test_another_question_is_refused(self, planted, tmp_path, change, message):
        kept = {"trials": 1, "split": THREE.split, "keep": tmp_path}
        tune(planted.folder, BASE, BETA, TuneOptions(**kept))
        options = TuneOptions(**{**kept, **change.get("options", {})})
        with pytest.raises(CheckpointError, match=message):
            tune(planted.folder, change.get("base", BASE), change.get("space", BETA), options)

    def test_another_snapshot_is_refused(self, planted, shuffled, tmp_path):
        options = TuneOptions(1, split=THREE.split, keep=tmp_path)
        tune(planted.folder, BASE, BETA, options)
        with pytest.raises(CheckpointError, match="was started with snapshot_id"):
            tune(shuffled.folder, BASE, BETA, options)

    @pytest.mark.parametrize(
        "text", ["no json\nat all\n", '{"op_code": 4, "study_id": 7}\n', "[]\n"]
    )
    def test_a_journal_that_is_none(self, planted, tmp_path, text):
        (tmp_path / JOURNAL).write_text(text)
        options = TuneOptions(1, split=THREE.split, keep=tmp_path)
        with pytest.raises(CheckpointError, match=r"cannot be read: .*delete it to start again"):
            tune(planted.folder, BASE, BETA, options)


class TestFailures:
    def test_a_trial_that_diverges_counts_and_the_others_go_on(self, planted, monkeypatch):
        fit = Fitter.vectors

        def diverge(self, config):
            if config.svd.singular_value_exponent == 1:  # the first
                raise DivergedError("the loss became nan in epoch 1")
            return fit(self, config)

        monkeypatch.setattr(Fitter, "vectors", diverge)
        report = tune(planted.folder, BASE, BETA, THREE)
        assert [trial.failure for trial in report.trials] == [
            "the loss became nan in epoch 1",
            None,
            None,
        ]
        assert report.trials[0].reached is None
        assert report.best.number in (2, 3)

    def test_none_could_be_trained(self, planted, monkeypatch):
        def diverge(*_):
            raise DivergedError("the loss became inf")

        monkeypatch.setattr(Fitter, "vectors", diverge)
        with pytest.raises(
            TrainingError, match=r"none of 3 trials .* the loss became inf; try oth"
        ):
            tune(planted.folder, BASE, BETA, THREE)

    def test_a_direction_that_the_schema_does_not_have(self, planted):
        with pytest.raises(SchemaError, match="unknown relation 'BOUGHT'"):
            tune(planted.folder, TrainConfig(target_edge_type="User-BOUGHT-Product"), BETA, THREE)

    def test_without_optuna_it_says_what_to_install(self, planted, monkeypatch):
        found = importlib.util.find_spec
        monkeypatch.setattr(
            extras, "find_spec", lambda name: None if name == "optuna" else found(name)
        )
        with pytest.raises(TrainingError, match=r"tuning needs optuna, .*; install graphrec\[tune"):
            tune(planted.folder, BASE, BETA, THREE)


def test_a_time_limit_ends_it_after_a_trial(planted):
    options = TuneOptions(3, minutes=0, split=THREE.split)
    assert len(tune(planted.folder, BASE, BETA, options).trials) == 1


@pytest.mark.parametrize("popularity", [0.0, 0.5])
def test_halves_are_those_of_the_encoder_and_are_not_learned_twice(
    planted, monkeypatch, popularity
):
    graph = load_graph(planted)
    network = GnnConfig(weight=0.5, dim=8, epochs=2, batch_size=64)
    changes = {"graph": network, "popularity": PopularityConfig(weight=popularity)}
    config = BASE.model_copy(update=changes)
    fitter = Fitter(graph, SCHEMA, PURCHASED, Run("cpu"))
    expected = make_encoder(SCHEMA, PURCHASED, config, Run("cpu")).fit(graph)
    for name, vectors in fitter.vectors(config).items():
        np.testing.assert_array_equal(vectors, expected[name])
    learned = []
    for encoder in (SvdEncoder, GraphEncoder, ProfileEncoder):
        monkeypatch.setattr(encoder, "fit", noted(encoder, learned))
    heavier = network.model_copy(update={"weight": 3.0})
    fitter.vectors(config.model_copy(update={"graph": heavier}))
    assert learned == []
    other = BETA.config(config, {"svd.singular_value_exponent": 0.2})
    fitter.vectors(other)
    assert learned == [SvdEncoder]


def noted(encoder, learned):
    fit = encoder.fit
    return lambda self, graph: learned.append(encoder) or fit(self, graph)


def test_the_network_alone_and_settings_of_several_kinds(planted):
    base = TrainConfig(svd={"weight": 0}, graph=GnnConfig(weight=1, dim=8, epochs=2, batch_size=64))
    space = Space(
        (
            Dimension(("graph", "epochs"), 1, 3),
            Dimension(("graph", "temperature"), 0.05, 0.5, log=True),
            Dimension(("graph", "num_random_negatives"), choices=(0, "all")),
        )
    )
    report = tune(planted.folder, base, space, THREE, device="cpu")
    for trial in report.trials:
        epochs, temperature, candidates = trial.settings.values()
        assert epochs in (1, 2, 3) and type(epochs) is int
        assert 0.05 <= temperature <= 0.5
        assert candidates in (0, "all")
    assert report.config.graph.epochs == report.best.settings["graph.epochs"]
