"""Saves the state of a training run on disk, so that a killed run can resume.

A checkpoint is one safetensors file, without pickle, replaced atomically: a crash during a write
keeps the previous one.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from graphdb.atomic import atomic_file
from graphdb.errors import CheckpointError
from graphdb.file_access import number_in, of_number, pass_on_refusal
from training.gnn.trainer import Trainer
from training.resume import check_resumable

Tensor = torch.Tensor

_MODEL, _MOMENTS = "model.", "optimizer."


def save_checkpoint(path: Path, trainer: Trainer) -> None:
    """Writes parameters, the optimiser's moments, the config and the epochs done.

    Raises:
        FileAccessError: It cannot be written; the previous one stays.
    """
    tensors = {_MODEL + name: value for name, value in trainer.model.state_dict().items()}
    for number, state in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"{_MOMENTS}{number}.{name}": value for name, value in state.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    about = {"epochs_done": str(trainer.epochs_done), "config": _trained_with(trainer)}
    with atomic_file(path, CheckpointError) as unfinished:
        try:
            save_file(tensors, unfinished, metadata=about)
        except SafetensorError as error:  # which reports errors of the system only as text
            raise of_number(number_in(str(error)), "write", path, otherwise=str(error)) from error


def load_checkpoint(path: Path, trainer: Trainer) -> None:
    """Restores a trainer from a checkpoint.

    Raises:
        CheckpointError: It cannot be read, or belongs to another config or graph.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        pass_on_refusal(error, path)
        raise CheckpointError(
            f"the checkpoint '{path}' cannot be read: {error}",
            next_step="delete it to start again",
            value=str(path),
        ) from error
    check_resumable(
        json.loads(about["config"]),
        json.loads(_trained_with(trainer)),
        started=f"the checkpoint '{path}' was written",
        next_step="train with the settings it was taken with, or delete it to start again",
    )
    model = {n.removeprefix(_MODEL): v for n, v in tensors.items() if n.startswith(_MODEL)}
    try:
        trainer.model.load_state_dict(model)
    except RuntimeError as error:
        raise CheckpointError(
            f"the checkpoint '{path}' belongs to another graph: {error}",
            next_step="delete it to start again",
            value=str(path),
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(_MOMENTS):
            number, part = name.removeprefix(_MOMENTS).split(".")
            moments.setdefault(int(number), {})[part] = value
    groups = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    trainer.epochs_done = int(about["epochs_done"])


def _trained_with(trainer: Trainer) -> str:
    """The config as JSON, without the weight, on which training does not depend."""
    return trainer.config.model_dump_json(exclude={"weight"})
