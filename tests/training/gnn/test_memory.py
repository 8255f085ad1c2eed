"""What training takes, against the peak of real runs; and what happens where it does not fit."""

import json
import subprocess
import sys

import pytest
import torch

from graphdb.errors import InsufficientMemoryError
from graphdb.schema import SCHEMA
from training.encoders import GraphEncoder
from training.gnn import GnnConfig, memory, relation_operators
from training.gnn.memory import MemoryNeed, check_building, check_fits, memory_need
from training.gnn.supervision import batches, num_candidates, supervised_edges

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
SIZES = {"User": 6, "Product": 5, "Brand": 1}
CPU = torch.device("cpu")

MEASURE = """
import json, sys
from pathlib import Path
import torch
from graphdb.schema import SCHEMA
from training.gnn import GnnConfig, HeteroLightGCN, relation_operators
from training.gnn.memory import memory_need
from training.gnn.supervision import supervised_edges
from training.gnn.trainer import Trainer
from training.data import HeteroData

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)["VmHWM"].split()[0]) * 1024

torch.set_num_threads(1)
num_users, num_products, num_edges = (int(text) for text in sys.argv[1:4])
config = GnnConfig.model_validate(json.loads(sys.argv[4]))
generator = torch.Generator().manual_seed(0)
bought = SCHEMA.edge_type("PURCHASED")
graph = HeteroData()
graph["User"].num_nodes, graph["Product"].num_nodes = num_users, num_products
users = torch.randint(1000, (num_edges,), generator=generator)  # few queries make few steps
products = torch.randint(num_products, (num_edges,), generator=generator)
graph[bought].edge_index = torch.stack([users, products])
graph[bought].at_s = torch.zeros(num_edges, dtype=torch.int64)
graph[bought]["count"] = torch.ones(num_edges)
num_nodes = {"User": num_users, "Product": num_products}

before = peak()
messages = relation_operators(graph, SCHEMA, config)
built = peak()
direction = supervised_edges(graph, SCHEMA, "User-PURCHASED-Product", 1.0, config)
need = memory_need(num_nodes, messages, [direction], config)
started = peak()
model = HeteroLightGCN(num_nodes, messages, dim=config.dim, num_layers=config.num_layers,
    learn_relation_weights=config.learn_relation_weights)
trainer = Trainer(model, [direction], config)
trainer.run(lambda epoch: True)
print(json.dumps({
    "building": built - before, "training": peak() - started, "need": need.total - need.edges
}))
"""


def measured(sizes, **settings):
    """In a process of its own, whose peak is only its own."""
    arguments = [*map(str, sizes), json.dumps({"epochs": 1, **settings})]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MEASURE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process' own peak")
@pytest.mark.parametrize(
    ("sizes", "settings"),
    [
        ((150_000, 80_000, 20_000), {"dim": 64}),
        ((150_000, 80_000, 20_000), {"dim": 64, "num_layers": 3}),
        ((60_000, 30_000, 20_000), {"dim": 256, "num_layers": 2, "node_dropout": 0.5}),
        ((20_000, 10_000, 50_000), {"dim": 256, "num_layers": 2}),
        ((60_000, 30_000, 20_000), {"dim": 256, "num_layers": 2, "learn_relation_weights": True}),
        ((3_000, 40_000, 60_000), {"dim": 16, "batch_size": 1_000, "num_random_negatives": "all"}),
        ((3_000, 40_000, 60_000), {"dim": 256, "batch_size": 1_000, "num_random_negatives": "all"}),
    ],
)  # fmt: skip
def test_the_need_is_near_the_peak(sizes, settings):
    found = measured(sizes, **settings)
    assert 1 / 1.5 < found["training"] / found["need"] < 1.5, found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process' own peak")
def test_building_takes_what_is_said_per_edge():
    edges = 2_000_000
    found = measured((20_000, 10_000, edges), dim=16, batch_size=64)
    assert 1 / 1.5 < found["building"] / (edges * memory.BUILDING_BYTES_PER_EDGE) < 1.5, found


@pytest.fixture
def graph(make_graph):
    bought = [(0, 0), (0, 1), (0, 1), (1, 1), (2, 2), (2, 3)]  # five pairs of three users
    return make_graph(SIZES, {PURCHASED: bought, MADE_BY: [(0, 0), (1, 0)]})


def need_of(graph, num_processes=1, **settings):
    config = GnnConfig(**{"dim": 10, "batch_size": 2, "num_random_negatives": "all", **settings})
    target_edge_type = supervised_edges(graph, SCHEMA, "User-PURCHASED-Product", 1.0, config)
    messages = relation_operators(graph, SCHEMA, config)
    return memory_need(SIZES, messages, [target_edge_type], config, num_processes=num_processes)


def test_a_small_need_by_hand(graph):
    """Twelve nodes with vectors of 40 bytes; 7 pairs connected, 5 to predict, 4 products taken."""
    need = need_of(graph)
    assert need.rows == 12 * 4 * 40
    assert need.layers == 12 * 2 * 40
    assert need.scores == 4 * (2 * 2 * 4 + 4 * 10 * (2 + 4))
    assert need.edges == 7 * 24 + 5 * 12
    assert need.total == need.rows + need.layers + need.scores + need.edges


