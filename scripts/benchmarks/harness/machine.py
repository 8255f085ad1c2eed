"""The machine that a benchmark ran on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

LIBRARIES = (
    "torch", "torch-geometric", "numpy", "pyarrow", "duckdb", "faiss-cpu", "implicit", "neo4j",
)  # fmt: skip


class Machine(BaseModel):
    """What figures depend on; None where it is not known.

    Args:
        name: A letter that a page calls it by.
        libraries: Version by name of the package.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    cores: int | None = None
    cpu: str
    memory_gb: int | None = None
    gpu: str | None = None
    python: str | None = None
    libraries: dict[str, str] = {}

    @classmethod
    def this(cls) -> "Machine":
        return cls(
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
            cpu=_cpu(),
            memory_gb=_memory_gb(),
            gpu=_gpu(),
            python=platform.python_version(),
            libraries=dict(filter(None, map(_versioned, LIBRARIES))),
        )

    @property
    def processor(self) -> str:
        return self.cpu if self.cores is None else f"{self.cores} cores of {self.cpu}"

    def __str__(self) -> str:
        parts = [self.processor]
        if self.memory_gb is not None:
            parts.append(f"{self.memory_gb} GB of memory")
        parts.append(self.gpu or "no GPU")
        if self.python is not None:
            parts.append(f"Python {self.python}")
        return ", ".join([*parts, *(f"{name} {one}" for name, one in self.libraries.items())])


def _cores() -> int:
    return os.cpu_count() or 1


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (ValueError, OSError):  # not on every system
        return None


def _gpu() -> str | None:
    import torch  # takes a second, which a list of the benchmarks does not

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _versioned(name: str) -> tuple[str, str] | None:
    try:
        return name, version(name)
    except PackageNotFoundError:
        return None
