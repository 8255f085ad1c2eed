"""Scores of audiences: probabilities as held-out weeks told, or similarities that say they are."""

import json
import shutil
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import BundleCorruptError, QueryError
from graphrec import Filters, Recommender, open_bundle
from graphrec.bundle.audiences import AudienceFigures, Calibration, Knot, Reliability
from graphrec.query.audience.lookalike import Audience, AudienceScores

FIRST = Calibration(
    intercept=-1.0,
    slope=0.5,
    prior_slope=0.25,
    knots=(Knot(at=-3, logit=-5), Knot(at=-1, logit=-4.99)),
    error=0,
    tenths=(),
    top_percent=Reliability(told=0, bought=0),
)
# Of 24 known users, e01 and e02 bought of acme.
PRIOR = log(3 / 23)


def sigmoid(logit):
    return 1 / (1 + exp(-logit))


@pytest.fixture
def without(make_market):
    """The same market, trained without a holdout."""
    return make_market(audiences={})


def scores(answer):
    return {item.id: item.score for item in answer}


@pytest.mark.parametrize(
    ("new_only", "weights"), [(True, (-1.0, 0.5, 0.25)), (False, (0.0, 1.0, 0.5))]
)
def test_a_score_is_the_probability_that_the_weeks_told(market, without, new_only, weights):
    asked = {"new_customers_only": new_only, "share": 1}
    told, plain = (one.users_for_brand("acme", **asked) for one in (market, without))
    assert told.ids == plain.ids and len(told) == (22 if new_only else 24)
    intercept, slope, prior_slope = weights
    assert scores(told) == {
        name: pytest.approx(sigmoid(intercept + slope * above + prior_slope * PRIOR))
        for name, above in scores(plain).items()
    }
    assert (told.trace.score_kind, told.trace.score_days) == ("probability", 28)
    assert (plain.trace.score_kind, plain.trace.score_days) == ("similarity", None)
    # Similarities are standard deviations around the average of all known users; hardly moved by
    # the three users of whom a little more is known.
    everyone = np.array(list(scores(without.users_for_brand("acme", share=1)).values()))
    assert (everyone.mean(), everyone.std()) == pytest.approx((0, 1), abs=1e-2)


def test_what_was_not_measured_is_a_similarity(market, without):
    for answer in (market.users_for_product("pe"), market.users_like(["e01"])):
        assert answer.trace.score_kind == "similarity"
    assert market.users_for_product("pe") == without.users_for_product("pe")
    affinity = market.products_for_user("e01")
    assert affinity.trace.score_kind == "affinity"


@pytest.mark.parametrize("new_only", [True, False])
def test_the_least_score_is_of_the_kind_of_the_scores(market, without, new_only):
    asked = {"new_customers_only": new_only, "share": 1}
    for recommender in (market, without):
        everyone = recommender.users_for_brand("acme", **asked)
        for item in (everyone[0], everyone[-1]):
            above = recommender.users_for_brand("acme", **asked, min_score=item.score)
            assert above.ids == tuple(one.id for one in everyone if one.score >= item.score)
    assert without.users_for_brand("acme", min_score=-7).ids
    for recommender, value, message in (
        (market, 1.5, "min_score is 1.5; expected from 0 to 1: the chance to buy within 28 days"),
        (market, -0.1, "min_score is -0.1"),
        (market, np.nan, "min_score is nan"),
        (without, np.inf, "min_score is inf; expected a finite number"),
    ):
        with pytest.raises(QueryError, match=message):
            recommender.users_for_brand("acme", min_score=value)
        with pytest.raises(QueryError, match=message):
            recommender.lookalike_rows("Brand", ["acme"], min_score=value)


def test_rows_have_the_scores_of_answers(market):
    rows, found = market.lookalike_rows("Brand", ["acme"], share=1.0, new_customers_only=True)
    answer = market.users_for_brand("acme", share=1, new_customers_only=True)
    assert found[0][: len(answer)].tolist() == [item.score for item in answer]
    assert rows[0][len(answer) :].tolist() == [-1] * (25 - len(answer))


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=9, unique=True), st.integers(0, 10))
def test_no_score_saturates(products, members):
    """Who is more alike scores higher, however far out."""
    apart = sorted(products)
    apart = [one for one, other in zip(apart, [*apart[1:], 99], strict=True) if other - one > 1e-3]
    audience = Audience(np.ones(1, np.float32), 0.0, 1.0, 3.0, members)
    first = FIRST.probabilities
    for found in (
        AudienceScores(None, None, 0.0).of_products(audience, apart),
        AudienceScores(FIRST, 28, -3.0).of_products(audience, apart),
    ):
        assert (np.diff(found) > 0).all()
    assert ((first(apart, -3.0) > 0) & (first(apart, -3.0) < 1)).all()


