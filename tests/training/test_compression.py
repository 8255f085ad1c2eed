"""Shortened vectors: scores stay, zeros stay zeros, blocks stay apart; the data choose the size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphrec.bundle import Adjacency
from training.compression import CompressionConfig, Rotation, column_groups, shortened
from training.compression_choice import chosen_size
from training.trials import KnownAnswers

NUM_USERS, NUM_PRODUCTS, RANK, DIM = 300, 200, 12, 40


def vectors_of(rank=RANK, seed=0, noise=0.0):
    """Users and products that agree in few directions, in many dimensions; some are unknown."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((DIM, DIM)))[0][:rank]
    found = {}
    for name, number in (("User", NUM_USERS), ("Product", NUM_PRODUCTS)):
        rows = random.standard_normal((number, rank)) @ turn
        rows += noise * random.standard_normal((number, DIM))
        rows[::7] = 0
        found[name] = rows.astype(np.float32)
    return found


@given(seed=st.integers(0, 50), dim=st.integers(RANK, DIM - 1))
def test_scores_and_lengths_stay_where_all_that_counts_fits(seed, dim):
    whole = vectors_of(seed=seed)
    short = Rotation.of(whole, "User").shortened(whole, dim)
    assert short["User"].shape == (NUM_USERS, dim)
    scores = [one["User"] @ one["Product"].T for one in (whole, short)]
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-3)
    for name, rows in whole.items():
        lengths = [np.linalg.norm(one, axis=1) for one in (rows, short[name])]
        np.testing.assert_allclose(lengths[1], lengths[0], atol=1e-3)


@given(seed=st.integers(0, 50), dim=st.integers(1, DIM - 1))
def test_zero_rows_stay_exactly_zero(seed, dim):
    whole = vectors_of(seed=seed, noise=0.3)
    short = Rotation.of(whole, "User").shortened(whole, dim)
    for name, rows in whole.items():
        np.testing.assert_array_equal(short[name].any(axis=1), rows.any(axis=1))


@given(seed=st.integers(0, 20))
def test_errors_of_scores_fall_with_the_dimensions(seed):
    whole = vectors_of(rank=DIM, seed=seed)
    # what users ask about differs from what products are long in
    whole["User"] *= np.geomspace(1, 0.01, DIM, dtype=np.float32)
    rotation = Rotation.of(whole, "User")
    scores = whole["User"] @ whole["Product"].T
    errors = []
    for dim in (4, 8, 16, 32):
        short = rotation.shortened(whole, dim)
        errors.append(np.square(short["User"] @ short["Product"].T - scores).sum())
    assert errors == sorted(errors, reverse=True)
    first = np.square(whole["User"][:, :8] @ whole["Product"][:, :8].T - scores).sum()
    assert errors[1] <= first * 1.2  # near the axes that the data were made of


def test_blocks_stay_apart_and_none_vanishes():
    whole = vectors_of()
    random = np.random.default_rng(1)
    watched = np.zeros((NUM_USERS, 6), dtype=np.float32)
    watched[:50] = random.standard_normal((50, 6)) * 1e-3  # a block that counts little
    whole = {name: np.pad(rows, ((0, 0), (0, 6))) for name, rows in whole.items()}
    whole["User"][:, DIM:] = watched
    content = np.zeros((30, DIM + 6), dtype=np.float32)
    content[:, DIM:] = random.standard_normal((30, 6)) * 1e-3
    whole["Content"] = content
    short = Rotation.of(whole, "User").shortened(whole, 16)
    assert [len(columns) for columns in column_groups(whole)] == [DIM, 6]
    products, watched = column_groups(short)
    assert len(products) + len(watched) == 16 and len(watched) >= 1
    assert products.max() < watched.min()
    assert short["Content"].any(axis=1).all()
    assert not short["Product"][:, watched].any()


def question(vectors):
    """Who takes the best product by the whole vectors."""
    scores = vectors["User"] @ vectors["Product"].T
    asked = np.flatnonzero(vectors["User"].any(axis=1))
    best = scores[asked].argmax(axis=1)
    truth = Adjacency.from_edges(asked, best, NUM_USERS, NUM_PRODUCTS)
    none = np.empty(0, dtype=np.int64)
    taken = Adjacency.from_edges(none, none, NUM_USERS, NUM_PRODUCTS)
    return KnownAnswers.of("new products", ("User", "Product"), taken, truth)


def test_the_smallest_size_near_the_best_is_chosen():
    whole = vectors_of(noise=0.02)
    config = CompressionConfig(enabled=True, dims=(4, 8, 12, 16, 24))
    choice = chosen_size(whole, "User", config, [question(whole)], 1)
    assert (choice.dim, choice.full_dim) == (12, DIM)
    by_size = {(one.dim, one.vector_type): one.recalls[0] for one in choice.curve}
    best = max(recall for (_, kind), recall in by_size.items() if kind == "float32")
    assert by_size[choice.dim, choice.vector_type] >= best * (1 - config.tolerance)
    assert by_size[8, "float32"] < best * (1 - config.tolerance)
    applied = choice.applied(config)
    assert (applied.dim, applied.written_as) == (12, choice.vector_type)
    assert shortened(whole, "User", applied)["User"].shape == (NUM_USERS, 12)
    assert chosen_size(whole, "User", applied, [question(whole)], 1) is None
    assert "12 dimensions" in choice.lines()[0]
    assert len(choice.to_dict()["curve"]) == len(choice.curve)


def test_what_the_config_says_is_not_chosen():
    whole = vectors_of(noise=0.3)
    asked = [question(whole)]

    def chosen(**settings):
        choice = chosen_size(whole, "User", CompressionConfig(enabled=True, **settings), asked, 1)
        return choice.dim, choice.vector_type

    assert chosen(vector_type="int8")[1] == "int8"
    assert chosen(dim=20)[0] == 20
    assert chosen_size(whole, "User", CompressionConfig(), asked, 1) is None


def test_where_fewer_dimensions_lose_all_stay():
    whole = vectors_of(rank=DIM, noise=0.3)
    config = CompressionConfig(enabled=True, dims=(4, 8))
    choice = chosen_size(whole, "User", config, [question(whole)], 1)
    applied = choice.applied(config)
    assert choice.dim == DIM and applied.dim is None and applied.written_as == choice.vector_type
    assert shortened(whole, "User", applied) is whole


def test_few_queries_choose_nothing():
    whole = vectors_of()
    config = CompressionConfig(enabled=True)
    few = {
        name: np.where(np.arange(len(rows))[:, None] < 80, rows, 0) for name, rows in whole.items()
    }
    assert chosen_size(few, "User", config, [question(few)], 1) is None
    assert (config.dim, config.written_as) == (None, "float16")
    assert CompressionConfig().written_as == "float32"
