"""What held-out weeks tell of audiences, where tastes are planted, and where nothing is."""

import numpy as np
import pytest

from graphdb.schema import SCHEMA
from graphrec import Recommender, open_bundle
from training.config import TrainConfig
from training.data import load_graph
from training.encoders import SvdConfig, SvdEncoder
from training.evaluation.audiences import FEWEST_BUYERS, SHARES, audience_figures
from training.evaluation.backtest import write_backtest_bundle
from training.evaluation.run import EvaluateOptions, evaluate
from training.evaluation.tables import tables
from training.pairs import adjacency, compose, without
from training.splitting.split import hold_out_last
from training.training_run import train

PURCHASED, MADE_BY = SCHEMA.edge_type("PURCHASED"), SCHEMA.edge_type("MADE_BY")
DAYS = 20
DEFAULTS = SvdConfig(dim=32)


def learned(graph):
    return SvdEncoder(SCHEMA, PURCHASED, DEFAULTS).fit(graph)


def measured(snapshot, holdout, folder):
    """The figures of a model of the past."""
    bundle = write_backtest_bundle(folder, snapshot, holdout, learned(holdout.train_graph))
    return audience_figures(Recommender(bundle), holdout, MADE_BY, DAYS)


class Future:
    """Figures of the twenty days before the last twenty, served in the last twenty."""

    def __init__(self, snapshot, folder):
        self.last = hold_out_last(load_graph(snapshot), PURCHASED, DAYS)
        before = hold_out_last(self.last.train_graph, PURCHASED, DAYS)
        self.figures = measured(snapshot, before, folder / "past")
        graph = self.last.train_graph
        bundle = write_backtest_bundle(
            folder / "bundle", snapshot, self.last, learned(graph), audiences=self.figures
        )
        self.recommender = Recommender(bundle)
        made_by = adjacency(graph, MADE_BY)
        had = compose(adjacency(graph, PURCHASED), made_by)
        bought = compose(self.last.truth, made_by)
        self.bought, self.new = bought.reverse(), without(bought, had).reverse()

    def told_and_bought(self, *, new_only):
        """All pairs of a brand and a user who may come out: the probability, and what came."""
        told, came = [], []
        for row, brand in enumerate(self.recommender.bundle.ids("Brand").to_pylist()):
            rows, scores = self.recommender.lookalike_rows(
                "Brand", [brand], share=1.0, new_customers_only=new_only
            )
            users = rows[0][rows[0] >= 0]
            told.append(scores[0][: len(users)])
            came.append(np.isin(users, (self.new if new_only else self.bought).targets(row)))
        return np.concatenate(told), np.concatenate(came)


@pytest.fixture(scope="module")
def future(planted, tmp_path_factory):
    return Future(planted, tmp_path_factory.mktemp("future"))


@pytest.mark.parametrize("new_only", [True, False])
def test_probabilities_hold_in_days_that_nobody_had_seen(future, new_only):
    """Expected calibration error below .01, where .03 to .07 of all buy."""
    told, came = future.told_and_bought(new_only=new_only)
    # The world runs out of brands that are new to a user, so a little less comes than before.
    assert told.mean() == pytest.approx(came.mean(), rel=0.25)
    order = np.argsort(told)
    tenths = [(told[part].mean(), came[part].mean()) for part in np.array_split(order, 10)]
    assert np.mean([abs(one - other) for one, other in tenths]) < 0.01
    assert tenths[-1][0] > 2 * told.mean() and tenths[-1][1] > 2 * came.mean()
    # Who is most alike bought before, and here buys a bit less than others of the same taste.
    assert tenths[-1][0] == pytest.approx(tenths[-1][1], rel=0.15 if new_only else 0.3)


def test_what_a_bundle_says_of_its_own_error_is_true(future):
    for one in (future.figures["Brand"].first_purchase, future.figures["Brand"].any_purchase):
        assert len(one.tenths) == 10 and one.error < 0.01
        assert one.error == pytest.approx(np.mean([abs(t.told - t.bought) for t in one.tenths]))
        told = [tenth.told for tenth in one.tenths]
        assert told == sorted(told) and one.top_percent.told >= told[-1]


def test_a_least_score_gives_an_audience_that_buys_as_often(future):
    told, came = future.told_and_bought(new_only=True)
    for least in (0.05, 0.1):
        chosen = told >= least
        assert 0 < chosen.sum() < len(told) / 2
        assert came[chosen].mean() > least


def test_lifts_hold_in_days_that_nobody_had_seen(future):
    """Over all brands, the real lift lies within what the curves tell."""
    real, low, high = [], [], []
    for row, brand in enumerate(future.recommender.bundle.ids("Brand").to_pylist()):
        curve = future.recommender.reach_curve("Brand", brand, shares=[0.1, 1])
        new = future.new.targets(row)
        answer = future.recommender.users_for_brand(
            brand, k=curve[0].users, new_customers_only=True
        )
        found = np.isin([future.recommender.bundle.row_of("User", one) for one in answer.ids], new)
        real.append((found.sum(), len(new) * curve[0].users / curve[1].users))
        low.append(curve[0].low)
        high.append(curve[0].high)
        assert curve[1].lift == 1
    hits, by_chance = np.sum(real, axis=0)
    assert hits / by_chance > 1.5
    assert 0.85 * np.mean(low) < hits / by_chance < 1.15 * np.mean(high)


def test_where_nothing_can_be_predicted_nothing_is_promised(shuffled, tmp_path):
    found = measured(shuffled, hold_out_last(load_graph(shuffled), PURCHASED, DAYS), tmp_path / "b")
    for figures in found.values():
        for band in figures.reach:
            (tenth,) = [point for point in band.points if point.share == 0.1]
            assert tenth.low < 1.15 and tenth.high > 0.85
        first = figures.first_purchase
        assert first.tenths[-1].told < 1.5 * np.mean([one.told for one in first.tenths])


def test_shares_and_bands(future):
    for figures in future.figures.values():
        assert figures.window_days == DAYS and figures.cutoff < future.last.cutoff
        for band, larger in zip(figures.reach, figures.reach[1:], strict=False):
            assert band.most < larger.fewest
        for band in figures.reach:
            assert tuple(point.share for point in band.points) == SHARES
            assert band.num_new_buyers >= FEWEST_BUYERS and band.num_queries >= 10
            assert all(point.low <= point.lift <= point.high for point in band.points)


def test_too_few_buyers_tell_nothing(planted, tmp_path, monkeypatch):
    monkeypatch.setattr("training.evaluation.audiences.FEWEST_BUYERS", 10_000)
    holdout = hold_out_last(load_graph(planted), PURCHASED, DAYS)
    assert measured(planted, holdout, tmp_path / "b") == {}


@pytest.mark.parametrize("holdout_days", [None, 28])
def test_training_keeps_them_with_a_holdout(planted, tmp_path, holdout_days):
    config = TrainConfig(svd=DEFAULTS)
    train(planted.folder, tmp_path / "bundle", config=config, holdout_days=holdout_days)
    audiences = open_bundle(tmp_path / "bundle").manifest.audiences
    assert set(audiences) == (set() if holdout_days is None else {"Brand", "Product"})


def test_an_evaluation_reports_them(planted, tmp_path):
    found = evaluate(
        planted.folder,
        tmp_path / "evaluation",
        config=TrainConfig(svd=DEFAULTS),
        options=EvaluateOptions(baselines=(), resamples=20),
    )
    assert set(found.audiences) == {"Brand", "Product"}
    titles = [str(table.title) for table in tables(found)]
    assert titles[-1] == "audiences: chance to buy within 28 days, predicted and observed"
