"""What is hidden from the models: by time, each seed's last, or what somebody gives."""

from pathlib import Path
from typing import Literal

from graphdb.errors import EvaluationError, nearest
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot
from training.evaluation.held_pairs import read_held_pairs
from training.evaluation.splits import given_split, hold_out_last_of_each
from training.pyg import HeteroData
from training.split import Holdout, hold_out_last

SplitName = Literal["time", "leave-last-out", "given"]
SPLITS: tuple[SplitName, ...] = ("time", "leave-last-out", "given")


def split_named(name: str) -> SplitName:
    """The split of that name.

    Raises:
        EvaluationError: There is none.
    """
    for split in SPLITS:
        if split == name:
            return split
    raise EvaluationError(
        f"there is no split '{name}'",
        expected="one of " + ", ".join(SPLITS),
        next_step=nearest(name, list(SPLITS)),
        value=name,
    )


def check_pairs(split: SplitName, held_pairs: Path | None) -> None:
    """Raises EvaluationError unless there are pairs with the given split, and with it alone."""
    if (split == "given") != (held_pairs is not None):
        raise EvaluationError(
            f"the split is '{split}', and {'no' if held_pairs is None else 'a'} file of pairs "
            "is named",
            expected="a file of pairs with the split 'given', and with no other",
            value=split,
        )


def held_out(
    snapshot: Snapshot,
    graph: HeteroData,
    direction: EdgeType,
    *,
    split: SplitName,
    days: int,
    held_pairs: Path | None,
) -> Holdout:
    """What the models may know, and what they are asked.

    Args:
        days: How many, for the split by time.
        held_pairs: The table of pairs, for the given one.

    Raises:
        NotEnoughDataError: There is too little to hold out, or nothing is left.
        DataError: The table of pairs cannot be used.
    """
    if held_pairs is not None:
        pairs = read_held_pairs(held_pairs, snapshot, direction)
        return given_split(graph, snapshot.schema, direction, pairs)
    if split == "leave-last-out":
        return hold_out_last_of_each(graph, direction)
    return hold_out_last(graph, direction, days)
