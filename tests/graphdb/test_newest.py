"""What is newer stands, however rows are cut into files and ingests, and in whatever order."""

import pyarrow as pa
import pytest
from contracts.newest import (
    BRANDS,
    PRODUCTS,
    USERS,
    as_table,
    fill_nodes,
    follows,
    made_by,
    newest,
    stored,
)
from contracts.store import FOLLOWS_BRAND, MADE_BY
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb import SCHEMA, open_store
from graphdb.checked_schema import Schema
from graphdb.ingestion import ingest
from graphdb.sources.opening import arrow_tables

# Few types, so that an empty store is made quickly.
SMALL = Schema(
    {name: SCHEMA.node_types[name] for name in ("User", "Product", "Brand", "Creator")},
    {name: SCHEMA.relations[name] for name in ("FOLLOWS", "MADE_BY", "RATED", "PURCHASED")},
)


def tables(edge_type, files):
    """Files of rows, as an ingest takes them."""
    return [
        *arrow_tables(
            {
                "User": as_nodes("user_id", USERS),
                "Product": as_nodes("product_id", PRODUCTS),
                "Brand": as_nodes("brand_id", BRANDS),
            },
            "nodes",
        ),
        *(
            source
            for number, rows in enumerate(files)
            for source in arrow_tables({edge_type: as_table(edge_type, rows)}, f"file {number}")
        ),
    ]


def as_nodes(key, ids):
    return pa.table({key: ids})


@settings(max_examples=12)
@given(st.data())
@pytest.mark.parametrize(("edge_type", "rows"), [(FOLLOWS_BRAND, follows), (MADE_BY, made_by)])
def test_any_order_in_any_files_and_ingests_gives_the_same_store(edge_type, rows, data):
    rows = data.draw(rows)
    shuffled = data.draw(st.permutations(rows))
    places = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    files = [[row for row, at in zip(shuffled, places, strict=True) if at == n] for n in range(4)]
    with open_store("duckdb:", schema=SMALL) as store:
        reports = [
            ingest(tables(edge_type, some), store) for some in ([files[0], files[1]], files[2:])
        ]
        assert stored(store, edge_type) == newest(edge_type, rows)
        for report in reports:
            assert report.rejected == 0
            for entry in report.tables:
                assert entry.read == entry.accepted + entry.counts.superseded + entry.merged
        again = ingest(tables(edge_type, files), store)
        assert (again.counts.added, again.counts.updated) == (0, 0)
        assert stored(store, edge_type) == newest(edge_type, rows)


@settings(max_examples=20)
@given(st.data())
@pytest.mark.parametrize(("edge_type", "rows"), [(FOLLOWS_BRAND, follows), (MADE_BY, made_by)])
def test_any_order_of_upserts_gives_the_same_store(edge_type, rows, data):
    rows = data.draw(rows)
    with open_store("duckdb:", schema=SMALL) as store:
        fill_nodes(store)
        for row in data.draw(st.permutations(rows)):
            counts = store.upsert_edges(edge_type, as_table(edge_type, [row]))
            assert sum(counts) == 1
            again = store.upsert_edges(edge_type, as_table(edge_type, [row]))
            assert (again.added, again.updated) == (0, 0)
        assert stored(store, edge_type) == newest(edge_type, rows)
