"""Peak days: half as many again as the median day, and more than chance."""

import numpy as np
import pytest

from training.data import DAY_S
from training.evaluation.tasks import on_days, peak_days


def events(*per_day, first=100):
    days = np.repeat(np.arange(len(per_day)), per_day) + first
    return days * DAY_S + 5


def test_a_day_far_above_the_usual():
    at_s = events(*[100] * 10, 180, 100, 149)
    assert peak_days(at_s, 100 * DAY_S).tolist() == [110]


def test_only_days_from_the_moment_on():
    at_s = events(100, 300, *[100] * 8, 300)
    assert peak_days(at_s, 105 * DAY_S).tolist() == [110]


def test_few_events_are_no_peak_by_chance():
    # The median day has 9; half as many again is 13.5, but 9 + 4 * 3 = 21 is chance.
    assert peak_days(events(*[9] * 10, 20, 21), 100 * DAY_S).tolist() == [111]


def test_the_usual_is_that_of_the_last_weeks():
    # A shop that grew: long ago a day had 10, so that all days now would be peaks.
    at_s = events(*[10] * 300, *[100] * 60, 120)
    assert peak_days(at_s, (100 + 356) * DAY_S).tolist() == []


def test_where_most_days_have_nothing_one_event_is_no_peak():
    at_s = events(1, *[0] * 9, 1, 0, 0, 3, 4)
    assert peak_days(at_s, 105 * DAY_S).tolist() == [114]


def test_days_before_the_first_event_are_not_usual():
    assert peak_days(events(*[100] * 5), 102 * DAY_S).tolist() == []


@pytest.mark.parametrize("at_s", [np.empty(0, np.int64), events(5)])
def test_nothing_since(at_s):
    assert peak_days(at_s, 400 * DAY_S).tolist() == []


def test_moments_on_days():
    at_s = np.array([100 * DAY_S - 1, 100 * DAY_S, 101 * DAY_S - 1, 101 * DAY_S])
    assert on_days(at_s, np.array([100])).tolist() == [False, True, True, False]
