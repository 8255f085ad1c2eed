"""What a query node has seen: by which relation, how long ago, and what may come again."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import InvalidFilterError, QueryError
from graphdb.schema import SCHEMA
from graphrec import Adjacency, Recommender, open_bundle, write_bundle
from graphrec.query.metapaths import Paths
from graphrec.query.seen import Seen, SeenRows

CUTOFF = datetime(2017, 12, 1, tzinfo=UTC)  # of the small world in conftest


@pytest.fixture
def paths(world_path):
    return Paths(open_bundle(world_path))


def ids(paths, query_type, query_id, target_type, rule):
    bundle = paths.bundle
    rows = SeenRows(paths, query_type, target_type, rule).of(bundle.row_of(query_type, query_id))
    assert rows.tolist() == sorted(set(rows.tolist()))
    return " ".join(bundle.id_of(target_type, row) for row in rows)


@pytest.mark.parametrize(
    ("seed", "target_type", "rule", "expected"),
    [
        (("User", "cat"), "Product", {}, "p2 p4 p5"),
        (("User", "cat"), "Product", {"within_days": 40}, "p4 p5"),  # p2: 40 days and no less
        (("User", "cat"), "Product", {"within_days": 40.01}, "p2 p4 p5"),
        (("User", "cat"), "Product", {"within_days": 0}, ""),
        (("User", "ann"), "Product", {"within_days": 6}, "p5"),  # the newer of two purchases
        (("User", "cat"), "Brand", {"within_days": 5}, "acme"),
        (("User", "cat"), "Category", {"within_days": 10}, "bread dairy food"),
        (("Product", "p5"), "User", {"within_days": 3}, "cat"),
        (("Brand", "acme"), "User", {"within_days": 3}, "cat"),
        (("User", "cat"), "Category", {"within_days": 40.01}, "bread dairy food yogurt"),
        (("Category", "dairy"), "User", {"relations": "PURCHASED"}, "ann cat"),
        (("Category", "food"), "User", {"relations": "PURCHASED"}, "ann bob cat"),
        (("User", "dan"), "Brand", {}, ""),  # following a brand is not having it
        (("User", "dan"), "Brand", {"relations": "FOLLOWS"}, "acme"),
        (("User", "cat"), "Brand", {"relations": ("FOLLOWS", "PURCHASED")}, "acme bolt"),
        (("Category", "dairy"), "User", {}, ""),  # buying counts for the usual types only
        # p5 stands in Dairy, p2 below it, in Yogurt
        (("User", "cat"), "Product", {"repeatable": "Dairy"}, "p4"),
        (("User", "cat"), "Product", {"repeatable": "Dairy", "repeat_after_days": 3}, "p4 p5"),
        (("User", "cat"), "Product", {"repeatable": ("Yogurt", "Bread")}, "p5"),
        (("User", "cat"), "Product", {"repeatable": "food", "within_days": 99}, ""),
        (
            ("User", "cat"),
            "Product",
            {"repeatable": "Dairy", "repeat_after_days": 30, "within_days": 3},
            "p5",
        ),
        (("User", "cat"), "Brand", {"repeatable": "Dairy"}, "bolt"),
        (("Product", "p5"), "User", {"repeatable": "Dairy", "repeat_after_days": 4}, "cat"),
        # ten days later, and twenty days earlier, when two of the purchases were yet to come
        (("User", "cat"), "Product", {"within_days": 13, "at": CUTOFF + timedelta(days=10)}, "p5"),
        (
            ("User", "cat"),
            "Product",
            {"within_days": 15, "at": CUTOFF - timedelta(days=20)},
            "p4 p5",
        ),
    ],
)
def test_in_the_small_world(paths, seed, target_type, rule, expected):
    assert ids(paths, *seed, target_type, Seen(**rule)) == expected


@pytest.mark.parametrize(
    ("seed", "target_type", "expected"),
    [
        (("User", "u0"), "Product", "p0"),
        (("User", "u0"), "Brand", "b0"),
        (("User", "u0"), "Creator", "c1"),
        (("User", "u0"), "Content", "v0 v2"),
        (("Creator", "c1"), "Product", "p4"),
        (("Creator", "c1"), "Brand", "b1"),
        (("Creator", "c1"), "Category", "toys"),
        (("Product", "p0"), "Creator", "c0"),
        (("Brand", "b1"), "Creator", "c1"),
        (("Brand", "b1"), "User", "u1"),
        (("Creator", "c1"), "User", ""),
    ],
)
def test_what_usually_counts(market, seed, target_type, expected):
    assert " ".join(Recommender(market).seen(*seed, target_type)) == expected


@pytest.mark.parametrize(
    ("exclude_seen", "expected"),
    [
        (True, "c0 c2"),
        (False, "c0 c1 c2"),
        (Seen(), "c0 c2"),
        (Seen(relations="WATCHED"), "c2"),
        (Seen(relations=["WATCHED", "FOLLOWS"]), "c2"),
    ],
)
def test_a_question_may_say_what_counts(market, exclude_seen, expected):
    answer = Recommender(market).creators_for_user("u0", exclude_seen=exclude_seen)
    assert " ".join(sorted(answer.ids)) == expected


def test_without_a_cutoff_days_count_back_from_the_newest_event(tmp_path, content):
    paths = Paths(write_bundle(tmp_path / "b", **{**content, "cutoff": None}))
    assert paths.bundle.as_of == CUTOFF - timedelta(days=2)
    assert ids(paths, "User", "cat", "Product", Seen(within_days=8)) == "p4 p5"
    assert ids(paths, "User", "cat", "Product", Seen(within_days=7)) == "p5"
    assert ids(paths, "User", "cat", "Product", Seen(repeatable="Dairy")) == "p4"


def test_nothing_is_had_where_nothing_ever_happened(tmp_path, content):
    purchased = SCHEMA.edge_type("PURCHASED")
    none = np.array([], dtype=np.int64)
    content["edges"][purchased] = Adjacency.from_events(none, none, none, 4, 6)
    paths = Paths(write_bundle(tmp_path / "b", **{**content, "cutoff": None}))
    assert paths.bundle.as_of is None
    assert ids(paths, "User", "cat", "Product", Seen(within_days=8)) == ""


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"within_day": 3}, "`seen` has no field 'within_day'.*did you mean 'within_days'"),
        ({"within_days": -1}, "'within_days' cannot be -1: Input should be greater"),
        ({"within_days": float("nan")}, "'within_days' cannot be nan"),
        ({"relations": ()}, r"'relations' cannot be \(\): Value should have at least 1 item"),
        ({"at": datetime(2017, 1, 1)}, "'at' cannot be .*timezone"),
        ({"repeat_after_days": 3}, "nothing is repeatable; name categories in 'repeatable'"),
    ],
)
def test_rules_that_cannot_be(rule, message):
    with pytest.raises(InvalidFilterError, match=message):
        Seen(**rule)


@pytest.mark.parametrize(
    ("ends", "rule", "error", "message"),
    [
        (
            ("User", "Product"),
            {"relations": "PURCHASE"},
            InvalidFilterError,
            "'PURCHASE': there is no such relation.*did you mean 'PURCHASED'",
        ),
        (
            ("User", "Product"),
            {"relations": ("PURCHASED", "FOLLOWS")},
            QueryError,
            "FOLLOWS says nothing about which Product nodes a User has seen; expected one of VIEW",
        ),
        (
            ("Product", "Tag"),
            {"relations": "PURCHASED"},
            QueryError,
            "PURCHASED says nothing about which Tag nodes a Product has seen; expected one of TAG",
        ),
        (
            ("User", "Agency"),
            {"relations": "PURCHASED"},
            QueryError,
            "PURCHASED says nothing about which Agency nodes a User has seen; leave `seen` out",
        ),
        (
            ("User", "Creator"),
            {"relations": "WATCHED"},
            QueryError,
            "lacks edges of WATCHED and PUBLISHED, so which Creator nodes a User has seen is unkn",
        ),
        (
            ("User", "Brand"),
            {"relations": "FOLLOWS", "within_days": 5},
            QueryError,
            "does not say when User-FOLLOWS-Brand happened; expected events",
        ),
        (
            ("User", "Product"),
            {"repeatable": "Yoghurt"},
            InvalidFilterError,
            "seen: 'repeatable': no Category has the id or name 'Yoghurt'; did you mean 'Yogurt'",
        ),
        (
            ("User", "Product"),
            {"repeatable": "Other"},
            InvalidFilterError,
            "2 Category nodes are named 'Other'; give one of the ids 'other-d', 'other-f'",
        ),
    ],
)
def test_questions_without_an_answer(paths, ends, rule, error, message):
    with pytest.raises(error, match=message):
        SeenRows(paths, *ends, Seen(**rule))


def test_repeatable_needs_products_on_the_way(tmp_path, content):
    follows = SCHEMA.edge_type("FOLLOWS", target="Brand")
    one = np.array([3])
    content["edges"][follows] = Adjacency.from_events(one, one - 3, one, 4, 2)
    paths = Paths(write_bundle(tmp_path / "b", **content))
    rule = Seen(relations="FOLLOWS", repeatable="Dairy")
    with pytest.raises(QueryError, match="'repeatable' is about Product nodes, which FOLLOWS does"):
        SeenRows(paths, "User", "Brand", rule)


SIZES = {"User": 3, "Product": 4, "Brand": 2, "Category": 4, "Creator": 2, "Content": 3}
EVENTS = {
    "VIEWED": ("User", "Product"),
    "PURCHASED": ("User", "Product"),
    "FOLLOWS": ("User", "Creator"),
    "WATCHED": ("User", "Content"),
}
EDGES = {
    "MADE_BY": ("Product", "Brand"),
    "IN_CATEGORY": ("Product", "Category"),
    "CHILD_OF": ("Category", "Category"),
    "PUBLISHED": ("Creator", "Content"),
    "FEATURES": ("Content", "Product"),
    "PROMOTES": ("Creator", "Product"),
}
GROUPED_BY = {"Brand": "MADE_BY", "Category": "IN_CATEGORY", "Creator": "PUBLISHED"}
NEWEST_S = 1_000 * 86_400


def pairs_of(ends, *more):
    rows = (st.integers(0, SIZES[end] - 1) for end in ends)
    return st.lists(st.tuples(*rows, *more), max_size=8)


days_ago = st.integers(0, 12)
worlds = st.fixed_dictionaries(
    {name: pairs_of(ends, days_ago) for name, ends in EVENTS.items()}
    | {name: pairs_of(ends, st.just(None)) for name, ends in EDGES.items()}
)
questions = st.sampled_from(
    [
        *((("User", end), name) for end in ("Product", "Brand", "Category") for name in EVENTS),
        *((("User", "Creator"), name) for name in ("FOLLOWS", "WATCHED")),
        (("User", "Content"), "WATCHED"),
        *((("Creator", end), "PROMOTES") for end in ("Product", "Brand", "Category")),
        *((("Creator", end), "FEATURES") for end in ("Product", "Brand")),
        (("Content", "Brand"), "FEATURES"),
        (("Category", "Category"), "CHILD_OF"),
    ]
).filter(lambda asked: asked[0] not in BARRED or asked[1] not in BARRED[asked[0]])
BARRED = {("User", end): ("FOLLOWS", "WATCHED") for end in ("Product", "Brand", "Category")}


def had_by_the_oracle(world, ends, relation, limits):
    """Every (query node, target) that counts, by trying out all chains of pairs.

    Args:
        limits: Per product row, below how many days ago an event counts; None counts always.
    """
    query_type, target_type = ends
    connected = set()
    for here, there, age in world[relation]:
        types = (EVENTS | EDGES)[relation]
        product = dict(zip(types, (here, there), strict=True)).get("Product")
        limit = limits.get(product, limits[None])
        if age is None or limit is None or age < limit:
            connected.add(((types[0], here), (types[1], there)))
    connected |= {(there, here) for here, there in connected}

    def nodes(end_type, row):
        """A node and what it consists of."""
        found = {(end_type, row)}
        if end_type in GROUPED_BY:
            group = GROUPED_BY[end_type]
            for one, other, _ in world[group]:
                if group == "PUBLISHED" and one == row:
                    found.add(("Content", other))
                whole = below(world, {row}) if end_type == "Category" else {row}
                if group != "PUBLISHED" and other in whole:
                    found.add(("Product", one))
        return found

    return {
        (seed, target)
        for seed in range(SIZES[query_type])
        for target in range(SIZES[target_type])
        if any(
            (one, other) in connected
            for one in nodes(query_type, seed)
            for other in nodes(target_type, target)
        )
    }


def below(world, categories):
    found = set(categories)
    for _ in world["CHILD_OF"]:
        found |= {child for child, parent, _ in world["CHILD_OF"] if parent in found}
    return found


def open_world(world, folder, make_node_table):
    edges = {}
    for name, (source, target) in (EVENTS | EDGES).items():
        rows = np.array([pair[:2] for pair in world[name]], dtype=np.int64).reshape(-1, 2).T
        sizes = (SIZES[source], SIZES[target])
        edge_type = SCHEMA.edge_type(name, source, target)
        if name in EDGES:
            edges[edge_type] = Adjacency.from_edges(*rows, *sizes)
        else:
            ages = np.array([pair[2] for pair in world[name]], dtype=np.int64)
            edges[edge_type] = Adjacency.from_events(*rows, NEWEST_S - 86_400 * ages, *sizes)
    return write_bundle(
        folder,
        schema=SCHEMA,
        snapshot_id="random",
        cutoff=datetime.fromtimestamp(NEWEST_S + 1, UTC),
        nodes={
            name: make_node_table(name, {str(row): {} for row in range(size)})
            for name, size in SIZES.items()
        },
        vectors={"User": np.ones((3, 2), dtype=np.float32)},
        edges=edges,
        config={},
        metrics={},
    )


@settings(max_examples=60, deadline=None)
@given(
    world=worlds,
    data=st.data(),
    within=st.none() | st.integers(0, 12),
    again=st.integers(0, 12),
    repeatable=st.sets(st.integers(0, 3), max_size=2),
)
def test_equals_the_oracle(make_node_table, world, data, within, again, repeatable):
    rule = Seen(
        within_days=within,
        repeatable=tuple(map(str, repeatable)) or None,
        repeat_after_days=again if repeatable else 0,
        at=datetime.fromtimestamp(NEWEST_S, UTC),
    )
    freed = below(world, repeatable)
    soon = again if within is None else min(again, within)
    limits = {product: soon for product, group, _ in world["IN_CATEGORY"] if group in freed}
    limits[None] = within
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(open_world(world, Path(folder) / "b", make_node_table))
        for _ in range(8):
            (here, there), relation = data.draw(questions)
            dated = rule if relation in EVENTS else Seen()
            if relation in ("FOLLOWS", "WATCHED"):  # no products on the way
                dated = Seen(within_days=within, at=rule.at)
            expected = had_by_the_oracle(world, (here, there), relation, limits)
            for ends, pairs in (
                ((here, there), expected),
                ((there, here), {(there, here) for here, there in expected}),
            ):
                found = SeenRows(paths, *ends, dated.model_copy(update={"relations": (relation,)}))
                for seed in range(SIZES[ends[0]]):
                    targets = sorted(there for here, there in pairs if here == seed)
                    assert found.of(seed).tolist() == targets


def test_evidence_is_needed_for_days(tmp_path, content):
    purchased = SCHEMA.edge_type("PURCHASED")
    content["edges"][purchased] = replace(content["edges"][purchased], evidence=None)
    paths = Paths(write_bundle(tmp_path / "b", **content))
    assert ids(paths, "User", "cat", "Product", Seen()) == "p2 p4 p5"
    with pytest.raises(QueryError, match="leave within_days and repeatable out, or train again"):
        SeenRows(paths, "User", "Product", Seen(within_days=3))


def test_in_a_shop_without_purchases_what_was_rated_is_seen_and_popular(content, tmp_path):
    """The model predicts ratings, so these stand in the place of purchases everywhere."""
    rated = SCHEMA.edge_type("RATED")
    edges = {**content["edges"], rated: content["edges"][SCHEMA.edge_type("PURCHASED")]}
    del edges[SCHEMA.edge_type("PURCHASED")]
    changed = {**content, "edges": edges, "config": {"target_edge_type": str(rated)}}
    recommender = Recommender(write_bundle(tmp_path / "rated", **changed))
    assert recommender.seen("User", "cat", "Product") == ("p2", "p4", "p5")
    assert recommender.seen("User", "cat", "Brand") == recommender.seen(
        "User", "cat", "Brand", Seen(relations="RATED")
    )
    popular = recommender.recommend("User", "nobody", "Brand", on_unknown="popular")
    assert popular.ids
    assert recommender.users_for_product("p5", new_customers_only=True).ids
