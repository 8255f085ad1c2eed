"""A release or a policy is swapped under load: every answer is of one of them, whole."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import sleep

import numpy as np
import pytest
from contracts.market import IDS, make_market

from graphdb.errors import BundleMissingError
from graphrec import Block, Policy, Recommender

NUM_SWAPS = 100
THREADS = 8
RECALLED = Policy(version="2", blocks=[Block(type="Product", ids=["p2", "p3"], reason="RECALLED")])


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Two releases that answer differently: the second's users are turned around."""
    folder = tmp_path_factory.mktemp("releases")
    first = make_market(folder / "first")
    vectors = {name: first.vectors(name) for name in IDS}
    vectors["User"] = -vectors["User"]
    return first, make_market(folder / "second", vectors=vectors)


def answer(recommender):
    found = recommender.products_for_user("u2", k=7)
    return [(item.id, item.score) for item in found], found.trace.policy_version


@pytest.mark.parametrize("what", ["release", "policy"])
def test_no_answer_fails_or_mixes_while_it_is_swapped(releases, what):
    first, second = releases
    recommender = Recommender(first)
    if what == "release":
        swaps = [
            lambda: recommender.reload(second.folder),
            lambda: recommender.reload(first.folder),
        ]
        expected = [answer(Recommender(bundle)) for bundle in releases]
    else:
        swaps = [lambda: recommender.set_policy(RECALLED), lambda: recommender.set_policy(None)]
        expected = [answer(Recommender(first, policy=policy)) for policy in (None, RECALLED)]
    assert expected[0] != expected[1]
    done, counts = Event(), np.zeros((THREADS, 2), dtype=int)

    def ask(thread):
        while not done.is_set():
            counts[thread, expected.index(answer(recommender))] += 1  # ValueError for a mixture

    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask, thread) for thread in range(THREADS)]
        try:
            for swap in range(NUM_SWAPS):
                swaps[swap % 2]()
                sleep(0.005)  # so that some are asked of this one
        finally:
            done.set()
        for each in asking:
            each.result()
    assert (counts.sum(axis=0) > 0).all(), "both were asked"


def test_a_bad_release_leaves_the_old_one_serving(releases, tmp_path):
    first, second = releases
    recommender = Recommender(first, policy=RECALLED)
    before = answer(recommender)
    broken = tmp_path / "broken"
    shutil.copytree(second.folder, broken)
    (broken / "vectors" / "User.npy").unlink()
    with pytest.raises(BundleMissingError, match=r"User.npy' is missing"):
        recommender.reload(broken)
    assert (answer(recommender), recommender.bundle) == (before, first)
    recommender.reload(second.folder)
    assert answer(recommender) == answer(Recommender(second, policy=RECALLED))
