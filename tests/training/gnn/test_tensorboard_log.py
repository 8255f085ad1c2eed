"""What TensorBoard reads is what was trained, through kills and restarts."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from graphdb.errors import TrainingError
from graphdb.schema import SCHEMA
from training.encoders import GraphEncoder
from training.gnn import GnnConfig
from training.models import Run

PURCHASED = SCHEMA.edge_type("PURCHASED")
CONFIG = GnnConfig(dim=4, epochs=4, batch_size=3)
PAIRS = [(user, (user * step) % 7) for user in range(9) for step in (1, 2, 3)]


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def graph(make_graph):
    return make_graph({"User": 9, "Product": 7}, {PURCHASED: PAIRS})


def drawn(folder):
    """Per name (step, value) of all scalars, as TensorBoard has them."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def kept(path):
    """The same from the log of lines."""
    epochs = [json.loads(line) for line in path.read_text().splitlines()]
    names = [name for name in epochs[0] if name != "number" and epochs[0][name] is not None]
    return {
        name: [(epoch["number"], pytest.approx(epoch[name], rel=1e-6)) for epoch in epochs]
        for name in names
    }


def stop_after(number):
    def stop(epoch):
        if epoch.number == number:
            raise KilledError

    return stop


def fit(graph, folder, config=CONFIG, tensorboard=True, killed_after=None):
    on_epoch = stop_after(killed_after) if killed_after else None
    encoder = GraphEncoder(SCHEMA, config, "cpu", folder, on_epoch, tensorboard)
    if killed_after is None:
        encoder.fit(graph)
        return
    with pytest.raises(KilledError):
        encoder.fit(graph)


def test_every_epoch_is_drawn(graph, tmp_path):
    fit(graph, tmp_path)
    found = drawn(tmp_path / "tensorboard" / "all")
    assert set(found) == {"loss", "learning_rate", "seconds"}
    assert [step for step, _ in found["loss"]] == [1, 2, 3, 4]
    assert found == kept(tmp_path / "all.jsonl")


def test_what_is_measured_on_the_validation_part_is_drawn(graph, tmp_path):
    config = GnnConfig(**{**CONFIG.model_dump(), "patience": 2, "validation_fraction": 0.3})
    fit(graph, tmp_path, config)
    found = drawn(tmp_path / "tensorboard" / "validation")
    assert set(found) == {"loss", "learning_rate", "seconds", "recall", "ndcg"}
    assert found == kept(tmp_path / "validation.jsonl")
    assert "recall" not in drawn(tmp_path / "tensorboard" / "all")


def test_a_resumed_run_is_drawn_as_one(graph, tmp_path):
    fit(graph, tmp_path, killed_after=2)
    state = (tmp_path / "all.safetensors").read_bytes()
    fit(graph, tmp_path, killed_after=3)
    (tmp_path / "all.safetensors").write_bytes(state)  # killed before the third was kept
    fit(graph, tmp_path)
    found = drawn(tmp_path / "tensorboard" / "all")
    assert [step for step, _ in found["loss"]] == [1, 2, 3, 4]
    assert found == kept(tmp_path / "all.jsonl")


def test_epochs_from_before_it_was_asked_for_are_drawn_too(graph, tmp_path):
    fit(graph, tmp_path, tensorboard=False, killed_after=2)
    assert not (tmp_path / "tensorboard").exists()
    fit(graph, tmp_path)
    assert drawn(tmp_path / "tensorboard" / "all") == kept(tmp_path / "all.jsonl")


def test_it_needs_a_folder(tmp_path):
    Run(folder=tmp_path, tensorboard=True)
    with pytest.raises(TrainingError, match="needs a folder; set one with --run-dir"):
        Run(tensorboard=True)
