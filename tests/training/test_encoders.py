"""The encoders, against dense formulas, and against worlds where the answer is known."""

import numpy as np
import pytest
import torch

from graphdb.errors import InsufficientDataError, SchemaError
from graphdb.schema import SCHEMA
from training.data import ALWAYS_S, DAY_S
from training.encoders import PopularityConfig, PopularityEncoder, SvdConfig, SvdEncoder

PURCHASED = SCHEMA.edge_type("PURCHASED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
IN_CATEGORY = SCHEMA.edge_type("IN_CATEGORY")
CHILD_OF = SCHEMA.edge_type("CHILD_OF")
PROMOTES = SCHEMA.edge_type("PROMOTES")
SIZES = {"User": 12, "Product": 9, "Brand": 3}
PLAIN = {
    "repeat_exponent": 1,
    "group_power": 1,
    "half_life_days": None,
    "user_degree_exponent": 0.5,
    "item_exponent": 0.5,
}


def fit(graph, **settings):
    settings.setdefault(
        "group_singular_value_exponent", settings.setdefault("singular_value_exponent", 0.5)
    )
    return SvdEncoder(SCHEMA, PURCHASED, SvdConfig(**{**PLAIN, **settings})).fit(graph)


@pytest.fixture
def random_graph(make_graph):
    rng = np.random.default_rng(0)
    bought = [
        (user, product, 0, int(rng.integers(1, 5)))
        for user in range(11)  # the last user buys nothing
        for product in range(8)  # the last product is never bought
        if rng.random() < 0.5 or product == user % 8
    ]
    made_by = [(product, product % 3) for product in range(9)]
    return make_graph(SIZES, {PURCHASED: bought, MADE_BY: made_by})


def dense_events(graph):
    """R, worked out edge by edge."""
    matrix = np.zeros((12, 9))
    store = graph[PURCHASED]
    for (user, product), count in zip(
        store.edge_index.T.tolist(), store["count"].tolist(), strict=True
    ):
        matrix[user, product] += 5 * np.log1p(count)
    return matrix


def power(sums, exponent):
    return np.diag([value**exponent if value > 0 else 0.0 for value in sums])


def dense_svd(normalised):
    left, values, right_t = np.linalg.svd(normalised, full_matrices=False)
    keep = values > 1e-9
    return left[:, keep], values[keep], right_t[keep].T


@pytest.mark.parametrize(
    ("singular_value_exponent", "item_popularity_exponent"),
    [(0, 0.5), (0.5, 0.5), (1.5, 0.3), (-0.5, 1)],
)
@pytest.mark.parametrize(
    ("user_degree_exponent", "item_exponent"), [(0.5, 0.5), (0.35, 0.4), (0, 1)]
)
def test_scores_equal_the_dense_formula(
    random_graph,
    singular_value_exponent,
    item_popularity_exponent,
    user_degree_exponent,
    item_exponent,
):
    events = dense_events(random_graph)
    from_products = power(events.sum(0), -item_exponent)
    normalised = power(events.sum(1), -user_degree_exponent) @ events @ from_products
    left, values, right = dense_svd(normalised)
    vectors = fit(
        random_graph,
        singular_value_exponent=singular_value_exponent,
        item_popularity_exponent=item_popularity_exponent,
        user_degree_exponent=user_degree_exponent,
        item_exponent=item_exponent,
    )
    products = power(events.sum(0), item_popularity_exponent) @ right
    expected = left @ np.diag(values ** (1 + singular_value_exponent)) @ products.T
    found = vectors["User"] @ vectors["Product"].T
    np.testing.assert_allclose(found, expected, atol=2e-5)
    # R D^(-1/2) V S^beta, D^(1/2) V ranks products the same: a factor per user apart.
    design = events @ from_products @ right @ np.diag(values**singular_value_exponent) @ products.T
    for user in range(11):
        np.testing.assert_allclose(
            found[user] * events[user].sum() ** user_degree_exponent,
            design[user],
            rtol=1e-4,
            atol=2e-4,
        )
    # The spectrum stands half on each side.
    spectrum = np.diag(values ** (1 + singular_value_exponent))
    np.testing.assert_allclose(
        vectors["User"] @ vectors["User"].T, left @ spectrum @ left.T, atol=2e-5
    )


def test_full_rank_and_beta_0_give_back_the_normalised_events(random_graph):
    events = dense_events(random_graph)
    vectors = fit(random_graph, singular_value_exponent=0, item_popularity_exponent=0.5)
    np.testing.assert_allclose(
        vectors["User"] @ vectors["Product"].T, power(events.sum(1), -0.5) @ events, atol=2e-5
    )


@pytest.mark.parametrize("group_singular_value_exponent", [0.5, 2])
@pytest.mark.parametrize(("user_degree_exponent", "item_exponent"), [(0.5, 0.5), (0.35, 0.4)])
def test_other_types_are_folded_in_as_if_they_were_products(
    random_graph, group_singular_value_exponent, user_degree_exponent, item_exponent
):
    events, singular_value_exponent, item_popularity_exponent = dense_events(random_graph), 0.5, 0.7

    def bent(edges):
        return (
            power(edges.sum(1), -user_degree_exponent) @ edges @ power(edges.sum(0), -item_exponent)
        )

    normalised = bent(events)
    left, values, _ = dense_svd(normalised)
    groups = np.eye(3)[np.arange(9) % 3]  # [products, brands]
    edges = np.sqrt(events @ groups)
    right = bent(edges).T @ left @ np.diag(1 / values)
    brands = power(edges.sum(0), item_popularity_exponent) @ right
    expected = left @ np.diag(values ** (1 + group_singular_value_exponent)) @ brands.T
    settings = {
        "singular_value_exponent": singular_value_exponent,
        "group_singular_value_exponent": group_singular_value_exponent,
        "item_popularity_exponent": item_popularity_exponent,
        "user_degree_exponent": user_degree_exponent,
        "item_exponent": item_exponent,
    }
    vectors = fit(random_graph, group_power=0.5, **settings)
    np.testing.assert_allclose(vectors["User"] @ vectors["Brand"].T, expected, rtol=1e-4, atol=2e-5)


def test_a_brand_is_the_sum_of_its_products_where_nothing_is_bent(random_graph):
    vectors = fit(random_graph, singular_value_exponent=0.5, item_popularity_exponent=0.5)
    summed = np.stack([vectors["Product"][brand::3].sum(axis=0) for brand in range(3)])
    np.testing.assert_allclose(vectors["Brand"], summed, atol=2e-5)


def test_who_bought_nothing_and_what_nobody_bought_have_zero_vectors(random_graph):
    vectors = fit(random_graph)
    assert not vectors["User"][11].any() and vectors["User"][:11].any(axis=1).all()
    assert not vectors["Product"][8].any() and vectors["Product"][:8].any(axis=1).all()


def test_shapes_and_types(random_graph):
    vectors = fit(random_graph, dim=32)
    assert {name: array.shape for name, array in vectors.items()} == {
        "User": (12, 9),  # never more than there are products
        "Product": (9, 9),
        "Brand": (3, 9),
    }
    assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in vectors.values())
    assert fit(random_graph, dim=32)["Product"].tobytes() == vectors["Product"].tobytes()


