"""Worlds of any size keep the schema, and nothing in them happens before it can."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from graphdb import SCHEMA, Kind
from graphdb.errors import DataError
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables
from graphdb.schema_types import CREATED_AT, OCCURRED_AT, SINCE, SOURCE_ID, TARGET_ID, EdgeType
from graphdb.sources.synthetic import World, WorldConfig, generate_world
from graphdb.sources.synthetic.draws import microseconds

configs = st.builds(
    WorldConfig,
    num_edges=st.integers(100, 20_000),
    seed=st.integers(0, 2**63 - 1),
    taste_strength=st.sampled_from([0.0, 0.3, 0.8, 1.0]),
    new_item_share=st.sampled_from([0.0, 0.06, 0.5]),
    light_share=st.sampled_from([0.0, 0.03, 0.5]),
    festivals=st.sampled_from([(), ((6, 18), (11, 11)), ((2, 29), (12, 31), (1, 1))]),
)


def key_of(node_type: str) -> str:
    return SCHEMA.node_type(node_type).key


def check_columns(of: str | EdgeType, table: pa.Table) -> None:
    columns = {column.name: column for column in SCHEMA.columns(of)}
    assert table.column_names == [name for name in columns if name in table.column_names]
    assert all(column.name in table.column_names for column in columns.values() if column.required)
    for name in table.column_names:
        column, values = columns[name], table[name]
        assert values.type == column.kind.arrow, (of, name)
        assert not (column.required and values.null_count), (of, name)
        if column.kind in (Kind.INT, Kind.FLOAT) and len(values):
            lowest, highest = pc.min_max(values).values()
            assert pc.all(pc.is_finite(values.drop_null())).as_py() is not False
            assert column.minimum is None or lowest.as_py() >= column.minimum, (of, name)
            assert column.maximum is None or highest.as_py() <= column.maximum, (of, name)
        if column.kind is Kind.STRING and len(values):
            assert set(column.choices) >= set(values.unique().to_pylist()) or not column.choices
            assert pc.min(pc.utf8_length(values)).as_py() > 0
            assert pc.max(pc.utf8_length(values)).as_py() <= column.max_length


def check_keys(of: str | EdgeType, table: pa.Table) -> None:
    present = [name for name in SCHEMA.key(of) if name in table.column_names]
    assert table.group_by(present).aggregate([]).num_rows == table.num_rows, of
    if isinstance(of, str):
        assert table[present[0]].to_pylist() == sorted(table[present[0]].to_pylist())


def check_ends(world: World, edge_type: EdgeType) -> None:
    for name, node_type in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target)):
        known = world.nodes[node_type][key_of(node_type)].combine_chunks()
        assert pc.all(pc.is_in(world.edges[edge_type][name], value_set=known)).as_py() is not False


def check_times(world: World, edge_type: EdgeType) -> None:
    """Within the period, and not before either end was created."""
    table = world.edges[edge_type]
    name = OCCURRED_AT if OCCURRED_AT in table.column_names else SINCE
    if name not in table.column_names:
        return
    times = table[name].cast(pa.int64()).to_numpy()
    assert (times < microseconds(world.config.end)).all(), edge_type
    if name == OCCURRED_AT:
        assert (times >= microseconds(world.config.start)).all(), edge_type
    for end, node_type in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target)):
        nodes = world.nodes[node_type]
        rows = pc.index_in(table[end], value_set=nodes[key_of(node_type)].combine_chunks())
        created = nodes[CREATED_AT].cast(pa.int64()).to_numpy()[rows.to_numpy()]
        assert (created <= times).all(), (edge_type, node_type)


def check_follows(world: World, later: str, earlier: str, by: list[str], least: int = 1) -> None:
    """Each `later` edge comes after an `earlier` one with the same values of `by`."""
    tables = [world.edges[SCHEMA.edge_type(relation)] for relation in (earlier, later)]
    first = tables[0].group_by(by).aggregate([(OCCURRED_AT, "min")])
    joined = tables[1].join(first, keys=by, join_type="left outer")
    gap = pc.subtract(
        joined[OCCURRED_AT].cast(pa.int64()), joined[f"{OCCURRED_AT}_min"].cast(pa.int64())
    )
    assert gap.null_count == 0, (later, earlier)
    assert pc.min(gap).as_py() is None or pc.min(gap).as_py() >= least, (later, earlier)


def check_world(world: World) -> None:
    assert set(world.nodes) == set(SCHEMA.node_types)
    assert set(world.edges) == set(SCHEMA.edge_types())
    for of, table in [*world.nodes.items(), *world.edges.items()]:
        check_columns(of, table)
        check_keys(of, table)
    assert all(table.num_rows for table in world.nodes.values())
    for edge_type in world.edges:
        check_ends(world, edge_type)
        check_times(world, edge_type)
    pair = [SOURCE_ID, TARGET_ID]
    check_follows(world, "CARTED", "VIEWED", pair)
    check_follows(world, "PURCHASED", "VIEWED", pair)
    check_follows(world, "RETURNED", "PURCHASED", [*pair, "event_id"])
    check_follows(world, "RATED", "PURCHASED", pair)
    check_follows(world, "LIKED", "WATCHED", pair)


@settings(max_examples=25, deadline=None)
@given(configs)
def test_any_world_keeps_the_schema_and_the_order_of_time(config):
    world = generate_world(config)
    check_world(world)
    assert abs(world.num_edges - config.num_edges) <= max(0.02 * config.num_edges, 5)


@pytest.mark.parametrize("num_edges", [1000, 30_000, 200_000])
def test_every_relation_is_there_and_the_number_of_edges_is_met(num_edges):
    world = generate_world(WorldConfig(num_edges=num_edges, seed=5))
    check_world(world)
    assert world.num_edges == num_edges
    assert [str(edge) for edge, table in world.edges.items() if not table.num_rows] == []


def test_a_world_of_a_hundred_nodes():
    world = generate_world(WorldConfig(num_edges=1000))
    assert 80 <= sum(table.num_rows for table in world.nodes.values()) <= 200


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_the_seed_alone_decides(seed, other_query):
    config = WorldConfig(num_edges=2000, seed=seed)
    world = generate_world(config)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    again = generate_world(config)
    assert (np.random.get_state()[1] == before).all()
    for of, table in [*world.nodes.items(), *world.edges.items()]:
        assert table.equals({**again.nodes, **again.edges}[of]), of
    if other_query != seed:
        other = generate_world(WorldConfig(num_edges=2000, seed=other_query))
        views = SCHEMA.edge_type("VIEWED")
        assert not world.edges[views].equals(other.edges[views])
        assert not world.nodes["Product"].equals(other.nodes["Product"])


def test_given_sizes_and_period_are_kept():
    config = WorldConfig(
        num_edges=5000,
        num_users=7,
        num_products=60,
        num_brands=60,
        num_creators=3,
        num_contents=11,
        start="2023-03-01T00:00:00+08:00",
        end="2023-04-15T12:34:56+00:00",
        new_item_days=10,
    )
    world = generate_world(config)
    check_world(world)
    names = ("User", "Product", "Brand", "Creator", "Content")
    assert [world.nodes[name].num_rows for name in names] == [7, 60, 60, 3, 11]
    assert world.num_edges == 5000


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_edges": 99}, "greater than or equal to 100"),
        ({"num_edges": 1000, "num_products": 500}, "num_edges 1000 is too small"),
        ({"num_products": 20, "num_brands": 21}, "num_brands 21 is more than num_products 20"),
        ({"taste_strength": 1.1}, "less than or equal to 1"),
        ({"end": "2025-01-20T00:00:00Z"}, "at least 28 days"),
        ({"new_item_days": 200}, "new_item_days 200 is over half of the period"),
        ({"start": "2025-01-01T00:00:00"}, "should have timezone info"),
        ({"festivals": [(13, 1)]}, "less than or equal to 12"),
        ({"num_edge": 1000}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_config_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        WorldConfig(**wrong)


def test_files_are_ingested_without_a_reject(tmp_path, store):
    world = generate_world(WorldConfig(num_edges=5000))
    folder = world.write(tmp_path / "world")
    report = ingest(folder_tables(folder, SCHEMA), store, strict=True)
    assert sum(table.rejected + table.merged for table in report.tables) == 0
    counts = store.counts()
    # Price bands, which ingest derives itself, come out the same as the world's own.
    for of, table in [*world.nodes.items(), *world.edges.items()]:
        assert counts[of] == table.num_rows, of


def test_write_never_mixes_two_worlds(tmp_path):
    world = generate_world(WorldConfig(num_edges=300))
    folder = world.write(tmp_path / "world")
    views = SCHEMA.edge_type("VIEWED")
    assert pq.read_table(folder / "User-VIEWED-Product.parquet").equals(world.edges[views])
    assert len(list(folder.iterdir())) == len(world.nodes) + len(world.edges)
    with pytest.raises(DataError, match="is not empty; expected a new or empty folder"):
        world.write(folder)
