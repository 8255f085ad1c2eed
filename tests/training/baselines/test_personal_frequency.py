"""Personal frequency: the scores by hand, and against a loop."""

import numpy as np
import pytest
import torch
from contracts.baseline import BaselineContract

from graphdb.schema import SCHEMA
from training.baselines import PersonalFrequency, PersonalFrequencyConfig
from training.data import DAY_S

PURCHASED = SCHEMA.edge_type("PURCHASED")
FOLLOWS = SCHEMA.edge_type("FOLLOWS", target="Brand")


class TestPersonalFrequency(BaselineContract):
    @pytest.fixture
    def make(self):
        return PersonalFrequency

    @pytest.fixture
    def graph(self, purchases):
        return purchases


def ranked(graph, user, half_life_days=90.0):
    """All products, best first, with those of equal score by row."""
    config = PersonalFrequencyConfig(half_life_days=half_life_days)
    (scores,) = PersonalFrequency(PURCHASED, config).fit(graph).scores(torch.tensor([user]))
    return torch.argsort(scores, descending=True, stable=True).tolist()


@pytest.fixture
def shop(make_graph):
    """User 0 took 1 twice a year ago and 2 once yesterday; three others took 0, two of them 3."""
    year, day = 365 * DAY_S, DAY_S
    return make_graph(
        {"User": 5, "Product": 5},
        {
            PURCHASED: [
                (0, 1, 0),
                (0, 1, day),
                (0, 2, year),
                *((user, 0, year + day) for user in (1, 2, 3)),
                *((user, 3, year) for user in (1, 2)),
            ]
        },
    )


def test_the_newest_habit_comes_first_then_what_is_popular(shop):
    """2 counts 2^(-1/90), 1 counts 2 * 2^(-365/90) or so, and without ageing 2."""
    assert ranked(shop, 0) == [2, 1, 0, 3, 4]
    assert ranked(shop, 0, half_life_days=None) == [1, 2, 0, 3, 4]
    assert ranked(shop, 4) == [0, 3, 1, 2, 4]


def test_an_old_habit_is_still_ahead_of_what_is_popular(shop):
    assert ranked(shop, 0, half_life_days=1.0)[:2] == [2, 1]


def test_edges_without_a_time_count_one_each(make_graph):
    graph = make_graph({"User": 3, "Brand": 3}, {FOLLOWS: [(0, 1), (1, 2), (2, 2)]})
    scores = PersonalFrequency(FOLLOWS).fit(graph).scores(torch.arange(3))
    assert scores.argmax(dim=1).tolist() == [1, 2, 2]
    assert (scores > 1).sum(dim=1).tolist() == [1, 1, 1]


def test_against_a_loop(make_graph):
    rng = np.random.default_rng(5)
    events = [
        (int(user), int(product), int(at), int(count))
        for user, product, at, count in zip(
            rng.integers(8, size=90),
            rng.integers(12, size=90),
            rng.integers(200 * DAY_S, size=90),
            rng.integers(1, 4, size=90),
            strict=True,
        )
    ]
    graph = make_graph({"User": 9, "Product": 12}, {PURCHASED: events})
    last = max(at for _, _, at, _ in events)
    often = np.zeros((9, 12))
    for user, product, at, _ in events:
        often[user, product] += 0.5 ** ((last - at) / DAY_S / 90)  # whatever its count
    scores = PersonalFrequency(PURCHASED).fit(graph).scores(torch.arange(9)).numpy()
    assert ((scores > 1) == (often > 0)).all()
    for user in range(8):
        own = np.flatnonzero(often[user])
        expected = 1 + often[user, own] / often[user].max()
        assert scores[user, own] == pytest.approx(expected, abs=1e-6)
