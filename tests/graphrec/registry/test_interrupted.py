"""A promotion may end at any moment: readers always find a whole release, and nothing is lost."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from graphdb import atomic
from graphrec import Recommender, Registry, open_bundle
from graphrec.registry import places, promotions

NUM_SWAPS = 30  # each meets dozens of reads
READERS = 4
KILLS = 10
PROMOTE_FOR_EVER = """
import itertools, sys
from graphrec import Registry
registry = Registry(sys.argv[1])
for name in itertools.cycle(["one", "two"]):
    registry.promote(name, verify=False)
    print(name, flush=True)
"""


class Crash(BaseException):
    """Stands for the end of the process."""


def answer(recommender):
    return [(item.id, item.score) for item in recommender.products_for_user("u2", k=7)]


def check_whole(registry):
    """Who is current, after checking that all that a reader may ask for fits together."""
    history = registry.history()
    assert [one.until for one in history] == [*(one.since for one in history[1:]), None]
    (current,) = (one for one in registry.releases() if one.is_current)
    assert (current.name, current.release_id) == (history[-1].name, history[-1].release_id)
    assert all(one.problem is None for one in registry.releases())
    assert open_bundle(f"{registry.folder}@current").manifest.release_id == current.release_id
    return current.name


def test_it_may_crash_at_every_step(filled, releases, monkeypatch):
    """Every step ends with a `sync`: of the files and folders, then of one that changes."""
    left = 0
    whole_sync = atomic.sync

    def crash_at_last(path):
        nonlocal left
        left -= 1
        if not left:
            raise Crash
        whole_sync(path)

    for module in (atomic, promotions, places):
        monkeypatch.setattr(module, "sync", crash_at_last)
    filled.promote("one")
    atomic.remove_folder(filled.folder / "releases" / "three")
    copied = [*releases["three"].manifest.files, "manifest.json"]
    num_files = len(copied) + len({Path(name).parent for name in copied})
    found = []
    for step in (1, *range(num_files, num_files + 6)):
        left = step
        with pytest.raises(Crash):
            filled.promote(releases["three"].folder, name="three")
        found.append(check_whole(filled))
        before = len(filled.history())
        switch = filled.promote("two")
        assert check_whole(filled) == "two"
        assert len(filled.history()) == before + switch.changed
        if "three" in {one.name for one in filled.releases()}:
            atomic.remove_folder(filled.folder / "releases" / "three")
    # After the files and the folder come two for what is not current yet, then the rename.
    assert found == ["one", "two", "two", "two", "two", "three", "three"]
    left = num_files + 6
    assert filled.promote(releases["three"].folder, name="three").changed
    assert left == 1, "there is no further step"
    assert check_whole(filled) == "three"


@pytest.mark.parametrize("kept", [0, 1, 30, -1])
def test_half_a_line_is_no_line(filled, kept):
    before = filled.history()
    path = filled.folder / "history.jsonl"
    *whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole) + last[:kept])
    assert filled.history() == before  # the last one stands in current.json
    filled.promote("one")
    assert filled.history()[:-1] == (*before[:-1], filled.history()[-2])
    assert [one.name for one in filled.history()] == ["one", "two", "three", "one"]
    assert path.read_bytes().splitlines(keepends=True)[:3] == [*whole, last]


@pytest.mark.slow
def test_readers_get_a_whole_release_while_it_is_swapped(filled, releases):
    address = f"{filled.folder}@current"
    filled.promote("one")
    expected = [answer(Recommender(releases[name])) for name in ("one", "two")]
    done = Event()

    def read():
        recommender, seen = Recommender.open(address), set()
        while not done.is_set():
            seen.add(expected.index(answer(Recommender.open(address))))  # ValueError for a mixture
            recommender.reload(address)
            seen.add(expected.index(answer(recommender)))
        return seen

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read) for _ in range(READERS)]
        try:
            for swap in range(NUM_SWAPS):
                filled.promote(("two", "one")[swap % 2], verify=False)
        finally:
            done.set()
        seen = set.union(*(one.result() for one in readers))
    assert seen == {0, 1}
    assert len(filled.history()) == 4 + NUM_SWAPS


@pytest.mark.slow
def test_a_killed_promotion_leaves_a_whole_registry(filled):
    """The process is killed again and again, wherever it is just then."""
    seen, lengths = set(), [len(filled.history())]
    filled.promote("one")
    for kill in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", PROMOTE_FOR_EVER, str(filled.folder)], stdout=subprocess.PIPE
        )
        with process:
            assert process.stdout is not None
            process.stdout.readline()  # it is at work
            time.sleep(0.003 * kill)  # so that it is caught at another place each time
            process.send_signal(signal.SIGKILL)
        seen.add(check_whole(filled))
        lengths.append(len(filled.history()))
    assert lengths == sorted(lengths) and lengths[-1] > lengths[0]
    assert seen <= {"one", "two"}
    Registry(filled.folder).promote("three")  # nobody holds the lock any more
    assert check_whole(filled) == "three"
