"""The exact index: whatever the vectors, filters and queries, nothing of the best k is lost."""

import numpy as np
import pytest
from contracts.topk_oracle import COSINE, DOT, oracle, questions, same_bits
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import BundleError
from graphrec.bundle.manifest import IndexEntry, Measured
from graphrec.query import topk
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.index import exact
from graphrec.query.index.base import ServedIndex
from graphrec.query.index.exact import ExactMipsIndex
from graphrec.query.index.orders import Rotation, balanced
from graphrec.query.topk import Method, planned_top_k, top_k

# Any float32 times the second is small enough for an index, and often no normal number any more.
sizes = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
factors = st.sampled_from([1.0, 2.0**-80])


@pytest.fixture
def index_is_free(monkeypatch):
    """The planner takes the index whenever it may."""
    monkeypatch.setattr(topk, "_INDEX_CALL", -1e12)


def served(index):
    entry = IndexEntry(
        kind="bounds",
        target_type="Product",
        similarity=index.similarity.value,
        num_rows=max(len(index.rows), 1),
        width=index.heads.shape[1],
        queries={"User": 1},
        measured=(
            Measured(k=1000, share=1e-9, recall=1, read_once=0, read_in_line=0, read_at_random=0),
        ),
    )
    return ServedIndex(index, entry, 1.0)


def index_of(queries, targets, similarity, width):
    space = EmbeddingMatrix.of(targets)
    return ExactMipsIndex.build(space, similarity, balanced(queries, targets), width)


