"""Habits: own products are ranked by what was learned, all others by the dot product, exactly."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import BundleError, QueryError
from graphdb.schema import SCHEMA
from graphrec import Adjacency, Filters, Recommender, Seen, write_bundle
from graphrec.bundle import HabitRule, Habits, PairHistory, TargetHabits, open_bundle
from graphrec.bundle.habits import feature_names, features
from graphrec.query.habits import HabitScores
from graphrec.query.index import IndexConfig, build_index
from graphrec.query.next_part import Step
from graphrec.query.policy import Block, Policy

DAY_S = 86_400
PURCHASED = SCHEMA.edge_type("PURCHASED")
NUM_USERS, NUM_PRODUCTS, DIM = 12, 40, 4
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = (7.0, 60.0)


def make_habits(seed, events, num_targets=NUM_PRODUCTS, **changes):
    """Random habits for the pairs of these events: (user, product, seconds)."""
    rng = np.random.default_rng(seed)
    users, products, at_s = events
    keys, pair_of = np.unique(users * num_targets + products, return_inverse=True)
    as_of_s = int(AS_OF.timestamp())
    first = np.full(len(keys), np.iinfo(np.int64).max)
    np.minimum.at(first, pair_of, at_s)
    ages = (as_of_s - at_s) / DAY_S
    decayed = np.stack([np.bincount(pair_of, 2.0 ** (-ages / life)) for life in LIVES], axis=1)
    of_targets = TargetHabits(
        rng.normal(2, 1, num_targets).astype(np.float32),
        rng.normal(0, 1, num_targets).astype(np.float32),
        rng.random((num_targets, len(LIVES))).astype(np.float32),
    )
    rule = {
        "edge_type": str(PURCHASED),
        "as_of": AS_OF,
        "half_lives_days": LIVES,
        "window_days": 28.0,
        "intercept": -1.0,
        "coefficients": tuple(rng.normal(0, 0.5, len(feature_names(LIVES))).tolist()),
        "affinity": 0.1,
        "scale": 2.0,
        "weight": 1.0,
    }
    return Habits(HabitRule(**{**rule, **changes}), first, decayed.astype(np.float32), of_targets)


def random_events(seed, num_events=150):
    """The last user has no events at all."""
    rng = np.random.default_rng(seed)
    users = rng.integers(NUM_USERS - 1, size=num_events)
    products = rng.integers(NUM_PRODUCTS, size=num_events)
    return users, products, int(AS_OF.timestamp()) - rng.integers(100 * DAY_S, size=num_events) - 1


def write_world(folder, make_node_table, seed=0, habits=True, **changes):
    rng = np.random.default_rng(seed + 1)
    events = random_events(seed)
    bought = Adjacency.from_events(*events, NUM_USERS, NUM_PRODUCTS)
    nodes = {
        "User": {f"u{row:02d}": {} for row in range(NUM_USERS)},
        "Product": {f"p{row:02d}": {"price": float(row % 7)} for row in range(NUM_PRODUCTS)},
    }
    return write_bundle(
        folder,
        schema=SCHEMA,
        snapshot_id="habits",
        cutoff=AS_OF,
        nodes={name: make_node_table(name, of) for name, of in nodes.items()},
        vectors={
            "User": rng.normal(size=(NUM_USERS, DIM)).astype(np.float32),
            "Product": rng.normal(size=(NUM_PRODUCTS, DIM)).astype(np.float32),
        },
        edges={PURCHASED: bought},
        config={},
        metrics={},
        habits=make_habits(seed, events, **changes) if habits else None,
    )


def brute_force(bundle, user, *, now=AS_OF, events=()):
    """Every score of one user, in plain Python: a dictionary by product row."""
    habits, edges = bundle.habits, bundle.edges(PURCHASED)
    rule = habits.rule
    queries, targets = bundle.vectors("User"), bundle.vectors("Product")
    scores = {
        row: sum(float(a) * float(b) for a, b in zip(queries[user], vector, strict=True))
        for row, vector in enumerate(targets)
    }
    now_s, as_of_s = now.timestamp(), rule.as_of.timestamp()
    for place in range(edges.indptr[user], edges.indptr[user + 1]):
        row = int(edges.indices[place])
        count, last = int(edges.evidence.counts[place]), int(edges.evidence.last_at_s[place])
        first = int(habits.first_at_s[place])
        decayed = [float(one) for one in habits.decayed[place]]
        for target, at_s in events:
            if target == row:
                count, last = count + 1, max(last, at_s)
                decayed = [
                    one + 2 ** ((at_s - as_of_s) / DAY_S / life)
                    for one, life in zip(decayed, LIVES, strict=True)
                ]
        since = max(now_s - last, 0) / DAY_S
        log_usual = float(habits.targets.intervals[row])
        usual = math.exp(log_usual)
        own = ((last - first) / DAY_S + usual) / count
        faded = [2 ** ((as_of_s - now_s) / DAY_S / life) for life in LIVES]
        values = [
            math.log(count),
            float(count == 1),
            math.log1p(since),
            math.log(since / usual + 0.01),
            min(since / usual, 8),
            math.log(since / own + 0.01),
            min(since / own, 8),
            math.log(own),
            log_usual,
            float(habits.targets.repeat_rates[row]),
            *(math.log(one * f + 0.01) for one, f in zip(decayed, faded, strict=True)),
            *(
                math.log(float(one) * f + 0.01)
                for one, f in zip(habits.targets.decayed[row], faded, strict=True)
            ),
        ]
        log_odds = rule.intercept + sum(
            value * factor for value, factor in zip(values, rule.coefficients, strict=True)
        )
        learned = rule.scale * (log_odds + rule.affinity * scores[row])
        scores[row] += rule.weight * (learned - scores[row])
    return scores


def best(scores, k, keep):
    rows = sorted(filter(keep, scores), key=lambda row: (-scores[row], row))[:k]
    return [f"p{row:02d}" for row in rows], [scores[row] for row in rows]


def found(answer):
    return [one.id for one in answer], [one.score for one in answer]


def assert_same(answer, expected):
    ids, scores = found(answer)
    assert ids == expected[0]
    assert scores == pytest.approx(expected[1], rel=1e-5, abs=1e-5)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, make_node_table):
    return write_world(tmp_path_factory.mktemp("habits") / "bundle", make_node_table)


@settings(max_examples=25, deadline=None)
@given(
    user=st.integers(0, NUM_USERS - 1),
    k=st.integers(1, NUM_PRODUCTS),
    price_max=st.none() | st.integers(0, 6),
    days=st.integers(0, 90),
    repeats=st.sampled_from(["include", "only", "exclude"]),
)
def test_the_ranking_is_that_of_the_exact_sums(bundle, user, k, price_max, days, repeats):
    now = AS_OF + timedelta(days=days)
    own = set(bundle.edges(PURCHASED).targets(user).tolist())

    def keep(row):
        wanted = {"include": True, "only": row in own, "exclude": row not in own}[repeats]
        return wanted and (price_max is None or row % 7 <= price_max)

    answer = Recommender(bundle).products_for_user(
        f"u{user:02d}",
        k=k,
        repeats=repeats,
        filters=Filters(price_max=price_max),
        habits_as_of=now,
        reasons=False,
    )
    assert_same(answer, best(brute_force(bundle, user, now=now), k, keep))


def test_who_never_met_has_the_dot_product_alone(bundle, tmp_path, make_node_table):
    plain = write_world(tmp_path / "plain", make_node_table, habits=False)
    ids = [f"u{row:02d}" for row in range(NUM_USERS)]
    for user, user_id in enumerate(ids):
        own = {f"p{row:02d}" for row in bundle.edges(PURCHASED).targets(user)}
        one, other = (
            Recommender(of).products_for_user(user_id, k=NUM_PRODUCTS, exclude_seen=False)
            for of in (bundle, plain)
        )
        new = [[(each.id, each.score) for each in of if each.id not in own] for of in (one, other)]
        assert new[0] == new[1]  # to the last bit
        assert found(one) != found(other) or not own
    without_history = ids[-1]
    answers = [
        Recommender(of).products_for_user(without_history, exclude_seen=False)
        for of in (bundle, plain)
    ]
    assert found(answers[0]) == found(answers[1])


def test_a_batch_equals_one_by_one(bundle):
    recommender = Recommender(bundle)
    ids = [f"u{row:02d}" for row in (3, 11, 0, 7, 3, 5)]
    for options in ({"exclude_seen": False}, {"repeats": "only"}, {"exclude_seen": False, "k": 2}):
        batch = recommender.recommend_many("User", ids, "Product", **options)
        single = [recommender.recommend("User", one, "Product", **options) for one in ids]
        assert [found(one) for one in batch] == [found(one) for one in single]


def test_an_index_finds_the_same(bundle, tmp_path, make_node_table):
    plain = Recommender(bundle)
    indexed = write_world(tmp_path / "indexed", make_node_table)
    build_index(indexed.folder, IndexConfig(kind="bounds", min_targets=1))
    recommender = Recommender(open_bundle(indexed.folder))
    assert recommender.bundle.manifest.indexes
    for user in range(NUM_USERS):
        answers = [
            one.products_for_user(f"u{user:02d}", k=12, exclude_seen=False, reasons=False)
            for one in (plain, recommender)
        ]
        assert found(answers[0]) == found(answers[1])


def test_repeats_and_exclude_seen_say_one_thing(bundle):
    ask = Recommender(bundle).products_for_user
    assert found(ask("u01")) == found(ask("u01", repeats="exclude"))
    assert found(ask("u01", exclude_seen=False)) == found(ask("u01", repeats="include"))
    own = {f"p{row:02d}" for row in bundle.edges(PURCHASED).targets(1)}
    only = [one.id for one in ask("u01", repeats="only", k=NUM_PRODUCTS)]
    assert set(only) == own
    recent = Seen(within_days=30)
    both = [*ask("u01", repeats="only", exclude_seen=recent, k=NUM_PRODUCTS)]
    assert {one.id for one in both} < own
    others = {one.id for one in ask("u01", exclude_seen=recent, k=NUM_PRODUCTS)}
    assert others & own == own - {one.id for one in both}


@settings(max_examples=30)
@given(
    user=st.integers(0, NUM_USERS - 1),
    k=st.integers(1, NUM_PRODUCTS),
    share=st.floats(0, 1),
    price_max=st.integers(0, 7),
)
def test_repeats_get_their_share_of_the_places(bundle, user, k, share, price_max):
    ask = Recommender(bundle).products_for_user
    about = {"filters": Filters(price_max=price_max), "reasons": False}
    repeats, others = (
        [(one.id, one.score) for one in ask(f"u{user:02d}", k=k, repeats=kind, **about)]
        for kind in ("only", "exclude")
    )
    answer = ask(f"u{user:02d}", k=k, repeats="include", repeat_share=share, **about)
    number = min(len(repeats), max(round(share * k), k - len(others)))
    expected = repeats[:number] + others[: k - number]
    assert [(one.id, one.score) for one in answer] == sorted(
        expected, key=lambda one: (-one[1], one[0])
    )


def test_a_share_in_a_batch_equals_one_by_one(bundle):
    recommender, ids = Recommender(bundle), ["u03", "u11", "u00"]
    options = {"exclude_seen": False, "repeat_share": 0.4, "k": 7}
    batch = recommender.recommend_many("User", ids, "Product", **options)
    single = [recommender.recommend("User", one, "Product", **options) for one in ids]
    assert [found(one) for one in batch] == [found(one) for one in single]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeat_share": 0.3}, "repeat_share is 0.3, and repeats are 'exclude'"),
        ({"repeats": "only", "repeat_share": 0.3}, "repeats are 'only'"),
        ({"repeats": "include", "repeat_share": 1.1}, "repeat_share is 1.1"),
        ({"repeats": "include", "repeat_share": 0.3, "diversity": 0.5}, "with new_item_share"),
    ],
)
def test_a_share_that_cannot_be_given_is_refused(bundle, options, message):
    with pytest.raises(QueryError, match=message):
        Recommender(bundle).products_for_user("u01", **options)


def test_who_is_unknown_took_nothing(bundle):
    ask = Recommender(bundle).products_for_user
    popular = ask("nobody", on_unknown="popular", k=5)
    assert len(popular) == 5
    assert len(ask("nobody", on_unknown="popular", repeats="only")) == 0
    shared = ask("nobody", on_unknown="popular", repeats="include", repeat_share=0.5, k=5)
    assert found(shared) == found(popular)


def test_filters_and_policies_hold_for_own_products(bundle):
    own = [f"p{row:02d}" for row in bundle.edges(PURCHASED).targets(2)]
    policy = Policy(version="1", blocks=(Block(type="Product", ids=own[:2], reason="RECALL"),))
    answer = Recommender(bundle, policy=policy).products_for_user(
        "u02", k=NUM_PRODUCTS, exclude_seen=False
    )
    assert set(own[:2]).isdisjoint(one.id for one in answer)
    assert set(own[2:]) <= {one.id for one in answer}


def test_a_later_event_counts(bundle):
    user = 4
    own = bundle.edges(PURCHASED).targets(user).tolist()
    never = next(one for one in range(NUM_PRODUCTS) if one not in own)
    bought = AS_OF + timedelta(days=3)
    events = [(own[1], 0), (own[0], 0), (own[1], 60), (never, 0)]
    later = [(row, int(bought.timestamp()) + after) for row, after in events]
    now = AS_OF + timedelta(days=5)
    answer = Recommender(bundle).products_for_user(
        f"u{user:02d}",
        k=NUM_PRODUCTS,
        repeats="include",
        habits_as_of=now,
        recent_events=[
            ("PURCHASED", f"p{row:02d}", bought + timedelta(seconds=after)) for row, after in events
        ],
        reasons=False,
    )
    scores = brute_force(bundle, user, now=now, events=later)
    assert_same(answer, best(scores, NUM_PRODUCTS, lambda _: True))
    assert scores[own[0]] != brute_force(bundle, user, now=now)[own[0]]


def test_an_event_that_the_bundle_knows_counts_once(bundle):
    pairs = bundle.edges(PURCHASED)
    place = int(pairs.indptr[4])
    known = Step(PURCHASED, int(pairs.indices[place]), int(pairs.evidence.last_at_s[place]))
    scores = HabitScores(bundle)
    assert scores.of(4, AS_OF, [known]).log_odds.tolist() == scores.of(4, AS_OF).log_odds.tolist()
    viewed = Step(SCHEMA.edge_type("VIEWED"), known.row, int(AS_OF.timestamp()) + DAY_S)
    assert scores.of(4, AS_OF, [viewed]).log_odds.tolist() == scores.of(4, AS_OF).log_odds.tolist()


def test_without_a_time_an_event_is_now_and_time_goes_on_with_events(bundle):
    scores, row = HabitScores(bundle), int(bundle.edges(PURCHASED).targets(4)[0])
    later_s = int(AS_OF.timestamp()) + 9 * DAY_S
    now = AS_OF + timedelta(days=9)
    one = scores.of(4, now, [Step(PURCHASED, row, None)])
    other = scores.of(4, None, [Step(PURCHASED, row, later_s)])
    assert one.log_odds == pytest.approx(other.log_odds)


def test_more_counts_more_where_only_counts_count():
    history = PairHistory(
        np.array([2, 3], dtype=np.int32),
        np.array([0, 0]),
        np.array([50 * DAY_S, 50 * DAY_S]),
        np.ones((2, 1), dtype=np.float32),
        60.0 * DAY_S,
    )
    same = TargetHabits(
        np.ones(2, np.float32), np.zeros(2, np.float32), np.ones((2, 1), np.float32)
    )
    values = features(history, same, 60.0 * DAY_S, (30.0,))
    assert values.shape == (2, len(feature_names((30.0,))))
    assert values[1, 0] > values[0, 0]


def test_only_repeats_needs_a_known_user(bundle):
    with pytest.raises(QueryError, match="ask for a user of the bundle"):
        Recommender(bundle).products_for_events([("PURCHASED", "p01")], repeats="only")


def test_brands_bought_before_can_be_asked_for(recommender):
    only = recommender.brands_for_user("cat", repeats="only")
    assert [one.id for one in only] == ["acme", "bolt"]
    assert [one.id for one in recommender.brands_for_user("bob", repeats="only")] == ["bolt"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edge_type": "User-VIEWED-Product"}, "has no events here"),
        ({"coefficients": (1.0,)}, "1 coefficients"),
        ({"half_lives_days": (60.0, 7.0)}, "do not ascend"),
    ],
)
def test_habits_that_do_not_fit_are_refused(tmp_path, make_node_table, changes, message):
    with pytest.raises((BundleError, ValueError), match=message):
        write_world(tmp_path / "bundle", make_node_table, **changes)


def test_arrays_that_do_not_fit_are_refused(tmp_path, make_node_table):
    for number, spoil in enumerate(
        (
            lambda one: Habits(one.rule, one.first_at_s[1:], one.decayed, one.targets),
            lambda one: Habits(
                one.rule, one.first_at_s, one.decayed * np.float32("nan"), one.targets
            ),
            lambda one: Habits(one.rule, one.first_at_s, -one.decayed, one.targets),
            lambda one: Habits(one.rule, one.first_at_s + 10**9, one.decayed, one.targets),
        )
    ):
        events = random_events(0)
        with pytest.raises(BundleError, match="habits"):
            write_bundle(
                tmp_path / str(number),
                schema=SCHEMA,
                snapshot_id="habits",
                cutoff=AS_OF,
                nodes={
                    "User": make_node_table("User", {f"u{i:02d}": {} for i in range(NUM_USERS)}),
                    "Product": make_node_table(
                        "Product", {f"p{i:02d}": {} for i in range(NUM_PRODUCTS)}
                    ),
                },
                vectors={
                    "User": np.ones((NUM_USERS, 2), np.float32),
                    "Product": np.ones((NUM_PRODUCTS, 2), np.float32),
                },
                edges={PURCHASED: Adjacency.from_events(*events, NUM_USERS, NUM_PRODUCTS)},
                config={},
                metrics={},
                habits=spoil(make_habits(0, events)),
            )


def test_a_bundle_keeps_its_habits(bundle):
    read = open_bundle(bundle.folder)
    assert read.habits.rule == bundle.habits.rule
    assert all(
        np.array_equal(*pair) for pair in zip(read.habits.arrays, bundle.habits.arrays, strict=True)
    )
