"""Random upserts and deletions: the embedded store equals a dictionary."""

from contracts.store_as_dict import StoreMachine
from hypothesis import settings

from graphdb import open_store


class DuckDBMachine(StoreMachine):
    def open_empty(self):
        return open_store("duckdb:")


TestStoreAsDict = DuckDBMachine.TestCase
TestStoreAsDict.settings = settings(max_examples=25, stateful_step_count=8, deadline=None)
