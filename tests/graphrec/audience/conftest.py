"""A market with creators, small enough to work out every answer by hand.

users      e01 to e12 like east, n01 to n12 north; of zed nothing is known
products   pe and pe2 (acme, yogurt) point east, pn (bolt, bread) north
bought     pe: e01 e02; pn: n01
creators   cara carries north products, but e01 to e12 follow her; cleo carries pe and has no
followers;
           carl carries pn, and n01 and n02 watched him; of cora nothing is known
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphdb.schema import SCHEMA
from graphrec import Adjacency, Policy, Recommender, write_bundle
from graphrec.bundle import AudienceFigures

EAST = [f"e{number:02}" for number in range(1, 13)]
NORTH = [f"n{number:02}" for number in range(1, 13)]
IDS: dict[str, list[str]] = {
    "Agency": ["stars"],
    "Brand": ["acme", "bolt"],
    "Category": ["bread", "yogurt"],
    "Content": ["carls"],
    "Creator": ["cara", "carl", "cleo", "cora"],
    "Product": ["pe", "pe2", "pn"],
    "User": [*EAST, *NORTH, "zed"],
}
VECTORS: dict[str, list[list[float]]] = {
    "Brand": [[2, 0], [0, 2]],
    "Category": [[0, 1], [1, 0]],
    "Creator": [[0, 1], [0, 2], [1, 0], [0, 0]],
    "Product": [[3, 0], [2.5, 0.5], [0, 3]],
    "User": [*[[1, 0]] * 12, *[[0, 1]] * 12, [0, 0]],
}
EDGES: dict[str, list[tuple[str, str]]] = {
    "User-PURCHASED-Product": [("e01", "pe"), ("e02", "pe"), ("n01", "pn")],
    "Product-MADE_BY-Brand": [("pe", "acme"), ("pe2", "acme"), ("pn", "bolt")],
    "Product-IN_CATEGORY-Category": [("pe", "yogurt"), ("pe2", "yogurt"), ("pn", "bread")],
    "Creator-PROMOTES-Product": [("cara", "pn"), ("carl", "pn"), ("cleo", "pe")],
    "Creator-PUBLISHED-Content": [("carl", "carls")],
    "Creator-MANAGED_BY-Agency": [("cara", "stars")],
    "User-WATCHED-Content": [("n01", "carls"), ("n02", "carls")],
    "User-LIKED-Content": [("n01", "carls")],
    "User-FOLLOWS-Creator": [(user, "cara") for user in EAST],
}

_TENTHS = tuple({"told": 0.01 * place, "bought": 0.01 * place} for place in range(10))
_REST = {
    "knots": [{"at": -9, "logit": -9}, {"at": 9, "logit": 9}],
    "error": 0.001,
    "tenths": _TENTHS,
    "top_percent": {"told": 0.2, "bought": 0.2},
}


def _points(*lifts: float) -> list[dict[str, float]]:
    shares = (0.01, 0.1, 1.0)
    return [
        {"share": share, "lift": lift, "low": lift / 2, "high": lift * 2}
        for share, lift in zip(shares, lifts, strict=True)
    ]


def _band(fewest: int, most: int) -> dict[str, Any]:
    return {"fewest": fewest, "most": most}


FIGURES = AudienceFigures.model_validate(
    {
        "cutoff": datetime(2025, 12, 4, tzinfo=UTC),
        "window_days": 28,
        "first_purchase": {"intercept": -1.0, "slope": 0.5, "prior_slope": 0.25, **_REST},
        "any_purchase": {"intercept": 0.0, "slope": 1.0, "prior_slope": 0.5, **_REST},
        "reach": [
            {**_band(1, 4), "num_queries": 30, "num_new_buyers": 90, "points": _points(9, 3, 1)},
            {**_band(7, 20), "num_queries": 12, "num_new_buyers": 50, "points": _points(5, 2, 1)},
        ],
    }
)
"""What held-out weeks might have told of brands; of products they told nothing."""

Pairs = Sequence[tuple[str, str]]


@pytest.fixture
def make_market(tmp_path: Path, make_node_table: Callable[..., Any]) -> Callable[..., Recommender]:
    """The market with other creators, vectors or edges, or under a policy."""

    def make(
        *,
        ids: Mapping[str, Sequence[str]] = {},
        vectors: Mapping[str, Sequence[Sequence[float]]] = {},
        edges: Mapping[str, Pairs] = {},
        policy: Policy | None = None,
        audiences: Mapping[str, AudienceFigures] | None = None,
    ) -> Recommender:
        nodes, edges = {**IDS, **ids}, {**EDGES, **edges}
        bundle = write_bundle(
            tmp_path / f"market-{len(list(tmp_path.iterdir()))}",
            schema=SCHEMA,
            snapshot_id="market",
            cutoff=datetime(2026, 1, 1, tzinfo=UTC),
            nodes={
                name: make_node_table(name, {one: {} for one in found})
                for name, found in nodes.items()
            },
            vectors={
                name: np.array(rows, dtype=np.float32)
                for name, rows in {**VECTORS, **vectors}.items()
            },
            edges={SCHEMA.parse_edge_type(name): _edge(name, edges[name], nodes) for name in edges},
            config={},
            metrics={},
            audiences={"Brand": FIGURES} if audiences is None else audiences,
        )
        return Recommender(bundle, policy=policy)

    return make


@pytest.fixture
def market(make_market: Callable[..., Recommender]) -> Recommender:
    return make_market()


def _edge(name: str, pairs: Pairs, nodes: Mapping[str, Sequence[str]]) -> Adjacency:
    edge_type = SCHEMA.parse_edge_type(name)
    sources, targets = nodes[edge_type.source], nodes[edge_type.target]
    return Adjacency.from_edges(
        np.array([sources.index(source) for source, _ in pairs], dtype=np.int64),
        np.array([targets.index(target) for _, target in pairs], dtype=np.int64),
        len(sources),
        len(targets),
    )
