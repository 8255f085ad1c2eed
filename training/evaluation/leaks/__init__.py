"""Checks that a model was not shown what it is asked for, before anything is measured."""

from graphdb.schema_types import Schema
from training.evaluation.leaks.derived import derived_ties
from training.evaluation.leaks.hints import hinted_pairs
from training.evaluation.leaks.pairs import new_pairs
from training.evaluation.leaks.times import cut_together, later_events, nothing_after
from training.evaluation.results import LeakFinding
from training.pyg import HeteroData
from training.split import Holdout

__all__ = ["check_leaks"]


def check_leaks(graph: HeteroData, holdout: Holdout, schema: Schema) -> tuple[LeakFinding, ...]:
    """What training could know of the held-out part.

    - Whether anything in training is from the cut-off on: an event, or a tie that began then.
    - Whether the other events were cut at the same moment, and not before.
    - Without one cut-off, instead of these two: how much of training is later than what is asked.
    - Whether a pair that is asked for as new stands in training.
    - How many of these pairs were viewed or carted before, and what that alone would find.
    - Who appears in the held-out part alone, and whether ties were made from its events.

    Args:
        graph: The whole graph, from which the holdout was cut.

    Returns:
        A finding per check, in this order; 'warning' where figures have to be read with care.

    Raises:
        LeakError: Training has an edge from the cut-off on, or a pair that is asked for as new.
    """
    if holdout.cutoff_s is None:
        in_time = [later_events(graph, holdout)]
    else:
        in_time = [
            nothing_after(holdout, holdout.cutoff_s),
            cut_together(graph, holdout, holdout.cutoff_s, schema),
        ]
    return (
        *in_time,
        new_pairs(holdout),
        hinted_pairs(holdout, schema),
        derived_ties(holdout),
    )
