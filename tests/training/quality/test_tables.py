"""Quality: its formula from its own columns, its parts, and the planted quality found again."""

import numpy as np
import pytest
import torch

from graphdb.schema import SCHEMA
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphrec.bundle.quality import PARTS, QUALITY_SCHEMA, check_quality
from training.data import load_graph
from training.quality import QualityConfig, quality_tables

PURCHASED, RATED = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("RATED")
SIZES = {"User": 8, "Product": 5, "Brand": 3, "Category": 3}
EDGES = {
    SCHEMA.edge_type("MADE_BY"): [(0, 0), (1, 0), (2, 1)],
    SCHEMA.edge_type("IN_CATEGORY"): [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2)],
}
BOUGHT = [(user, product) for user in range(8) for product in (0, 1, 2)] + [(0, 3)]


@pytest.fixture
def graph(make_graph):
    returned = {SCHEMA.edge_type("RETURNED"): [(0, 0), (1, 0), (2, 0), (3, 1)]}
    graph = make_graph(SIZES, {**EDGES, PURCHASED: BOUGHT, **returned})
    graph[RATED].edge_index = torch.tensor([[0, 1, 2, 3, 0], [0, 0, 1, 1, 2]])
    graph[RATED].at_s = torch.zeros(5, dtype=torch.int64)
    graph[RATED].stars = torch.tensor([1.0, 2.0, 5.0, 4.0, 4.0])
    return graph


def columns(quality):
    return {name: quality.table[name].to_numpy() for name in quality.table.column_names}


def test_each_estimate_is_drawn_to_what_the_others_of_its_category_let_expect(graph):
    quality = quality_tables(graph, SCHEMA)["Product"]
    found, part = columns(quality), quality.rule.parts["return_rate"]
    assert part.mean == pytest.approx(4 / 25)
    # All orders but one are of one category, so what is expected lies between the rate of its
    # other products and the mean of all; product 3 stands alone: only the mean is left.
    for row, own, others in [(0, 3 / 8, 1 / 16), (1, 1 / 8, 3 / 16), (2, 0, 4 / 16)]:
        low, high = sorted([others, part.mean])
        expected = (found["return_rate"][row] * (8 + part.prior_strength) - 8 * own) / (
            part.prior_strength
        )
        assert low - 1e-9 <= expected <= high + 1e-9
    alone = part.mean * part.prior_strength / (1 + part.prior_strength)
    assert found["return_rate"][3] == pytest.approx(alone)
    assert found["return_rate"][4] == pytest.approx(part.mean)  # never bought
    assert found["num_orders"].tolist() == [8, 8, 8, 1, 0]
    assert found["quality"][0] < found["quality"][1]


def test_quality_is_the_weighted_mean_of_its_parts(graph):
    config = QualityConfig(kept=0.6, stars=0.2, repeat=0.3)
    for quality in quality_tables(graph, SCHEMA, config).values():
        found, parts = columns(quality), quality.rule.parts
        # nothing was bought twice, so the third part is not in these data
        assert quality.rule.missing == ("repeat_rate",)
        assert np.isnan(found["repeat_rate"]).all()
        assert (parts["return_rate"].weight, parts["rating"].weight) == pytest.approx((0.75, 0.25))
        expected = 0.75 * (1 - found["return_rate"]) + 0.25 * (found["rating"] - 1) / 4
        assert found["quality"] == pytest.approx(expected, rel=1e-12)


def test_repeats_count_beside_what_the_category_expects(make_graph):
    """Two categories, milk and cups: every third buyer of milk comes back, few of cups."""
    bought = []
    for product in range(40):
        num_again = (120 if product % 4 == 0 else 40) // (1 if product < 20 else 10)
        bought += [(user, product, 0) for user in range(200)]
        bought += [(user, product, 1) for user in range(num_again)]
    category = [(product, int(product >= 20)) for product in range(40)]
    graph = make_graph(
        {"User": 200, "Product": 40, "Category": 2},
        {PURCHASED: bought, SCHEMA.edge_type("IN_CATEGORY"): category},
    )
    tables = quality_tables(graph, SCHEMA)
    assert set(tables) == {"Product"}
    quality = tables["Product"]
    assert quality.rule.missing == ("return_rate", "rating")
    assert quality.rule.parts["repeat_rate"].weight == 1
    found = columns(quality)["quality"]
    liked = np.arange(40) % 4 == 0
    for part in (slice(0, 20), slice(20, 40)):  # in either category, whatever its own rate
        assert found[part][liked[part]].min() > 0.5 > found[part][~liked[part]].max()
    assert abs(found[:20].mean() - found[20:].mean()) < 0.05


