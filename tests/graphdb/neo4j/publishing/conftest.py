"""Two releases and a server with their shop in it."""

import pytest
from contracts.publish_world import SHOW_INDEXES, fill, make_bundle

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
    for (name,) in plain.execute_query(SHOW_INDEXES).records:
        plain.execute_query(f"DROP INDEX `{name}`")
