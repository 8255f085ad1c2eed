"""The part of the past on which settings are compared; what `graphrec train` measures stays out."""

from dataclasses import dataclass

import numpy as np
import torch

from graphdb.errors import NotEnoughDataError
from graphdb.schema_types import EdgeType, Schema
from training.evaluation.results import FEWEST_QUERIES
from training.pairs import adjacency
from training.pyg import HeteroData
from training.sparse import csr_of
from training.split import hold_out_last, hold_out_share

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True)
class Split:
    """How the validation part is cut.

    Args:
        holdout_days: The last days, cut off first and never looked at: those that `train`
            measures on. None where it measures on none.
        validation_days: The last days of what is left are the validation part.
        validation_share: A share of each seed's pairs is the validation part instead, for data
            without times.
    """

    holdout_days: int | None = 28
    validation_days: int = 28
    validation_share: float | None = None

    @property
    def title(self) -> str:
        """What is foretold, for the head of a table."""
        if self.validation_share is not None:
            part = f"{self.validation_share:g} of the pairs"
        else:
            part = f"the last {self.validation_days} days"
        if self.holdout_days is None:
            return part
        return f"{part} before the held-out {self.holdout_days} days"


@dataclass(frozen=True, slots=True, eq=False)
class ValidationPart:
    """What is learned from, and what is to be foretold.

    Args:
        train_graph: The graph without the validation part and without the held-out days.
        taken: Pairs of the train graph, CSR [num_seeds, num_targets]; they are no answers.
        truth: Pairs that came new in the validation part, in the same form.
    """

    train_graph: HeteroData
    taken: Tensor
    truth: Tensor


def cut(
    graph: HeteroData, schema: Schema, direction: EdgeType, split: Split, seed: int
) -> ValidationPart:
    """Cuts the held-out days off, then the validation part out of the rest.

    Args:
        seed: Of the share that is drawn.

    Raises:
        NotEnoughDataError: Too little is left to learn from, or to validate on.
    """
    if split.holdout_days is not None:
        graph = hold_out_last(graph, direction, split.holdout_days).train_graph
    if split.validation_share is not None:
        held = hold_out_share(graph, schema, direction, split.validation_share, seed=seed)
        train_graph, truth = held.train_graph, held.truth
    else:
        last = hold_out_last(graph, direction, split.validation_days)
        train_graph, truth = last.train_graph, last.new_truth
    queries = int(np.count_nonzero(truth.degrees()))
    if queries < FEWEST_QUERIES or truth.num_targets < 2:
        raise NotEnoughDataError(
            f"{queries} {direction.source} nodes have something new to find in {split.title}, "
            f"among {truth.num_targets} {direction.target} nodes: too few to compare settings on",
            expected=f"at least {FEWEST_QUERIES}, and 2 to rank",
            next_step="bring more data, or validate on a larger part",
            value=queries,
        )
    return ValidationPart(train_graph, csr_of(adjacency(train_graph, direction)), csr_of(truth))
