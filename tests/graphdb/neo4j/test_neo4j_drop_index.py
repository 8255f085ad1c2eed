"""Indexes are dropped while others read: a drop that has to wait gives way."""

import threading
from contextlib import contextmanager

import pytest

from graphdb.errors import StoreUnavailableError
from graphdb.stores.neo4j.connection import Connection

INDEX = "odd`name"


@pytest.fixture
def index(empty):
    empty.execute_query("CREATE (:User {user_id: 'u', mood: 1})")
    empty.execute_query("CREATE INDEX `odd``name` FOR (n:User) ON (n.mood)")
    empty.execute_query("CALL db.awaitIndexes(60)")
    yield
    empty.execute_query("DROP INDEX `odd``name` IF EXISTS")


@contextmanager
def reader(plain):
    """Somebody in the middle of a read, with a lock on the label."""
    with plain.session() as session, session.begin_transaction() as tx:
        tx.run("MATCH (n:User) WHERE n.mood = 1 RETURN count(n)").consume()
        yield tx


def exists(plain):
    query = "SHOW INDEXES YIELD name WHERE name = $name RETURN count(*) AS number"
    return plain.execute_query(query, name=INDEX).records[0]["number"] == 1


def test_a_drop_waits_for_a_reader_and_then_succeeds(settings, plain, index):  # noqa: ARG001
    connection = Connection(settings)
    with reader(plain) as tx:
        timer = threading.Timer(1.5, tx.rollback)
        timer.start()
        connection.drop_indexes([INDEX], patience_s=1)
        timer.join()
    connection.close()
    assert not exists(plain)


def test_a_drop_never_waits_for_ever(impatient, plain, index):  # noqa: ARG001
    connection = Connection(impatient)
    with reader(plain), pytest.raises(StoreUnavailableError, match="could not do it now"):
        connection.drop_indexes([INDEX], patience_s=1)
    connection.close()
    assert exists(plain)
