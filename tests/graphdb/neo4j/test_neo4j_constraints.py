"""Constraints that are gone: the store makes them again at the next open, or says why it cannot."""

import logging

import pytest
from contracts.store import fill, users

from graphdb import SCHEMA
from graphdb.errors import StoreError
from graphdb.stores.neo4j import Neo4jStore, cypher

USER_INDEX = "SHOW INDEXES YIELD name, owningConstraint WHERE name = 'graphrec User' RETURN *"


@pytest.fixture(autouse=True)
def all_constraints_again(settings, empty):
    """Tests here drop and misname them; the others rely on them."""
    yield
    empty.execute_query("MATCH (n) DETACH DELETE n")
    for statement in ("DROP CONSTRAINT `graphrec User` IF EXISTS", "DROP INDEX mine IF EXISTS"):
        empty.execute_query(statement)
    Neo4jStore(settings).close()


def test_a_new_store_has_a_constraint_for_every_node_type_and_warns_of_nothing(
    settings, empty, caplog
):
    empty.execute_query("DROP CONSTRAINT `graphrec User` IF EXISTS")
    with Neo4jStore(settings) as store:
        fill(store)
    Neo4jStore(settings).close()
    found = empty.execute_query("SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties").records
    unique = {(labels[0], keys[0]) for kind, labels, keys in found if kind == "UNIQUENESS"}
    assert unique >= {(each.name, each.key) for each in SCHEMA.node_types.values()}
    assert caplog.records == []


@pytest.mark.parametrize("kind", ["CONSTRAINT `graphrec User`", "INDEX `graphrec _GraphRecReject`"])
def test_a_dropped_one_is_made_again_and_the_log_says_so(settings, empty, caplog, kind):
    with Neo4jStore(settings) as store:
        fill(store)
    empty.execute_query(f"DROP {kind}")
    with caplog.at_level(logging.WARNING), Neo4jStore(settings, create=False) as store:
        assert store.counts()["User"] == 2
    (record,) = caplog.records
    label = kind.split()[-1].strip("`")
    assert f"lacks constraints or indexes, which are created now: {label}" in record.getMessage()
    ((names,),) = empty.execute_query("SHOW INDEXES YIELD name RETURN collect(name)").records
    assert {f"graphrec {index.label}" for index in cypher.indexes(SCHEMA)} <= set(names)


def test_a_key_that_came_in_twice_meanwhile_is_named(settings, empty):
    with Neo4jStore(settings) as store:
        store.upsert_nodes("User", users("ann", "bob"))
    empty.execute_query("DROP CONSTRAINT `graphrec User`")
    empty.execute_query("CREATE (:User {user_id: 'ann', city: 'Oslo'})")
    message = r"cannot keep keys unique.*`User` and property `user_id` = 'ann'.*delete one of"
    with pytest.raises(StoreError, match=f"(?s){message}") as caught:
        Neo4jStore(settings)
    assert not caught.value.retryable
    empty.execute_query("MATCH (u:User {city: 'Oslo'}) DELETE u")
    with Neo4jStore(settings) as store:
        assert store.counts()["User"] == 2
    assert empty.execute_query(USER_INDEX).records


def test_an_index_in_the_place_of_the_constraint_is_named(settings, empty):
    with Neo4jStore(settings) as store:
        fill(store)
    empty.execute_query("DROP CONSTRAINT `graphrec User`")
    empty.execute_query("CREATE INDEX mine FOR (u:User) ON (u.user_id)")
    with pytest.raises(StoreError, match=r"already exists an index.*user_id.*drop that index"):
        Neo4jStore(settings)


def test_a_constraint_of_our_name_on_something_else_is_named(settings, empty):
    with Neo4jStore(settings) as store:
        fill(store)
    empty.execute_query("DROP CONSTRAINT `graphrec User`")
    empty.execute_query(
        "CREATE CONSTRAINT `graphrec User` FOR (x:Other) REQUIRE x.user_id IS UNIQUE"
    )
    with pytest.raises(StoreError, match=r"has a reserved name but is not on User\(user_id\)"):
        Neo4jStore(settings)
