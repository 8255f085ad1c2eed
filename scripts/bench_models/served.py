"""Vectors ranked as the query layer ranks."""

import numpy as np
import torch
from bench_data import Question

from graphrec.query.audience.creators import blended
from graphrec.query.audience.fans import Fans
from graphrec.query.rows import NO_ROWS
from graphrec.query.space import Space
from training.scoring import VectorScorer


def served(seeds: torch.Tensor, targets: torch.Tensor, asked: Question) -> VectorScorer:
    """Dot products; creators are told apart by the directions of their vectors.

    How long these are does not matter to what is found for a creator, and says only how much is
    known of him.
    """
    if asked.target == "Creator" and asked.source != "User":
        own = Space.of(targets.numpy())
        targets = torch.from_numpy(blended(own, own, _without_fans).vectors)
    return VectorScorer(seeds, targets)


def _without_fans(_: int) -> Fans:
    nothing = np.empty(0)
    return Fans(NO_ROWS, nothing, nothing)
