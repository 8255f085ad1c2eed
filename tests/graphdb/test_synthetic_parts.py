"""The parts that draw: against slow oracles and known answers."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.schema_types import SINCE
from graphdb.sources.synthetic.draws import choose, in_order, pick
from graphdb.sources.synthetic.people import Histories, related
from graphdb.sources.synthetic.tastes import Shelf, Wanted

histories = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40
)  # (history, product), one per moment


def as_histories(events):
    history, product = np.array(events, dtype=np.int32).T
    return Histories(history, product, np.arange(len(events), dtype=np.int64) * 10)


def slow_related(events, lags, support, partners):
    """The same, one event after the other."""
    past, seen, edges = {}, Counter(), {}
    for moment, (history, product) in enumerate(events):
        for near in reversed(past.setdefault(history, [])[-lags:]):
            for pair in {(near, product), (product, near)} if near != product else ():
                seen[pair] += 1
                if seen[pair] == support:
                    edges[pair] = 10 * moment
        past[history].append(product)
    kept = {}
    for source in {pair[0] for pair in edges}:
        mine = sorted((since, pair[1]) for pair, since in edges.items() if pair[0] == source)
        kept |= {(source, target): since for since, target in mine[:partners]}
    return kept


def as_dict(edges):
    pairs = zip(edges.source.tolist(), edges.target.tolist(), strict=True)
    return dict(zip(pairs, edges.columns[SINCE].tolist(), strict=True))


@given(histories, st.integers(1, 3), st.integers(1, 2), st.integers(1, 3))
def test_related_equals_the_slow_way(events, lags, support, partners):
    expected = slow_related(events, lags, support, partners)
    if not expected:
        expected = slow_related(events, lags, 1, partners)
    found = related(as_histories(events), 5, lags, support, most=5 * partners)
    assert as_dict(found) == expected


@given(histories, st.integers(1, 40))
def test_related_products_do_not_know_the_future(events, num_known):
    everything = as_dict(related(as_histories(events), 5, 2, 1, most=10))
    known = as_dict(related(as_histories(events[:num_known]), 5, 2, 1, most=10))
    assert known == {pair: at for pair, at in everything.items() if at < 10 * num_known}


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_in_order_makes_times_distinct_and_moves_them_little(moments):
    order, distinct = in_order(np.array(moments))
    assert sorted(order.tolist()) == list(range(len(moments)))
    assert (np.diff(distinct) > 0).all()
    moved = distinct - np.array(moments)[order]
    assert (moved >= 0).all() and (moved < len(moments)).all()


@given(st.lists(st.sampled_from([0.0, 0.5, 3.0]), min_size=1, max_size=20), st.integers(0, 25))
def test_choose_takes_distinct_positions_of_positive_weight(weights, num):
    chosen = choose(np.random.default_rng(0), np.array(weights), num)
    positive = {position for position, weight in enumerate(weights) if weight > 0}
    assert len(set(chosen.tolist())) == len(chosen) == min(num, len(positive))
    assert set(chosen.tolist()) <= positive


def test_choose_and_pick_follow_the_weights():
    rng = np.random.default_rng(0)
    first = [choose(rng, np.array([1.0, 3.0]), 1)[0] for _ in range(4000)]
    assert np.mean(first) == pytest.approx(3 / 4, abs=0.03)
    assert np.bincount(pick(rng, 4000, [2, 0, 6])) / 4000 == pytest.approx(
        [1 / 4, 0, 3 / 4], abs=0.03
    )


def shelf_of_four():
    """Rows 0 and 1 stand in category 0, rows 2 and 3 in category 1; row 3 comes late."""
    return Shelf(
        created=np.array([0, 0, 0, 100]),
        popularity=np.array([1.0, 3.0, 4.0, 8.0]),
        category=np.array([0, 0, 1, 1], dtype=np.int32),
        traits={"style": np.array([0, 1, 0, 1], dtype=np.int32)},
        num_values={"category": 3, "style": 2},
    )


def drawn_shares(at, category, style, strength, num=6000):
    wanted = Wanted(
        np.full(num, category, dtype=np.int32), {"style": np.full(num, style, dtype=np.int32)}
    )
    rng = np.random.default_rng(0)
    rows = shelf_of_four().draw(rng, np.full(num, at), wanted, strength)
    return np.bincount(rows, minlength=4) / num


def test_a_shelf_without_taste_follows_popularity_among_what_is_there():
    assert drawn_shares(100, 0, 1, 0.0) == pytest.approx([1 / 16, 3 / 16, 4 / 16, 8 / 16], abs=0.02)
    assert drawn_shares(99, 0, 1, 0.0) == pytest.approx([1 / 8, 3 / 8, 4 / 8, 0], abs=0.02)


def test_a_shelf_with_taste_prefers_what_matches_most():
    shares = drawn_shares(100, 1, 1, 1.0)
    assert shares.argmax() == 3 and shares[3] > 0.8
    assert drawn_shares(99, 1, 1, 1.0)[3] == 0  # not there yet
    assert drawn_shares(99, 1, 1, 1.0).argmax() == 2  # the category at least
    assert drawn_shares(100, 0, 0, 1.0).argmax() == 0  # though it is the least popular


def test_a_shelf_without_the_category_falls_back_on_popularity():
    assert drawn_shares(100, 2, 0, 1.0).sum() == pytest.approx(1)