@pytest.mark.usefixtures("index_is_free")
@pytest.mark.parametrize("similarity", [DOT, COSINE])
@given(
    questions(), st.integers(2, 9), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), factors
)
def test_equals_sorting_everything(similarity, question, width, front, tile, block, factor):
    queries, targets, k, mask, excluded = question
    queries, targets = queries * np.float32(factor), targets * np.float32(factor)
    if similarity is COSINE:
        queries = queries[queries.any(axis=1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "FRONT_ROWS", front)
        patch.setattr(exact, "FRONT_ROWS", front)
        patch.setattr(exact, "TILE_ROWS", tile)
        patch.setattr(exact, "TILE_SCORES", tile)
        patch.setattr(exact, "BLOCK_QUERIES", block)
        try:
            index = index_of(queries, targets, similarity, min(width, targets.shape[1] + 1))
        except BundleError:
            assert np.abs(targets).max() > 1e20
            return
        rows, scores, plan = planned_top_k(
            EmbeddingMatrix.of(queries),
            np.arange(len(queries)),
            index.targets,
            k=k,
            similarity=similarity,
            mask=mask,
            excluded=excluded,
            index=served(index),
        )
    if plan.num_candidates and "overflow" not in plan.reason:
        assert plan.method is Method.BOUNDS
    for position, seed in enumerate(queries):
        expected = oracle(seed, queries, targets, k, mask, excluded[position], similarity)
        assert (rows[position].tolist(), scores[position].tolist()) == expected


def world(num_targets=5_000, num_queries=60, dim=24, seed=0):
    """Vectors whose numbers fall, as those of factorisations do, of many lengths."""
    random = np.random.default_rng(seed)
    falling = np.arange(1, dim + 1) ** -0.5
    targets = random.normal(size=(num_targets, dim)) * falling
    targets *= np.exp(0.7 * random.normal(size=(num_targets, 1)))
    queries = random.normal(size=(num_queries, dim)) * falling
    return queries.astype(np.float32), targets.astype(np.float32), random


@pytest.mark.usefixtures("index_is_free")
@pytest.mark.parametrize("similarity", [DOT, COSINE])
@pytest.mark.parametrize("share", [None, 0.5, 0.05, 0.001])
def test_reads_little_and_equals_the_scan_bit_for_bit(similarity, share):
    queries, targets, random = world()
    mask = None if share is None else random.random(len(targets)) < share
    seen = random.integers(0, len(targets), (len(queries), 40))
    index = index_of(queries, targets, similarity, 8)
    spaces = EmbeddingMatrix.of(queries), np.arange(len(queries)), index.targets
    settings = {"k": 10, "similarity": similarity, "mask": mask, "excluded": seen}
    plain = top_k(*spaces, **settings)
    batch = top_k(*spaces, **settings, index=served(index))
    assert same_bits(plain, batch)
    for position in range(len(queries)):
        alone = top_k(
            spaces[0],
            np.array([position]),
            spaces[2],
            **{**settings, "excluded": [seen[position]]},
            index=served(index),
        )
        assert same_bits([part[position : position + 1] for part in batch], alone)


def test_most_vectors_stay_unread():
    queries, targets, _ = world()
    index = index_of(queries, targets, DOT, 8)
    found = index.propose(EmbeddingMatrix.of(queries), np.arange(60), k=10, mask=None, excluded=[])
    front = exact.FRONT_ROWS * 24 * 60
    beyond = (len(targets) - exact.FRONT_ROWS) * 24 * 60
    assert found.read_in_line - front + found.read_at_random < beyond / 4
    assert len(found.rows) < 11 * 60  # rounding leaves hardly more than the ten


def test_a_query_node_of_another_kind_than_those_of_the_rotation():
    queries, targets, random = world()
    index = index_of(queries, targets, DOT, 8)
    odd = random.normal(size=(20, 24)).astype(np.float32)[:, ::-1] * 1e4
    spaces = EmbeddingMatrix.of(np.ascontiguousarray(odd)), np.arange(20), index.targets
    proposed = index.propose(*spaces[:2], k=7, mask=None, excluded=[])
    rows, _ = top_k(*spaces, k=7)
    for position in range(20):
        found = proposed.rows[proposed.positions == position]
        assert set(rows[position]) <= set(found.tolist())


def test_a_rotation_that_does_not_fit_costs_time_not_answers():
    queries, targets, _ = world()
    bent = np.eye(24) + 0.01  # for_queries' times for_targets is not the identity
    index = ExactMipsIndex.build(EmbeddingMatrix.of(targets), DOT, Rotation.of(np.eye(24), bent), 8)
    assert index.rotation.error > 0.2
    found = index.propose(EmbeddingMatrix.of(queries), np.arange(60), k=10, mask=None, excluded=[])
    rows, _ = top_k(EmbeddingMatrix.of(queries), np.arange(60), index.targets, k=10)
    for position in range(60):
        assert set(rows[position]) <= set(found.rows[found.positions == position].tolist())


def test_the_rotation_keeps_products_and_puts_first_what_decides():
    queries, targets, _ = world()
    rotation = balanced(queries, targets)
    turned = queries @ rotation.for_queries.T, targets @ rotation.for_targets.T
    exact = queries.astype(np.float64) @ targets.astype(np.float64).T
    lengths = np.outer(*(np.linalg.norm(side, axis=1) for side in (queries, targets)))
    assert (np.abs(turned[0] @ turned[1].T - exact) <= rotation.error * lengths).all()
    assert rotation.error < 1e-9
    left = [np.square(turned[0][:, n:] @ turned[1][:, n:].T).mean() for n in range(24)]
    plain = [np.square(queries[:, n:] @ targets[:, n:].T).mean() for n in range(24)]
    assert all(mine <= 1.05 * theirs for mine, theirs in zip(left, plain, strict=True))
    assert left == sorted(left, reverse=True)


@pytest.mark.parametrize("length", [1e25, 3e38])
def test_vectors_that_might_overflow_are_left_to_the_scan(length):
    queries, targets, _ = world(300, 3)
    index = index_of(queries, targets * np.float32(1e10), DOT, 8)
    huge = EmbeddingMatrix.of(np.full((1, 24), length, dtype=np.float32))
    rows, _, plan = planned_top_k(huge, np.arange(1), index.targets, k=5, index=served(index))
    assert plan.method is Method.SCAN
    assert "float32 might overflow" in plan.reason
    assert same_bits([rows], [top_k(huge, np.arange(1), index.targets, k=5)[0]])


def test_shorter_targets_that_point_better_are_not_cut_off(monkeypatch):
    for module in (exact, exact):
        monkeypatch.setattr(module, "FRONT_ROWS", 64)
    cosine = 0.97
    askew = np.tile([cosine, np.sqrt(1 - cosine**2)], (100, 1))  # of length 1, scores .97
    askew[::2, 1] *= -1
    straight = np.tile([0.98, 0.0], (100, 1))  # shorter, scores .98
    targets = np.vstack([askew, straight]).astype(np.float32)
    queries = np.array([[1, 0], [5, 0]], dtype=np.float32)
    index = ExactMipsIndex.build(
        EmbeddingMatrix.of(targets), DOT, Rotation.of(np.eye(2), np.eye(2)), 2
    )
    found = index.propose(EmbeddingMatrix.of(queries), np.arange(2), k=3, mask=None, excluded=[])
    for position in range(2):
        assert found.rows[found.positions == position].min() == 100
