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
from training.compression_choice import CompressionChoice, questions_of, shortened
from training.config import TrainConfig
from training.data import HeteroData, edge_types_of
from training.encoders import Encoder, Vectors, is_source, next_rule
from training.models import Run, make_encoder, make_habits
from training.pairs import adjacency, events
from training.quality import QualityConfig, quality_tables
from training.splitting.split import Holdout


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """All that is learned from a graph for a bundle; see `bundle_up`."""

    vectors: Vectors
    cold_start: Mapping[str, ColdStartRule]
    following: tuple[NextRule, npt.NDArray[np.float32]] | None
    habits: Habits | None
    compression: CompressionChoice | None = None

    @property
    def vector_type(self) -> VectorType:
        """How the vectors are to be written."""
        return "float32" if self.compression is None else self.compression.vector_type

    @property
    def sizes(self) -> dict[str, Any]:
        """How the size of vectors was chosen, for the config in the manifest."""
        return {} if self.compression is None else {"sizes": self.compression.to_dict()}


def learn(
    graph: HeteroData,
    schema: Schema,
    target_edge_type: EdgeType,
    config: TrainConfig,
    run: Run,
    holdout: Holdout | None = None,
    *,
    encoder: Encoder | None = None,
) -> Learned:
    """Trains the model, and learns how new nodes get vectors and what users take again.

    Args:
        holdout: What came after the graph, to choose by how short vectors may be.
        encoder: The one that the config asks for, by default.

    Raises:
        GraphRecError: Errors of the encoders.
    """
    questions = []
    if config.compression.enabled and holdout is not None:
        questions = questions_of(holdout, schema, schema.parse_edge_type(config.group))
    fitted, compression = shortened(
        (encoder or make_encoder(schema, target_edge_type, config, run)).fit(graph),
        target_edge_type.source,
        config.compression,
        questions,
        config.top_k,
    )
    learner = ColdStartLearner(graph, fitted, schema, target_edge_type, config.cold_start)
    rules = learner.rules()
    vectors = learner.applied(rules)
    return Learned(
        vectors,
        rules,
        next_rule(schema, target_edge_type, config.next, fitted),
        make_habits(graph, schema, target_edge_type, config, vectors),
        compression,
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
    vector_type: VectorType = "float32",
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
        vector_type: How the numbers of vectors are written.
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
        vector_type=vector_type,
    )
