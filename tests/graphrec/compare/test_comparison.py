"""What two releases are said to differ in is what they were made to differ in."""

import json

import numpy as np
import pytest
from contracts.compared_world import DIM, SIZES, edges_of, ids_of, nodes_of, vectors_of
from contracts.publish_world import table

from graphdb.errors import BundleMissingError, QueryError
from graphdb.schema import extend_schema
from graphrec import Registry, compare_releases
from graphrec.compare.comparison import Turnover


def rotation(dim=DIM, seed=5):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]


def rotated(vectors, by):
    return {name: (matrix @ by).astype(np.float32) for name, matrix in vectors.items()}


def by_type(drift):
    return {one.node_type: one for one in drift}


def direction(found, name):
    return next(one for one in found.lists if one.name == name)


def test_a_release_beside_itself_has_not_changed(make):
    release = make("one")
    found = compare_releases(release, release.folder)
    assert found.a == found.b
    assert (found.schema_changed, found.settings) == (False, ())
    assert all(one.in_a == one.in_b for one in found.figures.figures)
    for turnover in (*found.nodes.values(), *found.edges.values()):
        assert (turnover.came, turnover.went) == (0, 0)
    assert [one.name for one in found.lists] == [
        "User -> Product",
        "User -> Brand",
        "Brand -> User",
        "Product -> User",
    ]
    for lists in found.lists:
        assert (lists.changed, lists.members_changed) == (0, 0)
        assert (lists.mean_overlap, lists.mean_rbo) == (1, 1)
        assert lists.exposure_a == lists.exposure_b
        assert lists.new_items == lists.exposure_b.new_items == 0
    for drift in found.drift:
        assert (drift.mean_cosine, drift.length_ratio, drift.moved_most) == (1, 1, ())


def test_a_space_that_was_turned_has_not_drifted(make):
    turned = make("turned", vectors=rotated(vectors_of(), rotation()))
    found = compare_releases(make("one"), turned)
    for drift in found.drift:
        assert drift.mean_cosine == pytest.approx(1, abs=1e-9)
        assert drift.length_ratio == pytest.approx(1, abs=1e-5)
        assert drift.moved_most == ()
        assert drift.by_chance < 0.9
    assert all(one.members_changed == 0 for one in found.lists)


@pytest.mark.parametrize("wider_is", ["a", "b"])
def test_spaces_of_different_width(make, wider_is):
    vectors = vectors_of()
    wide = {name: np.pad(matrix, ((0, 0), (0, 3))) for name, matrix in vectors.items()}
    pair = make("narrow"), make("wide", vectors=rotated(wide, rotation(DIM + 3)))
    found = compare_releases(*(pair if wider_is == "b" else pair[::-1]))
    assert {found.a.dim, found.b.dim} == {DIM, DIM + 3}
    for drift in found.drift:
        assert drift.mean_cosine == pytest.approx(1, abs=1e-9)


def test_one_node_that_moved_is_found(make):
    vectors = vectors_of()
    vectors["Product"][17] *= -1
    vectors["User"] *= 2
    turned = make("moved", vectors=rotated(vectors, rotation()))
    drift = by_type(compare_releases(make("one"), turned).drift)
    (most, *others) = drift["Product"].moved_most
    assert (most.id, most.name) == ("p017", "Title p017")
    assert most.cosine < -0.9
    assert all(one.cosine > 0.99 for one in others)
    assert drift["User"].length_ratio == pytest.approx(2, abs=1e-5)
    assert drift["Product"].length_ratio == pytest.approx(1, abs=1e-5)


def test_types_that_turned_apart_have_drifted(make):
    vectors = vectors_of()
    vectors["User"] = (vectors["User"] @ rotation()).astype(np.float32)
    found = compare_releases(make("one"), make("apart", vectors=vectors))
    drift = by_type(found.drift)
    assert min(drift["User"].mean_cosine, drift["Product"].mean_cosine) < 0.9
    assert direction(found, "User -> Product").members_changed > 0.9


def test_an_unrelated_space_is_as_near_as_chance(make):
    found = compare_releases(make("one"), make("other", vectors=vectors_of(seed=9)))
    product = by_type(found.drift)["Product"]
    assert abs(product.mean_cosine - product.by_chance) < 0.15
    assert product.mean_cosine < 0.6


