"""Graph + vectors -> bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot
from graphrec.bundle import AudienceFigures, Bundle, ColdStartRule, Habits, NextRule, write_bundle
from training.cold_start import ColdStartLearner
from training.config import TrainConfig
from training.data import HeteroData, edge_types_of
from training.encoders import Vectors, is_source, next_rule
from training.models import Run, make_encoder, make_habits
from training.pairs import adjacency, events
from training.quality import QualityConfig, quality_tables


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """All that is learned from a graph for a bundle; see `bundle_up`."""

    vectors: Vectors
    cold_start: Mapping[str, ColdStartRule]
    following: tuple[NextRule, npt.NDArray[np.float32]] | None
    habits: Habits | None


def learn(
    graph: HeteroData,
    schema: Schema,
    target_edge_type: EdgeType,
    config: TrainConfig,
    run: Run,
) -> Learned:
    """Trains the model, and learns how new nodes get vectors and what users take again.

    Raises:
        GraphRecError: Errors of the encoders.
    """
    fitted = make_encoder(schema, target_edge_type, config, run).fit(graph)
    learner = ColdStartLearner(graph, fitted, schema, target_edge_type, config.cold_start)
    rules = learner.rules()
    vectors = learner.applied(rules)
    return Learned(
        vectors,
        rules,
        next_rule(schema, target_edge_type, config.next, fitted),
        make_habits(graph, schema, target_edge_type, config, vectors),
    )


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
