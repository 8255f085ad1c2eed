"""Random upserts: the Neo4j store equals a dictionary, by the machine of the embedded store."""

import importlib.util
from pathlib import Path

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from graphdb import open_store

_SPEC = importlib.util.spec_from_file_location(
    "store_as_dict", Path(__file__).parents[1] / "test_store_as_dict.py"
)
assert _SPEC is not None and _SPEC.loader is not None
as_dict = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(as_dict)


def test_the_store_equals_a_dictionary(settings, empty):
    class Neo4jMachine(as_dict.StoreMachine):
        def __init__(self) -> None:
            RuleBasedStateMachine.__init__(self)
            empty.execute_query("MATCH (n) DETACH DELETE n")
            self.store = open_store(settings.uri)
            self.store.upsert_nodes("User", as_dict.pa.table({"user_id": as_dict.USERS}))
            self.store.upsert_nodes("Product", as_dict.pa.table({"product_id": as_dict.PRODUCTS}))
            self.products = dict.fromkeys(as_dict.PRODUCTS)
            self.purchases = {}

    run_state_machine_as_test(
        Neo4jMachine,
        settings=hypothesis_settings(
            max_examples=8,
            stateful_step_count=6,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