def test_every_tied_type_gets_vectors_and_others_do_not(make_graph):
    graph = make_graph(
        {"User": 3, "Product": 3, "Brand": 2, "Category": 3, "Creator": 2, "Tag": 4},
        {
            PURCHASED: [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)],
            IN_CATEGORY: [(0, 2), (1, 2), (2, 1)],
            CHILD_OF: [(2, 0), (1, 0)],
            PROMOTES: [(0, 0), (1, 2)],
            MADE_BY: [],
        },
    )
    vectors = fit(graph, item_popularity_exponent=0.5, singular_value_exponent=0.5)
    assert set(vectors) == {"User", "Product", "Category", "Creator"}
    root, leaf, other_leaf = vectors["Category"]
    np.testing.assert_allclose(root, leaf + other_leaf, atol=1e-6)  # all that its children have
    assert not np.allclose(*vectors["Creator"])


def test_the_graph_matters_two_hops_away(make_graph):
    """ann - p0 - bob - p1: without bob's purchase of p1, ann has no way to p1."""
    sizes = {"User": 3, "Product": 3}
    edges = [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)]
    scores = {}
    for name, dropped in (("whole", None), ("without", (1, 1))):
        kept = [edge for edge in edges if edge != dropped]
        vectors = fit(make_graph(sizes, {PURCHASED: kept}), singular_value_exponent=2)
        scores[name] = vectors["User"] @ vectors["Product"].T
    assert scores["whole"][0, 1] > 0.05  # U S^3 V^T: ways of three steps
    assert scores["without"][0, 1] == pytest.approx(0, abs=1e-5)
    assert scores["whole"][0, 2] == pytest.approx(0, abs=1e-5)  # five steps away


