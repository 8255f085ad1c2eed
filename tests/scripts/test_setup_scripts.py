"""setup.sh and test: what they install is pinned, said before, and can be refused."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    """The scripts in a folder of their own, where a stand-in takes the place of every program."""
    (tmp_path / "scripts").mkdir()
    for name in ("setup.sh", "test", "uv.txt"):
        (tmp_path / "scripts" / name).write_text((ROOT / "scripts" / name).read_text())
    (tmp_path / "bin").mkdir()
    return tmp_path


def stand_in(checkout: Path, name: str, body: str = "exit 0") -> None:
    program = checkout / "bin" / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def run(checkout: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", str(checkout / "scripts" / "test"), *words],
        env={"PATH": f"{checkout / 'bin'}"},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def debian(checkout):
    """A machine with uv and the checks, but without Java, Maven and Chromium."""
    for name in ("bash", "dirname", "grep", "cut", "sed"):
        (checkout / "bin" / name).symlink_to(f"/usr/bin/{name}")
    for name in ("python3", "uv", "ruff", "mypy", "lint-imports"):
        stand_in(checkout, name)
    stand_in(checkout, "id", "echo 0")
    stand_in(checkout, "apt-get", f'echo "apt-get $*" >> {checkout}/installed')
    stand_in(checkout, "pytest", 'echo "pytest $*"')
    return checkout


@pytest.mark.skipif(
    not re.search("^ID=debian$", Path("/etc/os-release").read_text(), re.M),
    reason="only on Debian is anything installed",
)
def test_what_is_installed_is_said_before(debian):
    done = run(debian, "-m", "not slow")
    assert done.returncode == 0, done.stderr
    said = "installing openjdk-17-jdk-headless maven chromium chromium-driver with apt-get"
    assert said in done.stderr
    assert "install -y" in (debian / "installed").read_text()
    assert done.stdout.endswith("-m not slow\n")


def test_nothing_is_installed_where_that_is_refused(debian):
    done = run(debian, "--no-system-packages", "-m", "not slow")
    assert done.returncode == 0, done.stderr
    assert not (debian / "installed").exists()
    assert "--no-system-packages" not in done.stdout
    assert done.stdout.endswith("-m not slow\n")
    assert "install openjdk-17-jdk-headless maven chromium chromium-driver" in done.stderr


def test_uv_is_installed_by_version_and_hash_alone(debian):
    (debian / "bin" / "uv").unlink()
    for name in ("mkdir", "cp", "chmod"):
        (debian / "bin" / name).symlink_to(f"/usr/bin/{name}")
    log = debian / "python"
    made = debian / ".venv-uv" / "bin"
    stand_in(debian, "made", f'echo "$*" >> {log}')
    venv = f"mkdir -p {made}; cp {debian}/bin/made {made}/python; cp {debian}/bin/made {made}/uv"
    stand_in(debian, "python3", f'case "$*" in *venv*) {venv};; esac')
    done = run(debian)
    assert done.returncode == 0, done.stderr
    pinned = (debian / "scripts" / "uv.txt").read_text()
    (version,) = re.findall(r"^uv==([\d.]+) ", pinned, re.M)
    assert f"putting uv {version} into .venv-uv, checked by its hash" in done.stderr
    pip, *_ = log.read_text().splitlines()
    assert "pip install" in pip
    assert "--require-hashes" in pip
    assert "--requirement scripts/uv.txt" in pip
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", pinned)) > 10


def test_every_requirement_of_users_has_an_upper_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"]]
    for extra, requirements in extras.items():
        wanted += requirements if extra not in ("demo", "dev") else []
    assert [text for text in wanted if ",<" not in text] == []