@pytest.mark.parametrize(
    ("settings", "per_node"),
    [
        ({"num_layers": 0}, 0),
        ({"num_layers": 3}, 5),
        ({"num_layers": 3, "node_dropout": 0.1}, 6),
    ],
)
def test_layers_by_hand(graph, settings, per_node):
    assert need_of(graph, **settings).layers == 12 * per_node * 40


def test_gains_that_are_learned_keep_what_arrived(graph):
    """Three types of 6, 5 and 1 nodes: products are reached along two messages."""
    plain, learned = (
        need_of(graph, num_layers=2),
        need_of(graph, num_layers=2, learn_relation_weights=True),
    )
    assert learned.layers - plain.layers == 2 * (6 + 5 + 5 + 1) * 40


def test_processes_share_the_query_nodes_of_a_step(graph):
    assert need_of(graph, num_processes=2).scores == 4 * (2 * 1 * 4 + 4 * 10 * (1 + 4))


def test_scores_in_bfloat16_take_half_a_matrix_more(graph):
    assert need_of(graph, bfloat16=True).scores == 4 * (2.5 * 2 * 4 + 4 * 10 * (2 + 4))


def test_a_block_of_the_validation_may_be_the_largest(graph, monkeypatch):
    """Three queries and five products; a step has one query node and four candidates."""
    settings = {"batch_size": 1, "patience": 1}
    monkeypatch.setattr(memory, "_CHOSEN", 0)
    assert need_of(graph, **settings).scores == 4 * 2 * 3 * 5
    monkeypatch.setattr(memory, "BLOCK_SCORES", 14)
    assert need_of(graph, **settings).scores == 4 * 2 * 14
    monkeypatch.setattr(memory, "BLOCK_SCORES", 3)
    assert need_of(graph, **settings).scores == 4 * 2 * 1 * 4


def test_candidates_are_as_many_as_batches_have_on_average(make_graph):
    generator = torch.Generator().manual_seed(3)
    bought = torch.randint(40, (200, 2), generator=generator) % torch.tensor([40, 12])
    one = supervised_edges(
        make_graph({"User": 40, "Product": 12}, {PURCHASED: [tuple(p) for p in bought.tolist()]}),
        SCHEMA,
        "User-PURCHASED-Product",
        1.0,
        GnnConfig(),
    )
    config = GnnConfig(batch_size=2, num_random_negatives=3)
    found = [
        len(batch.candidates)
        for seed in range(100)
        for batch in batches([one], config, torch.Generator().manual_seed(seed))
    ]
    assert num_candidates(one, config) == pytest.approx(sum(found) / len(found), rel=0.15)


GIGABYTE = 2**30


@pytest.mark.parametrize(
    ("need", "message"),
    [
        (
            MemoryNeed(4 * GIGABYTE, GIGABYTE, GIGABYTE // 2, GIGABYTE // 4),
            r"needs about 5\.50 GB on cpu, where 2\.00 GB are free: .*moments 4\.00 GB, layers "
            r"1\.00 GB, scores 0\.50 GB, edges 0\.25 GB; lower dim \(64\) above all, then "
            r"batch_size \(512\) or num_random_negatives \(0\)",
        ),
        (
            MemoryNeed(GIGABYTE, 0, 4 * GIGABYTE, 0),
            r"needs about 5\.00 GB .* lower batch_size \(512\) or num_random_negatives \(0\) above",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_lower(monkeypatch, need, message):
    monkeypatch.setattr(memory, "free_bytes", lambda _: 4 * GIGABYTE)
    with pytest.raises(InsufficientMemoryError, match=message) as caught:
        check_fits(need, GnnConfig(), CPU, num_processes=2)
    assert caught.value.value == need.total - need.edges


def test_what_fits_is_let_through(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda _: GIGABYTE)
    check_fits(MemoryNeed(GIGABYTE, 0, 0, 0), GnnConfig(), CPU)


def test_training_does_not_begin(graph, monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda _: 100)
    told = []
    encoder = GraphEncoder(SCHEMA, GnnConfig(epochs=1), device="cpu", on_epoch=told.append)
    with pytest.raises(InsufficientMemoryError, match=r"training needs about .* on cpu"):
        encoder.fit(graph)
    assert not told


def test_edges_that_do_not_fit_are_refused_before_they_are_read(graph, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * 6 * 160)
    check_building(graph, num_processes=2)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * 6 * 160 - 1)
    with pytest.raises(
        InsufficientMemoryError, match="the 6 edges from User to Product takes about"
    ):
        check_building(graph, num_processes=2)
    monkeypatch.setattr(memory, "available_bytes", lambda: 6 * 160 - 1)
    with pytest.raises(InsufficientMemoryError, match="a snapshot of fewer events"):
        GraphEncoder(SCHEMA, GnnConfig(), device="cpu").fit(graph)
