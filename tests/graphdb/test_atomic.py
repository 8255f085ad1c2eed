"""Writing whole or not at all: two writers at once, what others own, what a killed one leaves."""

import os
import signal
import stat
import subprocess
import sys

import pytest

from graphdb.atomic import (
    atomic_file,
    atomic_folder,
    clear_leftovers,
    empty_folder,
    remove_folder,
    write_file,
)
from graphdb.errors import DataError, FileAccessError, SnapshotError, StoreError
from graphdb.locking import locked

PARTS = 50
WRITE_FOLDER = f"""
import sys
from pathlib import Path
from graphdb.atomic import atomic_folder
from graphdb.errors import SnapshotError
folder, mark = Path(sys.argv[1]), sys.argv[2]
try:
    with atomic_folder(folder, SnapshotError, "snapshots") as unfinished:
        print("begun", flush=True)
        sys.stdin.readline()
        for part in range({PARTS}):
            (unfinished / str(part)).write_text(mark * 1000)
except SnapshotError as error:
    print(error)
    sys.exit(4)
"""
WRITE_FILE = """
import sys
from pathlib import Path
from graphdb.atomic import atomic_file
from graphdb.errors import DataError
path, mark = Path(sys.argv[1]), sys.argv[2]
with atomic_file(path, DataError) as unfinished:
    print("begun", flush=True)
    sys.stdin.readline()
    with unfinished.open("w") as file:
        for _ in range(1000):
            file.write(mark * 1000)
            file.flush()
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_both(code, path):
    """Two writers of one name that are both at work before either goes on."""
    writers = [start(code, path, mark) for mark in "ab"]
    for writer in writers:
        assert writer.stdout.readline() == "begun\n"
    for writer in writers:
        writer.stdin.write("go on\n")
        writer.stdin.flush()
    return [(*writer.communicate(timeout=60), writer.returncode) for writer in writers]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_of_two_writers_of_a_folder_one_wins_whole_and_one_is_told(tmp_path):
    ended = start_both(WRITE_FOLDER, tmp_path / "new")
    assert sorted(code for *_, code in ended) == [0, 4]
    (told,) = (said for said, _, code in ended if code)
    assert "new' exists already; snapshots are never changed; choose another name" in told
    won = "ab"[[code for *_, code in ended].index(0)]
    parts = [path.read_text() for path in (tmp_path / "new").iterdir()]
    assert parts == [won * 1000] * PARTS
    assert names(tmp_path) == ["new"]


def test_of_two_writers_of_a_file_the_last_wins_whole(tmp_path):
    ended = start_both(WRITE_FILE, tmp_path / "new")
    assert [code for *_, code in ended] == [0, 0]
    assert (tmp_path / "new").read_text() in {mark * 1_000_000 for mark in "ab"}
    assert names(tmp_path) == ["new"]


def test_what_a_killed_writer_leaves_is_removed_by_the_next_but_no_living_one(tmp_path):
    killed, living = (start(WRITE_FOLDER, tmp_path / "new", mark) for mark in "ab")
    for writer in (killed, living):
        writer.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert len(names(tmp_path)) == 2
    with atomic_folder(tmp_path / "other", SnapshotError, "snapshots"):
        pass
    assert len(names(tmp_path)) == 3, "another name's leftovers are another writer's"
    with atomic_folder(tmp_path / "new", SnapshotError, "snapshots") as unfinished:
        (unfinished / "mine").write_text("whole")
        assert len([name for name in names(tmp_path) if name.startswith(".new.")]) == 2
    assert living.communicate("go on\n")[0].startswith(f"'{tmp_path}/new' exists already")
    assert names(tmp_path) == ["new", "other"]
    assert names(tmp_path / "new") == ["mine"]


def test_leftovers_of_all_names_can_be_removed_at_once(tmp_path):
    killed = start(WRITE_FOLDER, tmp_path / "new", "a")
    killed.stdout.readline()
    killed.kill()
    killed.communicate()
    with atomic_file(tmp_path / "living", DataError) as unfinished:
        clear_leftovers(tmp_path)
        unfinished.write_text("whole")
    assert names(tmp_path) == ["living"]


@pytest.mark.parametrize(
    "name", [".new.partial", ".new.abc.partial", "new.partial", ".new.unfinished"]
)
@pytest.mark.parametrize("kind", ["folder", "full folder", "file", "link", "lost link"])
def test_what_bears_a_similar_name_is_left_alone(tmp_path, name, kind):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "graphrec.lock").write_text("")
    own = tmp_path / name
    if "link" in kind:
        own.symlink_to(outside if kind == "link" else tmp_path / "nowhere")
    elif kind == "file":
        own.write_text("mine")
    else:
        own.mkdir()
        if kind == "full folder":
            (own / "mine").write_text("mine")
    before = own.lstat()
    with atomic_folder(tmp_path / "new", SnapshotError, "snapshots") as unfinished:
        (unfinished / "part").write_text("whole")
    remove_folder(tmp_path / "new")
    write_file(tmp_path / "new", "whole", DataError)
    clear_leftovers(tmp_path)
    assert own.lstat().st_ino == before.st_ino
    assert names(outside) == ["graphrec.lock"]
    assert names(tmp_path) == sorted([name, "new", "outside"])


def make(kind, path):
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        (path.parent / "elsewhere").write_text("mine")
        path.symlink_to(path.parent / "elsewhere")
    elif kind == "lost link":
        path.symlink_to(path.parent / "nowhere")
    elif kind == "file":
        path.write_text("mine")
    else:
        os.mkfifo(path)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("kind", ["file", "link", "lost link", "device", "full folder"])
def test_a_folder_is_renamed_onto_nothing_only(tmp_path, kind, when):
    def take():
        make(kind.removeprefix("full "), tmp_path / "new")
        if kind == "full folder":
            (tmp_path / "new" / "mine").write_text("mine")

    def write():
        with atomic_folder(tmp_path / "new", SnapshotError, "snapshots") as unfinished:
            (unfinished / "part").write_text("whole")
            if when == "meanwhile":
                take()

    if when == "before":
        take()
    with pytest.raises(SnapshotError, match="new' exists already; snapshots are never changed"):
        write()
    new = tmp_path / "new"
    assert not (new / "part").exists()
    assert stat.S_IFMT(new.lstat().st_mode) == {
        "file": stat.S_IFREG,
        "device": stat.S_IFIFO,
        "full folder": stat.S_IFDIR,
    }.get(kind, stat.S_IFLNK)
    assert not [name for name in names(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [("folder", "folder"), ("link", "link"), ("lost link", "link"), ("device", "device")],
)
def test_a_file_takes_the_place_of_files_only(tmp_path, kind, said, when):
    path = tmp_path / "new"
    if when == "before":
        make(kind, path)
    with (
        pytest.raises(DataError, match=f"new' is a {said} and is not overwritten; expected a"),
        atomic_file(path, DataError) as unfinished,
    ):
        unfinished.write_text("whole")
        if when == "meanwhile":
            make(kind, path)
    assert not path.is_file() or path.read_text() == "mine"
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def test_a_new_file_may_be_read_by_whom_the_old_one_could_be(tmp_path):
    path = tmp_path / "new"
    write_file(path, "first", DataError)
    (tmp_path / "usual").write_text("")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
    path.chmod(0o600)
    write_file(path, "second", DataError)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("second", 0o600)


def test_nobody_else_may_look_in_before_it_is_whole(tmp_path):
    with atomic_folder(tmp_path / "new", SnapshotError, "snapshots") as unfinished:
        assert stat.S_IMODE(unfinished.parent.stat().st_mode) == 0o700
    (tmp_path / "usual").mkdir()
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize(
    ("failure", "told"),
    [(OSError("disk full"), FileAccessError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_failure_leaves_what_was_there(tmp_path, failure, told):
    (tmp_path / "file").write_text("old")
    (tmp_path / "mounted").mkdir()
    writers = (
        lambda: atomic_file(tmp_path / "file", DataError),
        lambda: atomic_folder(tmp_path / "new", SnapshotError, "snapshots"),
        lambda: empty_folder(tmp_path / "mounted", StoreError),
    )
    for write in writers:
        with pytest.raises(told), write() as unfinished:
            if unfinished.is_dir():
                (unfinished / "half").write_text("half")
            else:
                unfinished.write_text("half")
            raise failure
    assert names(tmp_path) == ["file", "mounted"]
    assert names(tmp_path / "mounted") == []
    assert (tmp_path / "file").read_text() == "old"


def test_a_long_name_leaves_room(tmp_path):
    for name in ("x" * 255, "商" * 85, "[*]?"):
        write_file(tmp_path / name, "whole", DataError)
        assert names(tmp_path) == [name]
        (tmp_path / name).unlink()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileAccessError, match="there is no folder") as caught:
        write_file(tmp_path / "nowhere" / "file", "whole", DataError)
    assert caught.value.value == str(tmp_path / "nowhere" / "file")


@pytest.mark.parametrize("kind", ["file", "link", "full"])
def test_an_empty_folder_is_empty_and_ones_own(tmp_path, kind):
    folder = tmp_path / "files"
    if kind == "full":
        folder.mkdir()
        (folder / ".unfinished.partial").mkdir()
        (folder / ".unfinished.partial" / "mine").write_text("mine")
    else:
        make("file" if kind == "file" else "lost link", folder)
    error, message = (StoreError, "is not empty; expected a new or empty folder")
    if kind != "full":
        error, message = (FileAccessError, "is a file, not a folder")
    with pytest.raises(error, match=message):
        empty_folder(folder, StoreError).__enter__()
    if kind == "full":
        assert (folder / ".unfinished.partial" / "mine").read_text() == "mine"


def test_of_two_writers_into_an_empty_folder_one_is_told(tmp_path):
    folder = tmp_path / "files"
    with empty_folder(folder, StoreError) as unfinished:
        (unfinished / "part").write_text("whole")
        with pytest.raises(StoreError, match="is not empty"):
            empty_folder(folder, StoreError).__enter__()
    assert names(folder) == ["part"]


def test_a_lock_is_held_by_one(tmp_path):
    busy = DataError("it is held")
    with (
        locked(tmp_path / "lock", busy),
        pytest.raises(DataError, match="it is held"),
        locked(tmp_path / "lock", busy),
    ):
        pass
    with locked(tmp_path / "lock", busy):
        pass