def test_side_relations_give_vectors_to_what_nobody_bought(random_graph):
    beside = fit(random_graph, edge_type_weights={"Product-MADE_BY-Brand": 0.5})
    new_item, brand_mates, others = beside["Product"][8], (2, 5), (0, 1, 3, 4, 6, 7)
    assert new_item.any()

    def cosine(row):
        other = beside["Product"][row]
        return new_item @ other / np.linalg.norm(new_item) / np.linalg.norm(other)

    assert min(map(cosine, brand_mates)) > max(map(cosine, others))


def test_faint_side_relations_leave_the_scores_of_events_alone(random_graph):
    alone = fit(random_graph, item_popularity_exponent=0.5, singular_value_exponent=1)
    beside = fit(
        random_graph,
        item_popularity_exponent=0.5,
        singular_value_exponent=1,
        edge_type_weights={"Product-MADE_BY-Brand": 1e-3},
    )
    scores = [v["User"] @ v["Product"][:8].T for v in (alone, beside)]
    np.testing.assert_allclose(*scores, atol=1e-4)


def test_a_side_weight_for_what_edges_no_products(random_graph):
    with pytest.raises(SchemaError, match="did you mean 'MADE_BY'"):
        fit(random_graph, edge_type_weights={"Product-MADEBY-Brand": 0.5})
    with pytest.raises(
        SchemaError, match="cannot hold User-FOLLOWS-Brand; expected an edge of Prod"
    ):
        fit(random_graph, edge_type_weights={"User-FOLLOWS-Brand": 0.5})


def test_without_events_there_is_nothing_to_learn(make_graph):
    graph = make_graph({"User": 2, "Product": 2}, {PURCHASED: []})
    for encoder in (SvdEncoder(SCHEMA, PURCHASED), PopularityEncoder(PURCHASED)):
        with pytest.raises(InsufficientDataError, match=r"there are no .*User-PURCHASED"):
            encoder.fit(graph)


def test_popularity_counts_distinct_users(make_graph):
    graph = make_graph(
        {"User": 3, "Product": 3, "Brand": 2, "Creator": 1},
        {
            PURCHASED: [(0, 0), (0, 0), (1, 0), (2, 1), (0, 1)],
            MADE_BY: [(0, 1), (1, 1), (2, 0)],
            PROMOTES: [(0, 1)],
        },
    )
    vectors = PopularityEncoder(PURCHASED).fit(graph)
    assert {name: array.ravel().tolist() for name, array in vectors.items()} == {
        "User": [1, 1, 1],
        "Product": [2, 2, 0],
        "Brand": [0, 3],  # user 0 bought two of its products, but is one user
        "Creator": [2],
    }
    assert all(a.dtype == np.float32 and a.ndim == 2 for a in vectors.values())


def popular(graph, half_life_days):
    vectors = PopularityEncoder(PURCHASED, PopularityConfig(half_life_days=half_life_days)).fit(
        graph
    )
    return {name: array.ravel().tolist() for name, array in vectors.items() if name != "User"}


def test_popularity_of_late_counts_a_user_by_the_newest_purchase(make_graph):
    graph = make_graph(
        {"User": 3, "Product": 3, "Brand": 2},
        {PURCHASED: [(0, 0), (0, 0), (1, 0), (2, 1), (0, 1)], MADE_BY: [(0, 1), (1, 1), (2, 0)]},
    )
    graph[PURCHASED].at_s = torch.tensor([0, 10, 20, 10, 0]) * DAY_S
    assert popular(graph, 10.0) == {
        "Product": [0.5 + 1, 0.5 + 0.25, 0],
        "Brand": [0, 0.5 + 1 + 0.5],
    }
    graph[PURCHASED].at_s[3] = ALWAYS_S
    assert popular(graph, 10.0)["Product"] == [0.5 + 1, 0.25, 0]
    graph[PURCHASED].at_s[:] = ALWAYS_S
    assert popular(graph, 10.0) == popular(graph, None)
