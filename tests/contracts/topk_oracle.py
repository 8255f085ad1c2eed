"""Questions to any way of finding the best k, and an oracle that sorts every score."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graphrec.query.embeddings import Similarity

DOT, COSINE = Similarity.DOT, Similarity.COSINE
LARGEST = float(np.finfo(np.float32).max)
# Small integers give many exact edges, duplicate and zero vectors; any float32 gives everything
# from subnormal numbers to ones whose float32 products overflow.
few_values = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0])
any_values = st.floats(-LARGEST, LARGEST, width=32)


@st.composite
def questions(draw):
    values = draw(st.sampled_from([few_values, any_values]))
    dim, num_queries, num_targets = (draw(st.integers(1, high)) for high in (9, 5, 14))
    queries = draw(hnp.arrays(np.float32, (num_queries, dim), elements=values))
    targets = draw(hnp.arrays(np.float32, (num_targets, dim), elements=values))
    mask = draw(st.none() | hnp.arrays(np.bool_, num_targets))
    excluded = [
        np.array(sorted(draw(st.sets(st.integers(0, num_targets - 1)))), dtype=np.int64)
        for _ in range(num_queries)
    ]
    return queries, targets, draw(st.integers(1, num_targets + 2)), mask, excluded


def damping(vector, vectors):
    """1 / (its norm + the median norm of the vectors that are not zero)."""
    norms = [np.sqrt((row * row).sum()) for row in vectors.astype(np.float64) if row.any()]
    vector = vector.astype(np.float64)
    return 1 / (np.sqrt((vector * vector).sum()) + np.median(norms))


def exact_score(seed, queries, target, targets, similarity):
    """The score by definition: of one pair alone, in float64."""
    score = (target.astype(np.float64) * seed.astype(np.float64)).sum()
    if similarity is COSINE:
        score = score * damping(target, targets) * damping(seed, queries)
    return score


def oracle(seed, queries, targets, k, mask, excluded, similarity):
    allowed = [
        row
        for row in range(len(targets))
        if (mask is None or mask[row])
        and row not in excluded
        and not (similarity is COSINE and not targets[row].any())
    ]
    scored = [
        (exact_score(seed, queries, targets[row], targets, similarity), row) for row in allowed
    ]
    best = sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:k]
    padding = k - len(best)
    return (
        [row for _, row in best] + [-1] * padding,
        [score for score, _ in best] + [-np.inf] * padding,
    )


def same_bits(one, other):
    """Whether two answers, rows and scores, are the same to the last bit."""
    return all(mine.tobytes() == theirs.tobytes() for mine, theirs in zip(one, other, strict=True))