def test_zero_vectors_are_left_out(make):
    vectors = vectors_of()
    vectors["User"][:10] = 0
    vectors["Brand"][:] = 0
    found = compare_releases(make("one"), make("zeros", vectors=vectors))
    drift = by_type(found.drift)
    assert set(drift) == {"Product", "User"}
    assert drift["User"].num_nodes == 30
    assert direction(found, "User -> Product").num_queries == 30
    assert not [one for one in found.lists if one.query_type == "Brand"]


def test_nodes_and_edges_are_matched_by_id(make):
    users, products = np.arange(40), np.arange(40) * 3
    first = make("first", edges=edges_of(users, products))
    # Product p000 is gone, so that all rows shift; p200 and p201 are new.
    keep = slice(1, None)
    ids = [*ids_of("Product")[keep], "p200", "p201"]
    nodes = {**nodes_of(), "Product": table("Product", product_id=ids)}
    extra = np.random.default_rng(1).normal(size=(2, DIM)).astype(np.float32)
    vectors = vectors_of()
    vectors["Product"] = np.concatenate([vectors["Product"][keep], extra])
    # Of the old purchases, all but the one of p000 stay; two are new.
    edges = edges_of(
        np.concatenate([users[keep], [3, 4]]),
        np.concatenate([products[keep] - 1, [199, 5]]),
        num_products=201,
    )
    second = make("second", nodes=nodes, vectors=vectors, edges=edges, snapshot_id="second")
    found = compare_releases(first, second)
    assert found.nodes["Product"] == Turnover(200, 201, came=2, went=1)
    assert found.nodes["User"] == Turnover(40, 40, came=0, went=0)
    assert found.edges["User-PURCHASED-Product"] == Turnover(40, 41, came=2, went=1)
    assert by_type(found.drift)["Product"].num_nodes == 199
    assert by_type(found.drift)["Product"].mean_cosine == 1
    back = compare_releases(second, first)
    assert back.nodes["Product"] == Turnover(201, 200, came=1, went=2)
    assert back.edges["User-PURCHASED-Product"] == Turnover(41, 40, came=1, went=2)


def test_catalogues_of_different_sizes(make):
    brands = [f"b{number:03}" for number in range(7)]
    vectors = vectors_of()
    vectors["Brand"] = np.concatenate([vectors["Brand"], 100 * vectors["Brand"][:2]])
    edges = edges_of(np.arange(40), np.arange(40) * 3, num_brands=7)
    nodes = {**nodes_of(), "Brand": table("Brand", brand_id=brands)}
    larger = make("larger", nodes=nodes, vectors=vectors, edges=edges)
    lists = direction(compare_releases(make("one"), larger), "User -> Brand")
    assert lists.members_changed == 1
    assert (lists.exposure_a.coverage, lists.exposure_b.coverage) == (1, 1)
    assert lists.new_items == 2 / 7
    assert lists.mean_overlap < 5 / 6


def test_new_items_that_everyone_is_shown(make):
    vectors = vectors_of()
    ages = [400] * 200
    first = make("first", nodes=nodes_of(ages_days=ages))
    # p010 is 5 days old, and so long that it is first for half of the users.
    ages[10] = 5
    vectors["Product"][10] *= 1000
    second = make("second", nodes=nodes_of(ages_days=ages), vectors=vectors)
    lists = direction(compare_releases(first, second), "User -> Product")
    assert lists.new_items == 1 / 200
    shown = np.count_nonzero(vectors["User"] @ vectors["Product"][10] > 0)
    assert lists.exposure_b.new_items == pytest.approx(shown / 400)
    assert lists.exposure_a.new_items < lists.exposure_b.new_items
    assert lists.exposure_a.places == lists.exposure_b.places == 400
    assert lists.exposure_a.gini < lists.exposure_b.gini
    older = compare_releases(first, second, new_item_days=4)
    assert direction(older, "User -> Product").new_items == 0


