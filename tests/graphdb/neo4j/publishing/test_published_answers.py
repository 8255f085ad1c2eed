"""What is asked in Neo4j, of a release that is served there, is what the bundle answers."""

import numpy as np
import pytest
from contracts.publish_world import NUM_PRODUCTS, ask, ids, similarities
from pages.markdown import texts

from graphdb import SCHEMA
from graphdb.explore import queries_for
from graphrec.publishing import QueryNode, publish


@pytest.fixture(scope="module")
def served(shared_shop, recommenders):
    """What is served: these tests only read."""
    queries = [QueryNode("User", "u00003", "Product")]
    publish(recommenders[0], shared_shop.url, queries=queries)
    return recommenders[0]


def test_neo4j_answers_as_the_recommender(served, plain):
    hits, users = 0, ids("User")[:-1]
    for user in users:
        _, products, scores = ask(plain, user)
        hits += len(set(products) & set(served.products_for_user(user).ids))
        assert scores == pytest.approx(similarities(served, user, products), abs=1e-5)
    assert hits / (10 * len(users)) >= 0.99


def test_whoever_asks_for_all_gets_the_exact_order(served, plain):
    same = [
        ask(plain, user, NUM_PRODUCTS)[1] == list(served.products_for_user(user).ids)
        for user in ids("User")[:-1]
    ]
    assert np.mean(same) >= 0.95, "but for scores that float32 cannot tell apart"


def test_the_documented_queries_answer(served, plain):
    for_user, similar, audience, drawn = texts("docs/neo4j.md", "cypher")
    exact = served.products_for_user("u00003").ids
    for query, name in ((for_user, "node"), (drawn, "target")):
        found = plain.execute_query(query, user_id="u00003").records
        assert len({record[name]["product_id"] for record in found} & set(exact)) >= 9
    likes = hits = 0
    for product in ids("Product")[:20]:
        found = plain.execute_query(similar, product_id=product).records
        likes += len(found)
        hits += len(
            {record["node"]["product_id"] for record in found}
            & set(served.similar_products(product).ids)
        )
    assert (likes, hits) == (200, pytest.approx(200, abs=20))
    found = plain.execute_query(audience, brand_id="b00001").records
    brand = [served.bundle.row_of("Brand", "b00001")]
    wanted, _ = served.top_rows("Brand", brand, "User", k=10)
    users = served.bundle.ids("User").take(wanted[0]).to_pylist()
    assert [record["node"]["user_id"] for record in found] == users


def test_the_similarity_is_that_of_the_recommender(served, plain):
    query = queries_for(SCHEMA, "Product")["similar"]
    (documented,) = [text for text in texts("docs/neo4j.md", "cypher") if "similarity" in text]
    for product in ids("Product")[:10]:
        found = served.similar_products(product, k=len(ids("Product")))
        scores = {item.id: item.score for item in found}
        for text, name in ((query.text, "other"), (documented, "node")):
            records = plain.execute_query(text, product_id=product).records
            assert len(records) >= 8
            for record in records:
                wanted = scores[record[name]["product_id"]]
                assert record["similarity"] == pytest.approx(wanted, rel=1e-6, abs=1e-7)
