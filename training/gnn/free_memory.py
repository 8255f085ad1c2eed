"""How much memory a device has to spare."""

import os
from collections.abc import Iterator
from pathlib import Path

import torch

_INFO = Path("proc/meminfo")
_CGROUP = Path("proc/self/cgroup")
_CGROUPS = Path("sys/fs/cgroup")
# Of the newer and of the older kind: folder, limit, use, and how the cache in it is called.
_V2 = (_CGROUPS, "memory.max", "memory.current", "inactive_file")
_V1 = (_CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_bytes(device: torch.device) -> int:
    """What the device could still give to this process.

    Of a GPU: what its driver says, and what torch has reserved there without using it. All other
    devices use the machine's memory.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return available_bytes()


def available_bytes(root: Path = Path("/")) -> int:
    """Memory that can be had without swapping, and without passing a container's limit.

    On Linux what the kernel calls available, or the room under the tightest limit of a control
    group, if that is less. Other systems have no file that says what is free: there, all physical
    memory counts.

    Args:
        root: Where `proc` and `sys` are.
    """
    if not (root / _INFO).exists():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    lines = (root / _INFO).read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    available = int(fields["MemAvailable"].split()[0]) * 1024
    return min([available, *_rooms(root)])


def _rooms(root: Path) -> Iterator[int]:
    """The room under every limit that is set for this process' control group or one above it."""
    if not (root / _CGROUP).exists():
        return
    for line in (root / _CGROUP).read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, limit, use, cache = _V1 if controllers else _V2
        inside = Path(path.lstrip("/"))
        # In a container, the path may be that of the machine: then only the top is to be seen.
        for group in (inside, *inside.parents):
            place = root / folder / group
            if (place / limit).exists() and (place / limit).read_text().strip() != "max":
                allowed, used = (int((place / name).read_text()) for name in (limit, use))
                yield max(allowed - used + _statistic(place, cache), 0)


def _statistic(place: Path, name: str) -> int:
    """One number of a control group's statistics, in bytes."""
    lines = (place / "memory.stat").read_text(encoding="ascii").splitlines()
    return int(dict(line.split() for line in lines).get(name, 0))