def test_settings_that_differ(make):
    second = make("second", config={"encoder": "by hand", "svd": {"dim": 9}, "seed": 1})
    found = compare_releases(make("one"), second)
    assert [(one.name, one.in_a, one.in_b) for one in found.settings] == [
        ("seed", None, 1),
        ("svd.dim", 8, 9),
        ("svd.half_life", 30, None),
    ]


@pytest.mark.parametrize(
    ("changes", "comparable", "note"),
    [
        ({}, True, ""),
        ({"snapshot_id": "second"}, True, "on different snapshots with the same cut-off"),
        ({"metrics": {}}, False, "nothing was measured of B"),
        (
            {"metrics": {"cutoff": "2026-12-01", "recall@20": 0.6}},
            False,
            "A was measured from 2026-11-01T00:00:00+00:00 on, B from 2026-12-01 on",
        ),
        ({"metrics": {"k": 20, "recall": 0.6}}, False, "on lists of None, B of 20"),
        (
            {"cutoff": None},
            False,
            "A was measured from 2026-11-01T00:00:00+00:00 on, B from a moment it does not name on",
        ),
    ],
)
def test_figures_stand_side_by_side_where_they_answer_the_same(make, changes, comparable, note):
    changes = {"metrics": {"recall@20": 0.6, "map@20": 0.1}, **changes}
    figures = compare_releases(make("one"), make("second", **changes)).figures
    assert figures.comparable is comparable
    assert note in figures.note
    concatenated = [(one.name, one.in_a, one.in_b) for one in figures.figures]
    assert concatenated == ([("recall@20", 0.5, 0.6)] if comparable else [])


def scores(model, recall, k=20):
    return {
        "config": {"encoder": model},
        "metrics": {
            "k": k,
            "scores": [
                {"task": "all products", "model": "popularity", "recall": 0.1, "num_queries": 9},
                {"task": "all products", "model": model, "recall": recall, "num_queries": 9},
            ],
        },
    }


def test_models_of_different_names_stand_side_by_side(make):
    pair = make("one", **scores("svd", 0.2)), make("two", **scores("concat", 0.3))
    found = compare_releases(*pair).figures.figures
    assert {one.name: (one.in_a, one.in_b) for one in found if "recall" in one.name} == {
        "popularity, all products: recall": (0.1, 0.1),
        "this model, all products: recall": (0.2, 0.3),
    }
    other = compare_releases(pair[0], make("three", **scores("concat", 0.3, k=10))).figures
    assert (other.comparable, other.figures) == (False, ())
    assert other.note == "A was measured on lists of 20, B of 10"


def test_query_nodes_are_drawn_the_same_every_time(make):
    pair = make("one"), make("other", vectors=vectors_of(seed=9))
    first = compare_releases(*pair, num_queries=10)
    assert first == compare_releases(*pair, num_queries=10)
    assert first.lists != compare_releases(*pair, num_queries=10, seed=1).lists
    assert direction(first, "User -> Product").num_queries == 10


def test_another_schema_is_said(make, tmp_path):
    (tmp_path / "schema.toml").write_text('[node.Venue]\ndoc = "A place."\n')
    second = make("second", schema=extend_schema(tmp_path / "schema.toml"))
    assert compare_releases(make("one"), second).schema_changed


def test_releases_of_a_registry(make, tmp_path):
    registry = Registry(tmp_path / "registry")
    registry.promote(make("one").folder, name="one")
    registry.promote(make("two", vectors=vectors_of(seed=1)).folder, name="two")
    found = compare_releases(f"{registry.folder}@one", f"{registry.folder}@current")
    assert found.b.folder.endswith("releases/two")
    assert json.dumps(found.to_dict(), default=str)
    assert found.nodes["User"].in_a == SIZES["User"]


@pytest.mark.parametrize("wrong", [{"num_queries": 0}, {"k": 0}, {"new_item_days": -1}])
def test_numbers_that_are_too_small(make, wrong):
    (name,) = wrong
    with pytest.raises(QueryError, match=f"{name} is {wrong[name]}; expected {wrong[name] + 1} or"):
        compare_releases(make("one"), make("two"), **wrong)


def test_what_is_no_bundle(make, tmp_path):
    with pytest.raises(BundleMissingError, match="no bundle at"):
        compare_releases(make("one"), tmp_path / "nowhere")
