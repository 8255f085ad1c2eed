"""What cannot be published into a real Neo4j, and what is said of it."""

import pyarrow as pa
import pytest
from contracts.publish_world import NUM_PRODUCTS, TRACES, ask, column, id_of, make_bundle

from graphdb import SCHEMA
from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError, StoreError
from graphdb.schema_types import NodeType, Relation
from graphdb.stores import Embedding, PublishedRelease
from graphdb.stores.neo4j import Neo4jStore
from graphdb.stores.neo4j.publishing import publisher
from graphrec import Recommender, UnknownIdError
from graphrec.publishing import QueryNode, make_release, publish


def test_an_index_that_vanished_is_said(shop, recommenders, monkeypatch):
    real = publisher.statements._states

    def without(connection, release_id):
        return {
            name: state
            for name, state in real(connection, release_id).items()
            if not name.endswith("_User")
        }

    monkeypatch.setattr(publisher.statements, "_states", without)
    with pytest.raises(StoreError, match=r"could not build the vector index 'vector_\w+_User'"):
        publish(recommenders[0], shop.url)


def test_a_release_of_another_graph_is_refused_and_the_old_stays(shop, plain, recommenders):
    publish(recommenders[0], shop.url)
    release = make_release(recommenders[1])
    foreign = {
        name: Embedding(pa.array([f"x{key}" for key in range(len(kept.ids))]), kept.vectors)
        for name, kept in release.embeddings.items()
    }
    other = PublishedRelease("abc", "s", release.trained_at, release.dim, foreign)
    with pytest.raises(StoreError, match=r"has none of the nodes of release abc.*still served"):
        shop.publish(other)
    assert ask(plain, "u00003")[0] == id_of(recommenders[0])


def test_types_and_names_that_do_not_fit_are_refused(settings, empty, recommenders):
    release = make_release(recommenders[0])
    people = {"User": SCHEMA.node_type("User")}
    unknown = pytest.raises(SchemaError, match="vectors for Brand, a type that is not in the")
    with Neo4jStore(settings, schema=Schema(people, {})) as store, unknown:
        store.publish(release)
    empty.execute_query("MATCH (n) DETACH DELETE n")
    types = {**people, "Product": NodeType("Product", ""), "Brand": NodeType("Brand", "")}
    taken = Relation("RECOMMENDED", "", (("User", "Product"),))
    needed = pytest.raises(SchemaError, match="relation RECOMMENDED, a name that publishing needs")
    with Neo4jStore(settings, schema=Schema(types, {"RECOMMENDED": taken})) as store, needed:
        store.publish(release)


def test_what_a_server_cannot_hold_is_refused(shop, recommenders, tmp_path, monkeypatch):
    long = Recommender(make_bundle(tmp_path, 1, dim=3_969, known=4))
    with pytest.raises(StoreError, match=r"length 3,969 do not fit.*at most 3,968 \(128"):
        publish(long, shop.url)
    monkeypatch.setattr(publisher, "MOST_RECOMMENDED_ROWS", 9)
    with pytest.raises(StoreError, match="10 recommendations cannot be drawn in one"):
        publish(recommenders[0], shop.url, queries=[QueryNode("User", "u00003", "Product")])
    monkeypatch.setattr(publisher, "OLDEST_SERVER", (99, 0))
    with pytest.raises(StoreError, match=r"is Neo4j 5\.\d+.*expected Neo4j 99.0 or newer"):
        publish(recommenders[0], shop.url)


@pytest.mark.slow
def test_the_longest_vectors_that_fit_are_taken(shop, plain, tmp_path):
    long = Recommender(make_bundle(tmp_path, 1, dim=3_968, known=4))
    publish(long, shop.url)
    assert ask(plain, "u00003")[1] == [
        product
        for product in long.products_for_user("u00003", k=NUM_PRODUCTS).ids
        if product <= "p00003"
    ]


def test_an_unknown_query_node_is_named_before_anything_is_written(shop, plain, recommenders):
    with pytest.raises(UnknownIdError, match="no User has the id 'nobody'"):
        publish(recommenders[0], shop.url, queries=[QueryNode("User", "nobody", "Product")])
    assert column(plain, TRACES) == []
