"""Where to train."""

import torch

from graphdb.errors import TrainingError


def chosen_device(name: str | None) -> torch.device:
    """The device of that name; by default a GPU if there is one.

    Raises:
        TrainingError: It is no device, or none that this machine has.

    Example:
        >>> chosen_device("cpu")
        device(type='cpu')
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainingError(
            f"'{name}' is no device of torch", expected="cpu, cuda or cuda:NUMBER", value=name
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainingError(
            f"there is no device '{name}': torch sees {torch.cuda.device_count()} GPUs",
            next_step="choose another one, or leave --device out",
            value=name,
        )
    return device
