"""Pairs that training has in another relation already: views and carts before the purchase."""

import numpy as np

from graphdb.schema_types import Schema
from training.baselines.viewed_not_bought import hint_edge_types, waiting_pairs
from training.evaluation.leaks.pairs import among
from training.evaluation.metrics import recall_at_k
from training.evaluation.results import LeakFinding
from training.pairs import adjacency
from training.split import Holdout

K = 20

_CHECK = "viewed before"


def hinted_pairs(holdout: Holdout, schema: Schema) -> LeakFinding:
    """How many new pairs were viewed or carted before, and how many are found by that alone."""
    train, new = holdout.train_graph, holdout.new_truth
    hints = hint_edge_types(train, schema, holdout.edge_type)
    hinted = {one.relation: among(new, adjacency(train, one)) for one in hints}
    is_hinted = np.any([*hinted.values(), np.zeros(new.num_edges, dtype=np.bool_)], axis=0)
    if not is_hinted.any():
        message = "no pair that is asked for as new was viewed, carted or the like before"
        return LeakFinding(check=_CHECK, level="ok", message=message, figures={"share": 0})
    recall = _recall_of_waiting(holdout, schema)
    return LeakFinding(
        check=_CHECK,
        level="warning",
        message=f"{is_hinted.mean():.1%} of the pairs that are asked for as new stand in training "
        f"as {' or '.join(hinted)}; whoever shows what was viewed last and not taken finds "
        f"{recall:.4f} of all new pairs in {K} places. Read all figures beside those of the "
        "baseline 'viewed-not-bought'",
        figures={
            "share": float(is_hinted.mean()),
            **{f"share {relation}": float(one.mean()) for relation, one in hinted.items()},
            f"recall@{K} of what was viewed alone": recall,
        },
    )


def _recall_of_waiting(holdout: Holdout, schema: Schema) -> float:
    """Recall of lists that hold what was viewed last and not taken, and nothing else."""
    seeds, targets = (
        found.numpy()
        for found in waiting_pairs(holdout.train_graph, schema, holdout.edge_type, "recent")
    )
    rows = np.arange(holdout.new_truth.num_sources)
    place = np.arange(len(seeds)) - np.searchsorted(seeds, rows)[seeds]
    ranked = np.full((len(rows), K), -1, dtype=np.int64)
    is_shown = place < K
    ranked[seeds[is_shown], place[is_shown]] = targets[is_shown]
    return recall_at_k(ranked, rows, holdout.new_truth, K)
