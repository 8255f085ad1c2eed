"""Vectors for hidden products, the way that serving gives them: a bundle and `embed_new`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.cold_start.hiding import Rows
from graphdb.checked_schema import Schema
from graphdb.errors import QueryError
from graphdb.schema_types import EdgeType
from graphrec import Adjacency, Bundle, Recommender, write_bundle
from training.cold_start import ColdStartLearner
from training.config import TrainConfig
from training.data import HeteroData, edge_types_of
from training.encoders import Vectors
from training.pairs import adjacency


def released(
    folder: Path,
    graph: HeteroData,
    vectors: Vectors,
    schema: Schema,
    target_edge_type: EdgeType,
    config: TrainConfig,
) -> Bundle:
    """A release as `graphrec train` would write it; a node's id is its row, with zeros before."""
    learner = ColdStartLearner(graph, vectors, schema, target_edge_type, config.cold_start)
    rules = learner.rules()
    return write_bundle(
        folder,
        schema=schema,
        snapshot_id="cold start",
        cutoff=None,
        nodes={name: _nodes(schema, name, graph[name].num_nodes) for name in graph.node_types},
        vectors=learner.applied(rules),
        edges={edge_type: adjacency(graph, edge_type) for edge_type in edge_types_of(graph)},
        config={},
        metrics={},
        cold_start=rules,
    )


def encoded(
    bundle: Bundle, product: str, rows: Rows, near: Mapping[EdgeType, Adjacency]
) -> tuple[np.ndarray, int]:
    """The vectors of hidden products, and how many there is nothing to tell of (zero vectors)."""
    recommender = Recommender(bundle)
    told = bundle.manifest.cold_start[product].edge_types
    vectors = np.zeros((len(rows), bundle.manifest.dim), dtype=np.float32)
    unknown = 0
    for at in range(len(rows)):
        neighbors = {
            edge_type: [node_id(row) for row in pairs.targets(at)]
            for edge_type, pairs in near.items()
            if str(edge_type) in told
        }
        try:
            vectors[at] = recommender.embed_new(product, neighbors)
        except QueryError:
            unknown += 1
    return vectors, unknown


def node_id(row: int) -> str:
    return f"{row:09d}"


def _nodes(schema: Schema, node_type: str, number: int) -> pa.Table:
    arrow = schema.arrow_schema(node_type)
    key = schema.node_type(node_type).key
    ids = pa.array([node_id(row) for row in range(number)])
    return pa.table(
        [ids if field.name == key else pa.nulls(number, field.type) for field in arrow],
        schema=arrow,
    )
