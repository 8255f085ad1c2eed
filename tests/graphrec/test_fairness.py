"""Shares for new items, caps and diversity, in the small world of conftest.py and random ones.

By affinity, ann gets p1 4, p2 3, p5 2, p4 1, p3 0, p6 0. acme makes p1 p2 p5, bolt p3 p4 p6;
p1 p2 are yogurt, p3 p4 bread, p5 dairy, p6 other.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import QueryError
from graphdb.schema import SCHEMA
from graphrec import Adjacency, Block, Filters, Policy, Recommender, write_bundle

CUTOFF = datetime(2017, 12, 1, tzinfo=UTC)
BY_AFFINITY = ("p1", "p2", "p5", "p4", "p3", "p6")
DATES = {"p3": 5, "p4": 20, "p6": 40, "p1": 400}
"""Days before the cut-off; p2 and p5 have no date."""


@pytest.fixture
def dated(make_recommender, content, make_node_table):
    """The small world in which p3 and p4 are new items."""
    products = {f"p{number}": {} for number in range(1, 7)}
    for product, days in DATES.items():
        products[product]["created_at"] = CUTOFF - timedelta(days=days)
    nodes = {**content["nodes"], "Product": make_node_table("Product", products)}
    return lambda **changes: make_recommender(**{"nodes": nodes, **changes})


def ask(recommender, **options):
    return recommender.products_for_user("ann", exclude_seen=False, **options)


class TestNewItems:
    @pytest.mark.parametrize(
        ("share", "expected", "raised"),
        [
            (0.2, ("p1", "p2", "p5", "p4", "p3", "p6"), ()),  # p4 comes by itself
            (1 / 3, ("p1", "p2", "p4", "p5", "p3", "p6"), (3,)),
            (0.5, ("p1", "p4", "p2", "p3", "p5", "p6"), (2, 4)),  # only two are there to be raised
            (1, ("p4", "p3", "p1", "p2", "p5", "p6"), (1, 2)),
        ],
    )
    def test_they_get_their_share_in_every_page(self, dated, share, expected, raised):
        answer = ask(dated(), new_item_share=share)
        assert answer.ids == expected
        assert answer.trace.reranked.raised == raised
        assert answer.trace.reranked.new_items == 2
        told = [
            item.rank for item in answer if any("new, in a place" in why for why in item.reasons)
        ]
        assert tuple(told) == raised

    def test_a_short_list_has_its_share_too(self, dated):
        recommender = dated()
        assert ask(recommender, k=3, new_item_share=0.34).ids == ("p1", "p2", "p4")
        assert ask(recommender, k=2, new_item_share=0.34).ids == ("p1", "p2")

    def test_days_and_moment_say_who_is_new(self, dated):
        recommender = dated()
        assert ask(recommender, k=2, new_item_share=0.5, new_item_days=10).ids == ("p1", "p3")
        later = CUTOFF + timedelta(days=21)
        answer = ask(recommender, k=2, new_item_share=0.5, new_items_as_of=later)
        assert answer.ids == ("p1", "p3")  # p4 is 41 days old by then
        much_later = CUTOFF + timedelta(days=99)
        answer = ask(recommender, k=2, new_item_share=0.5, new_items_as_of=much_later)
        assert answer.ids == ("p1", "p2")
        assert answer.trace.reranked.new_items == 0

    def test_brands_can_be_new_items(self, make_recommender, content, make_node_table):
        brands = {"acme": {}, "bolt": {"created_at": CUTOFF - timedelta(days=1)}}
        nodes = {**content["nodes"], "Brand": make_node_table("Brand", brands)}
        recommender = make_recommender(nodes=nodes)
        assert recommender.brands_for_user("ann", exclude_seen=False).ids == ("acme", "bolt")
        answer = recommender.brands_for_user("ann", exclude_seen=False, new_item_share=1)
        assert answer.ids == ("bolt", "acme")

    def test_without_a_cutoff_ages_count_from_the_newest_event(self, dated):
        # which was two days before the cut-off of the other tests
        options = {"k": 2, "new_item_share": 0.5}
        assert ask(dated(cutoff=None), new_item_days=3, **options).ids == ("p1", "p2")

    def test_without_any_moment_one_must_be_given(self, dated, content):
        undated = {name: replace(edges, evidence=None) for name, edges in content["edges"].items()}
        recommender = dated(cutoff=None, edges=undated)
        with pytest.raises(QueryError, match=r"to count back from; give new_items_as_of"):
            ask(recommender, new_item_share=0.1)
        assert ask(recommender, new_item_share=1, new_items_as_of=CUTOFF).ids[:2] == ("p4", "p3")


class TestCaps:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"max_per_brand": 1}, ("p1", "p4")),
            ({"max_per_brand": 2}, ("p1", "p2", "p4", "p3")),
            ({"max_per_category": 1}, ("p1", "p5", "p4", "p6")),
            ({"max_per_category": 1, "max_per_brand": 1}, ("p1", "p4")),
            ({"max_per_brand": 2, "k": 3}, ("p1", "p2", "p4")),
            ({"max_per_brand": 3}, BY_AFFINITY),
        ],
    )
    def test_at_most_so_many_of_one(self, recommender, options, expected):
        assert ask(recommender, **options).ids == expected

    def test_the_trace_counts_who_was_passed_over(self, recommender):
        assert ask(recommender, max_per_brand=2).trace.reranked.passed_over == 1  # p5; p6 is last
        assert ask(recommender).trace.reranked is None

    def test_a_cap_holds_for_new_items(self, dated):
        answer = ask(dated(), new_item_share=0.5, max_per_category=1)
        assert answer.ids == ("p1", "p4", "p5", "p6")  # p3 is bread as p4 is

    def test_creators_are_those_who_promote_or_feature(
        self, make_recommender, content, make_node_table
    ):
        promotes, published, features = (
            SCHEMA.edge_type(name) for name in ("PROMOTES", "PUBLISHED", "FEATURES")
        )
        edges = {
            promotes: Adjacency.from_edges(np.array([0]), np.array([0]), 1, 6),
            published: Adjacency.from_edges(np.array([0]), np.array([0]), 1, 1),
            features: Adjacency.from_edges(np.array([0, 0]), np.array([1, 4]), 1, 6),
        }
        nodes = {
            "Creator": make_node_table("Creator", {"c": {}}),
            "Content": make_node_table("Content", {"v": {}}),
        }
        recommender = make_recommender(
            nodes={**content["nodes"], **nodes}, edges={**content["edges"], **edges}
        )
        # p1 is promoted, p2 and p5 are shown, the others belong to nobody.
        assert ask(recommender, max_per_creator=2).ids == ("p1", "p2", "p4", "p3", "p6")

    def test_similar_products_can_be_capped(self, recommender):
        every = recommender.similar_products("p5")
        assert every.ids == ("p2", "p4", "p1", "p3")
        assert recommender.similar_products("p5", max_per_brand=1).ids == ("p2", "p4")


class TestDiversity:
    def test_worked_by_hand(self, recommender):
        # Affinity 1, .75, .5, .25, 0, 0. After p1: p2 shares brand and category, p5 the brand.
        # Worth at d = .5: p2 -.125, p5 0, p4 .125, p3 0, p6 0. After p4: p3 is like it in both.
        # p2 -.125, p5 0, p3 -.5, p6 -.25, so p5; then p2, p6 -.25, p3.
        answer = ask(recommender, diversity=0.5)
        assert answer.ids == ("p1", "p4", "p5", "p2", "p6", "p3")

    def test_none_and_all(self, recommender):
        assert ask(recommender, diversity=0.0).ids == BY_AFFINITY
        # Of what is unlike p1 p4 is best; then only half alike come p5 (to p1) and p6 (to p4).
        assert ask(recommender, diversity=1).ids == ("p1", "p4", "p5", "p6", "p2", "p3")

    def test_scores_stay_those_of_affinity(self, recommender):
        by_id = {item.id: item.score for item in ask(recommender)}
        assert all(by_id[item.id] == item.score for item in ask(recommender, diversity=0.7))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"new_item_share": 1.1}, "new_item_share is 1.1; expected 0 to 1"),
        ({"new_item_share": True}, "new_item_share is True"),
        ({"new_item_days": -1}, "new_item_days is -1"),
        ({"new_items_as_of": datetime(2017, 1, 1)}, "expected a moment with its timezone"),
        ({"diversity": float("nan")}, "diversity is nan; expected 0 to 1"),
        ({"max_per_brand": 0}, "max_per_brand is 0; expected a whole number.*filter it"),
        ({"max_per_creator": 1}, "lacks edges of .*, so the creator of a Product is unknown"),
        ({"max_per_brnd": 1}, "no option 'max_per_brnd'.*did you mean 'max_per_brand'"),
    ],
)
def test_what_cannot_be_asked(recommender, options, message):
    with pytest.raises(QueryError, match=message):
        ask(recommender, **options)


def test_users_have_no_brand(recommender):
    with pytest.raises(QueryError, match="User targets have no brand to spread over"):
        recommender.users_for_brand("acme", max_per_brand=1)
    with pytest.raises(QueryError, match="no category, brand or creator of User targets"):
        recommender.users_for_brand("acme", diversity=0.1)


NUM_USERS, NUM_PRODUCTS, NUM_BRANDS, NUM_CATEGORIES = 6, 400, 9, 5
AGES = st.floats(0, 1)


@pytest.fixture(scope="module")
def shop(make_node_table):
    """A world large enough for pools to be cut off, with a policy; every fifth is new."""
    rng = np.random.default_rng(5)
    brand = np.minimum(rng.geometric(0.5, NUM_PRODUCTS) - 1, NUM_BRANDS - 1)
    category = np.minimum(rng.geometric(0.6, NUM_PRODUCTS) - 1, NUM_CATEGORIES - 1)
    days = np.where(rng.random(NUM_PRODUCTS) < 0.2, 3, 300)
    names = {
        "User": NUM_USERS,
        "Product": NUM_PRODUCTS,
        "Brand": NUM_BRANDS,
        "Category": NUM_CATEGORIES,
    }
    nodes = {name: {f"{row:03d}": {} for row in range(size)} for name, size in names.items()}
    for row, product in enumerate(nodes["Product"].values()):
        product["created_at"] = CUTOFF - timedelta(days=int(days[row]))
        product["price"] = float(row % 20)
    bought = rng.integers(0, (NUM_USERS, NUM_PRODUCTS), (60, 2))
    every = np.arange(NUM_PRODUCTS)
    edges = {
        "PURCHASED": (bought[:, 0], bought[:, 1]),
        "MADE_BY": (every, brand),
        "IN_CATEGORY": (every, category),
    }
    vectors = {
        "User": rng.integers(-2, 3, (NUM_USERS, 3)),
        "Product": rng.integers(-2, 3, (400, 3)),
    }
    vectors["User"][0] = (1, 0, 0)
    with TemporaryDirectory() as folder:
        write_bundle(
            Path(folder) / "b",
            schema=SCHEMA,
            snapshot_id="shop",
            cutoff=CUTOFF,
            nodes={name: make_node_table(name, rows) for name, rows in nodes.items()},
            vectors={name: rows.astype(np.float32) for name, rows in vectors.items()},
            edges={
                (of := SCHEMA.edge_type(name)): Adjacency.from_edges(
                    *pairs, names[of.source], names[of.target]
                )
                for name, pairs in edges.items()
            },
            config={},
            metrics={},
        )
        blocks = (Block(type="Brand", ids=("002",), reason="COUNTERFEIT"),)
        policy = Policy(version="1", blocks=blocks)
        recommender = Recommender.open(Path(folder) / "b", policy=policy)
        # Asked for again and again by the tests: to give reasons for 400 products takes a while.
        whole = cache(
            lambda user, **options: rows_of(
                recommender.recommend("User", user, "Product", k=NUM_PRODUCTS, **options)
            )
        )
        yield recommender, whole, {"brand": brand, "category": category, "is_new": days < 30}


CAP = st.none() | st.integers(1, 4)
OPTIONS = st.fixed_dictionaries(
    {
        "k": st.integers(1, 40),
        "new_item_share": st.sampled_from([0.0, 0.1, 0.29, 0.5, 1.0]),
        "max_per_brand": CAP,
        "max_per_category": CAP,
        "diversity": st.sampled_from([0.0, 0.3, 1.0]),
        "exclude_seen": st.booleans(),
        "filters": st.sampled_from(
            [None, Filters(brands=("000", "001", "002", "003")), Filters(price_max=4)]
        ),
    }
)
USERS = [f"{row:03d}" for row in range(NUM_USERS)]


def rows_of(answer):
    return np.array([int(item.id) for item in answer], dtype=int)


@settings(max_examples=60)
@given(OPTIONS)
def test_every_list_keeps_what_is_promised(shop, options):
    recommender, whole, truth = shop
    answers = recommender.recommend_many("User", USERS, "Product", **options)
    plain = {name: options[name] for name in ("exclude_seen", "filters")}
    for user, answer in zip(USERS, answers, strict=True):
        alone = recommender.recommend("User", user, "Product", **options)
        assert [(one.id, one.score, one.reasons) for one in alone] == [
            (one.id, one.score, one.reasons) for one in answer
        ]
        assert alone.trace.reranked == answer.trace.reranked
        every = whole(user, **plain)
        rows = rows_of(answer)
        assert len(set(rows)) == len(rows)
        assert np.isin(rows, every).all()  # neither policy nor filters nor seen leak
        assert not (truth["brand"][rows] == 2).any()
        for name in ("brand", "category"):
            most = options[f"max_per_{name}"]
            if most is not None and len(rows):
                assert np.bincount(truth[name][rows]).max() <= most
        assert rows.tolist() == slowly(every, truth, options, answer)


def slowly(every, truth, options, answer):
    """The same list from its definition: the whole ranking, one place after the other."""
    if options["diversity"]:
        return rows_of(answer).tolist()  # depends on the pool; what is promised is checked above
    chosen = []

    def fits(row):
        for name in ("brand", "category"):
            most, values = options[f"max_per_{name}"], truth[name]
            if most is not None and sum(values[row] == values[one] for one in chosen) >= most:
                return False
        return row not in chosen

    for place in range(1, options["k"] + 1):
        fitting = [row for row in every if fits(row)]
        due = int(place * options["new_item_share"] + 1e-9)
        if sum(truth["is_new"][one] for one in chosen) < due:
            fitting = [row for row in fitting if truth["is_new"][row]] or fitting
        if not fitting:
            break
        chosen.append(fitting[0])
    return chosen


@settings(max_examples=40)
@given(OPTIONS, st.sampled_from(USERS))
def test_the_share_is_reached_wherever_enough_new_items_pass(shop, options, user):
    recommender, whole, truth = shop
    uncapped = {**options, "max_per_brand": None, "max_per_category": None}
    rows = rows_of(recommender.recommend("User", user, "Product", **uncapped))
    plain = {name: options[name] for name in ("exclude_seen", "filters")}
    every = whole(user, **plain)
    there = int(truth["is_new"][every].sum())
    for end in range(1, len(rows) + 1):
        due = int(end * options["new_item_share"] + 1e-9)
        assert truth["is_new"][rows[:end]].sum() >= min(due, there)


@settings(max_examples=30)
@given(OPTIONS, st.sampled_from(USERS))
def test_asking_for_nothing_is_the_plain_answer(shop, options, user):
    recommender, _, _ = shop
    plain = {name: options[name] for name in ("k", "exclude_seen", "filters")}
    loose = {"new_item_share": 0.0, "max_per_brand": NUM_PRODUCTS, "diversity": 0.0}
    expected = recommender.recommend("User", user, "Product", **plain)
    answer = recommender.recommend("User", user, "Product", **plain, **loose)
    assert list(answer) == list(expected)
    assert answer.trace.reranked.passed_over == 0
