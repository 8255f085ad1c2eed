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
from graphrec.bundle import (
    AudienceFigures,
    Bundle,
    ColdStartRule,
    Habits,
    NextRule,
    VectorType,
    write_bundle,
)
from training.cold_start import ColdStartLearner
from training.compression import shortened
from training.config import TrainConfig
from training.data import HeteroData, edge_types_of
from training.encoders import Encoder, Vectors, is_source, next_rule
from training.models import Run, make_encoder, make_habits
from training.pairs import adjacency, events
from training.quality import QualityConfig, quality_tables


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """All that is learned from a graph for a bundle; see `bundle_up`.

    Args:
        cold_start: Per node type how a new node gets a vector.
        following: The block for what comes next, from `next_rule`.
        habits: What users take again.
        vector_type: How the numbers of vectors are to be written.
    """

    vectors: Vectors
    cold_start: Mapping[str, ColdStartRule] | None = None
    following: tuple[NextRule, npt.NDArray[np.float32]] | None = None
    habits: Habits | None = None
    vector_type: VectorType = "float32"


def learn(
    graph: HeteroData,
    schema: Schema,
    target_edge_type: EdgeType,
    config: TrainConfig,
    run: Run,
    *,
    encoder: Encoder | None = None,
) -> Learned:
    """Trains the model, and learns how new nodes get vectors and what users take again.

    Args:
        encoder: The one that the config asks for, by default.

    Raises:
        GraphRecError: Errors of the encoders.
    """
    encoder = encoder or make_encoder(schema, target_edge_type, config, run)
    fitted = shortened(encoder.fit(graph), target_edge_type.source, config.compression)
    learner = ColdStartLearner(graph, fitted, schema, target_edge_type, config.cold_start)
    rules = learner.rules()
    vectors = learner.applied(rules)
    return Learned(
        vectors,
        rules,
        next_rule(schema, target_edge_type, config.next, fitted),
        make_habits(graph, schema, target_edge_type, config, vectors),
        config.compression.written_as,
    )


def bundle_up(
    folder: Path,
    snapshot: Snapshot,
    graph: HeteroData,
    learned: Learned,
    *,
    cutoff: datetime | None,
    config: dict[str, Any],
    metrics: dict[str, Any],
    quality: QualityConfig | None = None,
    audiences: Mapping[str, AudienceFigures] | None = None,
) -> Bundle:
    """Writes a model release: nodes from the snapshot, edges and quality from the graph.

    Args:
        graph: What was learned from. It may hold less than the snapshot: a bundle
            of the past must not know what was bought since.
        quality: How much each part counts in it.
        audiences: What held-out weeks told of audiences, by type of who has one.
        cutoff: The moment from which on the graph holds nothing; None for the whole snapshot.

    Raises:
        BundleError: The folder exists already.
    """

    def is_event(edge_type: EdgeType) -> bool:
        return snapshot.schema.relation(edge_type.relation).is_event

    served = {name: rows for name, rows in learned.vectors.items() if not is_source(name)}
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
        cold_start=learned.cold_start,
        quality=quality_tables(graph, snapshot.schema, quality),
        audiences=audiences,
        following=learned.following,
        habits=learned.habits,
        vector_type=learned.vector_type,
    )
