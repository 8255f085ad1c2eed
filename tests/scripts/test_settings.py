"""Settings of baselines: what scripts/bench.py accuracy --baseline changes."""

from argparse import ArgumentTypeError

import pytest
from benchmarks.models import baseline_change
from benchmarks.models.settings import baseline_settings


def test_a_change_stands_in_place_of_the_files():
    assert baseline_settings("beibei-groupbuy", "ials", []) == {"dim": 64}
    changes = [baseline_change("ials.dim=256"), baseline_change("ease.rank=32")]
    assert baseline_settings("beibei-groupbuy", "ials", changes) == {"dim": 256}
    assert baseline_settings("gowalla", "ease", changes) == {"rank": 32}
    assert baseline_settings("gowalla", "gf-cf", []) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [("als.dim=256", "no baseline: als; there are popularity, ials"), ("ials", "is not TOML")],
)
def test_changes_of_nothing(text, message):
    with pytest.raises(ArgumentTypeError, match=message):
        baseline_change(text)
