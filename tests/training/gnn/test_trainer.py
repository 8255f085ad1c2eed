"""The loop: one step against an oracle, a killed run resumed, a run that diverges."""

import json

import pytest
import torch

from graphdb.errors import CheckpointError, DivergedError
from graphdb.schema import SCHEMA
from training.encoders import GraphEncoder
from training.gnn import GnnConfig, HeteroLightGCN, relation_operators
from training.gnn.supervision import supervised_edges
from training.gnn.trainer import Trainer

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
SIZES = {"User": 30, "Product": 12, "Brand": 3}
SMALL = GnnConfig(
    dim=8,
    epochs=4,
    batch_size=8,
    node_dropout=0.2,
    num_random_negatives=2,
    supervision={"User-PURCHASED-Product": 1.0},
)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def graph(make_graph):
    generator = torch.Generator().manual_seed(0)
    bought = torch.randint(360, (120,), generator=generator)
    pairs = [(int(pair) // 12, int(pair) % 12) for pair in bought]
    return make_graph(SIZES, {PURCHASED: pairs, MADE_BY: [(p, p % 3) for p in range(12)]})


def trainer(graph, config):
    model = HeteroLightGCN(
        SIZES,
        relation_operators(graph, SCHEMA, config),
        dim=config.dim,
        num_layers=config.num_layers,
    )
    target_edge_type = supervised_edges(graph, SCHEMA, "User-PURCHASED-Product", 1.0, config)
    return Trainer(model, [target_edge_type], config)


def test_one_step_equals_an_oracle(graph):
    """One step of Adam moves every parameter by the rate, against the sign of a dense gradient."""
    config = GnnConfig(dim=8, epochs=1, batch_size=100, num_random_negatives="all", l2=0.01)
    ours = trainer(graph, config)
    learned = {name: row for name, row in ours.model.named_parameters() if row.requires_grad}
    before = {name: value.detach().clone() for name, value in learned.items()}
    loss = dense_loss(ours, config)
    gradients = torch.autograd.grad(loss, list(learned.values()), allow_unused=True)
    told = []
    ours.run(lambda epoch: told.append(epoch) or False)
    assert told[0].loss == pytest.approx(loss.item(), rel=1e-5)
    for (name, after), gradient in zip(learned.items(), gradients, strict=True):
        if gradient is None:
            torch.testing.assert_close(after, before[name])
            continue
        expected = before[name] - config.learning_rate * gradient / (gradient.abs() + 1e-8)
        clear = gradient.abs() > 1e-5
        torch.testing.assert_close(after[clear], expected[clear], atol=1e-4, rtol=0)


def dense_loss(ours, config):
    """The loss of all queries against all targets, written with loops over dense tensors."""
    (edges,) = ours.supervised
    users, products = ours.model([("User", None), ("Product", None)])
    cosines = torch.nn.functional.normalize(users) @ torch.nn.functional.normalize(products).T
    logits = cosines / config.temperature
    taken = edges.taken.float()
    losses = []
    for user, product in edges.positives.to_dense().nonzero().tolist():
        against = (logits[user].exp() * taken).sum().log()
        losses.append(config.negative_weight * against - logits[user, product])
    queries, targets = users[edges.query_rows], products[taken > 0]
    lengths = (queries**2).sum(1).mean() + (targets**2).sum(1).mean()
    return torch.stack(losses).mean() + config.l2 * lengths


def test_the_loss_falls(graph):
    losses = []
    config = replace_config(SMALL, epochs=30, node_dropout=0.0)
    trainer(graph, config).run(lambda epoch: losses.append(epoch.loss) or False)
    assert losses[-1] < losses[0] - 0.5
    assert len(losses) == 30


def replace_config(config, **changes):
    return GnnConfig(**{**config.model_dump(), **changes})


def test_equal_seeds_give_equal_parameters_and_others_do_not(graph):
    def trained(seed):
        one = trainer(graph, replace_config(SMALL, seed=seed))
        one.run(lambda _: False)
        return one.model.rows["User"].detach()

    assert torch.equal(trained(0), trained(0))
    assert not torch.allclose(trained(0), trained(1))


@pytest.mark.parametrize("patience", [None, 2])
@pytest.mark.parametrize("killed_after", [1, 3, 5])
def test_a_killed_run_goes_on_exactly_where_it_was(graph, tmp_path, patience, killed_after):
    config = replace_config(SMALL, patience=patience)
    whole = GraphEncoder(SCHEMA, config).fit(graph)
    seen = []

    def kill(epoch):
        seen.append(epoch)
        if len(seen) == killed_after:
            raise KilledError

    encoder = GraphEncoder(SCHEMA, config, folder=tmp_path / "run", on_epoch=kill)
    while True:
        try:
            resumed = encoder.fit(graph)
            break
        except KilledError:
            continue
    for node_type, vectors in whole.items():
        assert (resumed[node_type] == vectors).all()
    lines = (tmp_path / "run/all.jsonl").read_text().splitlines()
    numbers = [json.loads(line)["number"] for line in lines]
    assert numbers == list(range(1, len(numbers) + 1))
    # the run is finished, so that another fit trains nothing more
    told = len(seen)
    again = encoder.fit(graph)
    assert len(seen) == told
    assert (again["User"] == whole["User"]).all()


def test_a_line_without_its_state_is_forgotten(graph, tmp_path):
    config = replace_config(SMALL, epochs=2)
    GraphEncoder(SCHEMA, config, folder=tmp_path).fit(graph)
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    later = json.dumps({**json.loads(lines[-1]), "number": 3})
    (tmp_path / "all.jsonl").write_text("\n".join([*lines, later]) + "\n")
    GraphEncoder(SCHEMA, config, folder=tmp_path).fit(graph)
    assert (tmp_path / "all.jsonl").read_text().splitlines() == lines


def test_a_checkpoint_of_other_settings_is_refused(graph, tmp_path):
    GraphEncoder(SCHEMA, SMALL, folder=tmp_path).fit(graph)
    other = replace_config(SMALL, temperature=0.2)
    with pytest.raises(CheckpointError, match=r"written with temperature = 0\.12; expected 0\.2"):
        GraphEncoder(SCHEMA, other, folder=tmp_path).fit(graph)


def test_a_checkpoint_of_another_graph_is_refused(graph, make_graph, tmp_path):
    GraphEncoder(SCHEMA, SMALL, folder=tmp_path).fit(graph)
    other = make_graph({**SIZES, "User": 31}, {PURCHASED: [(0, 0), (1, 1), (2, 3)]})
    with pytest.raises(CheckpointError, match="belongs to another graph"):
        GraphEncoder(SCHEMA, SMALL, folder=tmp_path).fit(other)


def test_a_damaged_checkpoint_is_named(graph, tmp_path):
    GraphEncoder(SCHEMA, SMALL, folder=tmp_path).fit(graph)
    (tmp_path / "all.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=r"cannot be read.*delete it to start again"):
        GraphEncoder(SCHEMA, SMALL, folder=tmp_path).fit(graph)


def test_a_diverged_run_stops_and_its_last_good_state_stays(graph, tmp_path):
    encoder = GraphEncoder(SCHEMA, SMALL, folder=tmp_path)
    good = GraphEncoder(SCHEMA, SMALL, folder=tmp_path, on_epoch=stop_after(2))
    with pytest.raises(KilledError):
        good.fit(graph)
    state = (tmp_path / "all.safetensors").read_bytes()
    poisoned = encoder._trainer(graph)
    poisoned.model.rows["User"].data[0] = torch.nan
    with pytest.raises(DivergedError, match=r"became nan in epoch 1, step 1; lower the learning"):
        poisoned.run(lambda _: False)
    assert (tmp_path / "all.safetensors").read_bytes() == state


def test_a_gradient_that_is_no_number_at_the_end_of_an_epoch_is_not_kept(graph, tmp_path):
    """The loss of that step is still finite, and no other follows it."""
    encoder = GraphEncoder(SCHEMA, SMALL, folder=tmp_path)
    trainer = encoder._trainer(graph)
    steps = -(-len(trainer.supervised[0].query_rows) // SMALL.batch_size)
    seen = []

    def spoil(gradient):
        seen.append(gradient)
        return gradient * torch.nan if len(seen) == 2 * steps else gradient

    trainer.model.rows["Product"].register_hook(spoil)
    kept = []
    with pytest.raises(
        DivergedError, match=r"moment became NaN or infinite in epoch 2, step 4; lower"
    ):
        trainer.run(lambda epoch: kept.append(epoch.number) or False)
    assert kept == [1]


def test_a_loss_that_is_no_number_is_found_with_its_step(graph, monkeypatch):
    """Though it is looked at later."""
    spoilt = trainer(graph, SMALL)
    plain, seen = spoilt._loss, []

    def loss(batch, generator):
        seen.append(batch)
        return plain(batch, generator) * (torch.inf if len(seen) == 6 else 1)

    monkeypatch.setattr(Trainer, "_loss", lambda _, *given: loss(*given))
    with pytest.raises(DivergedError, match="the loss became inf in epoch 2, step 2"):
        spoilt.run(lambda _: False)


def stop_after(number):
    def stop(epoch):
        if epoch.number == number:
            raise KilledError

    return stop
