"""Ties that were made from events, those that are held out among them."""

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType
from training.data import ALWAYS_S, AT_S
from training.evaluation.results import LeakFinding
from training.pairs import adjacency
from training.pyg import HeteroData
from training.split import Holdout
from training.ties import side_edge_types

MIN_NODES = 20
MIN_EXCESS = 0.1

_CHECK = "derived ties"

Mask = npt.NDArray[np.bool_]


def derived_ties(holdout: Holdout) -> LeakFinding:
    """Who appears in the held-out part alone, and whether ties in training tell of that.

    A table that was made from all sales, such as which shop sells what, ties a product to a shop
    because it will be sold. So among targets without an event in training, those that are taken
    later would be tied more often than those that are never taken. Where they are, by MIN_EXCESS
    or more and with MIN_NODES on either side, that is a warning; only ties without a beginning
    are looked at. It cannot be told where no target is without events for good, nor for targets
    with events in training; and a good catalogue may do the same for no bad reason, because what
    is looked after sells.
    """
    train, target = holdout.train_graph, holdout.edge_type.target
    later, never = _only_after(holdout)
    tied = {
        edge_type: tied_targets
        for edge_type in side_edge_types(train, holdout.edge_type)
        for tied_targets in [_tied(train, edge_type, target)]
        if tied_targets.any()
    }
    figures = _figures(holdout, later, never)
    for edge_type, is_tied in tied.items():
        for name, some in (("only after", later), ("never taken", never)):
            if some.any():
                figures[f"{edge_type}: tied, of {name}"] = float(is_tied[some].mean())
    if min(later.sum(), never.sum()) < MIN_NODES:
        message = (
            f"{later.sum():,} {target} nodes are taken in the held-out part alone and "
            f"{never.sum():,} never; with fewer than {MIN_NODES} of either it cannot be told "
            "whether ties were made from held-out events"
        )
        return LeakFinding(check=_CHECK, level="ok", message=message, figures=figures)
    suspects = [
        str(edge_type)
        for edge_type, is_tied in tied.items()
        if is_tied[later].mean() - is_tied[never].mean() >= MIN_EXCESS
    ]
    message = "ties do not tell which targets are taken in the held-out part alone"
    if suspects:
        message = (
            f"{', '.join(suspects)}: {target} nodes that are taken in the held-out part alone have "
            "such ties far more often than those that are never taken. If the ties were made from "
            "events, they tell of the future: leave them out, or give them a beginning"
        )
    return LeakFinding(
        check=_CHECK, level="warning" if suspects else "ok", message=message, figures=figures
    )


def _only_after(holdout: Holdout) -> tuple[Mask, Mask]:
    """Among targets without an event in training, those that are taken later, and never."""
    num_targets = holdout.truth.num_targets
    known = adjacency(holdout.train_graph, holdout.edge_type)
    is_known, is_taken = (
        np.bincount(pairs.indices, minlength=num_targets) > 0 for pairs in (known, holdout.truth)
    )
    return is_taken & ~is_known, ~is_taken & ~is_known


def _figures(holdout: Holdout, later: Mask, never: Mask) -> dict[str, float]:
    known, truth = adjacency(holdout.train_graph, holdout.edge_type), holdout.truth
    source, _, target = holdout.edge_type
    return {
        f"{source}, only after": int(((truth.degrees() > 0) & (known.degrees() == 0)).sum()),
        f"{target}, only after": int(later.sum()),
        f"{target}, never taken": int(never.sum()),
        f"held-out pairs of {target}, only after": int(later[truth.indices].sum()),
    }


def _tied(graph: HeteroData, edge_type: EdgeType, target: str) -> Mask:
    """Which targets have a tie of that kind that has no beginning, bool [num_targets]."""
    store = graph[edge_type]
    ends = store.edge_index[:, store[AT_S] == ALWAYS_S].numpy()
    tied = np.zeros(graph[target].num_nodes, dtype=np.bool_)
    for end, rows in zip((edge_type.source, edge_type.target), ends, strict=True):
        if end == target:
            tied[rows] = True
    return tied
