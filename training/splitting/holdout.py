"""Splits events into a training part and a holdout to predict.

A split is by time, by each query node's last pair, or a given table of pairs. The validation part,
which compares configs, comes from the past and excludes the holdout of `graphrec train`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch

from graphdb.checked_schema import Schema
from graphdb.errors import (
    DataError,
    EvaluationError,
    FileFormatError,
    InsufficientDataError,
    TrainingError,
    nearest,
)
from graphdb.io import TableFile, open_table_file
from graphdb.io.source import ROW
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType
from graphdb.snapshot import Snapshot
from graphrec.bundle import Adjacency
from training.data import ALWAYS_S, AT_S, HeteroData
from training.evaluation.results import FEWEST_QUERIES
from training.pairs import adjacency, liked, pair_keys, without
from training.sparse_ops import csr_of
from training.splitting.split import (
    Holdout,
    graph_without,
    hold_out_last,
    hold_out_share,
    kept_part,
)

_NEVER_S = torch.iinfo(torch.int64).max


def hold_out_last_of_each(graph: HeteroData, edge_type: EdgeType) -> Holdout:
    """Leave-last-out: holds out the last pairs of every source.

    All events of a source at or after the time of its last edge leave the training graph, in every
    relation: a view in the same visit would reveal the purchase. All pairs of that time, such as an
    order of three products, are held out. A source with a single pair, or with all pairs at one
    time, keeps them and is not evaluated.

    What can still leak is what the others did later: who bought last in January is asked with a
    model that has seen the others' December, and knows what became popular since. Edges that began
    later stay too. And the views that led to the last purchase, a minute before it, are in
    training, which nearly tells it. No model has this knowledge where it serves, and figures come
    out too good; so a split by time (`hold_out_last`) is the default. This one is for comparing
    with figures that others measured this way. `training.evaluation.leaks` counts all of it.

    Raises:
        InsufficientDataError: No source has anything left beside its last moment.
    """
    store = graph[edge_type]
    sources, at_s = store.edge_index[0], store[AT_S]
    num_sources = graph[edge_type.source].num_nodes
    last_s = torch.full((num_sources,), ALWAYS_S).scatter_reduce_(0, sources, at_s, "amax")
    first_s = torch.full((num_sources,), _NEVER_S).scatter_reduce_(0, sources, at_s, "amin")
    num_pairs = torch.from_numpy(adjacency(graph, edge_type).degrees())
    is_asked = (num_pairs > 1) & (first_s < last_s)
    if not is_asked.any():
        raise InsufficientDataError(
            f"no {edge_type.source} has {edge_type} edges to two {edge_type.target} nodes at two "
            "moments",
            next_step="bring data with times, or give a split",
        )
    from_s = torch.where(is_asked, last_s, _NEVER_S)

    def keep(one: EdgeType) -> torch.Tensor | None:
        if one.source != edge_type.source:
            return None
        is_before: torch.Tensor = graph[one][AT_S] < from_s[graph[one].edge_index[0]]
        return is_before

    train_graph = kept_part(graph, keep)
    truth = liked(graph, edge_type, keep=at_s >= from_s[sources])
    return _holdout(train_graph, edge_type, truth)


def given_split(
    graph: HeteroData, schema: Schema, edge_type: EdgeType, held_pairs: Adjacency
) -> Holdout:
    """Holds out given pairs.

    A pair is removed with all events between its two types, as in `hold_out_share`. A pair that is
    not in the graph is evaluated, too: the graph may contain only the training part. There is no
    cut-off, so models may know later events of other pairs.

    Args:
        held_pairs: The pairs, as from `read_held_pairs`.

    Raises:
        InsufficientDataError: Nothing is held out, or nothing remains to train on.
        TrainingError: The pairs do not fit the types of the edge type.
    """
    sizes = (graph[edge_type.source].num_nodes, graph[edge_type.target].num_nodes)
    if (held_pairs.num_sources, held_pairs.num_targets) != sizes:
        raise TrainingError(
            f"the pairs to hold out are of {held_pairs.num_sources} x {held_pairs.num_targets} "
            "nodes",
            expected=f"{sizes[0]} x {sizes[1]}, as the graph has for {edge_type}",
            value=(held_pairs.num_sources, held_pairs.num_targets),
        )
    if not held_pairs.num_edges:
        raise InsufficientDataError("there are no pairs to hold out", expected="at least one")
    train_graph = graph_without(graph, schema, edge_type, pair_keys(held_pairs))
    if not train_graph[edge_type].edge_index.numel():
        raise InsufficientDataError(
            f"holding out {held_pairs.num_edges} given pairs leaves no {edge_type} edge to learn",
            next_step="give fewer pairs",
            value=held_pairs.num_edges,
        )
    return _holdout(train_graph, edge_type, held_pairs)


def _holdout(train_graph: HeteroData, edge_type: EdgeType, truth: Adjacency) -> Holdout:
    return Holdout(
        train_graph=train_graph,
        edge_type=edge_type,
        cutoff_s=None,
        truth=truth,
        new_truth=without(truth, adjacency(train_graph, edge_type)),
    )


SOURCE_ROW = "source_row"
TARGET_ROW = "target_row"

Rows = npt.NDArray[np.int64]


def read_held_pairs(path: str | Path, snapshot: Snapshot, edge_type: EdgeType) -> Adjacency:
    """Reads the distinct pairs of a table file (CSV, Parquet, Arrow); other columns are ignored.

    Args:
        path: A file with the columns `source_id` and `target_id`, as in the snapshot's own files,
            or `source_row` and `target_row`: node rows of the snapshot, from 0.

    Raises:
        FileFormatError: It is not such a table.
        DataError: A cell is empty, or names an unknown node.
    """
    path = Path(path)
    columns, table = _pairs_in(path)
    ends = (edge_type.source, edge_type.target)
    read = _rows_by_id if columns[0] == SOURCE_ID else _rows_by_number
    for name in columns:
        _refuse_empty(path, table, name)
    sources, targets = (
        read(path, table, name, snapshot, end) for name, end in zip(columns, ends, strict=True)
    )
    return Adjacency.from_edges(sources, targets, *map(snapshot.num_nodes, ends))


def _pairs_in(path: Path) -> tuple[Sequence[str], pa.Table]:
    """Returns the two columns, preferably ids, with the number of each row."""
    file = open_table_file(path)
    for columns in ((SOURCE_ID, TARGET_ID), (SOURCE_ROW, TARGET_ROW)):
        if set(columns) <= set(file.column_names):
            return columns, _read(path, file, columns)
    raise FileFormatError(
        f"'{path}' has the columns {', '.join(file.column_names)}",
        expected=f"{SOURCE_ID} and {TARGET_ID}, or {SOURCE_ROW} and {TARGET_ROW}",
        value=file.column_names,
    )


def _read(path: Path, file: TableFile, columns: Sequence[str]) -> pa.Table:
    bad: list[tuple[int, str]] = []
    batches = list(file.batches(columns, lambda row, _, why: bad.append((row, why))))
    if bad:  # an incomplete split would give other results
        row, why = bad[0]
        raise FileFormatError(f"row {row} of '{path}' cannot be read: {why}", value=row)
    empty = pa.schema([(name, pa.string()) for name in (*columns, ROW)])
    return pa.Table.from_batches(batches, None if batches else empty)


def _refuse_empty(path: Path, table: pa.Table, name: str) -> None:
    empty = pc.is_null(table[name])
    if pc.any(empty).as_py():
        row = table[ROW].filter(empty)[0].as_py()
        raise DataError(f"'{path}' has no {name} in row {row}", value=row)


def _rows_by_id(path: Path, table: pa.Table, name: str, snapshot: Snapshot, end: str) -> Rows:
    ids = _as(pa.string(), path, table, name)
    rows = pc.index_in(ids, value_set=snapshot.node_ids(end))
    _refuse_unknown(path, table, name, end, pc.is_null(rows))
    return np.asarray(rows, dtype=np.int64)


def _rows_by_number(path: Path, table: pa.Table, name: str, snapshot: Snapshot, end: str) -> Rows:
    rows = np.asarray(_as(pa.int64(), path, table, name), dtype=np.int64)
    outside = (rows < 0) | (rows >= snapshot.num_nodes(end))
    _refuse_unknown(path, table, name, end, pa.chunked_array([outside]))
    return rows


def _as(kind: pa.DataType, path: Path, table: pa.Table, name: str) -> pa.ChunkedArray:
    found = table[name].type
    if pa.types.is_floating(found) or pa.types.is_nested(found):
        raise FileFormatError(
            f"the {name} of '{path}' holds {found}", expected=f"{kind}", value=str(found)
        )
    try:
        return table[name].cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FileFormatError(
            f"the {name} of '{path}' is not a column of {kind}: {error}", value=name
        ) from error


def _refuse_unknown(
    path: Path, table: pa.Table, name: str, end: str, unknown: pa.ChunkedArray
) -> None:
    if pc.any(unknown).as_py():
        lost, row = table.filter(unknown).slice(0, 1).select([name, ROW]).to_pylist()[0].values()
        count = pc.sum(unknown).as_py()
        raise DataError(
            f"{count} of {len(table)} pairs in '{path}' name an unknown {end}, first "
            f"{name} '{lost}' in row {row}",
            next_step="use the split of this snapshot, or write a new snapshot",
            value=lost,
        )


SplitName = Literal["time", "leave-last-out", "given"]
SPLITS: tuple[SplitName, ...] = ("time", "leave-last-out", "given")


def split_named(name: str) -> SplitName:
    """Returns the split of a name.

    Raises:
        EvaluationError: The name is unknown.
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
    """Raises EvaluationError unless there are pairs if and only if the split is 'given'."""
    if (split == "given") != (held_pairs is not None):
        raise EvaluationError(
            f"the split is '{split}', and {'no' if held_pairs is None else 'a'} file of pairs "
            "is named",
            expected="a file of pairs with the split 'given' only",
            value=split,
        )


