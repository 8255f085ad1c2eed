"""Two releases and a server with their shop in it."""

import pytest
from contracts.publish_world import SHOW_INDEXES, fill, make_bundle

from graphdb.stores.neo4j import Neo4jStore
from graphrec import Recommender


@pytest.fixture(scope="module")
def recommenders(tmp_path_factory):
    """Two releases of the same shop."""
    folder = tmp_path_factory.mktemp("bundles")
    return [Recommender(make_bundle(folder, seed)) for seed in (1, 2)]


@pytest.fixture
def shop(store, plain):
    """A store with the shop in it; no index stays behind."""
    fill(store)
    yield store
    drop_indexes(plain)


@pytest.fixture(scope="module")
def shared_shop(settings, plain):
    """The same for all tests of a module, in which no test may need an empty store."""
    plain.execute_query("MATCH (n) DETACH DELETE n")
    with pytest.MonkeyPatch.context() as patch, Neo4jStore(settings) as store:
        patch.setenv("NEO4J_USER", settings.user)
        patch.setenv("NEO4J_PASSWORD", settings.password)
        fill(store)
        yield store
    drop_indexes(plain)
    plain.execute_query("MATCH (n) DETACH DELETE n")


def drop_indexes(plain):
    for (name,) in plain.execute_query(SHOW_INDEXES).records:
        plain.execute_query(f"DROP INDEX `{name}`")
