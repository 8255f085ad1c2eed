"""Where to train, and in which numbers."""

import torch

from graphdb.errors import TrainingError


def chosen_device(name: str | None, local_rank: int | None = None) -> torch.device:
    """The device of that name; by default a GPU if there is one.

    Args:
        local_rank: Of this process, where several train together: each has a GPU of its own.

    Raises:
        TrainingError: It is no device, or none that this machine has, or one for all of several
            processes.

    Example:
        >>> chosen_device("cpu")
        device(type='cpu')
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainingError(
            f"'{name}' is no device of torch", expected="cpu, cuda or cuda:NUMBER", value=name
        ) from error
    if device.type == "cuda" and local_rank is not None:
        if ":" in name:
            raise TrainingError(
                f"'{name}' is one GPU, and several processes were started",
                expected="cuda, for one GPU each",
                value=name,
            )
        device = torch.device("cuda", local_rank)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainingError(
            f"there is no device '{device}': torch sees {torch.cuda.device_count()} GPUs",
            next_step="choose another one, or leave --device out",
            value=name,
        )
    return device


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware, faster than float32: an Ampere or later.

    Example:
        >>> multiplies_bfloat16(torch.device("cpu"))
        False
    """
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
