"""Popularity, over all time and recently."""

import pytest
import torch
from contracts.baseline import BaselineContract
from pydantic import ValidationError

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from training.baselines import Popularity, RecentPopularity, RecentPopularityConfig
from training.data import ALWAYS_S

PURCHASED = SCHEMA.edge_type("PURCHASED")
DAY_S = 86_400


class TestPopularity(BaselineContract):
    @pytest.fixture
    def make(self):
        return Popularity


class TestRecentPopularity(BaselineContract):
    @pytest.fixture
    def make(self):
        return RecentPopularity


@pytest.fixture
def graph(make_graph):
    """Product 0 was liked by three users, long ago; product 1 by one user again and again."""
    days = [(0, 0, 0), (1, 0, 10), (2, 0, 20), (2, 0, 5), (0, 1, 38), (0, 1, 40), (1, 2, 30)]
    events = [(user, product, day * DAY_S) for user, product, day in days]
    return make_graph({"User": 3, "Product": 4}, {PURCHASED: events})


def scores(graph, config=None):
    (row,) = RecentPopularity(PURCHASED, config).fit(graph).scores(torch.tensor([1]))
    return row.tolist()


def test_a_half_life_by_the_newest_event_of_every_pair(graph):
    found = scores(graph, RecentPopularityConfig(half_life_days=10))
    assert found == pytest.approx([1 / 16 + 1 / 8 + 1 / 4, 1, 1 / 2, 0])


def test_a_window_counts_query_nodes_and_leaves_its_beginning_out(graph):
    assert scores(graph, RecentPopularityConfig(window_days=20)) == [0, 1, 1, 0]
    assert scores(graph, RecentPopularityConfig(window_days=20.5)) == [1, 1, 1, 0]
    everything = scores(graph, RecentPopularityConfig(window_days=1000))
    assert everything == [3, 1, 1, 0]
    assert everything == Popularity(PURCHASED).fit(graph).scores(torch.tensor([1]))[0].tolist()


def test_trends_that_move_turn_the_order_round(graph):
    assert torch.tensor(scores(graph)).argmax() == 1  # a half-life of a week by default


def test_what_has_no_time_does_not_count(graph):
    store = graph[PURCHASED]
    store.at_s[-1] = ALWAYS_S
    assert scores(graph, RecentPopularityConfig(window_days=1000)) == [3, 1, 0, 0]
    store.at_s[:] = ALWAYS_S
    with pytest.raises(InsufficientDataError, match="no User-PURCHASED-Product edges with a time"):
        scores(graph)


@pytest.mark.parametrize("settings", [{}, {"half_life_days": 1, "window_days": 1}])
def test_one_of_the_two_has_to_be_given(settings):
    with pytest.raises(ValidationError, match="give half_life_days or window_days"):
        RecentPopularityConfig(**settings)