class TestReachCurve:
    def test_without_a_holdout_there_is_none(self, market, without):
        message = "no held-out figures of audiences of {}.*train with a holdout"
        with pytest.raises(QueryError, match=message.format("Brand")):
            without.reach_curve("Brand", "acme")
        with pytest.raises(QueryError, match=message.format("Product")):
            market.reach_curve("Product", "pe")

    def test_it_tells_what_was_measured(self, market):
        shares = (0.01, 10**-1.5, 0.1, 1)
        curve = market.reach_curve("Brand", "acme", shares=shares)
        assert (curve.window_days, curve.band.most, len(curve)) == (28, 4, 4)
        assert [point.lift for point in curve] == pytest.approx([9, 6, 3, 1])
        assert [(p.low, p.high) for p in curve] == [
            pytest.approx((lift / 2, lift * 2)) for lift in (9, 6, 3, 1)
        ]
        likely = [
            item.score for item in market.users_for_brand("acme", share=1, new_customers_only=True)
        ]
        assert [point.users for point in curve] == [1, 1, 2, 22]
        for point in curve:
            assert point.expected == pytest.approx(sum(likely[: point.users]))
            assert point.precision == pytest.approx(point.expected / point.users)
            assert point.recall == pytest.approx(point.expected / sum(likely))
            assert point.min_score == pytest.approx(likely[point.users - 1])
        assert curve.to_dict()["measured_on"] == {
            "fewest": 1, "most": 4, "num_queries": 30, "num_new_buyers": 90,
        }  # fmt: skip

    @pytest.mark.parametrize(("buyers", "most"), [(0, 4), (4, 4), (5, 20), (20, 20), (22, 20)])
    def test_brands_with_about_as_many_buyers(self, make_market, buyers, most):
        users = [f"{side}{number:02}" for side in "ne" for number in range(1, 13)]
        bought = [(user, "pn") for user in users[:buyers]]
        market = make_market(edges={"User-PURCHASED-Product": [("e01", "pe"), *bought]})
        assert market.reach_curve("Brand", "bolt").band.most == most

    @pytest.mark.parametrize("share", [0, 0.005, 1.2, float("nan")])
    def test_a_share_that_was_not_measured(self, market, share):
        with pytest.raises(QueryError, match=r"a share is .*expected from 0.01, the smallest"):
            market.reach_curve("Brand", "acme", shares=[share])

    def test_filters_hold(self, market):
        few = market.reach_curve("Brand", "acme", filters=Filters(ids=("e03", "e04")), shares=[1])
        assert few[0].users == 2
        with pytest.raises(QueryError, match="no user who never bought Brand 'acme' may come out"):
            market.reach_curve("Brand", "acme", filters=Filters(ids=("e01", "e02")))


def test_old_bundles_open_and_keep_their_names(without, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(without.bundle.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["audiences"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    old = open_bundle(folder)
    assert old.manifest.release_id == without.bundle.manifest.release_id
    assert Recommender(old).users_for_brand("acme") == without.users_for_brand("acme")


def test_figures_are_part_of_a_release(market, without):
    assert market.bundle.manifest.release_id != without.bundle.manifest.release_id
    assert open_bundle(market.bundle.folder).manifest.audiences["Brand"].window_days == 28


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("first_purchase", "slope"), 0),
        (("first_purchase", "slope"), -1),
        (("first_purchase", "error"), 1.5),
        (("first_purchase", "knots"), []),
        (("first_purchase", "knots"), [{"at": 0, "logit": 1}, {"at": 1, "logit": 1}]),
        (("window_days",), 0),
        (("reach",), []),
    ],
)
def test_figures_that_cannot_be(market, tmp_path, place, value):
    folder = tmp_path / "wrong"
    shutil.copytree(market.bundle.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    inner = manifest["audiences"]["Brand"]
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleCorruptError, match=r"audiences\.Brand"):
        open_bundle(folder)


def test_bands_ascend():
    band = {"fewest": 5, "most": 4, "num_queries": 1, "num_new_buyers": 1, "points": []}
    for points in ([], [{"share": 0.5, "lift": 1, "low": 1, "high": 1}] * 2):
        with pytest.raises(ValueError, match="reach"):
            AudienceFigures.model_validate({"reach": [{**band, "points": points}]})
