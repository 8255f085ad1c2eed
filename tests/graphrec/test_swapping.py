"""A release or a policy is swapped under load: every answer is of one of them, whole."""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from contracts.market import IDS, make_market

from graphdb.errors import BundleMissingError
from graphrec import Block, Policy, Recommender

NUM_SWAPS = 50
THREADS = 4
LIMIT_S = 60
RECALLED = Policy(version="2", blocks=[Block(type="Product", ids=["p2", "p3"], reason="RECALLED")])


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Two releases that answer differently: the second's users are turned around."""
    folder = tmp_path_factory.mktemp("releases")
    first = make_market(folder / "first")
    vectors = {name: first.vectors(name) for name in IDS}
    vectors["User"] = -vectors["User"]
    return first, make_market(folder / "second", vectors=vectors)


@pytest.fixture
def hurried():
    """Threads take turns 25 times as often: more places to mix answers up, and no long waits."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 25)
    yield
    sys.setswitchinterval(before)


def answer(recommender):
    found = recommender.products_for_user("u2", k=7)
    return [(item.id, item.score) for item in found], found.trace.policy_version


@pytest.mark.usefixtures("hurried")
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
    done, answered = Event(), [Event(), Event()]

    def ask():
        while not done.is_set():
            answered[expected.index(answer(recommender))].set()  # ValueError for a mixture

    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask) for _ in range(THREADS)]
        try:
            for swap in range(NUM_SWAPS):
                now = answered[1 - swap % 2]
                now.clear()
                swaps[swap % 2]()
                if not now.wait(LIMIT_S):
                    break
        finally:
            done.set()
        for each in asking:
            each.result()
    assert now.is_set(), "each was asked, after every swap"


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
