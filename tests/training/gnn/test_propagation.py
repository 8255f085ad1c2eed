"""The network's layer, against PyG's LightGCN and a dense oracle."""

import numpy as np
import pytest
import torch

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from training.data import LightGCN
from training.gnn import GnnConfig, HeteroLightGCN, relation_operators

PURCHASED = SCHEMA.edge_type("PURCHASED")
VIEWED = SCHEMA.edge_type("VIEWED")
RETURNED = SCHEMA.edge_type("RETURNED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
RUN_BY = SCHEMA.edge_type("RUN_BY")
SIZES = {"User": 12, "Product": 9, "Brand": 3}


@pytest.fixture
def graph(make_graph):
    rng = np.random.default_rng(0)
    bought = [(user, product) for user in range(12) for product in range(9) if rng.random() < 0.4]
    return make_graph(
        SIZES, {PURCHASED: bought, MADE_BY: [(product, product % 3) for product in range(9)]}
    )


def network(graph, config=None, **settings):
    config = config or GnnConfig()
    settings = {"dim": 8, "num_layers": 2, **settings}
    sizes = {node_type: graph[node_type].num_nodes for node_type in graph.node_types}
    return HeteroLightGCN(sizes, relation_operators(graph, SCHEMA, config), **settings)


def everything(model):
    types = list(model.rows)
    vectors = model([(node_type, None) for node_type in types])
    return dict(zip(types, vectors, strict=True))


@pytest.mark.parametrize("num_layers", [0, 1, 2, 3])
def test_one_relation_with_unit_weights_is_lightgcn(graph, num_layers):
    del graph[MADE_BY]
    del graph["Brand"]
    model = network(graph, num_layers=num_layers)
    oracle = LightGCN(num_nodes=21, embedding_dim=8, num_layers=num_layers)
    with torch.no_grad():
        oracle.embedding.weight[:12] = model.rows["User"]
        oracle.embedding.weight[12:] = model.rows["Product"]
    users, products = graph[PURCHASED].edge_index
    there = torch.stack([users, products + 12])
    expected = oracle.get_embedding(torch.cat([there, there.flip(0)], dim=1))
    found = everything(model)
    torch.testing.assert_close(found["User"], expected[:12], atol=1e-5, rtol=0)
    torch.testing.assert_close(found["Product"], expected[12:], atol=1e-5, rtol=0)


@pytest.fixture(params=[0, 1e9], ids=["all made", "taken apart"])
def either_way(request, monkeypatch):
    """Some rows of a product are made in two ways, by how many they are."""
    monkeypatch.setattr("training.sparse_ops._FEW", request.param)


@pytest.mark.usefixtures("either_way")
def test_chosen_rows_are_the_rows_of_all(graph):
    model = network(graph)
    every = everything(model)
    rows = torch.tensor([7, 2, 2, 0])
    for node_type, some in (("User", rows), ("Product", rows), ("Brand", rows[3:])):
        (found,) = model([(node_type, some)])
        torch.testing.assert_close(found, every[node_type][some])


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_gradients_of_chosen_rows_equal_those_of_a_dense_network(graph, num_layers):
    model = network(graph, num_layers=num_layers, learn_relation_weights=True)
    pull = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    rows = torch.tensor([7, 2, 2, 0])
    (found,) = model([("Product", rows)])
    (found * pull).sum().backward()
    mine = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    (dense_products(model, num_layers)[rows] * pull).sum().backward()
    for name, parameter in model.named_parameters():
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(mine[name], expected, atol=1e-5, rtol=1e-4)


def dense_products(model, num_layers):
    """The same network on one dense matrix over all nodes."""
    offsets = {"User": 0, "Product": 12, "Brand": 21}
    relation_weights = torch.nn.functional.softplus(model.raw_relation_weights)
    carried = torch.zeros(24, 24)
    for gain, message in zip(relation_weights, model.messages, strict=True):
        block = torch.zeros(24, 24)
        to, source = offsets[message.target], offsets[message.source]
        dense = message.operator.rows.to_dense()
        block[to : to + dense.shape[0], source : source + dense.shape[1]] = dense
        carried = carried + gain * block
    layers = [torch.cat([model.rows[node_type] for node_type in offsets])]
    for _ in range(num_layers):
        layers.append(carried @ layers[-1])
    return (sum(layers) / (num_layers + 1))[12:21]


def test_every_edge_gets_a_gradient(graph):
    model = network(graph, learn_relation_weights=True)
    sum(vectors.square().sum() for vectors in everything(model).values()).backward()
    assert len(model.messages) == 4
    assert (model.raw_relation_weights.grad != 0).all()


def test_an_edge_two_steps_away_matters(graph):
    before = everything(network(graph, num_layers=2))["User"]
    one_step = everything(network(graph, num_layers=1))["User"]
    product = int(graph[PURCHASED].edge_index[1, graph[PURCHASED].edge_index[0] == 0][0])
    # the edge of a product that user 0 bought
    store = graph[MADE_BY]
    keep = store.edge_index[0] != product
    for name, values in list(store.items()):
        store[name] = values[..., keep]
    after = everything(network(graph, num_layers=2))["User"]
    assert not torch.allclose(before[0], after[0])
    torch.testing.assert_close(one_step, everything(network(graph, num_layers=1))["User"])


def test_without_edges_only_the_own_row_is_left(make_graph):
    model = network(make_graph(SIZES, {}), num_layers=1)
    torch.testing.assert_close(everything(model)["User"], model.rows["User"] / 2)


def test_nodes_without_a_row_of_their_own_speak_through_their_neighbors(graph):
    bare = torch.ones(9, dtype=torch.bool)
    bare[4] = False
    model = network(graph, own_rows={"Product": bare}, num_layers=1)
    assert (model.rows["Product"][4] == 0).all()
    full = network(graph, num_layers=1)
    torch.testing.assert_close(
        everything(full)["Product"][4] - full.rows["Product"][4] / 2,
        everything(model)["Product"][4],
    )


def test_rows_can_be_left_out(graph):
    model = network(graph, num_layers=1)
    keep = {name: torch.ones(number) for name, number in SIZES.items()}
    keep["Product"][4] = 0
    (left_out,) = model([("Product", None)], keep=keep)
    full = everything(model)["Product"]
    torch.testing.assert_close(left_out[4], full[4] - model.rows["Product"][4] / 2)
    torch.testing.assert_close(left_out[:4], full[:4])


def test_events_of_one_pair_are_one_message_and_what_came_back_is_none(make_graph):
    graph = make_graph(
        {"User": 2, "Product": 2},
        {VIEWED: [(0, 0)], PURCHASED: [(0, 0), (0, 1), (1, 1)], RETURNED: [(0, 1), (0, 1)]},
    )
    there, back = relation_operators(graph, SCHEMA, GnnConfig())
    assert (there.name, back.name) == ("User-EVENTS-Product", "~User-EVENTS-Product")
    assert there.operator.rows.to_dense().bool().tolist() == [[True, False], [False, True]]
    torch.testing.assert_close(there.operator.rows.to_dense().T, back.operator.rows.to_dense())


@pytest.mark.parametrize("gain", [1e-3, 0.25, 100])
def test_gains_begin_where_they_are_told_and_zero_leaves_a_edge_out(graph, gain):
    config = GnnConfig(
        relation_weights={"Product-MADE_BY-Brand": gain, "~Product-MADE_BY-Brand": 0}
    )
    relation_weights = network(graph, config).relation_weights
    assert set(relation_weights) == {
        "User-EVENTS-Product",
        "~User-EVENTS-Product",
        "Product-MADE_BY-Brand",
    }
    assert relation_weights["Product-MADE_BY-Brand"] == pytest.approx(gain)


def test_an_unknown_gain_is_named(graph):
    with pytest.raises(SchemaError, match="did you mean 'Product-MADE_BY-Brand'"):
        network(graph, GnnConfig(relation_weights={"Product-MADEBY-Brand": 1}))


def test_a_weight_for_what_is_no_event_is_refused(graph):
    with pytest.raises(SchemaError, match="MADE_BY, which is not an event"):
        network(graph, GnnConfig(event_weights={"MADE_BY": 1}))


def test_edges_that_are_not_in_the_graph_carry_nothing(make_graph):
    graph = make_graph({**SIZES, "Shop": 2}, {PURCHASED: [(0, 0)], RUN_BY: []})
    assert len(relation_operators(graph, SCHEMA, GnnConfig())) == 2
