"""Neo4j 2026, whose vector index filters by itself (SEARCH), beside Neo4j 5, which cannot.

It needs Java 21 or 25, which not every machine has that can run Neo4j 5.
"""

import neo4j
import numpy as np
import pytest
from contracts.deletion import everything
from contracts.publish_world import SIZES, fill, ids, make_bundle
from contracts.store import table
from neo4j_local.home import CannotError
from neo4j_local.installation import RELEASES, find_java
from pages.markdown import all_blocks, read, texts

from graphdb import SCHEMA, ingest, open_source, open_store
from graphdb.errors import SchemaError, StoreError
from graphdb.explore import ask, nearest, saved_queries
from graphrec import Recommender
from graphrec.publishing import publish

EVERY_NODE = "MATCH (n) DETACH DELETE n"
PRICES = [float(number % 100) for number in range(SIZES["Product"])]
STATES = ["active" if number % 3 else "withdrawn" for number in range(SIZES["Product"])]


@pytest.fixture(scope="module")
def server_2026(new_server):
    try:
        find_java(RELEASES["2026"])
    except CannotError as error:
        pytest.skip(str(error))
    server = new_server()
    server.start("--release", "2026")
    return server


@pytest.fixture(scope="module", params=["5", "2026"])
def release(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def server(release, request):
    """The settings of an empty server of the release, which are also in the environment."""
    asked = request.getfixturevalue("settings" if release == "5" else "server_2026")
    chosen = asked if release == "5" else asked.settings
    auth = (chosen.user, chosen.password)
    with (
        pytest.MonkeyPatch.context() as patch,
        neo4j.GraphDatabase.driver(chosen.uri, auth=auth) as plain,
    ):
        patch.setenv("NEO4J_USER", chosen.user)
        patch.setenv("NEO4J_PASSWORD", chosen.password)
        plain.execute_query(EVERY_NODE)
        yield chosen
        for (name,) in plain.execute_query("SHOW VECTOR INDEXES YIELD name RETURN name").records:
            plain.execute_query(f"DROP INDEX `{name}`")
        plain.execute_query(EVERY_NODE)


@pytest.fixture(autouse=True)
def environment(server):
    """That of this server, not of the other tests'."""


@pytest.fixture(scope="module")
def recommender(tmp_path_factory):
    return Recommender(make_bundle(tmp_path_factory.mktemp("bundle"), 1))


@pytest.fixture
def published(server, recommender):
    """A shop with prices and states, and a release in it, unless they are there already."""
    with open_store(server.uri) as store:
        if store.counts()["Product"]:
            return server
        fill(store)
        columns = {"product_id": ids("Product"), "price": PRICES, "status": STATES}
        store.upsert_nodes("Product", table("Product", **columns))
    publish(recommender, server.uri)
    return server


on_2026 = pytest.mark.parametrize("release", ["2026"], indirect=True, scope="module")
"""What other tests check on Neo4j 5."""


def best(recommender, user: str, passes: np.ndarray) -> dict[str, float]:
    """All products that pass and have a vector, by falling dot product."""
    vectors = recommender.bundle.vectors("Product").astype(float)
    query = recommender.bundle.vectors("User")[recommender.bundle.row_of("User", user)]
    scores = vectors @ query
    rows = [row for row in np.argsort(-scores) if passes[row] and vectors[row].any()]
    return {ids("Product")[row]: float(scores[row]) for row in rows}


@pytest.mark.parametrize(
    ("where", "passes"),
    [
        ({}, lambda price, status: True),  # noqa: ARG005
        ({"price": (None, 50.0)}, lambda price, status: price <= 50),  # noqa: ARG005
        (
            {"price": (40.0, 41.0), "status": "active"},
            lambda price, status: 40 <= price <= 41 and status == "active",
        ),
    ],
)
def test_both_find_the_best_that_pass(published, release, recommender, where, passes):
    mask = np.array([passes(*one) for one in zip(PRICES, STATES, strict=True)])
    hits = 0
    for user in ids("User")[:10]:
        wanted = best(recommender, user, mask)
        answer = nearest(published.uri, "User", user, "Product", k=10, where=where)
        found = [node.node_id for node, _ in answer.rows]
        scores = [score for _, score in answer.rows]
        longest = max(map(abs, wanted.values()))
        expected = [wanted[one] for one in found]  # which fails for one that does not pass
        assert scores == pytest.approx(expected, abs=1e-4 * longest)
        assert scores == sorted(scores, reverse=True)
        hits += len(set(found) & set(list(wanted)[:10]))
        if release == "2026":
            assert len(found) == 10, "filtered inside the index, it looks on until there are ten"
    least = 95 if release == "2026" or len(where) < 2 else 30
    assert hits >= least


def test_the_page_is_true(published, release, recommender):
    (code,) = texts("docs/neo4j.md", "python")
    code = code.replace("neo4j://127.0.0.1:7687", published.uri).replace("543", "u00003")
    names: dict = {}
    exec(compile(code, "docs/neo4j.md", "exec"), names)
    found = [node.node_id for node, _ in names["answer"].rows]
    assert found
    if release == "2026":
        (query,) = [
            block.text
            for block in all_blocks(read("docs/neo4j.md"))
            if block.text.startswith("CYPHER 25")
        ]
        manifest = recommender.bundle.manifest
        padding = [0.0] * manifest.dim
        values = {"user_id": "u00003", "dim": manifest.dim, "padding": padding}
        query = query.replace("0123456789ab", manifest.release_id)
        rows = ask(published.uri, query, values).rows
        assert [node.node_id for node, _ in rows] == found


def test_what_cannot_be_asked_is_refused(published):
    with pytest.raises(SchemaError, match="Product cannot be filtered by 'title'; expected one of"):
        nearest(published.uri, "User", "u00001", "Product", where={"title": "x"})
    with pytest.raises(StoreError, match="no release with vectors of Creator is published"):
        nearest(published.uri, "User", "u00001", "Creator")
    assert nearest(published.uri, "User", "nobody", "Product").rows == []


@on_2026
@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: query.name)
def test_every_saved_query_runs(published, query):
    values = {"user_id": "u00003", "product_id": "p00011", "brand_id": "b00001", "creator_id": "c"}
    ask(published.uri, query.text, {name: values[name] for name in query.parameters})


@pytest.fixture
def emptied(server):
    """The same server with nothing in it, before and after."""
    with neo4j.GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as plain:
        plain.execute_query(EVERY_NODE)
        yield server
        plain.execute_query(EVERY_NODE)


@on_2026
def test_the_store_holds_and_deletes_the_same(emptied):
    with open_store(emptied.uri) as store, open_store("duckdb:") as embedded:
        for one in (store, embedded):
            ingest(open_source("synthetic:800", SCHEMA), one)
        assert everything(store) == everything(embedded)
        users = embedded.read_nodes("User").read_all()["user_id"].to_pylist()[:3]
        reports = [one.delete_nodes("User", users, forget=True) for one in (store, embedded)]
        assert reports[0] == reports[1]
        assert everything(store) == everything(embedded)
        batch = table("User", user_id=users)
        assert store.upsert_nodes("User", batch) == embedded.upsert_nodes("User", batch)
