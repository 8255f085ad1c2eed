"""Random upserts and deletions: the Neo4j store equals a dictionary, as the embedded one does."""

from contracts.store_as_dict import StoreMachine
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from graphdb import open_store


def test_the_store_equals_a_dictionary(settings, empty):
    class Neo4jMachine(StoreMachine):
        def open_empty(self):
            empty.execute_query("MATCH (n) DETACH DELETE n")
            return open_store(settings.uri)

    run_state_machine_as_test(
        Neo4jMachine,
        settings=hypothesis_settings(
            max_examples=12,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
