"""A release is replaced while a query runs, between two of its clauses: one answers, whole."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from contracts.blocked import wait_until_blocked
from contracts.publish_world import ASK, assert_only, column

from graphdb.errors import StoreError
from graphdb.explore import nearest, saved_queries
from graphdb.stores.neo4j import exploring
from graphdb.stores.neo4j.publishing import publisher
from graphrec.publishing import QueryNode, make_release, publish

SAVED = {query.name: query.cypher for query in saved_queries()}
ASKED = {"ask": ASK, **{name: SAVED[name] for name in ("similar", "recommended")}}
GATE = "MATCH (gate:Gate) SET gate.passed = true WITH * "
"""Waits for whoever holds the node; a query that only reads waits for nobody."""
CLAUSE = re.compile(r"\b(?:OPTIONAL MATCH|(?<!OPTIONAL )MATCH|CALL|WITH|RETURN)\b")
VALUES = {"user": "u00003", "fetch": 500, "user_id": "u00003", "product_id": "p00007"}


@pytest.fixture
def both(shop, plain, recommenders, monkeypatch):
    """Serves one of two releases that are both in the shop, by their number."""
    with monkeypatch.context() as patch:
        patch.setattr(publisher, "remove_stale", lambda *_: 0)
        for recommender in recommenders:
            queries = [QueryNode("User", "u00003", "Product")]
            publish(recommender, shop.url, queries=queries, redraw=False)
    plain.execute_query("CREATE (:Gate)")

    def serve(number: int) -> None:
        release = make_release(recommenders[number])
        shop._connection.write(lambda tx: publisher.serve_release(tx, release))

    return serve


@pytest.mark.parametrize("text", ASKED.values(), ids=ASKED)
def test_a_switch_between_two_clauses_mixes_nothing(plain, both, text):
    def rows(text: str) -> list[dict]:
        return [record.data() for record in plain.execute_query(text, VALUES).records]

    whole = []
    for number in (0, 1):
        both(number)
        whole.append(rows(text))
    assert whole[0] and whole[1] and whole[0] != whole[1]
    clauses = [found.start() for found in CLAUSE.finditer(text)]
    for number, start in enumerate(clauses[1:]):
        with ThreadPoolExecutor() as pool, plain.session() as session:
            with session.begin_transaction() as holder:
                holder.run("MATCH (gate:Gate) SET gate.passed = false").consume()
                answer = pool.submit(rows, text[:start] + GATE + text[start:])
                wait_until_blocked(plain)
                both(number % 2)
                holder.commit()
            assert answer.result() in whole, text[start:]


def test_nearest_reads_the_description_of_one_release(shop, both, monkeypatch):
    def asked() -> list:
        return nearest(shop.url, "User", "u00003", "Product").rows

    both(0)
    before = asked()
    real = exploring.statements.index_name

    def switched(*arguments):
        both(1)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(exploring.statements, "index_name", switched)
        assert asked() == before
    assert asked() != before


def test_a_release_of_an_older_version_is_to_be_published_again(shop, plain, recommenders):
    report = publish(recommenders[0], shop.url)
    plain.execute_query(
        "MATCH (r:_GraphRec {name: 'release'}) MATCH (t:_GraphRec {name: 'release ' + r.id})"
        " SET r += {embedding: t.embedding, dim: t.dim, padding: t.padding}"
        " SET t = {name: t.name, types: t.types}"
    )
    with pytest.raises(StoreError, match=r"older version.* published release.*publish it again"):
        nearest(shop.url, "User", "u00003", "Product")
    again = publish(recommenders[0], shop.url)
    assert (again.release_id, again.replaced) == (report.release_id, None)
    assert len(nearest(shop.url, "User", "u00003", "Product").rows) == 10
    assert_only(plain, recommenders[0])


def test_a_served_release_is_never_described_again(shop, plain, recommenders):
    publish(recommenders[0], shop.url)
    described = "MATCH (r:_GraphRec) WHERE r.name STARTS WITH 'release ' RETURN properties(r)"
    before = column(plain, described)
    assert {"id", "embedding", "dim", "padding", "published_at"} <= before[0].keys()
    publish(recommenders[0], shop.url)
    assert column(plain, described) == before
