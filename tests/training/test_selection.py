"""Settings that the program chooses: better where the defaults do not fit, and never worse."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from graphdb import SCHEMA
from graphrec.bundle import Adjacency
from graphrec.cli import build_app
from training import TrainConfig, preset_path, train
from training.config import DEFAULT_PRESET, load_config
from training.data import ALWAYS_S, AT_S, COUNT, DAY_S, HeteroData, load_graph
from training.encoders.svd import SvdEncoder
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.pairs import adjacency
from training.selection import select_config
from training.sparse_ops import csr_of
from training.splitting.split import hold_out_last
from training.trials import NEVER_DAYS

PURCHASED = SCHEMA.edge_type("PURCHASED")
NUM_USERS, NUM_PRODUCTS = 400, 150
AUTO = load_config(preset_path("auto"))


def drawn(num_pairs: int, seed: int) -> np.ndarray:
    """Distinct pairs of users with planted tastes: rows of users and of products, int64 [2, n]."""
    draw = np.random.default_rng(seed)
    tastes = draw.normal(size=(NUM_USERS, 6)) @ draw.normal(size=(6, NUM_PRODUCTS))
    noisy = 2 * tastes + draw.normal(size=NUM_PRODUCTS) + draw.gumbel(size=tastes.shape)
    best = np.argsort(-noisy, axis=1)[:, : num_pairs // NUM_USERS]
    return np.stack([np.repeat(np.arange(NUM_USERS), best.shape[1]), best.ravel()])


def graph_of(pairs: np.ndarray, days: np.ndarray | None = None) -> HeteroData:
    graph = HeteroData()
    graph["User"].num_nodes, graph["Product"].num_nodes = NUM_USERS, NUM_PRODUCTS
    store = graph[PURCHASED]
    store.edge_index = torch.from_numpy(pairs)
    times = np.full(pairs.shape[1], ALWAYS_S) if days is None else (days * DAY_S).astype(np.int64)
    store[AT_S] = torch.from_numpy(times)
    store[COUNT] = torch.ones(pairs.shape[1])
    return graph


def ndcg(config, graph: HeteroData, truth: Adjacency) -> float:
    vectors = SvdEncoder(SCHEMA, PURCHASED, config.svd).fit(graph)
    taken = csr_of(adjacency(graph, PURCHASED))
    return metrics_at_k(VectorScorer.along(vectors, PURCHASED), taken, truth, 20).ndcg


@pytest.fixture(scope="module")
def tastes():
    """A graph of planted tastes, and the pairs that it does not hold."""
    pairs = drawn(16_000, seed=3)
    held = np.random.default_rng(4).random(pairs.shape[1]) < 0.2
    return graph_of(pairs[:, ~held]), Adjacency.from_edges(*pairs[:, held], NUM_USERS, NUM_PRODUCTS)


@pytest.fixture(scope="module")
def chosen(tastes):
    return select_config(tastes[0], SCHEMA, PURCHASED, AUTO)


def test_what_is_chosen_predicts_pairs_that_no_trial_saw(tastes, chosen):
    graph, truth = tastes
    assert ndcg(chosen.config, graph, truth) > 1.05 * ndcg(TrainConfig(), graph, truth)
    assert chosen.config.svd.dim <= 16, "six tastes were planted"


def test_it_is_never_worse_than_what_was_given_where_trials_are_compared(chosen):
    assert chosen.reached > chosen.before


def test_what_the_config_sets_itself_stays(tastes, chosen):
    own = TrainConfig.model_validate(
        {"svd": {"dim": 100, "item_exponent": 0.1}, "selection": {"enabled": True}}
    )
    selection = select_config(tastes[0], SCHEMA, PURCHASED, own)
    assert not selection.changed.keys() & {"svd.dim", "svd.item_exponent"}
    assert (selection.config.svd.dim, selection.config.svd.item_exponent) == (100, 0.1)
    assert selection.changed, "the rest is chosen"
    again = chosen.config.model_copy(update={"selection": AUTO.selection})  # all is set
    assert select_config(tastes[0], SCHEMA, PURCHASED, again).changed == {}


def test_equal_data_give_equal_choices(tastes, chosen):
    assert select_config(tastes[0], SCHEMA, PURCHASED, AUTO) == chosen


def test_what_changed_is_told_with_its_value_before(chosen):
    assert chosen.changed
    changed = {table: {} for table in ("svd", "profile", "popularity")}
    for key, (old, new) in chosen.changed.items():
        table, name = key.split(".")
        before = getattr(getattr(TrainConfig(), table), name)
        assert (NEVER_DAYS if before is None else before) == old
        assert any(line.startswith(f"  {key} = ") for line in chosen.lines())
        changed[table][name] = new
    expected = TrainConfig().model_dump()
    for table, values in changed.items():
        expected[table] |= values
    expected["compression"] = chosen.config.compression.model_dump()
    assert chosen.config == TrainConfig.model_validate(expected)


def test_the_size_of_vectors_is_chosen_with_the_rest(chosen):
    """Six tastes need few dimensions; the choice is told, and kept in the manifest."""
    size = chosen.size
    assert size is not None and size.questions == ("new products",)
    compression = chosen.config.compression
    assert compression.vector_type == size.vector_type == "int8"
    assert chosen.lines()[-2:] == size.lines()
    assert chosen.to_dict()["size"]["curve"]


def test_it_is_not_chosen_again(chosen):
    assert not chosen.config.selection.enabled


def test_without_enough_to_compare_the_given_values_are_kept():
    selection = select_config(graph_of(np.array([[0, 1, 2], [0, 1, 2]])), SCHEMA, PURCHASED, AUTO)
    assert (selection.part, selection.changed) == (None, {})
    assert selection.config.svd == TrainConfig().svd
    assert selection.lines() == [
        "settings: kept, because there is too little data to compare others"
    ]


def test_a_half_life_is_chosen_where_tastes_change():
    """Each user has one taste until day 60 and, or not, another one since: a half-life finds it."""
    fading, lasting = (select_config(aged(seed), SCHEMA, PURCHASED, AUTO) for seed in (6, 5))
    assert fading.part == "the last 14 days"
    assert fading.config.svd.half_life_days < 60 < lasting.config.svd.half_life_days


def aged(seed: int) -> HeteroData:
    """Two thirds of one world's pairs until day 60, those of another seed's world since."""
    before, since = drawn(12_000, seed=5), drawn(12_000, seed=seed)
    draw = np.random.default_rng(7)
    days = np.concatenate(
        [draw.uniform(1, 60, before.shape[1]), draw.uniform(60, 120, since.shape[1])]
    )
    return graph_of(np.concatenate([before, since], axis=1), days)


def test_half_life_and_repeats_stay_where_data_say_nothing_of_them(chosen):
    assert chosen.part == "0.1 of the pairs"
    assert not chosen.changed.keys() & {"svd.half_life_days", "svd.repeat_exponent"}


def test_the_preset_asks_for_it():
    assert AUTO.selection.enabled and AUTO.compression.enabled
    assert DEFAULT_PRESET == "auto"


def test_training_chooses_on_the_past_and_keeps_what_it_chose(planted, tmp_path):
    steps = []
    report = train(
        planted.folder,
        tmp_path / "bundle",
        config=AUTO,
        on_progress=lambda step, *_: steps.append(step),
    )
    graph = hold_out_last(load_graph(planted), PURCHASED, 28).train_graph
    assert report.selection == select_config(graph, SCHEMA, PURCHASED, AUTO)
    kept = report.bundle.manifest.config
    assert kept["svd"] == report.selection.config.svd.model_dump()
    assert kept["chosen"]["changed"] == {
        key: {"from": old, "to": new} for key, (old, new) in report.selection.changed.items()
    }
    assert steps.index("choose settings") < steps.index("learn from the past")
    assert report.bundle.manifest.dim <= report.selection.config.svd.dim + 64


def test_the_command_says_what_it_chose(planted, tmp_path):
    command = ["train", str(planted.folder), str(tmp_path / "bundle"), "--preset", "auto"]
    said = CliRunner().invoke(build_app(), [*command, "--no-holdout"])
    assert said.exit_code == 0, said.output
    assert "settings chosen on the last 12 days: ndcg@20 of what is new " in said.output
    assert "svd.dim = " in said.output