def held_out(
    snapshot: Snapshot,
    graph: HeteroData,
    target_edge_type: EdgeType,
    *,
    split: SplitName,
    days: int,
    held_pairs: Path | None,
) -> Holdout:
    """Returns the training graph and the holdout.

    Args:
        days: The number of days, for the split by time.
        held_pairs: The table of pairs, for the given split.

    Raises:
        InsufficientDataError: There is too little to hold out, or nothing remains.
        DataError: The table of pairs cannot be used.
    """
    if held_pairs is not None:
        pairs = read_held_pairs(held_pairs, snapshot, target_edge_type)
        return given_split(graph, snapshot.schema, target_edge_type, pairs)
    if split == "leave-last-out":
        return hold_out_last_of_each(graph, target_edge_type)
    return hold_out_last(graph, target_edge_type, days)


Tensor = torch.Tensor


@dataclass(frozen=True, slots=True)
class Split:
    """The validation split for comparing trials.

    Args:
        holdout_days: The last days, which are removed first, because `train` evaluates on them.
            None keeps them.
        validation_days: The last days of the rest, which form the validation part.
        validation_fraction: The share of the pairs of each query node that forms the validation
            part instead, for data without times.
    """

    holdout_days: int | None = 28
    validation_days: int = 28
    validation_fraction: float | None = None

    @property
    def title(self) -> str:
        """The validation part, as the heading of a table."""
        if self.validation_fraction is not None:
            part = f"{self.validation_fraction:g} of the pairs"
        else:
            part = f"the last {self.validation_days} days"
        if self.holdout_days is None:
            return part
        return f"{part} before the held-out {self.holdout_days} days"


