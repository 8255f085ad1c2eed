"""Every writer of files and folders: none uses a name that others may use as well."""

import shutil
from pathlib import Path

import pytest
from contracts.limits import free_descriptors, largest_file
from contracts.market import make_market

from graphdb import open_store, write_snapshot
from graphdb.errors import DiskFullError, FileAccessError
from graphdb.explore.browser_link import write_browser_files
from graphrec import Recommender, Registry
from graphrec.bulk import write_answers
from graphrec.query.index import IndexConfig, build_index
from training.config import TrainConfig, write_config


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return make_market(tmp_path_factory.mktemp("market") / "bundle").folder


def snapshot(path: Path, _: Path) -> None:
    with open_store("duckdb:") as store:
        write_snapshot(store, path)


def bundle(path: Path, _: Path) -> None:
    make_market(path)


def answers(path: Path, market: Path) -> None:
    write_answers(Recommender.open(market), "User", ["u0", "u1"], "Product", path)


def config(path: Path, _: Path) -> None:
    write_config(path, TrainConfig(), "as it was", overwrite=True)


def drawing(path: Path, market: Path) -> None:
    with_ending = path.with_suffix(".html")
    Recommender.open(market).explain("User", "u0", "Product", "p0").draw(with_ending)


def browser(path: Path, _: Path) -> None:
    write_browser_files(path.parent)


def index(path: Path, _: Path) -> None:
    build_index(path, IndexConfig(kind="bounds", min_targets=1))


def registry(path: Path, market: Path) -> None:
    Registry(path).promote(market, name="new")


def a_bundle(path: Path, market: Path) -> None:
    shutil.copytree(market, path)


def a_registry(path: Path, market: Path) -> None:
    registry(path, market)
    shutil.rmtree(path / "releases" / "new")


BEFOREHAND = {index: a_bundle, registry: a_registry}
WRITERS = {
    snapshot: ["new"],
    bundle: ["new"],
    answers: ["new"],
    config: ["new"],
    drawing: ["new.html"],
    browser: ["graphrec.grass", "graphrec-queries.zip"],
    index: ["new/manifest.json"],
    registry: ["new/current.json", "new/releases/new"],
}


def beside(target: Path) -> list[Path]:
    """The fixed names under which a half file might be written."""
    endings = (".partial", ".tmp", ".unfinished")
    found = [target.with_name(target.name + ending) for ending in endings]
    found += [target.with_name(f".{target.name}{ending}") for ending in endings]
    return [*found, target.with_name(f".unfinished-{target.name}")]


@pytest.mark.parametrize("kind", ["folder", "link"])
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_what_others_have_beside_the_target_stays(tmp_path, market, write, kind):
    (tmp_path / "mine").write_text("mine")
    folder = tmp_path / "work"
    folder.mkdir()
    if write in BEFOREHAND:
        BEFOREHAND[write](folder / "new", market)
    planted = [place for name in WRITERS[write] for place in beside(folder / name)]
    for place in planted:
        if kind == "link":
            place.symlink_to(tmp_path / "mine")
        else:
            place.mkdir()
            shutil.copy(tmp_path / "mine", place)
    write(folder / "new", market)
    for place in planted:
        assert place.is_symlink() == (kind == "link")
        assert (place if kind == "link" else place / "mine").read_text() == "mine"
    for name in WRITERS[write]:
        assert (folder / name).exists() and not (folder / name).is_symlink()


def tree(folder: Path) -> dict[str, bytes]:
    """Files with their content, and folders, which have none."""
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path, market, write):
    if write in BEFOREHAND:
        BEFOREHAND[write](tmp_path / "new", market)
    before = tree(tmp_path)
    with (
        largest_file(16),
        pytest.raises(DiskFullError, match=r"^cannot .* '.*'?: the file ") as told,
    ):
        write(tmp_path / "new", market)
    assert not told.value.retryable
    after = tree(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert [name for name in after if name not in before and not name.endswith("lock")] == []


@pytest.mark.parametrize("free", [0, 1, 2, 4, 5, 6, 7, 9, 11, 13])
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_too_many_open_files_are_told_and_leave_nothing(tmp_path, market, write, free):
    """Wherever they run out: before anything is made, or in the middle."""
    if write in BEFOREHAND:
        BEFOREHAND[write](tmp_path / "new", market)
    before = tree(tmp_path)
    with free_descriptors(free):
        try:
            write(tmp_path / "new", market)
        except FileAccessError as told:
            problem = told
        else:
            assert free, "without any, nothing can be written"
            return
    assert "too many files open" in str(problem)
    assert problem.retryable
    assert tree(tmp_path) == before
