"""With what an evaluation was made, and what it took."""

import platform
import resource
from collections.abc import Mapping
from importlib.metadata import version

import torch

from training.evaluation.results import Spending

_PACKAGES = ("graphrec", "torch", "torch_geometric", "numpy", "pyarrow")


def spending(seconds: Mapping[str, float]) -> Spending:
    """Time by step, and the most memory that this process has held."""
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Spending(
        seconds=seconds,
        peak_memory_mb=peak_kb / 1024,
        threads=torch.get_num_threads(),
        machine=platform.processor() or platform.machine(),
    )


def versions() -> dict[str, str]:
    """Of Python, this package and what it stands on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
