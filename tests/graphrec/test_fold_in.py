"""Someone unknown, in the small world of conftest.py: by events, or by what is popular."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import QueryError, UnknownIdError
from graphdb.schema_types import EdgeType
from graphrec import Block, Filters, OwnBlock, Policy, Recommender

NOW = datetime(2017, 11, 30, tzinfo=UTC)
PURCHASED = EdgeType("User", "PURCHASED", "Product")


class TestVector:
    def test_worked_by_hand(self, recommender):
        # Weighted degrees: p1 5, p2 5, p3 5, p4 5, p5 10. A purchase weighs 5, so f of p1 (4, 0)
        # and p5 (2, 2) is sqrt(5/5)(4, 0) + sqrt(5/10)(2, 2). Gains from ann, bob and cat:
        half = np.sqrt(0.5)
        folded = {
            "ann": np.array([4 + 2 * half, 2 * half]),
            "bob": np.array([0.0, 4.0]),
            "cat": np.array([3 + 1 + 2 * half, 1 + 3 + 2 * half]),
        }
        trained = {"ann": [1, 0], "bob": [0, 1], "cat": [half, half]}
        units = {name: f / np.linalg.norm(f) for name, f in folded.items()}
        gains = sum(units[name] * trained[name] for name in units)
        gains = gains / sum(unit**2 for unit in units.values())
        expected = gains * units["ann"]
        expected = expected / np.linalg.norm(expected)  # the median length of a user is 1
        vector = recommender._engine.release.fold_in.vector(
            [("PURCHASED", "p1"), ("PURCHASED", "p5")], None
        )
        np.testing.assert_allclose(vector, expected, rtol=1e-6)
        assert vector.dtype == np.float32

    def test_old_events_fade_and_events_without_a_time_do_not(self, recommender):
        old = NOW - timedelta(days=600)
        fresh_east = [("PURCHASED", "p1", NOW), ("PURCHASED", "p3", old)]
        assert recommender.products_for_events(fresh_east).ids[0] == "p2"
        fresh_north = [("PURCHASED", "p1", old), ("PURCHASED", "p3")]
        assert recommender.products_for_events(fresh_north).ids[0] == "p2"  # all one can go by
        fresh_north.append(("VIEWED", "p4", NOW))
        assert recommender.products_for_events(fresh_north, k=1).ids == ("p5",)
        as_one = recommender.products_for_events(fresh_east, half_life_days=None)
        scores = {item.id: item.score for item in as_one}
        assert scores["p2"] > 0 and scores["p4"] > 0

    def test_a_purchase_says_more_than_a_view_and_a_return_takes_it_back(self, recommender):
        bought_east = [("PURCHASED", "p1"), ("VIEWED", "p3")]
        assert recommender.products_for_events(bought_east).ids[:2] == ("p2", "p5")
        returned = [*bought_east, ("RETURNED", "p1"), ("RETURNED", "p1")]
        assert recommender.products_for_events(returned).ids[0] == "p4"
        assert "p1" not in recommender.products_for_events(returned).ids

    @settings(max_examples=30)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["PURCHASED", "VIEWED", "CARTED"]),
                st.sampled_from(["p1", "p2", "p3", "p4", "p5"]),
            ),
            min_size=1,
        ),
        st.randoms(),
    )
    def test_the_order_of_events_does_not_matter(self, recommender, events, random):
        shuffled = list(events)
        random.shuffle(shuffled)
        fold_in = recommender._engine.release.fold_in
        np.testing.assert_allclose(
            fold_in.vector(shuffled, 30.0), fold_in.vector(events, 30.0), rtol=1e-5
        )

    def test_brands_that_are_followed_tell_too(self, recommender):
        answer = recommender.products_for_events([("User-FOLLOWS-Brand", "acme")])
        assert answer.ids[:3] == ("p1", "p2", "p5")

    def test_without_users_edges_nothing_has_to_be_learned(self, make_recommender, content):
        edges = {name: of for name, of in content["edges"].items() if name != PURCHASED}
        recommender = make_recommender(edges=edges)
        assert recommender.products_for_events([("PURCHASED", "p1")]).ids[0] == "p2"


class TestAnswers:
    def test_known_histories_find_what_their_users_find(self, recommender):
        for user in ("ann", "bob"):
            events = [("PURCHASED", one) for one in recommender.seen("User", user, "Product")]
            own = recommender.products_for_user(user)
            assert set(recommender.products_for_events(events).ids) == set(own.ids)
            assert recommender.products_for_events(events).ids[0] == own.ids[0]

    def test_what_events_hold_counts_as_seen(self, recommender):
        events = [("PURCHASED", "p1"), ("VIEWED", "p2")]
        answer = recommender.products_for_events(events)
        assert not {"p1", "p2"} & set(answer.ids)
        assert (answer.query_type, answer.query_id) == ("", "")
        every = recommender.products_for_events(events, exclude_seen=False)
        assert every.ids[:2] == ("p1", "p2")
        brands = recommender.recommend_for_events([("PURCHASED", "p1")], "Brand")
        assert brands.ids == ("bolt",)
        viewed = recommender.recommend_for_events([("VIEWED", "p1")], "Brand")
        assert viewed.ids == ("acme", "bolt")  # seen is not bought

    def test_policy_in_every_scope_and_filters_hold(self, world_path):
        block = Block(type="Product", ids=("p2",), reason="RECALLED", scope=("Creator",))
        recommender = Recommender.open(world_path, policy=Policy(version="1", blocks=(block,)))
        events = [("PURCHASED", "p1")]
        answer = recommender.products_for_events(events)
        assert "p2" not in answer.ids and answer.trace.excluded == {"RECALLED": 1}
        assert "p2" in recommender.products_for_user("ann").ids  # out of the block's scope
        cheap = recommender.products_for_events(events, filters=Filters(price_max=3))
        assert cheap.ids == ("p3",)

    def test_shares_and_caps_work(self, recommender):
        answer = recommender.products_for_events([("PURCHASED", "p1")], max_per_brand=1)
        assert answer.ids == ("p2", "p4")

    @pytest.mark.parametrize(
        ("events", "error", "message"),
        [
            ([("PURCHASED", "p9")], UnknownIdError, "no Product has the id 'p9'"),
            ([("PURCHASD", "p1")], QueryError, "no event of a user.*did you mean 'PURCHASED'"),
            ([("MADE_BY", "acme")], QueryError, "'MADE_BY' is no event of a user"),
            ([], QueryError, "tell of no taste"),
            ([("RETURNED", "p1")], QueryError, "tell of no taste: nothing positive is left"),
            ([("PURCHASED", "p6")], QueryError, "tell of no taste"),
            ([("PURCHASED", "p1", datetime(2017, 1, 1))], QueryError, "moment with its timezone"),
        ],
    )
    def test_what_cannot_be_folded_in(self, recommender, events, error, message):
        with pytest.raises(error, match=message):
            recommender.products_for_events(events)

    def test_half_life_must_be_positive(self, recommender):
        with pytest.raises(QueryError, match="half_life_days is 0; expected a number above 0"):
            recommender.recommend_for_events([("PURCHASED", "p1")], "Product", half_life_days=0)


class TestPopular:
    def test_someone_unknown_gets_what_most_have_bought(self, recommender):
        with pytest.raises(UnknownIdError, match="no User has the id 'eve'"):
            recommender.products_for_user("eve")
        answer = recommender.products_for_user("eve", on_unknown="popular", k=3)
        assert [(item.id, item.score) for item in answer] == [("p5", 2), ("p1", 1), ("p2", 1)]
        assert {item.reasons for item in answer} == {("popular: nothing is known about this User",)}
        assert answer.query_id == "eve"

    def test_brands_by_the_buyers_of_their_products(self, recommender):
        answer = recommender.brands_for_user("eve", on_unknown="popular")
        assert [(item.id, item.score) for item in answer] == [("acme", 4), ("bolt", 2)]

    def test_a_user_without_a_vector_keeps_own_blocks(self, world_path):
        with pytest.raises(QueryError, match="knows nothing about User 'dan'"):
            Recommender.open(world_path).products_for_user("dan")
        own = OwnBlock(user="dan", type="Brand", ids=("bolt",))
        recommender = Recommender.open(world_path, policy=Policy(version="1", own_blocks=(own,)))
        answer = recommender.products_for_user("dan", on_unknown="popular")
        assert answer.ids == ("p5", "p1", "p2")
        assert answer[0].reasons[0] == "popular: nothing is known about this User"

    def test_filters_and_policy_hold(self, world_path):
        block = Block(type="Brand", ids=("acme",), reason="BANNED", scope=("Creator",))
        recommender = Recommender.open(world_path, policy=Policy(version="1", blocks=(block,)))
        answer = recommender.products_for_user(
            "eve", on_unknown="popular", filters=Filters(price_min=2)
        )
        assert answer.ids == ("p3", "p4")

    def test_a_batch_mixes_known_and_unknown(self, recommender):
        users = ["eve", "ann", "dan", "ann", "bob"]
        many = recommender.recommend_many("User", users, "Product", on_unknown="popular")
        assert [answer.query_id for answer in many] == users
        for user, answer in zip(users, many, strict=True):
            assert answer == recommender.products_for_user(user, on_unknown="popular")
        assert many[1] == recommender.products_for_user("ann")
        assert recommender.recommend_many("User", [], "Product", on_unknown="popular") == []

    @pytest.mark.parametrize(
        ("ask", "message"),
        [
            (
                lambda r: r.products_for_user("ann", on_unknown="fold_in"),
                "on_unknown is 'fold_in'; expected one of error, popular, skip; .*for_events",
            ),
            (
                lambda r: r.recommend("Brand", "nobody", "User", on_unknown="popular"),
                "which User nodes are popular is unknown",
            ),
        ],
    )
    def test_what_cannot_be_popular(self, recommender, ask, message):
        with pytest.raises(QueryError, match=message):
            ask(recommender)
