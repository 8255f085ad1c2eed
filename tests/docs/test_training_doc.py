"""docs/training.md does what it says: its commands run, in its order, in an empty folder."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pages.markdown import lines_of, read, run_line, texts

from graphrec.bundle import open_bundle
from training.config import load_config, preset_path, presets
from training.selection import DIMS, MOST_DIM

PAGE = "docs/training.md"
OF_SEVERAL_PROCESSES = "torchrun"
OF_ONE_MACHINE = "$NODE"
LIMIT_S = 900


def start(block, folder, **environment):
    """Runs a block of the page as a reader would, with the commands of this environment."""
    commands = str(Path(sys.executable).parent)
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=folder,
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(*started):
    try:
        for process in started:
            output, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, output
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.xdist_group("processes")
def test_every_command_of_the_page_runs(tmp_path, monkeypatch):
    settings, *_ = texts(PAGE, "toml")
    blocks = texts(PAGE, "sh")
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "train.toml").write_text(settings)
    monkeypatch.chdir(first)
    for block in blocks:
        if OF_SEVERAL_PROCESSES not in block:
            for line in lines_of(block):
                run_line(line)
            continue
        if OF_ONE_MACHINE not in block:
            finish(start(block, first))
            continue
        (second / "snapshot").symlink_to(first / "snapshot")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            block = block.replace("29500", str(free.getsockname()[1]))
        finish(
            *(
                start(block, folder, NODE=str(number), FIRST="127.0.0.1")
                for number, folder in enumerate((first, second))
            )
        )
    assert [path.name for path in second.iterdir()] == ["snapshot"]
    written = set(re.findall(r"snapshot (bundle[a-z-]*)(?: --|$)", "\n".join(blocks), re.M))
    assert {open_bundle(path).folder.name for path in first.glob("bundle*")} == written
    assert list((first / "run-mine").glob("*/tensorboard/all/events*"))
    (code,) = texts(PAGE, "python")
    exec(compile(code, PAGE, "exec"), {})
    assert open_bundle("bundle-python").manifest.config["holdout_days"] == 14


def test_the_settings_of_the_page_are_settings(tmp_path):
    configs = []
    for settings in texts(PAGE, "toml"):
        (tmp_path / "train.toml").write_text(settings)
        configs.append(load_config(tmp_path / "train.toml"))
    with_graph, with_next, short = configs
    assert with_graph.graph.patience == 2
    assert len(with_graph.graph.supervision) == 2
    assert with_next.next.weight > 0
    assert (short.compression.enabled, short.compression.dim) == (True, 192)


def test_the_table_of_presets_is_true():
    rows = dict(re.findall(r"\| `([\w-]+)`.*?\| ([\d +to]+) \|", read(PAGE)))
    assert rows.keys() == presets().keys()
    assert rows.pop("auto") == f"{DIMS[0]} to {MOST_DIM}"
    for name, numbers in rows.items():
        config = load_config(preset_path(name))
        expected = [config.svd.dim, *([config.graph.dim] if config.graph.weight else [])]
        assert [int(number) for number in numbers.split("+")] == expected
