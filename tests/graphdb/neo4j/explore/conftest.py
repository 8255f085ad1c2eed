"""A small synthetic world in the server, with what `graphrec publish` would leave on it."""

from dataclasses import dataclass

import pytest

from graphdb import SCHEMA
from graphdb.ingestion import ingest
from graphdb.sources import open_source
from graphdb.stores.neo4j import Neo4jStore

RELEASE = "0123456789ab"
BEST_BUYER = "MATCH (u:User) WITH u ORDER BY COUNT { (u)-[:PURCHASED]->() } DESC, u.user_id LIMIT 1"
PUBLISHED = ("User", "Product", "Brand", "Creator")


@dataclass(frozen=True)
class World:
    """Ids of nodes with something to see, one for each parameter of the saved queries."""

    user_id: str
    product_id: str
    brand_id: str
    creator_id: str

    def values(self, query) -> dict[str, str]:
        return {name: getattr(self, name) for name in query.parameters}


@pytest.fixture(scope="module")
def world(settings, plain):
    delete_all(plain)
    with Neo4jStore(settings) as store:
        ingest(open_source("synthetic:20000", SCHEMA), store)
    publish_by_hand(plain)
    # Counts and index samples of other tests' graphs would lead to other plans.
    plain.execute_query("CALL db.prepareForReplanning(120)")
    yield find_examples(plain)
    for node_type in PUBLISHED:
        plain.execute_query(f"DROP INDEX vector_{RELEASE}_{node_type}")
    delete_all(plain)


def publish_by_hand(plain) -> None:
    """Vectors of three numbers, an index per type, one release, one user's recommendations."""
    name = f"vector_{RELEASE}"
    plain.execute_query(
        "CREATE (:_GraphRec {name: 'release', id: $id})"
        " CREATE (:_GraphRec {name: 'release ' + $id, id: $id, embedding: $name,"
        " dim: 3, padding: [0.0, 0.0], typical_norm_Product: 1.0, max_norm_Creator: 1.0})",
        id=RELEASE,
        name=name,
    )
    for node_type in PUBLISHED:
        plain.execute_query(
            f"MATCH (n:{node_type}) SET n.{name} = [rand(), rand(), 1.0, rand(), rand()]"
        )
        plain.execute_query(
            f"CREATE VECTOR INDEX {name}_{node_type} FOR (n:{node_type}) ON n.{name} OPTIONS"
            " {indexConfig: {`vector.dimensions`: 5, `vector.similarity_function`: 'cosine'}}"
        )
    plain.execute_query("CALL db.awaitIndexes(120)")
    plain.execute_query(
        f"{BEST_BUYER} MATCH (p:Product) WITH u, p ORDER BY p.product_id"
        " WITH u, collect(p)[..5] AS products UNWIND range(0, 4) AS i WITH u, products[i] AS p, i"
        " CREATE (u)-[:RECOMMENDED {rank: i + 1, score: 1.0 / (i + 1), release: $id}]->(p)",
        id=RELEASE,
    )


def find_examples(plain) -> World:
    """The best buyer, a product new to them, a brand with something blocked, a busy creator."""

    def one(query: str) -> str:
        ((found,),) = plain.execute_query(query).records
        return found

    return World(
        user_id=one(f"{BEST_BUYER} RETURN u.user_id"),
        product_id=one(
            f"{BEST_BUYER} MATCH (p:Product) WHERE NOT (u)--(p)"
            " RETURN p.product_id ORDER BY p.product_id LIMIT 1"
        ),
        brand_id=one(
            "MATCH (b:Brand)<-[:MADE_BY]-(p:Product {status: 'withdrawn'})"
            " RETURN b.brand_id ORDER BY p.product_id LIMIT 1"
        ),
        creator_id=one(
            "MATCH (c:Creator) RETURN c.creator_id ORDER BY COUNT { (c)-[:PUBLISHED]->() } DESC,"
            " c.creator_id LIMIT 1"
        ),
    )


def delete_all(plain) -> None:
    """In pieces: the tests' server gives one transaction little memory."""
    with plain.session() as session:
        for pattern in ("()-[x]->()", "(x)"):
            session.run(
                f"MATCH {pattern} CALL {{ WITH x DELETE x }} IN TRANSACTIONS OF 5000 ROWS"
            ).consume()
