"""Vectors ranked as the query layer ranks."""

import torch

from benchmarks.data import EvalTask
from training.evaluation.metrics import VectorScorer


def served(queries: torch.Tensor, targets: torch.Tensor, asked: EvalTask) -> VectorScorer:
    """Dot products; creators are told apart by the directions of their vectors.

    How long these are does not matter to what is found for a creator, and says only how much is
    known of them.
    """
    if asked.target == "Creator" and asked.source != "User":
        targets = _directions(targets)
    return VectorScorer(queries, targets)


def _directions(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors at length 1 less their mean; zero where nothing is known."""
    directions = torch.nn.functional.normalize(vectors, dim=1)
    known = directions.any(dim=1)
    directions[known] -= directions[known].mean(0)
    return directions
