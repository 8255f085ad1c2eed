"""What the machine has free, as Linux tells it in files."""

import os
from pathlib import Path

import pytest
import torch

from training.gnn.memory import available_bytes, free_bytes

INFO = "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:  4000 kB\n"
KB = 1024


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def v2_group(path: str, limit: object, used: int, cache: int = 0) -> dict[str, str]:
    folder = f"sys/fs/cgroup/{path}".rstrip("/")
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {cache}\n",
    }


def test_without_limits_it_is_what_the_kernel_calls_available(tmp_path):
    assert available_bytes(machine(tmp_path, {"proc/meminfo": INFO})) == 4000 * KB
    machine(tmp_path, {"proc/self/cgroup": "0::/user\n", **v2_group("user", "max", 7)})
    assert available_bytes(tmp_path) == 4000 * KB


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (v2_group("a/b", 1000 * KB, 300 * KB), 700 * KB),
        (v2_group("a/b", 1000 * KB, 300 * KB, 100 * KB), 800 * KB),  # cache can be given up
        (v2_group("a/b", 1000 * KB, 1001 * KB), 0),
        (v2_group("a/b", 9000 * KB, 0), 4000 * KB),
        (v2_group("a/b", "max", 0) | v2_group("a", 500 * KB, 200 * KB), 300 * KB),
        (v2_group("", 500 * KB, 200 * KB), 300 * KB),  # in a container, whose path is not here
    ],
)
def test_the_tightest_limit_counts(tmp_path, groups, expected):
    files = {"proc/meminfo": INFO, "proc/self/cgroup": "0::/a/b\n", **groups}
    assert available_bytes(machine(tmp_path, files)) == expected


def test_limits_of_the_older_kind(tmp_path):
    folder = "sys/fs/cgroup/memory/docker/x"
    files = {
        "proc/meminfo": INFO,
        "proc/self/cgroup": "3:cpu,cpuacct:/other\n2:memory:/docker/x\n0::/\n",
        f"{folder}/memory.limit_in_bytes": str(2000 * KB),
        f"{folder}/memory.usage_in_bytes": str(1500 * KB),
        f"{folder}/memory.stat": f"total_inactive_file {100 * KB}\n",
    }
    assert available_bytes(machine(tmp_path, files)) == 600 * KB


def test_where_no_file_says_it_all_memory_counts(tmp_path):
    assert available_bytes(tmp_path) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_this_machine_has_something_free():
    free = free_bytes(torch.device("cpu"))
    assert 0 < free <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
