"""Snapshots and graphs from plain rows, and a world in which tastes are planted."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from graphdb.snapshot import Snapshot, open_snapshot
from graphdb.snapshot.manifest import (
    MANIFEST_NAME,
    FileEntry,
    SnapshotManifest,
    edge_file,
    node_file,
    sha256_of,
    snapshot_id,
)
from training.data import HeteroData

Columns = Mapping[str, Sequence[Any]]

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
DAY_S = 86_400
START_S = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())


def full_table(of: str | EdgeType, columns: Columns) -> pa.Table:
    """A table with all columns of the schema, sorted by its key; what is not given is empty."""
    declared = SCHEMA.arrow_schema(of)
    num_rows = len(next(iter(columns.values()), []))
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(num_rows, field.type)
        for field in declared
    ]
    table = pa.table(arrays, schema=declared)
    return table.sort_by([(name, "ascending") for name in SCHEMA.key(of)])


def write_snapshot_of(
    folder: Path,
    nodes: Mapping[str, Columns],
    edges: Mapping[str, Columns],
    cutoff: datetime | None = None,
) -> Snapshot:
    """A snapshot folder from columns per node type and per edge type."""
    for part in ("nodes", "edges"):
        (folder / part).mkdir(parents=True)

    def write(of: str | EdgeType, columns: Columns, path: Path) -> FileEntry:
        table = full_table(of, columns)
        pq.write_table(table, path)
        return FileEntry(rows=table.num_rows, sha256=sha256_of(path))

    node_entries = {
        name: write(name, nodes.get(name, {}), node_file(folder, name))
        for name in SCHEMA.node_types
    }
    edge_entries = {
        str(edge_type): write(
            edge_type, edges.get(str(edge_type), {}), edge_file(folder, edge_type)
        )
        for edge_type in SCHEMA.edge_types()
    }
    manifest = SnapshotManifest(
        snapshot_id=snapshot_id(SCHEMA, cutoff, node_entries, edge_entries),
        created_at=datetime(2024, 6, 1, tzinfo=UTC),
        cutoff=cutoff,
        graph_schema=SCHEMA.to_dict(),
        nodes=node_entries,
        edges=edge_entries,
    )
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(), encoding="utf-8")
    return open_snapshot(folder)


def graph_of(
    num_nodes: Mapping[str, int],
    edges: Mapping[EdgeType, Sequence[tuple[int, ...]]],
) -> HeteroData:
    """A graph from tuples (source row, target row, at_s, count); the last two may be left out."""
    graph = HeteroData()
    for node_type, number in num_nodes.items():
        graph[node_type].num_nodes = number
    for edge_type, rows in edges.items():
        full = [row + (0, 1)[len(row) - 2 :] for row in rows]
        columns = torch.tensor(full, dtype=torch.int64).reshape(-1, 4).T
        graph[edge_type].edge_index = columns[:2]
        graph[edge_type].at_s = columns[2]
        graph[edge_type].count = columns[3].float()
    return graph


def moment(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


class Planted:
    """240 users with one of four tastes, 160 products and 80 brands that serve one taste each.

    Nine of ten purchases are of the user's own taste. Purchases lie within 100 days. With
    `shuffled` the same purchases are dealt out to products at random, so nothing can be predicted.
    """

    NUM_USERS, NUM_PRODUCTS, NUM_BRANDS, NUM_TASTES = 240, 160, 80, 4

    def __init__(self, *, shuffled: bool) -> None:
        rng = np.random.default_rng(7)
        users = np.repeat(np.arange(self.NUM_USERS), 30)
        taste = np.where(
            rng.random(len(users)) < 0.9,
            users % self.NUM_TASTES,
            rng.integers(self.NUM_TASTES, size=len(users)),
        )
        # Product p serves taste p % 4; brand b too, and p is made by brand p % 80.
        products = rng.integers(self.NUM_PRODUCTS // self.NUM_TASTES, size=len(users))
        products = products * self.NUM_TASTES + taste
        if shuffled:
            products = rng.permutation(products)
        self.users, self.products = users, products
        self.at_s = START_S + rng.integers(100 * DAY_S, size=len(users))

    def write(self, folder: Path) -> Snapshot:
        ids = {
            "User": [f"u{i:03d}" for i in range(self.NUM_USERS)],
            "Product": [f"p{i:03d}" for i in range(self.NUM_PRODUCTS)],
            "Brand": [f"b{i:02d}" for i in range(self.NUM_BRANDS)],
        }
        nodes = {name: {SCHEMA.node_type(name).key: keys} for name, keys in ids.items()}
        edges = {
            str(PURCHASED): {
                "source_id": [ids["User"][row] for row in self.users],
                "target_id": [ids["Product"][row] for row in self.products],
                "at": [moment(at_s) for at_s in self.at_s.tolist()],
                "event_id": [f"e{number}" for number in range(len(self.users))],
            },
            str(MADE_BY): {
                "source_id": ids["Product"],
                "target_id": [ids["Brand"][row % self.NUM_BRANDS] for row in range(160)],
            },
        }
        return write_snapshot_of(folder, nodes, edges)


@pytest.fixture(scope="session")
def write_world() -> Callable[..., Snapshot]:
    return write_snapshot_of


@pytest.fixture(scope="session")
def make_graph() -> Callable[..., HeteroData]:
    return graph_of


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Planted(shuffled=False).write(tmp_path_factory.mktemp("planted") / "snapshot")


@pytest.fixture(scope="session")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Planted(shuffled=True).write(tmp_path_factory.mktemp("shuffled") / "snapshot")
