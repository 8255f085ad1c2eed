"""Writes a bundle folder, atomically."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphdb.atomic import atomic_folder, refuse_existing
from graphdb.checked_schema import Schema
from graphdb.errors import BundleError
from graphdb.file_access import file_access
from graphdb.schema_types import EdgeType
from graphrec.adjacency import Adjacency
from graphrec.bundle.audiences import AudienceFigures
from graphrec.bundle.checks import check_content, check_habits, newest_event
from graphrec.bundle.cold_start_rule import ColdStartRule, check_rules
from graphrec.bundle.files import BundleFiles, norms_of
from graphrec.bundle.habits import Habits
from graphrec.bundle.manifest import (
    HABIT_PATHS,
    MANIFEST_NAME,
    BundleManifest,
    edge_paths,
    evidence_paths,
    node_path,
    norms_path,
    quality_path,
    sources_path,
    vector_path,
)
from graphrec.bundle.next_rule import NextRule, check_next
from graphrec.bundle.quality import Quality
from graphrec.bundle.reader import Bundle, open_bundle
from graphrec.bundle.short_vectors import VectorType


@file_access("write")
def write_bundle(
    folder: str | Path,
    *,
    schema: Schema,
    snapshot_id: str,
    cutoff: datetime | None,
    nodes: Mapping[str, pa.Table],
    vectors: Mapping[str, npt.NDArray[np.float32]],
    edges: Mapping[EdgeType, Adjacency],
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    cold_start: Mapping[str, ColdStartRule] | None = None,
    quality: Mapping[str, Quality] | None = None,
    audiences: Mapping[str, AudienceFigures] | None = None,
    following: tuple[NextRule, npt.NDArray[np.float32]] | None = None,
    habits: Habits | None = None,
    vector_type: VectorType = "float32",
) -> Bundle:
    """Writes one model release into a new folder.

    The same content gives the same bytes, except for `created_at` in the manifest.

    Args:
        nodes: Key and properties per node type, sorted by key (code points).
        vectors: float32 [num_nodes, dim] per node type. Nodes of types without vectors are used
            only in filters and reasons.
        edges: The edges that queries use: purchases, brands, categories and so on. Edges of events
            can carry evidence.
        config: The training config, as plain JSON values.
        metrics: The metrics on held-out data, as plain JSON values.
        cold_start: Per node type, the rule for vectors of new nodes.
        quality: Per node type, the quality of its nodes.
        audiences: Per type with audiences, the figures from the held-out weeks.
        following: The rule for a user's part of the block for what comes next, and the source
            vectors of its products, float32 [num_nodes, width]; None without the block.
        habits: What users take again; None where pairs do not repeat.
        vector_type: How the numbers of vectors are written; short ones are rounded.

    Raises:
        BundleError: The folder exists, or the parts do not fit together (the message says which).
            No partial bundle remains.
        FileAccessError: The system refuses to write, or there is no space (DiskFullError). No
            partial bundle remains.
    """
    folder = Path(folder)
    refuse_existing(folder, BundleError, "bundles")
    rules, tables = dict(cold_start or {}), dict(quality or {})
    dim = check_content(schema, cutoff, nodes, vectors, edges, tables)
    check_rules(schema, rules, frozenset(vectors), frozenset(map(str, edges)))
    if following is not None:
        num_nodes = {node_type: table.num_rows for node_type, table in nodes.items()}
        check_next(schema, *following, dim, num_nodes)
    if habits is not None:
        check_habits(schema, habits, edges)
    plain_config, plain_metrics = _plain("config", config), _plain("metrics", metrics)
    with atomic_folder(folder, BundleError, "bundles") as unfinished:
        files = _write_files(
            unfinished, schema, nodes, vectors, edges, tables, following, habits, vector_type
        )
        manifest = BundleManifest(
            created_at=datetime.now(UTC),
            snapshot_id=snapshot_id,
            cutoff=cutoff,
            newest_event_at=newest_event(edges),
            dim=dim,
            vector_type=vector_type,
            config=plain_config,
            metrics=plain_metrics,
            num_nodes={node_type: table.num_rows for node_type, table in nodes.items()},
            num_edges={
                str(edge_type): adjacency.num_edges for edge_type, adjacency in edges.items()
            },
            graph_schema=schema.to_dict(),
            schema_fingerprint=schema.fingerprint,
            files=files,
            cold_start=rules,
            quality={node_type: table.rule for node_type, table in tables.items()},
            audiences=dict(audiences or {}),
            next=None if following is None else following[0],
            habits=None if habits is None else habits.rule,
        )
        (unfinished / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return open_bundle(folder, verify=False)


def _write_files(
    folder: Path,
    schema: Schema,
    nodes: Mapping[str, pa.Table],
    vectors: Mapping[str, npt.NDArray[np.float32]],
    edges: Mapping[EdgeType, Adjacency],
    quality: Mapping[str, Quality],
    following: tuple[NextRule, npt.NDArray[np.float32]] | None,
    habits: Habits | None,
    vector_type: VectorType,
) -> dict[str, str]:
    files = BundleFiles(folder)
    for node_type, table in nodes.items():
        # The bytes must not depend on the caller's chunks and order of columns.
        table = table.select(schema.arrow_schema(node_type).names).combine_chunks()
        files.write_table(node_path(node_type), table.replace_schema_metadata(None))
    for node_type, matrix in vectors.items():
        written = files.write_vectors(vector_path(node_type), matrix, vector_type)
        files.write_array(norms_path(node_type), norms_of(written))
    if following is not None:
        rule, sources = following
        files.write_vectors(sources_path(rule.node_type), sources, vector_type)
    for edge_type, adjacency in edges.items():
        indptr_path, indices_path = edge_paths(edge_type)
        files.write_array(indptr_path, adjacency.indptr)
        files.write_array(indices_path, adjacency.indices)
        if adjacency.evidence is not None:
            counts_path, last_path = evidence_paths(edge_type)
            files.write_array(counts_path, adjacency.evidence.counts)
            files.write_array(last_path, adjacency.evidence.last_at_s)
    for node_type, found in quality.items():
        files.write_table(quality_path(node_type), found.table.combine_chunks())
    if habits is not None:
        for path, array in zip(HABIT_PATHS, habits.arrays, strict=True):
            files.write_array(path, array)
    return files.hashes


def _plain(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values after a round trip through JSON."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(
            f"the {name} cannot be written as JSON: {error}",
            expected="text, finite numbers, true, false, null, lists and mappings",
            value=values,
        ) from error
    return plain
