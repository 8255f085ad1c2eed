"""Baselines over baskets: scores by hand, and against loops over sets."""

import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from contracts.baseline import BaselineContract

from graphdb.errors import InsufficientDataError
from graphdb.schema import SCHEMA
from training.baselines import (
    TifuKnn,
    TifuKnnConfig,
    Transitions,
    TransitionsConfig,
    UpCf,
    UpCfConfig,
)
from training.data import ALWAYS_S, DAY_S

PURCHASED = SCHEMA.edge_type("PURCHASED")
NUM_USERS, NUM_PRODUCTS = 9, 12


class OfBaskets(BaselineContract):
    @pytest.fixture
    def graph(self, purchases):
        return purchases

    def test_without_times_there_are_no_baskets(self, make, graph):
        graph[PURCHASED].at_s[:] = ALWAYS_S
        with pytest.raises(InsufficientDataError, match="PURCHASED-Product edges with a time"):
            make(PURCHASED).fit(graph)


class TestTifuKnn(OfBaskets):
    @pytest.fixture
    def make(self):
        return lambda edge_type: TifuKnn(edge_type, TifuKnnConfig(num_neighbors=2))


class TestUpCf(OfBaskets):
    @pytest.fixture
    def make(self):
        return UpCf


class TestTransitions(OfBaskets):
    @pytest.fixture
    def make(self):
        return Transitions


@pytest.fixture(params=range(3))
def events(request):
    """(user, product, time), several at one time; the last user took nothing."""
    rng = np.random.default_rng(request.param)
    size = 120
    return sorted(
        {
            (int(user), int(product), int(at) * DAY_S)
            for user, product, at in zip(
                rng.integers(NUM_USERS - 1, size=size),
                rng.integers(NUM_PRODUCTS - 1, size=size),
                rng.integers(1, 20, size=size),
                strict=True,
            )
        },
        key=lambda event: (event[0], event[2], event[1]),
    )


@pytest.fixture
def shop(events, make_graph):
    return make_graph({"User": NUM_USERS, "Product": NUM_PRODUCTS}, {PURCHASED: events})


def baskets_of(events):
    """Per user its baskets, oldest first."""
    found = defaultdict(dict)
    for user, product, at in events:
        found[user].setdefault(at, set()).add(product)
    return {user: [at[one] for one in sorted(at)] for user, at in found.items()}


def all_scores(baseline, graph):
    return baseline.fit(graph).scores(torch.arange(NUM_USERS)).double().numpy()


@pytest.mark.parametrize(("size", "neighbors"), [(2, 3), (3, 2), (50, 1)])
def test_tifu_knn_against_loops(events, shop, size, neighbors):
    config = TifuKnnConfig(
        num_neighbors=neighbors, group_size=size, basket_decay=0.8, group_decay=0.6, own_weight=0.3
    )
    vectors = np.zeros((NUM_USERS, NUM_PRODUCTS))
    for user, baskets in baskets_of(events).items():
        groups = [baskets[max(end - size, 0) : end] for end in range(len(baskets), 0, -size)]
        for age, group in enumerate(groups):  # the newest first
            for place, basket in enumerate(reversed(group)):
                for product in basket:
                    share = 0.8**place / len(group) * 0.6**age / len(groups)
                    vectors[user, product] += share
    expected = np.zeros_like(vectors)
    for user in range(NUM_USERS):
        others = [one for one in range(NUM_USERS) if one != user and vectors[one].any()]
        others.sort(key=lambda one: ((vectors[one] - vectors[user]) ** 2).sum())
        expected[user] = 0.3 * vectors[user] + 0.7 * vectors[others[:neighbors]].mean(axis=0)
    np.testing.assert_allclose(all_scores(TifuKnn(PURCHASED, config), shop), expected, atol=1e-6)


@pytest.mark.parametrize(("recent", "asymmetry", "locality"), [(None, 0.5, 1), (2, 0.25, 3)])
def test_up_cf_against_loops(events, shop, recent, asymmetry, locality):
    config = UpCfConfig(recent_baskets=recent, asymmetry=asymmetry, locality=locality)
    baskets = baskets_of(events)
    sets = {user: set().union(*found) for user, found in baskets.items()}
    expected = np.zeros((NUM_USERS, NUM_PRODUCTS))
    for user, mine in sets.items():
        for other, theirs in sets.items():
            cosine = len(mine & theirs) / (len(mine) ** asymmetry * len(theirs) ** (1 - asymmetry))
            newest = baskets[other][-(recent or 99) :]
            for product in range(NUM_PRODUCTS):
                share = sum(product in basket for basket in newest) / len(newest)
                expected[user, product] += cosine**locality * share
    np.testing.assert_allclose(all_scores(UpCf(PURCHASED, config), shop), expected, atol=1e-5)


@pytest.mark.parametrize("within", [1, 3])
def test_transitions_against_loops(events, shop, within):
    follows, of_user = defaultdict(lambda: defaultdict(int)), defaultdict(list)
    for user, product, _ in events:
        of_user[user].append(product)
    for taken in of_user.values():
        for place, before in enumerate(taken):
            for after in taken[place + 1 : place + 1 + within]:
                if before != after:
                    follows[before][after] += 1
    found = all_scores(Transitions(PURCHASED, TransitionsConfig(within=within)), shop)
    popular = [len({user for user, one, _ in events if one == p}) for p in range(NUM_PRODUCTS)]
    for user in range(NUM_USERS):
        after = follows[of_user[user][-1]] if of_user[user] else {}
        total = sum(after.values())
        order = sorted(
            range(NUM_PRODUCTS),
            key=lambda one: (-(after.get(one, 0) / total if total else 0), -popular[one]),
        )
        ranks = np.argsort(-found[user], kind="stable")
        assert [(after.get(one, 0), popular[one]) for one in ranks] == [
            (after.get(one, 0), popular[one]) for one in order
        ]


def test_the_newest_baskets_count_most(make_graph):
    """1 was in the two oldest of six baskets, 2 in the two newest; alone, without neighbors."""
    bought = [(0, product, day * DAY_S) for day, product in enumerate([1, 1, 0, 3, 2, 2], start=1)]
    graph = make_graph({"User": 2, "Product": 5}, {PURCHASED: bought})
    (scores,) = TifuKnn(PURCHASED, TifuKnnConfig(group_size=2)).fit(graph).scores(torch.tensor([0]))
    decay = 0.7
    assert math.isclose(float(scores[2]), (1 + 0.9) / 2 / 3, rel_tol=1e-6)
    assert math.isclose(float(scores[1]), decay**2 * (1 + 0.9) / 2 / 3, rel_tol=1e-6)
    (scores,) = UpCf(PURCHASED, UpCfConfig(recent_baskets=2)).fit(graph).scores(torch.tensor([0]))
    assert scores.tolist() == [0, 0, 1, 0, 0]
