"""What a snapshot and a store tell of edges, and what that does to an explanation."""

import pytest
from contracts.explain_world import day, fill_shop

from graphdb import open_store, write_snapshot
from graphrec.explain import Evidence, explain

ANN, CUP = ("User", "ann"), ("Product", "p9")


@pytest.fixture
def store(tmp_path):
    with open_store(str(tmp_path / "shop.duckdb")) as store:
        fill_shop(store)
        yield store


@pytest.fixture(params=["store", "snapshot"])
def source(request, store, tmp_path):
    return store if request.param == "store" else write_snapshot(store, tmp_path / "snapshot")


def evidence(explanation):
    return {
        (edge.source.id, edge.relation, edge.target.id): edge.evidence
        for path in explanation.paths
        for edge in path.edges
    }


def test_each_edge_comes_with_how_often_last_when_for_how_much(shop, source):
    found = evidence(explain(shop, ANN, CUP, evidence=source))
    assert found["ann", "PURCHASED", "p1"] == Evidence(4, last_at=day(9), value=9.5, stars=4.0)
    assert found["ann", "PURCHASED", "p2"] == Evidence(1, last_at=day(1))
    assert found["ann", "FOLLOWS", "zoe"] == Evidence(1, last_at=day(1))
    assert found["zoe", "PROMOTES", "p9"] == Evidence(1, since=day(2))
    assert found["p9", "MADE_BY", "acme"] == Evidence(1)


def test_without_a_source_nothing_is_claimed(shop):
    assert set(evidence(explain(shop, ANN, CUP)).values()) == {None}


def test_more_behind_it_comes_first(shop, source, ways):
    """p2 has fewer buyers, but p1 was bought four times: log2(5) * 4/5 against 1."""
    assert ways(explain(shop, ANN, CUP))[1:3] == ["ann p2 acme p9", "ann p1 acme p9"]
    known = explain(shop, ANN, CUP, evidence=source)
    assert ways(known)[1:3] == ["ann p1 acme p9", "ann p2 acme p9"]
    bare = {path.nodes: path.strength for path in explain(shop, ANN, CUP).paths}
    first = known.paths[1]
    assert first.strength == pytest.approx(bare[first.nodes] * 2.321928 * 0.8)
    groups = [group.strength for group in explain(shop, ANN, CUP).groups]
    assert [group.strength for group in known.groups] == groups


def test_a_path_that_the_store_does_not_have_is_left_out(shop, store, ways):
    everything = ways(explain(shop, ANN, CUP, evidence=store))
    with store.sql() as cursor:
        cursor.execute("""DELETE FROM "User-PURCHASED-Product" WHERE target_id = 'p1'""")
        cursor.execute("""DELETE FROM "Creator-PROMOTES-Product" """)
    left = ways(explain(shop, ANN, CUP, evidence=store))
    assert left
    assert left == [way for way in everything if "p1" not in way and "zoe" not in way]


def test_the_query_node_and_target_need_not_be_in_the_evidence(shop, tmp_path):
    with open_store(str(tmp_path / "empty.duckdb")) as empty:
        assert not explain(shop, ANN, CUP, evidence=empty)
