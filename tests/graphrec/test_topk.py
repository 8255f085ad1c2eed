"""Exact top-k against an oracle that sorts every score."""

import numpy as np
import pytest
from contracts.topk_oracle import COSINE, DOT, oracle, questions, same_bits
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import QueryError
from graphrec.query import topk
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.topk import top_k


@pytest.mark.parametrize("similarity", [DOT, COSINE])
@given(questions())
def test_equals_sorting_everything(similarity, question):
    queries, targets, k, mask, excluded = question
    if similarity is COSINE:
        queries = queries[
            queries.any(axis=1)
        ]  # a zero query node has no cosine; Recommender refuses it
    rows, scores = top_k(
        EmbeddingMatrix.of(queries),
        np.arange(len(queries)),
        EmbeddingMatrix.of(targets),
        k=k,
        similarity=similarity,
        mask=mask,
        excluded=excluded,
    )
    assert (rows.dtype, scores.dtype) == (np.int64, np.float64)
    for position, seed in enumerate(queries):
        expected_rows, expected_scores = oracle(
            seed, queries, targets, k, mask, excluded[position], similarity
        )
        assert rows[position].tolist() == expected_rows
        assert scores[position].tolist() == expected_scores


@given(questions(), st.integers(1, 30))
def test_blocks_do_not_show(question, block_scores):
    queries, targets, k, mask, excluded = question
    spaces = EmbeddingMatrix.of(queries), np.arange(len(queries)), EmbeddingMatrix.of(targets)
    whole = top_k(*spaces, k=k, mask=mask, excluded=excluded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "_BLOCK_SCORES", block_scores)
        patch.setattr(topk, "_BLOCK_PRODUCTS", block_scores)
        blocks = top_k(*spaces, k=k, mask=mask, excluded=excluded)
    assert same_bits(whole, blocks)


@pytest.mark.parametrize("similarity", [DOT, COSINE])
@pytest.mark.parametrize("share", [None, 0.9, 0.1])
def test_a_batch_equals_one_by_one_bit_for_bit(similarity, share):
    """Large enough that matrix products round differently by the shape of the batch."""
    random = np.random.default_rng(5)
    queries = EmbeddingMatrix.of(random.normal(size=(40, 67)).astype(np.float32))
    targets = random.normal(size=(3_000, 67)).astype(np.float32)
    targets[1_500:2_000] = targets[:500]  # exact edges, far apart
    targets[2_000:2_500] = np.nextafter(targets[:500], np.float32(9))  # and nearly edges
    targets = EmbeddingMatrix.of(targets)
    mask = None if share is None else random.random(3_000) < share
    batch = top_k(queries, np.arange(40), targets, k=25, similarity=similarity, mask=mask)
    for row in range(40):
        alone = top_k(queries, np.array([row]), targets, k=25, similarity=similarity, mask=mask)
        assert same_bits(alone, (batch[0][[row]], batch[1][[row]]))
    float32 = queries.vectors @ targets.vectors.T
    assert any(
        (float32[row] != queries.vectors[row] @ targets.vectors.T).any() for row in range(40)
    ), "float32 products did not depend on the batch, so this test shows nothing"


def test_float32_alone_would_be_wrong():
    """The second target is better by less than float32 can tell; both sums round to 2**24."""
    targets = EmbeddingMatrix.of(
        np.array([[2**24, 0, 0], [2**24, 1, 0], [2**24, 0, -1]], dtype=np.float32)
    )
    queries = EmbeddingMatrix.of(np.ones((1, 3), dtype=np.float32))
    rows, scores = top_k(queries, np.array([0]), targets, k=2)
    assert rows.tolist() == [[1, 0]]
    assert scores.tolist() == [[2**24 + 1, 2**24]]


def test_float32_sums_that_depend_on_the_order_do_not_mislead():
    """Row i holds 2**24 at place i and ones elsewhere: equal sums, but float32 loses the ones
    that are added after the large number, so row 0 looks worst and the last row best."""
    matrix = np.ones((64, 64), dtype=np.float32)
    np.fill_diagonal(matrix, 2**24)
    rows, scores = top_k(
        EmbeddingMatrix.of(np.ones((1, 64), dtype=np.float32)),
        np.array([0]),
        EmbeddingMatrix.of(matrix),
        k=2,
    )
    assert rows.tolist() == [[0, 1]]
    assert scores.tolist() == [[2**24 + 63] * 2]


def test_underflowing_float32_products_do_not_mislead():
    """In units of the smallest float32, row 0 is 8 products of 0.6, each rounded up to 1."""
    unit = 2.0**-74
    rows = [[0.6 * unit] * 8, [4.9 * unit] + [0] * 7]
    seed = np.full((1, 8), 2.0**-75, dtype=np.float32)
    found, _ = top_k(
        EmbeddingMatrix.of(seed),
        np.array([0]),
        EmbeddingMatrix.of(np.array(rows, dtype=np.float32)),
        k=1,
    )
    assert found.tolist() == [[1]]


def test_equal_scores_come_by_row_however_many():
    targets = EmbeddingMatrix.of(np.ones((1_000, 3), dtype=np.float32))
    rows, scores = top_k(
        EmbeddingMatrix.of(np.ones((2, 3), dtype=np.float32)), np.arange(2), targets, k=5
    )
    assert rows.tolist() == [[0, 1, 2, 3, 4]] * 2
    assert scores.tolist() == [[3.0] * 5] * 2


def test_overflowing_float32_products_do_not_mislead():
    targets = EmbeddingMatrix.of(np.array([[3e38, -3e38], [3e38, -2e38], [1, 0]], dtype=np.float32))
    queries = EmbeddingMatrix.of(np.array([[3e38, 3e38]], dtype=np.float32))
    rows, scores = top_k(queries, np.array([0]), targets, k=3)
    assert rows.tolist() == [[1, 2, 0]]
    assert scores[0, 2] == 0 and np.isfinite(scores).all()


def test_no_candidate_at_all():
    space = EmbeddingMatrix.of(np.ones((3, 2), dtype=np.float32))
    rows, scores = top_k(space, np.arange(3), space, k=2, mask=np.zeros(3, dtype=np.bool_))
    assert rows.tolist() == [[-1, -1]] * 3
    assert scores.tolist() == [[-np.inf, -np.inf]] * 3


def test_no_query_nodes_and_no_targets():
    some, none = (EmbeddingMatrix.of(np.ones((n, 2), dtype=np.float32)) for n in (3, 0))
    assert top_k(some, np.array([], dtype=np.int64), some, k=2)[0].shape == (0, 2)
    assert top_k(some, np.arange(3), none, k=1)[0].tolist() == [[-1]] * 3


@pytest.mark.parametrize("k", [0, -3, 2.0, True, "5", None])
def test_refuses_a_k_that_is_no_count(k):
    space = EmbeddingMatrix.of(np.ones((3, 2), dtype=np.float32))
    with pytest.raises(QueryError, match=r"k is .*; expected a whole number, 1 or more"):
        top_k(space, np.arange(3), space, k=k)
