"""The bilateral softmax loss on cosines."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import normalize

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """(query node, candidate) pairs by their positions in a batch, two int64 [num_pairs]."""

    queries: Tensor
    candidates: Tensor

    def __len__(self) -> int:
        return len(self.queries)

    def of_queries(self, first: int, end: int) -> "Pairs":
        """Returns those of the queries from `first` to `end`, counted from `first`."""
        chosen = (self.queries >= first) & (self.queries < end)
        return Pairs(self.queries[chosen] - first, self.candidates[chosen])


def bilateral_softmax(
    queries: Tensor,
    candidates: Tensor,
    positives: Pairs,
    log_prior: Tensor,
    *,
    temperature: float,
    negative_weight: float,
    num_positives: int | None = None,
    hard_negatives: Pairs | None = None,
    hard_negative_weight: float = 1.0,
    bfloat16: bool = False,
) -> Tensor:
    """Mean over the positive pairs of -s/T + t2 log sum_j exp(s_j/T + log_prior_j), s = cosine.

    Wu et al., "BSL: Understanding and Improving Softmax Loss for Recommendation" (ICDE 2024),
    equation 12, in the form its authors train. Deviations: all pairs of a query node share one sum
    over the candidates, which holds the positives too, weighted by `log_prior`, instead of as many
    sums over the batch's other pairs as the query node has pairs.

    Args:
        queries: float [num_queries, dim]; any length.
        candidates: float [num_candidates, dim]; any length.
        log_prior: float [num_candidates]: the logarithm of how many negatives each counts for.
        num_positives: Of the whole batch, if these are a part of it: the losses of the parts
            then sum to that of the whole.
        hard_negatives: Pairs that count as `hard_negative_weight` negatives each.
        bfloat16: Multiply in bfloat16; sums stay in float32.
    """
    scaled = normalize(queries, dim=1) / temperature  # [S, d]
    boosted = hard_negatives if hard_negative_weight != 1 else None
    reached, spread = _ReachedAndSpread.apply(
        scaled,
        normalize(candidates, dim=1),
        positives,
        log_prior,
        boosted,
        math.log(hard_negative_weight),
        bfloat16,
    )
    losses: Tensor = negative_weight * spread[positives.queries] - reached  # [P]
    return losses.sum() / (len(positives) if num_positives is None else num_positives)


class _ReachedAndSpread(torch.autograd.Function):
    """Computes the logits of positive pairs, and each row's log sum exp.

    The logits are queries @ candidates.T. It has its own backward pass, because the logits dominate
    the memory of a step: it holds at most two matrices of their size, torch's own five.
    """

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        candidates: Tensor,
        positives: Pairs,
        log_prior: Tensor,
        boosted: Pairs | None,
        boost: float,
        bfloat16: bool,
    ) -> tuple[Tensor, Tensor]:
        if bfloat16:
            queries, candidates = queries.bfloat16(), candidates.bfloat16()
        logits = (queries @ candidates.T).to(log_prior.dtype)  # [S, C]
        reached = logits[positives.queries, positives.candidates]  # [P]
        if boosted is not None and len(boosted):
            logits[boosted.queries, boosted.candidates] += boost
        logits += log_prior
        highest = logits.amax(1)  # [S]
        spread = (logits - highest[:, None]).exp_().sum(1).log() + highest
        ctx.save_for_backward(queries, candidates, logits, spread)
        ctx.positives = positives
        return reached, spread

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_reached, of_spread = gradients
        queries, candidates, logits, spread = ctx.saved_tensors
        pull = (logits - spread[:, None]).exp_().mul_(of_spread[:, None])  # [S, C]
        pull[ctx.positives.queries, ctx.positives.candidates] += of_reached
        narrow = pull.to(queries.dtype)
        left, right = (narrow @ candidates).to(pull.dtype), (narrow.T @ queries).to(pull.dtype)
        return left, right, None, None, None, None, None
