"""The Neo4j store keeps the very same contract as the embedded one, against a real server."""

import pytest
from contracts.deletion import DeletionContract
from contracts.store import StoreContract

from graphdb import open_store


class TestNeo4jStore(StoreContract, DeletionContract):
    @pytest.fixture
    def store(self, settings, empty):  # noqa: ARG002 - the database has to be empty
        with open_store(settings.uri) as store:
            yield store
