"""Which device is chosen, and what it is trusted with; the GPUs here are pretended."""

import pytest
import torch

from graphdb.errors import TrainingError
from training.gnn.memory import chosen_device, multiplies_bfloat16


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
def test_every_process_has_a_gpu_of_its_own():
    assert chosen_device(None) == torch.device("cuda")
    assert chosen_device(None, 1) == torch.device("cuda:1")
    assert chosen_device("cuda", 0) == torch.device("cuda:0")
    assert chosen_device("cpu", 1) == torch.device("cpu")
    with pytest.raises(TrainingError, match="there is no device 'cuda:2': torch sees 2 GPUs"):
        chosen_device(None, 2)
    with pytest.raises(TrainingError, match="'cuda:1' is one GPU, but several processes"):
        chosen_device("cuda:1", 0)


@pytest.mark.parametrize(("capability", "does"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_bfloat16_from_ampere_on(monkeypatch, capability, does):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert multiplies_bfloat16(torch.device("cuda")) is does
