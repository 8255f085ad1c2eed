"""What is newer stands in Neo4j too, in whatever order rows are written."""

import pytest
from contracts.newest import as_table, fill_nodes, follows, made_by, newest, stored
from contracts.store import FOLLOWS_BRAND, MADE_BY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize(("edge_type", "rows"), [(FOLLOWS_BRAND, follows), (MADE_BY, made_by)])
def test_any_order_of_upserts_gives_the_same_store(plain, store, edge_type, rows, data):
    plain.execute_query("MATCH (n) WHERE NOT n:_GraphRec DETACH DELETE n")
    fill_nodes(store)
    rows = data.draw(rows)
    for row in data.draw(st.permutations(rows)):
        assert sum(store.upsert_edges(edge_type, as_table(edge_type, [row]))) == 1
        again = store.upsert_edges(edge_type, as_table(edge_type, [row]))
        assert (again.added, again.updated) == (0, 0)
    assert stored(store, edge_type) == newest(edge_type, rows)
