"""Pairs that are asked for as new although training has them."""

import numpy as np
import numpy.typing as npt

from graphdb.errors import LeakError
from graphrec.bundle import Adjacency
from training.evaluation.results import LeakFinding
from training.pairs import adjacency, pair_keys
from training.split import Holdout


def new_pairs(holdout: Holdout) -> LeakFinding:
    """No pair that is asked for as new stands in the training part of the direction.

    Raises:
        LeakError: One does.
    """
    known = adjacency(holdout.train_graph, holdout.edge_type)
    is_known = among(holdout.new_truth, known)
    if is_known.any():
        first = int(pair_keys(holdout.new_truth)[is_known][0])
        source, target = divmod(first, known.num_targets)
        raise LeakError(
            f"{is_known.sum():,} of {len(is_known):,} pairs that are asked for as new are "
            f"{holdout.edge_type} edges in training, the first from row {source} to row {target}",
            expected="none",
            next_step="leave them out of new_truth, or take their edges out of training",
            value=(source, target),
        )
    again = among(holdout.truth, known)
    return LeakFinding(
        check="new pairs",
        level="ok",
        message="no pair that is asked for as new stands in training",
        figures={"pairs": len(again), "new": len(is_known), "taken before": int(again.sum())},
    )


def among(pairs: Adjacency, others: Adjacency) -> npt.NDArray[np.bool_]:
    """Which of the pairs are among the others, aligned with the indices."""
    found: npt.NDArray[np.bool_] = np.isin(pair_keys(pairs), pair_keys(others), assume_unique=True)
    return found
