"""Checks before writing a bundle that its parts fit the schema and each other."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.columns import check_values, first_not_rising
from graphdb.errors import BundleError
from graphdb.schema_types import EdgeType
from graphrec.adjacency import Adjacency
from graphrec.bundle.files import norms_of
from graphrec.bundle.habits import Habits
from graphrec.bundle.quality import Quality, check_quality

_ROUNDING = 1e-9  # tolerance for sums in another order, as on other processors


def check_content(
    schema: Schema,
    cutoff: datetime | None,
    nodes: Mapping[str, pa.Table],
    vectors: Mapping[str, npt.NDArray[Any]],
    edges: Mapping[EdgeType, Adjacency],
    quality: Mapping[str, Quality],
) -> int:
    """Checks the parts of a bundle against the schema and each other.

    Returns:
        The dimensions of all vectors.

    Raises:
        BundleError: A part is wrong; the message names it, the value and what was expected.
    """
    if cutoff is not None and cutoff.tzinfo is None:
        raise BundleError(f"the cut-off {cutoff} has no timezone", value=cutoff)
    num_nodes = {node_type: table.num_rows for node_type, table in nodes.items()}
    for node_type, table in nodes.items():
        check_node_table(schema, node_type, table)
    for edge_type, adjacency in edges.items():
        check_adjacency(schema, edge_type, adjacency, num_nodes, cutoff)
    for node_type, found in quality.items():
        if node_type not in nodes:
            raise BundleError(f"quality of {node_type}, but no {node_type} nodes", value=node_type)
        check_quality(node_type, found, num_nodes[node_type])
    if not vectors:
        raise BundleError("no node type has vectors", expected="at least one")
    for node_type, matrix in vectors.items():
        check_vectors(node_type, matrix, num_nodes)
    dims = {node_type: matrix.shape[1] for node_type, matrix in vectors.items()}
    if len(set(dims.values())) > 1:
        raise BundleError(f"vectors of different lengths: {dims}", expected="one length for all")
    return int(next(iter(dims.values())))


def newest_event(edges: Mapping[EdgeType, Adjacency]) -> datetime | None:
    """Returns the time of the newest event of all edges, or None without evidence."""
    newest_s = [
        int(adjacency.evidence.last_at_s.max())
        for adjacency in edges.values()
        if adjacency.evidence is not None and adjacency.num_edges
    ]
    return datetime.fromtimestamp(max(newest_s), UTC) if newest_s else None


def check_node_table(schema: Schema, node_type: str, table: pa.Table) -> None:
    """Checks the columns, keys and values of a node table.

    Raises:
        BundleError: A column is wrong; the message names it.
    """
    declared = schema.arrow_schema(node_type)
    if sorted(table.column_names) != sorted(declared.names):
        raise BundleError(
            f"the {node_type} table has the columns {table.column_names}",
            expected=str(declared.names),
            value=table.column_names,
        )
    for column in declared:
        if table.schema.field(column.name).type != column.type:
            raise BundleError(
                f"{node_type}.{column.name} is {table.schema.field(column.name).type}",
                expected=str(column.type),
            )
    key = schema.node_type(node_type).key
    if table[key].null_count or first_not_rising([table[key]]) is not None:
        raise BundleError(
            f"the {node_type} table is not sorted by {key}",
            expected="unique nonempty ids in the order of code points",
        )
    check_values(table, schema.columns(node_type), f"the {node_type} table", BundleError)


def check_adjacency(
    schema: Schema,
    edge_type: EdgeType,
    adjacency: Adjacency,
    num_nodes: Mapping[str, int],
    cutoff: datetime | None,
) -> None:
    """Checks the edges of one type and their evidence.

    Raises:
        BundleError: A type is wrong; the message names it.
    """
    schema.edge_type(edge_type.relation, edge_type.source, edge_type.target)
    for end in (edge_type.source, edge_type.target):
        if end not in num_nodes:
            raise BundleError(f"{edge_type} needs {end} nodes, which are missing", value=end)
    found = (adjacency.num_sources, adjacency.num_targets)
    needed = (num_nodes[edge_type.source], num_nodes[edge_type.target])
    if found != needed:
        raise BundleError(
            f"{edge_type} edges {found[0]} sources to {found[1]} targets",
            expected=f"{needed[0]} to {needed[1]}, as there are nodes",
            value=found,
        )
    if adjacency.indptr.dtype != np.int64 or adjacency.indices.dtype != np.int32:
        raise BundleError(
            f"{edge_type} has {adjacency.indptr.dtype} and {adjacency.indices.dtype} arrays",
            expected="int64 indptr and int32 indices; build it with Adjacency.from_edges",
        )
    if not _is_sorted(adjacency):
        raise BundleError(
            f"the targets in {edge_type} are not ascending and distinct per source",
            expected="a valid adjacency; build it with Adjacency.from_edges",
        )
    _check_evidence(schema, edge_type, adjacency, cutoff)


def _check_evidence(
    schema: Schema, edge_type: EdgeType, adjacency: Adjacency, cutoff: datetime | None
) -> None:
    evidence = adjacency.evidence
    if evidence is None:
        return
    if not schema.relation(edge_type.relation).is_event:
        raise BundleError(
            f"{edge_type} carries evidence of events",
            expected="no evidence: it is a static edge",
            value=edge_type,
        )
    evidence.check(str(edge_type), adjacency.num_edges)
    newest_s = int(evidence.last_at_s.max(initial=np.iinfo(np.int64).min))
    if cutoff is not None and newest_s >= cutoff.timestamp():
        raise BundleError(
            f"an event of {edge_type} happened {newest_s} seconds after 1970",
            expected=f"none from the cut-off on, {cutoff.timestamp():.0f} ({cutoff})",
            next_step="remove the events to predict from the edges",
            value=newest_s,
        )


def _is_sorted(adjacency: Adjacency) -> bool:
    indptr, indices = adjacency.indptr, adjacency.indices
    if indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        return False
    if not len(indices):
        return True
    if indices.min() < 0 or indices.max() >= adjacency.num_targets:
        return False
    rises = np.concatenate(([True], indices[1:] > indices[:-1]))
    starts = indptr[:-1]
    rises[starts[starts < len(indices)]] = True  # a new source may start with a lower row
    return bool(rises.all())


def check_habits(schema: Schema, habits: Habits, edges: Mapping[EdgeType, Adjacency]) -> None:
    """Checks that habits fit the edges they are about.

    Raises:
        BundleError: The edges are missing or have no times, or a part is wrong.
    """
    edge_type = schema.parse_edge_type(habits.rule.edge_type)
    found = edges.get(edge_type)
    if found is None or found.evidence is None:
        raise BundleError(
            f"the habits are about {edge_type}, which has no events here",
            expected="edges with their counts and times",
            value=str(edge_type),
        )
    habits.check(found.num_edges, found.num_targets)
    if (habits.first_at_s > found.evidence.last_at_s).any():
        raise BundleError("a first event of habits is later than the newest one of its pair")


def check_vectors(
    node_type: str, matrix: npt.NDArray[Any], num_nodes: Mapping[str, int]
) -> npt.NDArray[np.float64]:
    """Checks the vectors of one type.

    Returns:
        Their norms, as from `norms_of`.

    Raises:
        BundleError: A vector is wrong; the message names type and row.
    """
    if node_type not in num_nodes:
        raise BundleError(f"vectors for {node_type}, but no {node_type} nodes", value=node_type)
    rows = num_nodes[node_type]
    fits = matrix.ndim == 2 and matrix.shape[0] == rows and matrix.shape[1] >= 1
    if matrix.dtype != np.float32 or not fits:
        raise BundleError(
            f"the {node_type} vectors are {matrix.dtype} {list(matrix.shape)}",
            expected=f"float32 [{rows}, dim]",
        )
    norms = norms_of(matrix)  # float32 values in float64: finite if all values are
    odd = np.flatnonzero(~np.isfinite(norms))
    if len(odd):
        raise BundleError(
            f"the vector of {node_type} row {odd[0]} is not finite",
            expected="no NaN and no infinity",
            next_step="check whether training diverged",
            value=int(odd[0]),
        )
    return norms


def check_norms(kept: npt.NDArray[np.float64], norms: npt.NDArray[np.float64]) -> None:
    """Checks that kept lengths of vectors are those that the vectors have.

    Raises:
        BundleError: Names the first row and its length.
    """
    odd = np.flatnonzero(~np.isclose(kept, norms, rtol=_ROUNDING, atol=0))
    if len(odd):
        raise BundleError(
            f"the length of row {odd[0]} is {kept[odd[0]]}",
            expected=f"{norms[odd[0]]}, the length of its vector",
            value=int(odd[0]),
        )


def check_exact_index(
    rows: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.float32],
    heads: npt.NDArray[np.float32],
    rotation: npt.NDArray[np.float64],
    num_targets: int,
) -> None:
    """Checks the parts of an exact index that are cheap to check.

    Raises:
        BundleError: Names the part and what is wrong.
    """
    seen = np.zeros(num_targets, dtype=np.bool_)
    if rows.min() < 0 or rows.max() >= len(seen):
        raise BundleError(
            f"it names rows {rows.min()} to {rows.max()}", expected=f"0 to {len(seen) - 1}"
        )
    seen[rows] = True
    if np.count_nonzero(seen) != len(rows):
        raise BundleError("it names a row twice", expected="each row at most once")
    parts: dict[str, npt.NDArray[np.floating]] = {
        "heads": heads,
        "lengths": lengths,
        "rotation": rotation,
    }
    for name, part in parts.items():
        if not np.isfinite(part).all():
            raise BundleError(f"its {name} are not finite", expected="no NaN and no infinity")
    if (lengths < 0).any() or (np.diff(lengths) > 0).any():
        raise BundleError("its lengths are not descending", expected="descending, none negative")