def test_what_an_order_brings_is_the_mean_of_what_is_known(graph):
    value = torch.full((len(BOUGHT),), float("nan"))
    value[:3] = torch.tensor([2.0, 4.0, 9.0])  # user 0's orders of products 0, 1 and 2
    value[3] = 5.0  # user 1's of product 0
    graph[PURCHASED].value = value
    found = quality_tables(graph, SCHEMA)
    assert found["Product"].table["paid_per_order"].to_pylist() == [3.5, 4, 9, None, None]
    assert found["Brand"].table["paid_per_order"].to_pylist() == [pytest.approx(11 / 3), 9, None]


def test_without_money_nothing_is_said_of_it(graph):
    assert quality_tables(graph, SCHEMA)["Product"].table["paid_per_order"].null_count == 5


def test_nothing_to_tell_gives_no_table(make_graph):
    graph = make_graph(SIZES, {**EDGES, PURCHASED: BOUGHT})
    assert quality_tables(graph, SCHEMA) == {}


def test_a_brand_of_nothing_known_is_as_expected(graph):
    found = quality_tables(graph, SCHEMA)
    brands, mean = columns(found["Brand"]), found["Brand"].rule.parts["return_rate"].mean
    assert brands["num_orders"].tolist() == [16, 8, 0]
    assert brands["return_rate"][2] == pytest.approx(mean)
    assert brands["return_rate"][0] > brands["return_rate"][1]
    assert set(found) == {"Product", "Brand"}  # no shop and no creator is connected to a product


@pytest.fixture(scope="module")
def world():
    return generate_world(WorldConfig(num_edges=150_000, seed=3))


@pytest.fixture(scope="module")
def world_graph(world, tmp_path_factory, write_world):
    tables = {str(of): table for of, table in [*world.nodes.items(), *world.edges.items()]}
    given = {
        name: {column: table[column] for column in table.column_names}
        for name, table in tables.items()
    }
    nodes = {name: given[name] for name in world.nodes}
    edges = {str(name): given[str(name)] for name in world.edges}
    return load_graph(write_world(tmp_path_factory.mktemp("world") / "snapshot", nodes, edges))


def ranks(values):
    return np.argsort(np.argsort(values, kind="stable"))


def agreement(one, other):
    """Spearman's correlation."""
    return np.corrcoef(ranks(one), ranks(other))[0, 1]


def test_planted_quality_is_found_better_than_by_raw_numbers(world, world_graph):
    planted = world.truth.products
    found = columns(quality_tables(world_graph, SCHEMA)["Product"])
    sold = found["num_orders"] > 0
    raw = 1 - found["num_returns"][sold] / found["num_orders"][sold]
    of_quality = agreement(found["quality"][sold], planted.quality[sold])
    assert of_quality > agreement(raw, planted.quality[sold]) + 0.1
    estimated = agreement(-found["return_rate"][sold], planted.quality[sold])
    assert estimated > agreement(raw, planted.quality[sold])
    error, raw_error = (
        np.mean((rate - planted.return_rate[sold]) ** 2)
        for rate in (found["return_rate"][sold], 1 - raw)
    )
    assert error < raw_error / 2


def test_overhyped_bestsellers_are_found_out(world, world_graph):
    planted = world.truth.products
    found = columns(quality_tables(world_graph, SCHEMA)["Product"])
    hyped = planted.overhyped & (found["num_orders"] >= 5)
    assert hyped.any()
    assert found["quality"][hyped].max() < np.quantile(found["quality"], 0.1)


def test_brands_and_shops_are_as_good_as_what_they_sell(world, world_graph):
    planted = world.truth.products
    tables = quality_tables(world_graph, SCHEMA)
    assert set(tables) == {"Product", "Brand", "Shop", "Creator"}
    orders = columns(tables["Product"])["num_orders"]
    brands = columns(tables["Brand"])
    sums = [
        np.bincount(planted.brand, values, len(brands["quality"]))
        for values in (orders * planted.quality, orders)
    ]
    known = brands["num_orders"] >= 10
    assert agreement(brands["quality"][known], (sums[0] / np.maximum(sums[1], 1))[known]) > 0.6
    assert columns(tables["Shop"])["num_orders"][: len(sums[1])].tolist() == sums[1].tolist()


def test_every_table_can_be_kept(world_graph):
    for node_type, quality in quality_tables(world_graph, SCHEMA).items():
        assert quality.table.schema.equals(QUALITY_SCHEMA)
        assert set(quality.rule.parts) == set(PARTS)
        assert sum(part.weight for part in quality.rule.parts.values()) == pytest.approx(1)
        check_quality(node_type, quality, world_graph[node_type].num_nodes)
