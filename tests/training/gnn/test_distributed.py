"""Several processes: their parts add up to the whole, and no failure leaves one waiting."""

import json
import signal
import socket
import tempfile
from multiprocessing import get_context
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from typer.testing import CliRunner
from workers.spoilt_train import Spoil, run

from graphdb.schema import SCHEMA
from graphrec.bundle import open_bundle
from graphrec.cli import build_app
from training.gnn import GnnConfig, HeteroLightGCN, relation_operators
from training.gnn.distributed import Processes
from training.gnn.supervision import batches, supervised_edges
from training.gnn.trainer import Trainer

PURCHASED = SCHEMA.edge_type("PURCHASED")
RETURNED = SCHEMA.edge_type("RETURNED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
SIZES = {"User": 30, "Product": 12, "Brand": 3}


@pytest.fixture
def graph(make_graph):
    generator = torch.Generator().manual_seed(0)
    bought = torch.randint(360, (120,), generator=generator).tolist()
    pairs = [(pair // 12, pair % 12) for pair in bought]
    returned = [(pair[0], (pair[1] + 1) % 12) for pair in pairs[:40]]
    return make_graph(
        SIZES,
        {PURCHASED: pairs, RETURNED: returned, MADE_BY: [(p, p % 3) for p in range(12)]},
    )


def gradients(graph, config, processes):
    """Losses, and per parameter the gradients of all steps of an epoch, summed."""
    names = ("User-PURCHASED-Product", "User-PURCHASED-Product-MADE_BY-Brand")
    trainer = Trainer(
        HeteroLightGCN(
            SIZES, relation_operators(graph, SCHEMA, config), dim=8, num_layers=config.num_layers
        ),
        [supervised_edges(graph, SCHEMA, name, 1.0, config) for name in names],
        config,
        processes,
    )
    generator = torch.Generator().manual_seed(3)
    losses = []
    for batch in batches(trainer.supervised, config, generator):
        loss = trainer._loss(batch, generator)
        loss.backward()
        losses.append(loss.item())
    learned = {name: value.grad for name, value in trainer.model.named_parameters()}
    return torch.tensor(losses), {
        name: value for name, value in learned.items() if value is not None
    }


@pytest.mark.parametrize("count", [2, 3, 11])
@pytest.mark.parametrize("num_layers", [0, 1, 2])
def test_the_parts_of_a_batch_add_up_to_the_whole(graph, count, num_layers):
    """With 11 processes and batches of 8 queries, some have nothing to do."""
    config = GnnConfig(
        dim=8,
        num_layers=num_layers,
        batch_size=8,
        node_dropout=0.2,
        num_random_negatives=2,
        l2=0.01,
        hard_negative_weight=4,
    )
    whole, expected = gradients(graph, config, Processes())
    parts = [gradients(graph, config, Processes(rank, count)) for rank in range(count)]
    torch.testing.assert_close(sum(losses for losses, _ in parts), whole)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(sum(found[name] for _, found in parts), gradient)


# What follows runs real processes. They are not started by torchrun, which would end the others
# where one fails: here they have to notice by themselves.

CONFIG = """
svd = {dim = 32}
[graph]
weight = 0.5
dim = 16
epochs = 8
patience = 3
batch_size = 50
node_dropout = 0.1
[graph.supervision]
"User-PURCHASED-Product" = 1.0
"User-PURCHASED-Product-MADE_BY-Brand" = 0.5
"""

# Starts processes that have torch imported already.
# Addresses of sockets are short, and folders for temporary files may have long names.
with pytest.MonkeyPatch.context() as patch:
    patch.setattr(tempfile, "tempdir", "/tmp")
    get_temp_dir()  # which is kept

SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["workers.spoilt_train", "training.training_run"])
LIMIT_S = 240  # far beyond what is needed; one that waits for another would wait for a day


# One worker runs them all, so that the unbroken run is made once.
def real(test):
    return pytest.mark.slow(pytest.mark.xdist_group("processes")(test))


@pytest.fixture(scope="module")
def world(planted, tmp_path_factory):
    """A snapshot and a config file."""
    config = tmp_path_factory.mktemp("config") / "train.toml"
    config.write_text(CONFIG)
    return planted.folder, config


class Ended:
    """Exit codes and what was said on stderr, by rank."""

    def __init__(self, processes, stderr):
        for process in processes:
            process.join(LIMIT_S)
            process.kill()
            process.join()
        self.exit_codes = [process.exitcode for process in processes]
        self.stderr = [path.read_text() for path in stderr]


def train_in_two(world, folder, *, spoil=None, options=((), ())):
    snapshot, config = world
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    environment |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    train = ["train", snapshot, folder / "bundle", "--config", config, "--device", "cpu"]
    train += ["--run-dir", folder / "kept"]
    stderr = [folder / f"stderr-{rank}" for rank in range(2)]
    started = []
    for rank in range(2):
        own = {**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        arguments = [str(word) for word in (*train, *options[rank])]
        started.append(SERVER.Process(target=run, args=(own, arguments, stderr[rank], spoil)))
        started[-1].start()
    return Ended(started, stderr)


def epochs_of(folder):
    """Of every stage, what is known of its epochs, without their seconds."""
    found = {}
    for path in sorted((folder / "kept").glob("*/*.jsonl")):
        epochs = [json.loads(line) for line in path.read_text().splitlines()]
        found[f"{path.parent.name}/{path.name}"] = [
            {
                name: value
                for name, value in epoch.items()
                if name != "seconds" and value is not None
            }
            for epoch in epochs
        ]
    return found


def vectors_of(folder):
    bundle = open_bundle(folder / "bundle")
    return {name: torch.from_numpy(bundle.vectors(name).copy()) for name in ("User", "Product")}


@pytest.fixture(scope="module")
def in_two(world, tmp_path_factory):
    """The folder of an unbroken run of two processes."""
    folder = tmp_path_factory.mktemp("two")
    ended = train_in_two(world, folder)
    assert ended.exit_codes == [0, 0], ended.stderr
    return folder


@real
def test_two_processes_reach_what_one_does(world, in_two, tmp_path):
    snapshot, config = world
    train = ["train", snapshot, tmp_path / "bundle", "--config", config, "--device", "cpu"]
    result = CliRunner().invoke(
        build_app(), [*map(str, train), "--run-dir", str(tmp_path / "kept")]
    )
    assert result.exit_code == 0, result.output
    alone, together = epochs_of(tmp_path), epochs_of(in_two)
    assert len(alone["past/validation.jsonl"]) > 3
    assert alone.keys() == together.keys()
    for stage, epochs in alone.items():
        for one, other in zip(epochs, together[stage], strict=True):
            assert other == pytest.approx(one, rel=1e-3)
    for node_type, vectors in vectors_of(tmp_path).items():
        found = vectors_of(in_two)[node_type]
        torch.testing.assert_close(found, vectors, rtol=0, atol=1e-3 * float(vectors.abs().max()))


@real
@pytest.mark.parametrize("rank", [0, 1])
def test_where_one_is_killed_the_other_ends_and_the_run_goes_on_exactly(
    world, in_two, tmp_path, rank
):
    ended = train_in_two(world, tmp_path, spoil=Spoil("kill", rank, 33))
    assert ended.exit_codes[rank] == -signal.SIGKILL
    assert ended.exit_codes[1 - rank] == 6
    assert "another training process ended" in ended.stderr[1 - rank]
    assert "Traceback" not in ended.stderr[1 - rank]
    assert not (tmp_path / "bundle").exists()
    killed = epochs_of(tmp_path)["past/validation.jsonl"]
    assert len(killed) == 3  # of 10 steps each

    again = train_in_two(world, tmp_path)
    assert again.exit_codes == [0, 0], again.stderr
    assert epochs_of(tmp_path) == epochs_of(in_two)
    for node_type, vectors in vectors_of(in_two).items():
        assert torch.equal(vectors_of(tmp_path)[node_type], vectors)


@real
def test_where_one_diverges_all_say_so_and_the_last_good_state_stays(world, tmp_path):
    ended = train_in_two(world, tmp_path, spoil=Spoil("nan", 1, 33))
    assert ended.exit_codes == [6, 6]
    for said in ended.stderr:
        assert "the loss became nan in epoch 4, step 3; lower the learning rate" in said
    with safe_open(tmp_path / "kept/past/validation.safetensors", framework="pt") as state:
        assert state.metadata()["epochs_done"] == "3"
        assert all(state.get_tensor(name).isfinite().all() for name in state.keys())  # noqa: SIM118


@real
def test_processes_that_do_not_train_the_same_all_refuse(world, tmp_path):
    ended = train_in_two(world, tmp_path, options=((), ("--seed", 1)))
    assert ended.exit_codes == [6, 6]
    for said in ended.stderr:
        assert "2 processes train together and differ in: settings" in said


@real
def test_an_error_of_one_before_the_training_ends_all(world, in_two):
    ended = train_in_two(world, in_two)  # the first finds its bundle there
    assert ended.exit_codes == [7, 6]
    assert "exists already; bundles are never changed" in ended.stderr[0]
    assert "another training process ended" in ended.stderr[1]
    assert Path(in_two / "bundle").is_dir()
