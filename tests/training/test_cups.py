"""The cup test: the first ten cups follow the taste that other purchases tell, trait by trait."""

import numpy as np
import pytest
from benchmarks.cups import DIMENSIONS, SCENARIOS, CupWorld, measured, trained

from training.config import TrainConfig

SEED = 101  # settings were chosen on others

FOLLOWED = {"shoppers": 0.2, "cups listed today": 0.2, "three events": 0.1}
"""How far, of the way from chance or popularity to somebody who knows the taste."""

OF_BRANDS = 0.75
"""What of it has to be reached in brands: short vectors keep less of them than of other traits."""


@pytest.fixture(scope="module")
def cups():
    return CupWorld.of(SEED)


@pytest.fixture(scope="module")
def figures(cups, tmp_path_factory):
    return measured(cups, trained(cups, tmp_path_factory.mktemp("cups")))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_ten_cups_follow_the_planted_taste(figures, scenario, dimension):
    at = DIMENSIONS.index(dimension)
    ways = {way: shares[at] for way, shares in figures[scenario].items()}
    most = ways.pop("who knows the taste")
    reached = ways.pop("graphrec")
    blind = max(ways.values())
    share = FOLLOWED[scenario] * (OF_BRANDS if dimension == "brand" else 1)
    assert reached > blind + share * (most - blind)


@pytest.mark.slow
def test_it_is_the_profile_that_follows(cups, figures, tmp_path):
    without = measured(cups, trained(cups, tmp_path, TrainConfig(profile={"weight": 0})))
    for scenario in ("shoppers", "three events"):
        gained = figures[scenario]["graphrec"] - without[scenario]["graphrec"]
        assert np.all(gained[:4] > 0), scenario


@pytest.mark.slow
def test_what_is_asked_for_was_hidden(cups):
    truth = cups.world.truth
    assert len(cups.listed_today) >= 30 and len(cups.on_offer) >= 100
    assert len(cups.shoppers) > 400 and len(cups.new_users) > 100
    assert truth.users.light[cups.new_users].all() and not truth.users.light[cups.shoppers].any()
