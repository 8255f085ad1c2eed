"""What every true pair brought: what was paid, less what was paid back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle import Adjacency
from training.data import AT_S, edge_types_of
from training.evaluation.metrics import Rows, Values
from training.pairs import pair_keys
from training.pyg import HeteroData

VALUE = "value"


@dataclass(frozen=True, slots=True, eq=False)
class Payments:
    """Money that went from seeds to targets, event by event; below 0 where it came back.

    Args:
        seeds: Seed row per event.
        targets: Target row per event.
        amounts: float64.
        at_s: Epoch seconds.
    """

    seeds: Rows
    targets: Rows
    amounts: Values
    at_s: Rows

    def part(self, kept: npt.NDArray[np.bool_]) -> "Payments":
        return Payments(self.seeds[kept], self.targets[kept], self.amounts[kept], self.at_s[kept])

    def along(self, ties: Adjacency) -> "Payments":
        """To what the targets are tied to, such as the brands; each gets the whole amount."""
        number = ties.degrees()[self.targets]
        return Payments(
            np.repeat(self.seeds, number),
            ties.gather(self.targets).astype(np.int64),
            np.repeat(self.amounts, number),
            np.repeat(self.at_s, number),
        )

    def gains(self, truth: Adjacency) -> Values:
        """The net amount of every true pair, 0 at least, float64 [num_edges]."""
        known, keys = pair_keys(truth), self.seeds * truth.num_targets + self.targets
        places = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        is_true = known[places] == keys if len(known) else np.zeros(len(keys), dtype=np.bool_)
        net = np.bincount(places[is_true], self.amounts[is_true], truth.num_edges)
        return np.maximum(net, 0.0)


def payments(graph: HeteroData, schema: Schema, direction: EdgeType, since_s: int) -> Payments:
    """Values of the direction's events from a moment on, less those of events against it.

    Events against it are those of relations between the same two ends whose behaviour weight is
    negative, such as returns. Events of unknown value count nothing.
    """
    parts = []
    for edge_type in edge_types_of(graph):
        if (edge_type.source, edge_type.target) != (direction.source, direction.target):
            continue
        against = schema.relation(edge_type.relation).behaviour_weight < 0
        store = graph[edge_type]
        if (edge_type != direction and not against) or VALUE not in store:
            continue
        seeds, targets = store.edge_index.numpy()
        amounts = store[VALUE].numpy().astype(np.float64) * (-1.0 if against else 1.0)
        found = Payments(seeds, targets, amounts, store[AT_S].numpy())
        parts.append(found.part(np.isfinite(amounts) & (found.at_s >= since_s)))
    empty = np.empty(0, dtype=np.int64)
    parts.append(Payments(empty, empty, np.empty(0), empty))
    joined = (
        np.concatenate([getattr(one, name) for one in parts])
        for name in ("seeds", "targets", "amounts", "at_s")
    )
    return Payments(*joined)
