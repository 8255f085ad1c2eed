"""Shrinks each node's own average by empirical Bayes, with a strength learned from all nodes.

A node has a sum over n observations (returns among n orders, stars over n ratings). Its estimate
is (sum + strength * expected) / (n + strength): its expected value counts like `strength` more
observations. The strength maximises the likelihood of all nodes' sums:

- rates: sums are beta-binomial, with beta(strength * expected, strength * (1 - expected)) for the
  nodes' true rates;
- means: averages are normal, with variance v / n around the node's true mean and v / strength of
  the true means around the expected ones, v being the variance within nodes.

Casella, "An Introduction to Empirical Bayes Data Analysis", 1985; Robinson, "Introduction to
Empirical Bayes", 2017. Deviation: expectations are plugged in, not integrated over.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

Values = npt.NDArray[np.float64]

LOWEST, HIGHEST = 0.1, 1e6
"""The range of strengths: from trusting single observations to trusting none."""

_MOST_NODES = 200_000
_GRID = 25
_GOLDEN = (5**0.5 - 1) / 2
_NARROW = 1e-4
_NEVER = 1e-9  # replaces an expected rate of exactly 0 or 1, which no beta distribution has


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The observations of every node.

    Args:
        totals: Sum of its observations, float64 [num_nodes].
        num: Number of its observations, float64 [num_nodes].
        squares: Sum of the squares, for means only; None if the totals count successes.
    """

    totals: Values
    num: Values
    squares: Values | None = None

    @property
    def mean(self) -> float:
        """The mean over all observations; 0 without any."""
        return float(self.totals.sum() / max(self.num.sum(), 1.0))


def shrunk(sums: Sums, expected: Values, strength: float) -> Values:
    """Returns the estimate for every node: its own mean, shrunk towards the expectation."""
    estimates: Values = (sums.totals + strength * expected) / (sums.num + strength)
    return estimates


def likeliest_strength(sums: Sums, expected: Values, variance: float | None = None) -> float:
    """Returns the maximum likelihood prior strength, between LOWEST and HIGHEST.

    Args:
        expected: The expectation of every node, float64 [num_nodes].
        variance: Of the observations within a node; None for counts of successes.
    """
    seen = np.flatnonzero(sums.num)
    seen = seen[:: -(-len(seen) // _MOST_NODES) or 1]
    if not len(seen) or variance == 0:  # all observations are equal, so nodes do not differ
        return HIGHEST
    totals, num, expect = (
        torch.from_numpy(values[seen]) for values in (sums.totals, sums.num, expected)
    )
    if variance is None:
        likelihood = _beta_binomial(totals, num, expect.clamp(_NEVER, 1 - _NEVER))
    else:
        likelihood = _normal(totals / num, num, expect, variance)
    return float(np.exp(_highest_point(likelihood, np.log(LOWEST), np.log(HIGHEST))))


def variance_within(sums: Sums) -> float | None:
    """Returns the variance of observations around their node's mean, pooled over all nodes.

    If no node has two different observations, it is the variance around the overall mean. None if
    the totals count successes, whose variance follows from their mean.
    """
    if sums.squares is None:
        return None
    often = sums.num >= 2
    freedom = float((sums.num - 1)[often].sum())
    spread = (sums.squares - sums.totals**2 / np.maximum(sums.num, 1))[often]
    pooled = float(spread.sum()) / max(freedom, 1.0)
    if pooled > _NEVER:
        return pooled
    overall = float(sums.squares.sum()) / max(float(sums.num.sum()), 1.0) - sums.mean**2
    return overall if overall > _NEVER else 0.0


def _beta_binomial(
    totals: torch.Tensor, num: torch.Tensor, expected: torch.Tensor
) -> Callable[[float], float]:
    # Most nodes have no success, or nothing else, and few numbers differ: fewer logarithms.
    some, others = totals > 0, num > totals
    successes, failures = totals[some], (num - totals)[others]
    of_successes, of_failures = expected[some], 1 - expected[others]
    numbers, times = torch.unique(num, return_counts=True)

    def log_likelihood(log_strength: float) -> float:
        strength = float(np.exp(log_strength))
        a, b = strength * of_successes, strength * of_failures
        of_numbers = _log_rising(torch.full_like(numbers, strength), numbers) * times
        found = _log_rising(a, successes).sum() + _log_rising(b, failures).sum()
        return float(found - of_numbers.sum())

    return log_likelihood


def _log_rising(start: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """The logarithm of start (start + 1) ... (start + steps - 1)."""
    return torch.lgamma(start + steps) - torch.lgamma(start)


def _normal(
    means: torch.Tensor, num: torch.Tensor, expected: torch.Tensor, variance: float
) -> Callable[[float], float]:
    squares = (means - expected) ** 2

    def log_likelihood(log_strength: float) -> float:
        spread = variance * (1 / num + float(np.exp(-log_strength)))
        return float(-0.5 * (torch.log(spread) + squares / spread).sum())

    return log_likelihood


def _highest_point(function: Callable[[float], float], low: float, high: float) -> float:
    """Maximises a function of one variable: the best of a grid, then golden sections."""
    grid = np.linspace(low, high, _GRID)
    best = int(np.argmax([function(float(point)) for point in grid]))
    left, right = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, _GRID - 1)])
    low, high = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    at_low, at_high = function(low), function(high)
    while right - left > _NARROW:
        if at_low >= at_high:
            right, high, at_high = high, low, at_low
            low = right - _GOLDEN * (right - left)
            at_low = function(low)
        else:
            left, low, at_low = low, high, at_high
            high = left + _GOLDEN * (right - left)
            at_high = function(high)
    return (left + right) / 2
