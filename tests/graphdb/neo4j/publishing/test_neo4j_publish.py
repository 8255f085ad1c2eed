"""Releases in a real Neo4j: what is asked there is what the bundle answers, whole and only that."""

from threading import Event, Thread

import numpy as np
import pyarrow as pa
import pytest
from contracts.publish_world import (
    DRAWN,
    DRAWN_AND_SERVED,
    ask,
    assert_only,
    column,
    fill,
    id_of,
    ids,
    similarities,
)
from neo4j.exceptions import Neo4jError

from graphdb import open_store, write_snapshot
from graphdb.stores import PublishingStore
from graphdb.stores.neo4j.publishing import publisher
from graphrec.publishing import QueryNode, publish


def test_what_was_done_is_counted(store, plain, recommenders):
    fill(store)
    store.upsert_nodes("Product", pa.table({"product_id": ["new 1", "new 2"]}))
    plain.execute_query("MATCH (b:Brand {brand_id: 'b00001'}) DETACH DELETE b")
    report = publish(recommenders[0], store.url)
    assert (report.release_id, report.replaced) == (id_of(recommenders[0]), None)
    product, brand = report.types["Product"], report.types["Brand"]
    assert (product.written, product.zero, product.unknown, product.uncovered) == (1499, 1, 0, 2)
    assert (brand.written, brand.zero, brand.unknown, brand.uncovered) == (3, 1, 1, 0)


def test_publishing_again_writes_nothing_but_what_is_missing(shop, plain, recommenders):
    publish(recommenders[0], shop.url)
    before = ask(plain, "u00003")
    name = f"vector_{id_of(recommenders[0])}"
    plain.execute_query(f"MATCH (p:Product {{product_id: 'p00007'}}) REMOVE p.`{name}`")
    report = publish(recommenders[0], shop.url)
    assert report.replaced is None
    written = {name: (done.written, done.kept) for name, done in report.types.items()}
    assert written == {"Brand": (0, 4), "Product": (1, 1498), "User": (0, 39)}
    assert ask(plain, "u00003") == before
    assert_only(plain, recommenders[0])


def test_a_second_release_takes_the_place_of_the_first(shop, plain, recommenders, monkeypatch):
    monkeypatch.setattr(publisher, "PAGE_NODES", 100)
    for recommender in recommenders:
        report = publish(recommender, shop.url)
        assert_only(plain, recommender)
        assert ask(plain, "u00003")[0] == id_of(recommender)
    assert report.replaced == id_of(recommenders[0])


def test_recommendations_are_drawn_as_the_recommender_ranks_and_replaced(shop, plain, recommenders):
    first, second = recommenders
    queries = [QueryNode("User", user, "Product") for user in ("u00003", "u00003", "u00001")]
    assert publish(first, shop.url, queries=queries, k=3).recommended == 6
    plain.execute_query(
        "MATCH (a:User), (b:Brand) WITH a, b LIMIT 1 CREATE (a)-[:RECOMMENDED]->(b)"
    )
    queries = [
        QueryNode("User", "u00003", "Product"),
        QueryNode("User", ids("User")[-1], "Product"),
    ]
    report = publish(second, shop.url, queries=queries, k=4, redraw=False)
    assert (report.recommended, report.recommended_unknown) == (4, 0), "nothing for a zero vector"
    exact = second.products_for_user("u00003", k=4)
    ((user, products, ranks, scores, releases),) = plain.execute_query(DRAWN).records
    assert (user, products, ranks) == ("u00003", list(exact.ids), [1, 2, 3, 4])
    assert scores == [item.score for item in exact]
    assert releases == [id_of(second)]
    assert column(plain, "MATCH (:User)-[x:RECOMMENDED]->(:Brand) RETURN count(x)") == [1], "theirs"
    assert report.recommended_removed == 6, "those of the first release, not theirs"


def test_a_new_release_recommends_to_whom_the_one_before_did(shop, plain, recommenders):
    first, second = recommenders
    given = [QueryNode("User", user, "Product") for user in ("u00003", "u00001")]
    publish(first, shop.url, queries=given, k=3)
    publish(first, shop.url, queries=[QueryNode("User", "u00003", "Brand")], k=2)
    report = publish(second, shop.url, queries=given[:1], k=5)
    assert (report.redrawn, report.recommended, report.recommended_removed) == (2, 10, 8)
    assert drawn_counts(plain) == {
        ("u00001", "Product"): 3,
        ("u00003", "Brand"): 2,
        ("u00003", "Product"): 5,
    }
    drawn = {user: products for user, products, *_ in plain.execute_query(DRAWN).records}
    assert drawn["u00001"] == list(second.products_for_user("u00001", k=3).ids)
    assert publish(second, shop.url).redrawn == 0, "they stay"
    assert sum(drawn_counts(plain).values()) == 10


def test_vectors_of_an_older_version_are_replaced(shop, plain, recommenders):
    recommender = recommenders[0]
    for old in (id_of(recommender), "0123456789ab"):
        plain.execute_query(f"MATCH (n:Brand) SET n.embedding_{old} = [1.0, 2.0]")
        plain.execute_query(
            f"CREATE VECTOR INDEX embedding_{old}_Brand FOR (n:Brand) ON n.embedding_{old} OPTIONS"
            " {indexConfig: {`vector.dimensions`: 2, `vector.similarity_function`: 'cosine'}}"
        )
        plain.execute_query(
            "CREATE (:_GraphRec {name: 'release ' + $id, types: ['Brand']})", id=old
        )
    publish(recommender, shop.url)
    assert_only(plain, recommender)
    left = "MATCH (n) UNWIND keys(n) AS name WITH name WHERE name STARTS WITH 'embedding_'"
    assert column(plain, f"{left} RETURN DISTINCT name") == []