@dataclass(frozen=True, slots=True, eq=False)
class ValidationPart:
    """The training part and the validation part.

    Args:
        train_graph: The graph without the validation part and without the held-out days.
        taken: Pairs of the train graph, CSR [num_queries, num_targets], which are excluded.
        truth: New pairs of the validation part.
    """

    train_graph: HeteroData
    taken: Tensor
    truth: Adjacency


def cut(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType, split: Split, seed: int
) -> ValidationPart:
    """Removes the holdout days, then splits the rest.

    Args:
        seed: The seed of a sampled share.

    Raises:
        InsufficientDataError: Too little remains to train on, or to validate on.
    """
    if split.holdout_days is not None:
        graph = hold_out_last(graph, target_edge_type, split.holdout_days).train_graph
    if split.validation_fraction is not None:
        held = hold_out_share(graph, schema, target_edge_type, split.validation_fraction, seed=seed)
        train_graph, truth = held.train_graph, held.truth
    else:
        last = hold_out_last(graph, target_edge_type, split.validation_days)
        train_graph, truth = last.train_graph, last.new_truth
    queries = int(np.count_nonzero(truth.degrees()))
    if queries < FEWEST_QUERIES or truth.num_targets < 2:
        raise InsufficientDataError(
            f"{queries} {target_edge_type.source} nodes have something new to find in "
            f"{split.title}, among {truth.num_targets} {target_edge_type.target} nodes: too few to "
            "compare configs on",
            expected=f"at least {FEWEST_QUERIES}, and 2 to rank",
            next_step="use more data, or validate on a larger part",
            value=queries,
        )
    taken = csr_of(adjacency(train_graph, target_edge_type))
    return ValidationPart(train_graph, taken, truth)
