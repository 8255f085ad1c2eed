"""Explanations and a real server: its edges as evidence, and their Cypher run in it."""

import pytest
from contracts.explain_world import SHOP, bundle_of, fill_shop, fill_store

from graphdb import open_store
from graphdb.explore import FoundPath, ask, browser_link
from graphrec.explain import explain

ANN, CUP = ("User", "ann"), ("Product", "p9")
EVIL = ("x'}) DETACH DELETE n //", "a`b\\u0027 & # 杯", 'c"\\\n')


@pytest.fixture
def bundle(tmp_path):
    return bundle_of(tmp_path / "bundle", SHOP)


def nodes_and_relations(path):
    """What a path is made of, whether explained or found by the server."""
    if isinstance(path, FoundPath):
        return (
            [(node.node_type, node.node_id) for node in path.nodes],
            [(edge.relation, edge.source.node_id, edge.target.node_id) for edge in path.edges],
        )
    return (
        [(node.type, node.id) for node in path.nodes],
        [(edge.relation, edge.source.id, edge.target.id) for edge in path.edges],
    )


def test_a_server_gives_the_evidence_that_a_file_gives(store, bundle, tmp_path):
    fill_shop(store)
    with open_store(str(tmp_path / "shop.duckdb")) as other:
        fill_shop(other)
        expected = explain(bundle, ANN, CUP, evidence=other)
    assert explain(bundle, ANN, CUP, evidence=store) == expected
    assert expected.groups[1].paths[0].edges[0].evidence.times == 4


def test_the_cypher_returns_the_very_paths(store, bundle, settings):
    fill_shop(store)
    explanation = explain(bundle, ANN, CUP, k=9)
    assert len(explanation.paths) > 5
    answer = ask(settings.uri, explanation.to_cypher())
    assert answer.columns == ["way"]
    found = [nodes_and_relations(way) for (way,) in answer.rows]
    assert found == [nodes_and_relations(path) for path in explanation.paths]


def test_of_a_repeated_event_the_newest_is_drawn(store, bundle, settings):
    fill_shop(store)
    explanation = explain(bundle, ANN, ("Brand", "acme"))
    rows_of = ask(settings.uri, explanation.to_cypher()).rows
    bought = [way.edges[0].fields for (way,) in rows_of if way.nodes[1].node_id == "p1"]
    assert [(fields["value"], fields["count"]) for fields in bought] == [(7.0, 3)]


def test_ids_full_of_cypher_are_just_ids(store, settings, plain, tmp_path):
    user, product, brand = EVIL
    edges = {
        "User-VIEWED-Product": [(user, product)],
        "Product-MADE_BY-Brand": [(product, brand)],
    }
    explanation = explain(bundle_of(tmp_path / "bundle", edges), ("User", user), ("Brand", brand))
    query = explanation.to_cypher()
    fill_store(store, edges)
    ((nodes,),) = plain.execute_query("MATCH (n) RETURN count(n)").records
    ((way,),) = ask(settings.uri, query).rows
    assert nodes_and_relations(way) == nodes_and_relations(explanation.paths[0])
    ((left,),) = plain.execute_query("MATCH (n) RETURN count(n)").records
    assert left == nodes
    link = browser_link("http://127.0.0.1:7474/browser/", settings.uri, query)
    assert link.isascii()


def test_nothing_found_is_an_empty_answer(bundle, settings, store):
    assert not store.counts()["User"]
    nothing = explain(bundle, ANN, CUP, max_hops=1)
    answer = ask(settings.uri, nothing.to_cypher())
    assert (answer.columns, answer.rows) == (["way"], [])
