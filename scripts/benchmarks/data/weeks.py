"""The weeks that a snapshot's models are measured on, and what is known before them."""

from dataclasses import dataclass

from graphdb.checked_schema import Schema
from graphdb.snapshot import Snapshot, open_snapshot
from training.data import HeteroData, load_graph
from training.splitting.split import Holdout, hold_out_last

WEEKS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Weeks:
    """A snapshot, its graph up to the end of the held-out weeks, and the split.

    Args:
        part: What is measured, 'test' or 'validation'.
    """

    snapshot: Snapshot
    graph: HeteroData
    holdout: Holdout
    part: str

    @property
    def schema(self) -> Schema:
        return self.snapshot.schema


def held_out_weeks(folder: str, *, validate: bool) -> Weeks:
    """Holds out the last four weeks of purchases, or cuts them off and holds out those before.

    Validation is the way to choose settings.
    """
    snapshot = open_snapshot(folder)
    graph, bought = load_graph(snapshot), snapshot.schema.edge_type("PURCHASED")
    if validate:
        graph = hold_out_last(graph, bought, 7 * WEEKS).train_graph
    holdout = hold_out_last(graph, bought, 7 * WEEKS)
    return Weeks(snapshot, graph, holdout, "validation" if validate else "test")
