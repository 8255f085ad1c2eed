"""What neighbors tell, against plain loops on random graphs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphdb.schema_types import EdgeType
from graphrec import Adjacency, ColdStartRule
from graphrec import cold_start as module
from graphrec.adjacency import among, outward, thinned
from graphrec.cold_start import NeighborAggregator

BOUGHT = EdgeType("User", "PURCHASED", "Product")
ALSO = EdgeType("Product", "ALSO_BOUGHT", "Product")
KINDS = [
    EdgeType("Product", "MADE_BY", "Brand"),
    EdgeType("Product", "IN_CATEGORY", "Category"),
    EdgeType("Product", "TAGGED", "Tag"),
]
NUM, GROUPS, DIM = 12, 3, 4


def unit(rows):
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


class World:
    """Twelve products, some of them bought, in up to three brands, categories and tags."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.vectors = {
            "Product": rng.normal(size=(NUM, DIM)).astype(np.float32),
            "User": rng.normal(size=(2, DIM)).astype(np.float32),
        }
        self.connected = {kind: rng.random((NUM, GROUPS)) < 0.4 for kind in KINDS}
        self.sold = rng.random((2, NUM)) < 0.4
        self.also = np.triu(rng.random((NUM, NUM)) < 0.3, 1)
        self.edges = {kind: pairs_of(matrix) for kind, matrix in self.connected.items()}
        self.edges |= {BOUGHT: pairs_of(self.sold), ALSO: pairs_of(self.also)}
        self.known = self.sold.any(axis=0)
        self.aggregator = NeighborAggregator(
            "Product", self.vectors.__getitem__, self.edges.__getitem__, [BOUGHT]
        )

    def peers_of(self, row, kind, group):
        return [
            other
            for other in range(NUM)
            if other != row and self.known[other] and self.connected[kind][other, group]
        ]


def pairs_of(matrix):
    return Adjacency.from_edges(*np.nonzero(matrix), *matrix.shape)


@given(st.integers(0, 10_000))
def test_peers_leave_out_oneself_and_the_unknown(seed):
    world = World(seed)
    rows, vectors = np.arange(NUM), world.vectors["Product"].astype(np.float64)
    for kind in KINDS:
        found = world.aggregator.from_siblings(kind, world.aggregator.neighbors(kind, rows), rows)
        for row in rows:
            groups = [
                world.peers_of(row, kind, g) for g in np.flatnonzero(world.connected[kind][row])
            ]
            expected = sum(
                (vectors[siblings].mean(0) for siblings in groups if siblings), np.zeros(DIM)
            )
            np.testing.assert_allclose(found[row], unit(expected), atol=2e-5)


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_closest_are_alike_by_most_kinds(seed, num_kinds):
    world = World(seed)
    rows, vectors = np.arange(NUM), world.vectors["Product"].astype(np.float64)
    kinds = KINDS[:num_kinds]
    found = world.aggregator.from_closest_siblings(
        {kind: world.aggregator.neighbors(kind, rows) for kind in kinds}, rows
    )
    for row in rows:
        alike = [
            sum((world.connected[kind][row] & world.connected[kind][other]).any() for kind in kinds)
            * (world.known[other] and other != row)
            for other in range(NUM)
        ]
        best = [other for other in range(NUM) if alike[other] == max(alike) >= 2]
        expected = vectors[best].mean(0) if best else np.zeros(DIM)
        np.testing.assert_allclose(found[row], unit(expected), atol=2e-5)


@given(st.integers(0, 10_000))
def test_a_step_is_a_layer_of_lightgcn_in_direction(seed):
    world = World(seed)
    both = world.also | world.also.T
    scale = np.maximum(both.sum(1), 1) ** -0.5
    known = world.vectors["Product"] * world.known[:, None]
    found = world.aggregator.from_neighbors(ALSO, world.aggregator.neighbors(ALSO, np.arange(NUM)))
    np.testing.assert_allclose(found, unit(scale[:, None] * both * scale @ known), atol=2e-5)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4))))
def test_outward_counts_distinct_neighbors(pairs):
    sources, targets = np.array(pairs, np.int64).reshape(-1, 2).T
    edges = Adjacency.from_edges(sources, targets, 5, 5)
    either = [{b for a, b in pairs if a == n} | {a for a, b in pairs if b == n} for n in range(5)]
    assert [set(outward(edges, ALSO, "Product").targets(n)) for n in range(5)] == either
    made_by = KINDS[0]
    makers = [{b for a, b in pairs if a == n} for n in range(5)]
    makes = [{a for a, b in pairs if b == n} for n in range(5)]
    assert [set(outward(edges, made_by, "Product").targets(n)) for n in range(5)] == makers
    assert [set(outward(edges, made_by, "Brand").targets(n)) for n in range(5)] == makes


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 9))
def test_thinned_keeps_the_first_and_spreads_the_rest(targets, most):
    pairs = Adjacency.from_edges(
        np.array([t % 2 for t in targets], np.int64), np.array(targets, np.int64), 2, 31
    )
    keep = np.arange(31) % 5 > 0
    found = thinned(pairs, keep, most)
    for source in range(2):
        kept = [t for t in pairs.targets(source) if keep[t]]
        chosen = found.targets(source).tolist()
        assert len(chosen) == min(len(kept), most)
        assert set(chosen) <= set(kept)
        assert chosen[:1] == kept[:1]
        if 1 < most < len(kept):
            assert chosen[-1] == kept[-1]


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_among_knows_the_pairs(pairs):
    sources, targets = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    every = [(a, b) for a in range(4) for b in range(4)]
    found = among(Adjacency.from_edges(sources, targets, 4, 4), *np.array(every).T)
    assert [pair for pair, is_one in zip(every, found, strict=True) if is_one] == sorted(pairs)


def test_blocks_change_nothing(monkeypatch):
    world = World(3)
    rule = ColdStartRule(
        neighbors={str(ALSO): 1},
        siblings={str(kind): 1 for kind in KINDS},
        closest_siblings=1,
        trained_by=(str(BOUGHT),),
        length=1,
        length_power=0.5,
    )
    near = {kind: world.aggregator.neighbors(kind, np.arange(NUM)) for kind in (ALSO, *KINDS)}
    at_once = world.aggregator.aggregate(rule, near)
    assert at_once.any(axis=1).all()
    monkeypatch.setattr(module, "_BLOCK", 5)
    monkeypatch.setattr(module, "_SIBLING_BLOCK", 3)
    np.testing.assert_array_equal(world.aggregator.aggregate(rule, near), at_once)


def test_kinds_with_many_edges_each_do_not_make_closest(monkeypatch):
    world = World(3)
    near = {kind: world.aggregator.neighbors(kind, np.arange(NUM)) for kind in KINDS[:2]}
    assert world.aggregator.from_closest_siblings(near).any()
    monkeypatch.setattr(module, "_FEW", 1)
    assert not world.aggregator.from_closest_siblings(near).any()
