"""Vectors for new nodes in the small world of conftest.py, worked out by hand."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from graphdb.errors import BundleCorruptError, BundleError, QueryError, SchemaError, UnknownIdError
from graphdb.schema_types import EdgeType
from graphrec import Adjacency, ColdStartRule, Filters, Recommender, open_bundle

MADE_BY = "Product-MADE_BY-Brand"
IN_CATEGORY = "Product-IN_CATEGORY-Category"
PURCHASED = "User-PURCHASED-Product"
ALSO = EdgeType("Product", "ALSO_BOUGHT", "Product")
BY = {"trained_by": (PURCHASED,), "length": 2, "length_power": 1}
RULE = ColdStartRule(neighbors={PURCHASED: 1}, siblings={MADE_BY: 3}, **BY)
USERS = ColdStartRule(neighbors={PURCHASED: 1}, trained_by=(PURCHASED,), length=1, length_power=1)


@pytest.fixture
def ask(make_recommender):
    def make(rule=RULE, **changes):
        return make_recommender(cold_start={"Product": rule, "User": USERS}, **changes)

    return make


def unit(*numbers):
    return np.array(numbers) / np.linalg.norm(numbers)


def test_peers_of_the_brand_and_one_step_from_the_buyers(ask):
    # acme makes p1 (4, 0), p2 (3, 1) and p5 (2, 2); ann (1, 0) bought 2 and cat (1, 1) bought 3.
    vector = ask().embed_new("Product", {MADE_BY: ["acme"], PURCHASED: ["ann", "cat"]})
    buyers = unit(1 / np.sqrt(2) + 1 / np.sqrt(3), 1 / np.sqrt(3))
    np.testing.assert_allclose(vector, 2 * (3 * unit(9, 3) + buyers), rtol=1e-6)
    assert vector.dtype == np.float32


def test_who_is_new_itself_is_no_peer(ask, content):
    # bolt makes p3 (0, 4), p4 (1, 3) and p6, which nobody bought but has been told a vector.
    content["vectors"]["Product"][5] = 9, 0
    vector = ask(vectors=content["vectors"]).embed_new("Product", {MADE_BY: ["bolt"]})
    np.testing.assert_allclose(vector, 2 * 3 * unit(1, 7), rtol=1e-6)


def test_a_new_user_from_what_was_bought(ask):
    # p1 (4, 0) has 1 buyer and p5 (2, 2) has 2.
    vector = ask().embed_new("User", {EdgeType("User", "PURCHASED", "Product"): ["p5", "p1"]})
    np.testing.assert_allclose(vector, unit(4 + 2 / np.sqrt(2), 2 / np.sqrt(2)), rtol=1e-6)


@pytest.mark.parametrize("power", [0, 0.5, 1])
def test_those_whose_edges_agree_less_are_shorter(ask, power):
    rule = ColdStartRule(siblings={MADE_BY: 0.5, IN_CATEGORY: 0.5}, **{**BY, "length_power": power})
    # of acme's make (9, 3), of bolt's (1, 7), in yogurt (7, 1)
    encode = ask(rule).embed_new
    for brand, siblings in (("acme", (9, 3)), ("bolt", (1, 7))):
        vector = encode("Product", {MADE_BY: [brand], IN_CATEGORY: ["yogurt"]})
        total = 0.5 * unit(*siblings) + 0.5 * unit(7, 1)
        length = np.linalg.norm(total)
        np.testing.assert_allclose(vector, 2 * length ** (power - 1) * total, rtol=1e-6)


def test_each_neighbor_counts_the_same_however_many_peers_it_brings(ask):
    rule = ColdStartRule(siblings={MADE_BY: 0.5}, **BY)
    vector = ask(rule).embed_new("Product", {MADE_BY: ["acme", "bolt"]})
    np.testing.assert_allclose(vector, unit(9 / 3 + 1 / 2, 3 / 3 + 7 / 2), rtol=1e-6)


@pytest.mark.parametrize(
    ("category", "siblings"),
    [
        ("yogurt", (4 + 3, 0 + 1)),  # p1 and p2, of the same brand and the same category
        ("dairy", (2, 2)),  # p5
        ("bread", None),  # acme makes none
    ],
)
def test_closest_are_those_alike_by_two_kinds_of_edges(ask, category, siblings):
    rule = ColdStartRule(siblings={MADE_BY: 1e-9, IN_CATEGORY: 1e-9}, closest_siblings=1, **BY)
    vector = ask(rule).embed_new("Product", {MADE_BY: ["acme"], IN_CATEGORY: [category]})
    expected = 2 * unit(*siblings) if siblings else [0, 0]
    np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_one_kind_alone_tells_even_what_weighs_nothing_beside_others(ask):
    rule = ColdStartRule(siblings={MADE_BY: 1, IN_CATEGORY: 0}, closest_siblings=1, **BY)
    encode = ask(rule).embed_new
    np.testing.assert_allclose(encode("Product", {MADE_BY: ["acme"]}), 2 * unit(9, 3), rtol=1e-6)
    np.testing.assert_allclose(
        encode("Product", {IN_CATEGORY: ["yogurt"]}), 2 * unit(7, 1), rtol=1e-6
    )


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {"siblings": {MADE_BY: 0}},
        {"siblings": {MADE_BY: 0}, "closest_siblings": 1},
        {"closest_siblings": 1},
    ],
)
def test_a_rule_has_to_tell_something(nothing):
    with pytest.raises(ValidationError, match="no edge type has a weight above 0"):
        ColdStartRule(**nothing, **BY)


@pytest.fixture(scope="module")
def world(world_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cold_start") / "bundle"
    shutil.copytree(world_path, folder)
    edit(folder, lambda manifest: manifest.update(cold_start={"User": USERS.model_dump()}))
    return Recommender.open(folder)


def edit(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


@given(st.lists(st.sampled_from(["p1", "p2", "p3", "p4", "p5", "p6"]), min_size=1), st.randoms())
def test_neither_order_nor_repeats_matter(world, ids, random):
    assume(set(ids) != {"p6"})  # nothing is known about it
    shuffled = [*ids, *ids]
    random.shuffle(shuffled)
    once = world.embed_new("User", {PURCHASED: sorted(set(ids))})
    assert world.embed_new("User", {PURCHASED: shuffled}).tobytes() == once.tobytes()


def test_edges_within_a_type_go_either_way(ask, content):
    # p1=p2, p3>p1, p6>p2: p1 has two such edges and p2 three, but p6 is not known by events.
    also = Adjacency.from_edges(np.array([0, 1, 2, 5]), np.array([1, 0, 0, 1]), 6, 6)
    rule = ColdStartRule(neighbors={str(ALSO): 1}, **BY)
    recommender = ask(rule, edges={**content["edges"], ALSO: also})
    vector = recommender.embed_new("Product", {ALSO: ["p1", "p2", "p6"]})
    expected = unit(4 / np.sqrt(2) + 3 / np.sqrt(2), 1 / np.sqrt(2))
    np.testing.assert_allclose(vector, 2 * expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("node_type", "neighbors", "error", "message"),
    [
        ("Product", {MADE_BY: ["acme", "nobody"]}, UnknownIdError, "no Brand has the id 'nobody'"),
        (
            "Product",
            {"Product-MADE_BY-Brnd": ["acme"]},
            QueryError,
            "does not count for a new Product; expected one of .*; did you mean 'Product-MADE_BY",
        ),
        (
            "User",
            {MADE_BY: ["acme"]},
            QueryError,
            "'Product-MADE_BY-Brand' does not count for a new User; expected one of User-PURCH",
        ),
        ("Product", {}, QueryError, "nothing is known about this new Product.*or Product-MADE"),
        ("Product", {MADE_BY: []}, QueryError, "no neighbor of it has a vector"),
        ("User", {PURCHASED: ["p6"]}, QueryError, "no neighbor of it has a vector"),
        ("Brand", {MADE_BY: ["p1"]}, QueryError, "new Brand nodes; expected one of Product, User"),
        ("Prodct", {}, SchemaError, "did you mean 'Product'"),
    ],
)
def test_what_cannot_be_encoded(ask, node_type, neighbors, error, message):
    with pytest.raises(error, match=message):
        ask().embed_new(node_type, neighbors)


def test_a_bundle_from_before_there_were_rules(recommender):
    with pytest.raises(QueryError, match="cannot embed new Product nodes; train again"):
        recommender.embed_new("Product", {MADE_BY: ["acme"]})


class TestRecommendVector:
    def test_a_users_own_vector_gives_what_the_user_gets(self, recommender):
        for exclude_seen, seen in ((False, ()), (True, recommender.seen("User", "ann", "Product"))):
            own = recommender.products_for_user("ann", exclude_seen=exclude_seen, k=3)
            vector = recommender.bundle.vectors("User")[0]
            found = recommender.recommend_vector(vector, "Product", k=3, exclude_ids=seen)
            assert [(one.id, one.score, one.fields) for one in found] == [
                (one.id, one.score, one.fields) for one in own
            ]
            assert {one.reasons for one in found} == {()}

    def test_filters_hold(self, recommender):
        found = recommender.recommend_vector(
            np.array([1, 1], np.float32), "Product", filters=Filters(price_max=2)
        )
        assert found.ids == ("p1", "p2")

    def test_an_audience_for_a_new_product(self, ask):
        recommender = ask()
        vector = recommender.embed_new("Product", {MADE_BY: ["acme"]})
        assert recommender.recommend_vector(vector, "User").ids == ("cat", "ann", "bob", "dan")

    @pytest.mark.parametrize(
        ("vector", "message"),
        [
            ([1, 2, 3], r"has shape \[3\].*expected 2 finite numbers"),
            ([0, 0], "zero or not finite"),
            ([1, np.nan], "zero or not finite"),
        ],
    )
    def test_what_is_no_vector(self, recommender, vector, message):
        with pytest.raises(QueryError, match=message):
            recommender.recommend_vector(np.array(vector), "Product")

    def test_unknown_ids_and_counts_are_named(self, recommender):
        answer = recommender.recommend_vector(np.ones(2), "Product", exclude_ids=["p9"])
        assert [one.id for one in answer.trace.skipped] == ["p9"]
        with pytest.raises(QueryError, match="k is 0"):
            recommender.recommend_vector(np.ones(2), "Product", k=0)


def test_rules_come_back_and_name_the_release(ask, recommender):
    bundle = open_bundle(ask().bundle.folder)
    assert bundle.manifest.cold_start == {"Product": RULE, "User": USERS}
    assert bundle.manifest.release_id != recommender.bundle.manifest.release_id


def test_a_release_without_rules_keeps_its_name(recommender, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(recommender.bundle.folder, folder)
    edit(folder, lambda manifest: manifest.pop("cold_start"))
    assert open_bundle(folder).manifest.release_id == recommender.bundle.manifest.release_id


BAD_EDGES = [
    ("User-PURCHASED-Produkt", "which is not an edge type"),
    ("User-FOLLOWS-Brand", "which does not connect Product"),
    ("User-VIEWED-Product", "whose edges are not in the bundle"),
    ("Product-IN_CATEGORY-Category", "but Category has no vectors"),
]


@pytest.mark.parametrize(("name", "message"), BAD_EDGES)
def test_rules_that_do_not_fit_are_not_written(ask, name, message):
    rule = ColdStartRule(neighbors={name: 1}, **BY)
    with pytest.raises(BundleError, match=f"rule for new Product nodes names '{name}', {message}"):
        ask(rule)


@pytest.mark.parametrize(("name", "message"), BAD_EDGES)
def test_rules_that_do_not_fit_are_not_read(ask, name, message):
    folder = ask().bundle.folder
    edit(folder, lambda m: m["cold_start"]["Product"].update(neighbors={name: 1}))
    with pytest.raises(BundleCorruptError, match=f"manifest is damaged: .*'{name}', {message}"):
        open_bundle(folder)


def test_a_rule_that_is_none_is_not_read(ask):
    folder = ask().bundle.folder
    edit(folder, lambda m: m["cold_start"]["Product"].update(length=0))
    with pytest.raises(BundleCorruptError, match=r"cold_start\.Product\.length: Input should"):
        open_bundle(folder)
