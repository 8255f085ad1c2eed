"""The bilateral softmax loss on cosines."""

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import normalize

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """(seed, candidate) pairs by their places in a batch, two int64 [num_pairs]."""

    seeds: Tensor
    candidates: Tensor

    def __len__(self) -> int:
        return len(self.seeds)


def bilateral_softmax(
    seeds: Tensor,
    candidates: Tensor,
    positives: Pairs,
    log_prior: Tensor,
    *,
    temperature: float,
    negative_weight: float,
    hard_negatives: Pairs | None = None,
    hard_negative_weight: float = 1.0,
    bfloat16: bool = False,
) -> Tensor:
    """Mean over the positive pairs of -s/T + t2 log sum_j exp(s_j/T + log_prior_j), s = cosine.

    Wu et al., "BSL: Understanding and Improving Softmax Loss for Recommendation" (ICDE 2024),
    equation 12, in the form its authors train. Deviations: all pairs of a seed share one sum over
    the candidates, which holds the positives too, weighted by `log_prior`, instead of as many sums
    over the batch's other pairs as the seed has pairs.

    Args:
        seeds: float [num_seeds, dim]; any length.
        candidates: float [num_candidates, dim]; any length.
        log_prior: float [num_candidates]: how often each stands as a negative, as a logarithm.
        hard_negatives: Pairs that stand for `hard_negative_weight` negatives each.
        bfloat16: Multiply in bfloat16; sums stay in float32.
    """
    scaled = normalize(seeds, dim=1) / temperature  # [S, d]
    logits = _products(scaled, normalize(candidates, dim=1), bfloat16)  # [S, C]
    reached = logits[positives.seeds, positives.candidates]  # [P]
    if hard_negatives is not None and len(hard_negatives) and hard_negative_weight != 1:
        boost = torch.zeros_like(logits)
        boost[hard_negatives.seeds, hard_negatives.candidates] = math.log(hard_negative_weight)
        logits = logits + boost
    spread = torch.logsumexp(logits + log_prior, dim=1)  # [S]
    return (negative_weight * spread[positives.seeds] - reached).mean()


def _products(left: Tensor, right: Tensor, bfloat16: bool) -> Tensor:
    if bfloat16:
        return (left.bfloat16() @ right.bfloat16().T).float()
    return left @ right.T
