"""A world small enough to work out every answer by hand.

users      ann likes east, bob likes north, cat likes both, dan is unknown (zero vector)
products   p1 and p2 point east, p3 and p4 north, p5 both ways, p6 is unknown
brands     acme makes p1 p2 p5, bolt makes p3 p4 p6
categories food > (dairy > (yogurt, other-d), bread, other-f); two are named 'Other'
bought     ann: p1 p5; bob: p3; cat: p2 p4 p5; dan: nothing, but dan follows acme
when       ann bought p5 twice; the purchases lie 30 and 5, 20, 40, 9 and 2 days before the cut-off
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from contracts.market import make_market

from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from graphrec import Adjacency, Bundle, Recommender, write_bundle
from graphrec.bundle import Quality, QualityPart, QualityRule
from graphrec.bundle.quality import COUNTS, PAID, PARTS, QUALITY_SCHEMA

CUTOFF = datetime(2017, 12, 1, tzinfo=UTC)

NODES: dict[str, dict[str, dict[str, Any]]] = {
    "User": {"ann": {"age_band": "25-34"}, "bob": {}, "cat": {"city": "Graz"}, "dan": {}},
    "Product": {
        "p1": {"title": "East Yogurt", "price": 1.0, "size": "6 OZ"},
        "p2": {"title": "East Kefir", "price": 2.0},
        "p3": {"title": "North Rolls", "price": 3.0},
        "p4": {"title": "North Loaf", "price": 4.0},
        "p5": {"title": "Butter", "price": 5.0},
        "p6": {"title": "Mystery"},
    },
    "Brand": {"acme": {"name": "Acme", "private_label": False}, "bolt": {"name": "Bolt"}},
    "Category": {
        "bread": {"name": "Bread"},
        "dairy": {"name": "Dairy"},
        "food": {"name": "Food"},
        "other-d": {"name": "Other"},
        "other-f": {"name": "Other"},
        "yogurt": {"name": "Yogurt"},
    },
}
VECTORS = {
    "User": [[1, 0], [0, 1], [1, 1], [0, 0]],
    "Product": [[4, 0], [3, 1], [0, 4], [1, 3], [2, 2], [0, 0]],
    "Brand": [[2, 0], [0, 2]],
}
EDGES = {
    "User-PURCHASED-Product": "ann-p1 ann-p5 ann-p5 bob-p3 cat-p2 cat-p4 cat-p5",
    "User-FOLLOWS-Brand": "dan-acme",
    "Product-MADE_BY-Brand": "p1-acme p2-acme p5-acme p3-bolt p4-bolt p6-bolt",
    "Product-IN_CATEGORY-Category": "p1-yogurt p2-yogurt p3-bread p4-bread p5-dairy p6-other_d",
    "Category-CHILD_OF-Category": "yogurt-dairy other_d-dairy dairy-food bread-food other_f-food",
}
DAYS_AGO = {"User-PURCHASED-Product": (30, 50, 5, 20, 40, 9, 2)}
DAY_S = 86_400
QUALITIES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]


def node_table(node_type: str, nodes: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """A full node table from {id: {property: value}}."""
    arrow = SCHEMA.arrow_schema(node_type)
    key = SCHEMA.node_type(node_type).key
    rows = [{key: node_id, **properties} for node_id, properties in nodes.items()]
    return pa.Table.from_pylist(rows, schema=arrow)


def adjacency(edge_type: EdgeType, text: str, nodes: Mapping[str, Sequence[str]]) -> Adjacency:
    """Edges written 'a-x b-y', an underscore standing for a hyphen within an id."""
    pairs = [[end.replace("_", "-") for end in pair.split("-")] for pair in text.split()]
    sources, targets = list(nodes[edge_type.source]), list(nodes[edge_type.target])
    rows = [
        np.array([sources.index(source) for source, _ in pairs], dtype=np.int64),
        np.array([targets.index(target) for _, target in pairs], dtype=np.int64),
    ]
    sizes = (len(sources), len(targets))
    if str(edge_type) not in DAYS_AGO:
        return Adjacency.from_edges(*rows, *sizes)
    days_ago = np.array(DAYS_AGO[str(edge_type)])
    return Adjacency.from_events(*rows, int(CUTOFF.timestamp()) - DAY_S * days_ago, *sizes)


def product_quality() -> Quality:
    """Products get worse from p1 to p6; only returns are known."""
    columns = {"quality": QUALITIES, "return_rate": [1 - value for value in QUALITIES]}
    columns |= {name: [10] * 6 for name in COUNTS}
    columns |= {name: [None] * 6 for name in (*PARTS, PAID) if name not in columns}
    part = QualityPart(weight=1, mean=0.35, prior_strength=12)
    return Quality(pa.table(columns, schema=QUALITY_SCHEMA), QualityRule(parts={PARTS[0]: part}))


def make_world() -> dict[str, Any]:
    edge_types = {SCHEMA.parse_edge_type(name): text for name, text in EDGES.items()}
    ids = {node_type: list(nodes) for node_type, nodes in NODES.items()}
    return {
        "schema": SCHEMA,
        "snapshot_id": "world",
        "cutoff": CUTOFF,
        "nodes": {node_type: node_table(node_type, nodes) for node_type, nodes in NODES.items()},
        "vectors": {name: np.array(rows, dtype=np.float32) for name, rows in VECTORS.items()},
        "edges": {
            edge_type: adjacency(edge_type, text, ids) for edge_type, text in edge_types.items()
        },
        "config": {"encoder": "by hand", "dim": 2},
        "metrics": {"recall@20": 0.5},
        "quality": {"Product": product_quality()},
    }


@pytest.fixture
def content() -> dict[str, Any]:
    """The arguments of write_bundle for the small world; tests change what they need."""
    return make_world()


@pytest.fixture(scope="session")
def world_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "bundle"
    write_bundle(path, **make_world())
    return path


@pytest.fixture(scope="session")
def recommender(world_path: Path) -> Recommender:
    return Recommender.open(world_path)


@pytest.fixture
def make_recommender(tmp_path: Path, content: dict[str, Any]) -> Callable[..., Recommender]:
    """A recommender on the small world with some arguments of write_bundle replaced."""

    def make(**changes: Any) -> Recommender:
        bundle: Bundle = write_bundle(tmp_path / "changed", **{**content, **changes})
        return Recommender(bundle)

    return make


@pytest.fixture(scope="session")
def make_node_table() -> Callable[..., pa.Table]:
    return node_table


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The market of contracts/market.py, with every kind of node."""
    return make_market(tmp_path_factory.mktemp("market") / "bundle")
