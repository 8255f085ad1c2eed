"""Graph + vectors -> bundle."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot
from graphrec.bundle import AudienceFigures, Bundle, ColdStartRule, Habits, NextRule, write_bundle
from training.data import HeteroData, edge_types_of
from training.encoders import Vectors, is_source
from training.pairs import adjacency, events
from training.quality import QualityConfig, quality_tables


def bundle_up(
    folder: Path,
    snapshot: Snapshot,
    graph: HeteroData,
    vectors: Vectors,
    *,
    cutoff: datetime | None,
    config: dict[str, Any],
    metrics: dict[str, Any],
    cold_start: Mapping[str, ColdStartRule] | None = None,
    quality: QualityConfig | None = None,
    audiences: Mapping[str, AudienceFigures] | None = None,
    following: tuple[NextRule, npt.NDArray[np.float32]] | None = None,
    habits: Habits | None = None,
) -> Bundle:
    """Writes a model release: nodes from the snapshot, edges and quality from the graph.

    Args:
        graph: What the vectors were learned from. It may hold less than the snapshot: a bundle
            of the past must not know what was bought since.
        cold_start: Per node type how a new node gets a vector.
        quality: How much each part counts in it.
        habits: What users take again.
        audiences: What held-out weeks told of audiences, by type of who has one.
        following: The block for what comes next, from `next_rule`.
        cutoff: The moment from which on the graph holds nothing; None for the whole snapshot.

    Raises:
        BundleError: The folder exists already.
    """

    def is_event(edge_type: EdgeType) -> bool:
        return snapshot.schema.relation(edge_type.relation).is_event

    served = {name: rows for name, rows in vectors.items() if not is_source(name)}
    return write_bundle(
        folder,
        schema=snapshot.schema,
        snapshot_id=snapshot.snapshot_id,
        cutoff=cutoff or snapshot.manifest.cutoff,
        nodes={node_type: snapshot.nodes(node_type) for node_type in snapshot.schema.node_types},
        vectors=served,
        edges={
            edge_type: (events if is_event(edge_type) else adjacency)(graph, edge_type)
            for edge_type in edge_types_of(graph)
        },
        config=config,
        metrics=metrics,
        cold_start=cold_start,
        quality=quality_tables(graph, snapshot.schema, quality),
        audiences=audiences,
        following=following,
        habits=habits,
    )