def test_a_release_keeps_what_it_has_drawn_and_draws_more_beside_it(shop, plain, recommenders):
    recommender = recommenders[0]
    publish(recommender, shop.url, queries=[QueryNode("User", "u00003", "Product")], k=3)
    again = [QueryNode("User", "u00001", "Product"), QueryNode("User", "u00003", "Brand")]
    report = publish(recommender, shop.url, queries=again, k=2)
    assert (report.recommended, report.recommended_removed) == (4, 0)
    assert drawn_counts(plain) == {
        ("u00001", "Product"): 2,
        ("u00003", "Brand"): 2,
        ("u00003", "Product"): 3,
    }
    publish(recommender, shop.url)
    assert sum(drawn_counts(plain).values()) == 7
    publish(recommender, shop.url, queries=[QueryNode("User", "u00003", "Product")], k=1)
    assert drawn_counts(plain)["u00003", "Product"] == 1, "the same query node: replaced"


def test_recommendations_to_nodes_that_are_gone_are_counted(shop, plain, recommenders):
    best = recommenders[0].products_for_user("u00003").ids[0]
    plain.execute_query("MATCH (p:Product {product_id: $id}) DETACH DELETE p", id=best)
    report = publish(recommenders[0], shop.url, queries=[QueryNode("User", "u00003", "Product")])
    assert (report.recommended, report.recommended_unknown) == (9, 1)


def test_what_is_published_is_no_part_of_the_graph(shop, recommenders, tmp_path):
    before = write_snapshot(shop, tmp_path / "before"), shop.counts()
    publish(recommenders[0], shop.url, queries=[QueryNode("User", "u00003", "Product")])
    after = write_snapshot(shop, tmp_path / "after"), shop.counts()
    assert after[0].snapshot_id == before[0].snapshot_id
    assert after[1] == before[1]
    fill(shop)
    with open_store(shop.url, create=False) as again:
        assert again.counts() == before[1]
        assert isinstance(again, PublishingStore)


@pytest.mark.slow
def test_readers_get_one_release_or_the_other_whole(shop, plain, recommenders):
    queries = [QueryNode("User", "u00003", "Product")]
    releases = {id_of(recommender): recommender for recommender in recommenders}
    publish(recommenders[1], shop.url, queries=queries)
    stop, seen, faults = Event(), set(), []

    def read():
        while not stop.is_set():
            try:
                release_id, products, scores = ask(plain, "u00003")
                (drawn,) = column(plain, DRAWN_AND_SERVED)
            except Neo4jError as error:
                faults.append(error)
                return
            seen.add(release_id)
            # The index is built anew each time and may find other products, but what it says of
            # a product is true of this release alone.
            wanted = similarities(releases[release_id], "u00003", products)
            if len(products) < 10 or drawn != 10 or not np.allclose(scores, wanted, atol=1e-5):
                faults.append((release_id, products, scores, drawn))

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        for recommender in recommenders:
            publish(recommender, shop.url, queries=queries)
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert seen == set(releases)


def test_batches_may_be_small(shop, plain, recommenders, monkeypatch):
    monkeypatch.setattr(publisher, "BATCH_NUMBERS", 48 * 32)
    steps = []
    publish(recommenders[0], shop.url, on_progress=lambda *step: steps.append(step))
    assert [step[1:] for step in steps if step[0] == "User vectors"] == [(32, 40), (40, 40)]
    assert_only(plain, recommenders[0])


def drawn_counts(plain) -> dict[tuple[str, str], int]:
    """How many RECOMMENDED each query node has, by target type."""
    query = (
        "MATCH (u:User)-[:RECOMMENDED]->(t)"
        " RETURN u.user_id AS user, labels(t)[0] AS target, count(*) AS drawn"
    )
    found = plain.execute_query(query).records
    return {(record["user"], record["target"]): record["drawn"] for record in found}


def test_a_forgotten_user_leaves_the_release_and_no_bundle_brings_her_back(
    shop, plain, recommenders
):
    queries = [QueryNode("User", user, "Product") for user in ("u00003", "u00004")]
    publish(recommenders[0], shop.url, queries=queries)
    report = shop.delete_nodes("User", ["u00003"], forget=True)
    assert (report.rows["User"], report.recommended) == (1, 10)
    assert column(plain, "MATCH (:User)-[x:RECOMMENDED]->() RETURN count(x)") == [10]
    found = plain.execute_query(
        "MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id"
        " MATCH (r:_GraphRec {name: 'release ' + id}) MATCH (p:Product {product_id: 'p00001'})"
        " CALL db.index.vector.queryNodes(r.embedding + '_User', 100,"
        " p[r.embedding][..r.dim] + r.padding) YIELD node RETURN node.user_id"
    ).records
    assert len(found) == len(ids("User")) - 2, "all but the forgotten one and the zero vector"
    assert ["u00003"] not in [record.values() for record in found]
    again = publish(recommenders[1], shop.url, queries=queries[1:])
    assert again.types["User"].unknown == 1
    assert "u00003" not in column(plain, "MATCH (u:User) RETURN u.user_id")
